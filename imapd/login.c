/* What may be said in any state, and the way to a login. */
#include "imapd/capability.h"
#include "imapd/session.h"

#include "common/core/log.h"
#include "common/task/sasl.h"
#include "common/task/tls.h"

enum { BEFORE = 1, AFTER = 2 };

static const struct {
	const char	*name;
	unsigned	 states;
} capabilities[] = {
#define CAPABILITY(name, states, clause)	{ name, states },
#include "imapd/capabilities.def"
};

static bool
offers_tls(const struct session *s)
{
	return !conn_is_tls(s->conn) && tls_ready();
}

void
capability_print(const struct session *s, struct buf *out)
{
	unsigned state = s->store == NULL ? BEFORE : AFTER;

	buf_str(out, "CAPABILITY");
	for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities; i++)
		if ((capabilities[i].states & state) != 0)
			buf_printf(out, " %s", capabilities[i].name);
	if (state == AFTER)
		/* RFC 7889: what is larger is refused anyway. */
		buf_printf(out, " APPENDLIMIT=%llu",
		    (unsigned long long)imapd_conf->message_max);
	else if (conn_is_tls(s->conn))
		buf_str(out, " AUTH=PLAIN");
	else
		buf_printf(out, "%s LOGINDISABLED",
		    offers_tls(s) ? " STARTTLS" : "");
}

void
cmd_capability(struct session *s, struct scan *a)
{
	struct buf *out = conn_out(s->conn);

	if (!scan_end(a)) {
		session_misread(s, a);
		return;
	}
	buf_str(out, "* ");
	capability_print(s, out);
	buf_str(out, "\r\n");
	session_ok(s, "that is all");
}

void
cmd_logout(struct session *s, struct scan *a)
{
	if (!scan_end(a)) {
		session_misread(s, a);
		return;
	}
	conn_write(s->conn, SLICE("* BYE until next time\r\n"));
	session_ok(s, "logged out");
	s->leaving = true;
}

/* RFC 2971 3.1: at most 30 pairs, names of 30 octets, values of 1,024. */
static bool
id_pairs(struct scan *a)
{
	struct slice name, value;

	if (scan_is_word(a, "NIL"))
		return true;
	if (!scan_char(a, '('))
		return false;
	for (unsigned n = 0; !scan_is(a, ')'); n++) {
		if ((n > 0 && !scan_space(a)) || !scan_string(a, &name) ||
		    !scan_space(a) || !scan_nstring(a, &value))
			return false;
		if (n == 30 || name.n > 30 || value.n > 1024)
			return scan_fail(a, "too much of an ID");
	}
	return true;
}

/* Who we are, but not which version: that helps nobody but an attacker. */
void
cmd_id(struct session *s, struct scan *a)
{
	if (!scan_space(a) || !id_pairs(a) || !scan_end(a)) {
		session_misread(s, a);
		return;
	}
	conn_write(s->conn, SLICE("* ID (\"name\" \"Postino\")\r\n"));
	session_ok(s, "pleased to meet you");
}

/* Nothing said in the clear is remembered, nothing sent ahead is obeyed
   (RFC 9051 6.2.1). */
void
cmd_starttls(struct session *s, struct scan *a)
{
	if (!scan_end(a))
		session_misread(s, a);
	else if (conn_is_tls(s->conn))
		session_bad(s, "TLS is active already");
	else if (!offers_tls(s))
		session_no(s, "[UNAVAILABLE] TLS is not available now");
	else if (conn_has_input(s->conn)) {
		session_bad(s, "you spoke before your turn");
		s->leaving = true;
	} else {
		session_ok(s, "go ahead with TLS");
		if (!conn_start_tls(s->conn))
			s->leaving = true;
	}
}

/* ---- login */

/* Passwords only where nobody can listen (RFC 9051 11.1). */
static bool
needs_tls(struct session *s)
{
	if (conn_is_tls(s->conn))
		return false;
	session_no(s, "[PRIVACYREQUIRED] say STARTTLS first: no passwords in "
	    "the clear");
	s->errors++;
	return true;
}

/* The channel ended: the login was revoked, or store died.  The session cannot
   go on. */
static void
channel_ended(struct link *l)
{
	struct session *s = link_owner(l);

	s->lost = true;
	door_end(s->visit);
}

