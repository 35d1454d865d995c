/* The AUTHORIZATION state: CAPA STLS USER PASS AUTH. */
#include "pop3d/session.h"

#include <unistd.h>

#include "common/core/log.h"
#include "common/task/sasl.h"
#include "common/task/tls.h"

static bool
offers_tls(const struct session *s)
{
	return !conn_is_tls(s->conn) && tls_ready();
}

/* Passwords only where nobody can listen. */
static bool
needs_tls(struct session *s)
{
	if (conn_is_tls(s->conn))
		return false;
	session_err(s, "[AUTH] say STLS first: no passwords in the clear");
	return true;
}

void
cmd_capa(struct session *s, struct slice arg)
{
	struct buf *out = conn_out(s->conn);

	(void)arg;
	session_ok(s, "what we can do");
	buf_str(out, "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
	    "PIPELINING\r\nEXPIRE NEVER\r\n");
	if (offers_tls(s))
		buf_str(out, "STLS\r\n");
	if (conn_is_tls(s->conn) && s->store == NULL)
		buf_str(out, "USER\r\nSASL PLAIN\r\n");
	buf_str(out, "IMPLEMENTATION Postino\r\n.\r\n");
}

/* Nothing said in the clear is remembered (RFC 2595 4). */
void
cmd_stls(struct session *s, struct slice arg)
{
	(void)arg;
	if (conn_is_tls(s->conn)) {
		session_err(s, "TLS is active already");
		return;
	}
	if (!offers_tls(s)) {
		session_err(s, "[SYS/TEMP] TLS is not available now");
		return;
	}
	if (session_early(s))
		return;
	session_ok(s, "go ahead with TLS");
	s->name = SLICE("");
	arena_reset(&s->arena);
	if (!conn_start_tls(s->conn))
		s->leaving = true;
}

/* The channel ended: the login was revoked, or store died.  The session
   cannot go on. */
static void
channel_ended(struct link *l)
{
	struct session *s = link_owner(l);

	door_end(s->visit);
}

static void
log_in(struct session *s, struct sasl *said)
{
	struct auth_login_in in = { .name = said->name,
		.password = said->password,
		.client = slice_str(conn_peer(s->conn)) };
	struct auth_login_out out;
	enum wire_status status = auth_login(pop3d_auth(), &in, &out,
	    &s->arena, LINK_WAIT);

	sasl_forget(said);
	if (status != WIRE_OK || out.login == LOGIN_LATER) {
		session_err(s, "[SYS/TEMP] no login now, try again later");
		return;
	}
	if (out.login != LOGIN_OK || out.fd <= 0) {
		session_err(s, "[AUTH] wrong name or password");
		return;
	}
	s->login = out.session;
	door_login(s->visit, out.session);
	s->store = link_new(ROLE_STORE, 0, LINK_KEPT);
	link_own(s->store, s);
	link_on_end(s->store, channel_ended);
	link_attach(s->store, out.fd);
	LOG(pop3_login, .session = s->number,
	    .client = slice_str(conn_peer(s->conn)), .user = out.address);
	if (!maildrop_open(s))
		s->leaving = true;
}

void
cmd_user(struct session *s, struct slice arg)
{
	if (needs_tls(s))
		return;
	if (arg.n == 0 || arg.n > 512) {
		session_err(s, "USER name");
		return;
	}
	/* One USER after the other must not fill the memory. */
	arena_reset(&s->arena);
	s->name = arena_slice(&s->arena, arg);
	/* The same for whoever it is: names are not told (LOGIN-1). */
	session_ok(s, "and the password?");
}

/* Everything behind the blank is the password, blanks too (RFC 1939 7). */
void
cmd_pass(struct session *s, struct slice arg)
{
	struct sasl said = { .name = s->name };

	if (needs_tls(s))
		return;
	if (s->name.n == 0) {
		session_err(s, "say USER first");
		return;
	}
	said.password = arena_slice(&s->arena, arg);
	s->name = SLICE("");
	log_in(s, &said);
}

/* RFC 5034: PLAIN with or without an initial response. */
void
cmd_auth(struct session *s, struct slice arg)
{
	struct slice rest = arg, mechanism = slice_cut(&rest, ' ');
	struct sasl said;

	if (needs_tls(s))
		return;
	if (!slice_ieq(mechanism, SLICE("PLAIN"))) {
		session_err(s, "mechanism is not offered");
		return;
	}
	if (rest.n == 0) {
		conn_write(s->conn, SLICE("+ \r\n"));
		if (conn_read_line(s->conn, SASL_LINE_MAX, &rest) != LINE_OK ||
		    slice_eq(rest, SLICE("*"))) {
			session_err(s, "authentication cancelled");
			return;
		}
	}
	if (sasl_plain(&s->arena, rest, &said))
		log_in(s, &said);
	else
		session_err(s, "not base64, or not PLAIN");
}
