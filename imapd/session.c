#include "imapd/session.h"

#include "common/core/log.h"
#include "common/core/loop.h"
#include "common/task/task.h"
#include "imapd/capability.h"

/* Bytes of responses before they are sent: three full records of TLS (RFC 8446
   5.1), less the response that goes over it; a fourth would be nearly empty. */
enum { GATHER = 3 * 16384 - 256 };

enum state { BEFORE = 1, AFTER = 2, SELECTED = 4, UIDS = 8, NUMBERS = 16,
	ANY = BEFORE | AFTER | SELECTED };

static const struct verb {
	const char	*name;
	void		(*obey)(struct session *, struct scan *);
	unsigned	 states;
} verbs[] = {
#define VERB(name, fn, states, clause)	{ name, fn, states },
#include "imapd/verbs.def"
};

/* ---- replies */

static void
reply(struct session *s, const char *what, const char *fmt, va_list ap)
{
	struct buf *out = conn_out(s->conn);

	/* What changed meanwhile is told first. */
	if (s->replied || s->leaving || (view_has_news(&s->view,
	    s->may_expunge) && !view_sync(s, s->may_expunge)))
		return;
	s->replied = true;
	view_tell_held(s);
	buf_slice(out, s->tag);
	buf_str(out, what);
	buf_vprintf(out, fmt, ap);
	buf_str(out, "\r\n");
}

void
session_ok(struct session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	reply(s, " OK ", fmt, ap);
	va_end(ap);
}

void
session_no(struct session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	reply(s, " NO ", fmt, ap);
	va_end(ap);
}

void
session_bad(struct session *s, const char *why)
{
	struct buf *out = conn_out(s->conn);

	s->errors++;
	if (s->replied)
		return;
	s->replied = true;
	buf_slice(out, s->tag);
	buf_printf(out, " BAD %s\r\n", why);
}

void
session_misread(struct session *s, const struct scan *a)
{
	session_bad(s, a->why != NULL ? a->why : "too many arguments");
}

void
session_failed(struct session *s, enum wire_status status)
{
	switch (status) {
	case WIRE_NONE:
		session_no(s, "[NONEXISTENT] there is no such mailbox");
		break;
	case WIRE_CLASH:
		session_no(s, "[ALREADYEXISTS] there is one of that name");
		break;
	case WIRE_DENIED:
		session_no(s, "[NOPERM] that may not be done");
		break;
	case WIRE_BAD:
		session_no(s, "[CANNOT] that cannot be done");
		break;
	default:
		session_no(s, "[UNAVAILABLE] not now, try again later");
		break;
	}
}

struct buf *
session_out(struct session *s)
{
	struct buf *out = conn_out(s->conn);

	if (out->n >= GATHER) {
		conn_flush(s->conn);
		task_breathe();
	}
	return out;
}

/* ---- the dialogue */

static unsigned
state_of(const struct session *s)
{
	return s->store == NULL ? BEFORE :
	    s->view.mailbox == 0 ? AFTER : SELECTED;
}

static void
obey(struct session *s, struct scan *args)
{
	struct slice name;
	unsigned states;

	if (!scan_word(args, &name)) {
		session_misread(s, args);
		return;
	}
	if (slice_ieq(name, SLICE("UID"))) {
		s->uid = true;
		if (!scan_space(args) || !scan_word(args, &name)) {
			session_misread(s, args);
			return;
		}
	}
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (!slice_ieq(name, slice_str(verbs[i].name)))
			continue;
		states = verbs[i].states;
		if (s->uid && (states & UIDS) == 0)
			break;
		s->may_expunge = s->uid || (states & NUMBERS) == 0;
		if ((states & state_of(s)) != 0)
			verbs[i].obey(s, args);
		else
			session_bad(s, s->store == NULL ? "log in first" :
			    states == BEFORE ? "you are logged in already" :
			    "select a mailbox first");
		return;
	}
	session_bad(s, "no such command");
}

static void
bye(struct session *s, const char *why)
{
	buf_printf(conn_out(s->conn), "* BYE %s\r\n", why);
	s->leaving = true;
}

/* One command.  False when the session is over. */
static bool
dialogue(struct session *s)
{
	struct scan args;

	if (s->store != NULL) {
		conn_deadline(s->conn, 0);
		conn_idle(s->conn, imapd_conf->imap_wait);
	}
	if (!command_read(s, &args))
		return false;
	if (!s->replied)
		obey(s, &args);
	if (!s->leaving && !command_skip(s))
		bye(s, "[TOOBIG] the message was refused");
	if (!s->leaving && s->errors >= imapd_conf->errors_max)
		bye(s, "too many errors");
	if (!s->leaving && s->lost)
		bye(s, "[UNAVAILABLE] your session was ended");
	if (!s->leaving && door_leaving(s->visit))
		bye(s, "[UNAVAILABLE] going down, come back soon");
	return !s->leaving;
}

/* Why a session that did not end by itself does: the client hears it, if it
   still listens (RFC 9051 7.1.5). */
static void
farewell(struct session *s)
{
	if (s->leaving)
		return;
	if (conn_error(s->conn) == CONN_CANCELLED)
		bye(s, s->lost ? "[UNAVAILABLE] your session was ended" :
		    "[UNAVAILABLE] going down, come back soon");
	else if (conn_error(s->conn) == CONN_TIMEOUT)
		bye(s, s->store == NULL ? "log in faster" :
		    "you were silent too long");
}

void
session_run(struct visit *visit, struct conn *conn, enum service service)
{
	struct session s = { .visit = visit, .conn = conn, .service = service,
		.number = door_number(visit), .tag = { "*", 1 } };

	/* For the whole of it: nobody stays without a login by asking
	   CAPABILITY now and then (DOS-1). */
	conn_deadline(conn, loop_now() + imapd_conf->login_wait);
	if (service == SERVICE_IMAPS && !conn_start_tls(conn))
		goto end;
	buf_str(conn_out(conn), "* OK [");
	capability_print(&s, conn_out(conn));
	buf_printf(conn_out(conn), "] %s IMAP Postino\r\n",
	    imapd_conf->server_name.p);
	while (dialogue(&s))
		;
	farewell(&s);
end:
	view_close(&s);
	if (s.store != NULL)
		link_close(s.store);
	if (s.login != 0)
		imapd_logout(s.login);
	LOG(imap_close, .session = s.number,
	    .client = slice_str(conn_peer(conn)), .in = conn_bytes_in(conn),
	    .out = conn_bytes_out(conn), .errors = s.errors,
	    .why = slice_str(conn_why(conn)));
	ranges_free(&s.saved);
	buf_free(&s.text);
	arena_free(&s.arena);
}