/* With what we can do now, which saves the client a round trip. */
static void
welcome(struct session *s)
{
	struct buf can = { 0 };

	capability_print(s, &can);
	session_ok(s, "[%s] logged in", buf_cstr(&can));
	buf_free(&can);
}

static void
log_in(struct session *s, struct sasl *said)
{
	struct auth_login_in in = { .name = said->name,
		.password = said->password,
		.client = slice_str(conn_peer(s->conn)) };
	struct auth_login_out out;
	enum wire_status status = auth_login(imapd_auth(), &in, &out,
	    &s->arena, LINK_WAIT);

	sasl_forget(said);
	if (status != WIRE_OK || out.login == LOGIN_LATER) {
		session_no(s, "[UNAVAILABLE] no login now, try again later");
		return;
	}
	if (out.login != LOGIN_OK || out.fd <= 0) {
		session_no(s, "[AUTHENTICATIONFAILED] wrong name or password");
		s->errors++;
		return;
	}
	s->login = out.session;
	door_login(s->visit, out.session);
	s->store = link_new(ROLE_STORE, 0, LINK_KEPT);
	link_own(s->store, s);
	link_on_end(s->store, channel_ended);
	link_attach(s->store, out.fd);
	LOG(imap_login, .session = s->number,
	    .client = slice_str(conn_peer(s->conn)), .user = out.address);
	welcome(s);
}

void
cmd_login(struct session *s, struct scan *a)
{
	struct sasl said;

	if (!scan_space(a) || !scan_astring(a, &said.name) ||
	    !scan_space(a) || !scan_astring(a, &said.password) ||
	    !scan_end(a)) {
		session_misread(s, a);
		return;
	}
	if (needs_tls(s))
		return;
	log_in(s, &said);
}

/* The client's answer to an empty challenge. */
static bool
challenge(struct session *s, struct slice *to)
{
	conn_write(s->conn, SLICE("+ \r\n"));
	return conn_read_line(s->conn, SASL_LINE_MAX, to) == LINE_OK &&
	    !slice_eq(*to, SLICE("*"));
}

/* PLAIN, with or without an initial response (RFC 4616, RFC 4959). */
void
cmd_authenticate(struct session *s, struct scan *a)
{
	struct slice mechanism, text = { NULL, 0 };
	struct sasl said;

	if (!scan_space(a) || !scan_atom(a, &mechanism)) {
		session_misread(s, a);
		return;
	}
	if (scan_is(a, ' '))
		text = a->rest;
	else if (!scan_end(a)) {
		session_misread(s, a);
		return;
	}
	if (needs_tls(s))
		return;
	if (!slice_ieq(mechanism, SLICE("PLAIN")))
		session_no(s, "[CANNOT] mechanism is not offered");
	else if (text.p == NULL && !challenge(s, &text))
		session_bad(s, "authentication was cancelled");
	else if (!sasl_plain(&s->arena, text, &said))
		session_bad(s, "not base64, or not PLAIN");
	else
		log_in(s, &said);
}

/* RFC 5161 3.1: what we do not know is passed over; QRESYNC implies
   CONDSTORE (RFC 7162 3.2.3). */
void
cmd_enable(struct session *s, struct scan *a)
{
	static const struct { const char *name; unsigned what; } known[] = {
		{ "IMAP4rev2", ENABLED_REV2 },
		{ "CONDSTORE", ENABLED_CONDSTORE },
		{ "QRESYNC", ENABLED_QRESYNC | ENABLED_CONDSTORE },
	};
	unsigned before = s->enabled, after = before;
	struct buf *out = conn_out(s->conn);
	struct slice name;

	do {
		if (!scan_space(a) || !scan_atom(a, &name)) {
			session_misread(s, a);
			return;
		}
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			if (slice_ieq(name, slice_str(known[i].name)))
				after |= known[i].what;
	} while (!scan_at_end(a));
	buf_str(out, "* ENABLED");
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if ((known[i].what & after & ~before) != 0 &&
		    (known[i].what & ~after) == 0)
			buf_printf(out, " %s", known[i].name);
	buf_str(out, "\r\n");
	s->enabled = after;
	session_ok(s, "enabled");
}
