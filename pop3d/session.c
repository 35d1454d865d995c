#include "pop3d/session.h"

#include "common/core/log.h"
#include "common/core/loop.h"
#include "common/task/sasl.h"

enum state { BEFORE = 1, AFTER = 2 };

static const struct verb {
	const char	*name;
	void		(*obey)(struct session *, struct slice);
	unsigned	 states;
} verbs[] = {
#define VERB(name, fn, states, clause)	{ #name, fn, states },
#include "pop3d/verbs.def"
};

void
session_ok(struct session *s, const char *fmt, ...)
{
	struct buf *out = conn_out(s->conn);
	va_list ap;

	buf_str(out, "+OK ");
	va_start(ap, fmt);
	buf_vprintf(out, fmt, ap);
	va_end(ap);
	buf_str(out, "\r\n");
}

void
session_err(struct session *s, const char *text)
{
	buf_printf(conn_out(s->conn), "-ERR %s\r\n", text);
	s->errors++;
}

bool
session_early(struct session *s)
{
	if (!conn_has_input(s->conn))
		return false;
	session_err(s, "you spoke before your turn");
	s->leaving = true;
	return true;
}

static void
obey(struct session *s, struct slice line)
{
	struct slice arg = line, name = slice_cut(&arg, ' ');
	unsigned state = s->store == NULL ? BEFORE : AFTER;

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (!slice_ieq(name, slice_str(verbs[i].name)))
			continue;
		if ((verbs[i].states & state) == 0)
			session_err(s, state == BEFORE ? "log in first" :
			    "you are logged in already");
		else
			verbs[i].obey(s, arg);
		return;
	}
	session_err(s, "no such command");
}

/* One command.  False when the session is over. */
static bool
dialogue(struct session *s)
{
	struct slice line;
	enum conn_line what;

	if (s->store != NULL) {
		conn_deadline(s->conn, 0);
		conn_idle(s->conn, pop3d_conf->pop3_wait);
	}
	door_prompt(s->visit, true);
	what = conn_read_line(s->conn, SASL_LINE_MAX, &line);
	door_prompt(s->visit, false);
	if (what == LINE_END)
		return false;
	if (what == LINE_OK)
		obey(s, line);
	else
		session_err(s, what == LINE_LONG ? "line is too long" :
		    "a line ends with CR LF and has no CR, LF or NUL");
	if (!s->leaving && s->errors >= pop3d_conf->errors_max) {
		session_err(s, "[SYS/TEMP] too many errors");
		s->leaving = true;
	}
	if (!s->leaving && door_leaving(s->visit)) {
		session_err(s, "[SYS/TEMP] going down, try again soon");
		s->leaving = true;
	}
	return !s->leaving;
}

/* A session that was idle too long ends without a word and without deleting
   (RFC 1939 3); one that we end hears why. */
static void
farewell(struct session *s)
{
	if (conn_error(s->conn) == CONN_CANCELLED)
		session_err(s, "[SYS/TEMP] going down, try again soon");
}

void
session_run(struct visit *visit, struct conn *conn, enum service service)
{
	struct session s = { .visit = visit, .conn = conn, .service = service,
		.number = door_number(visit) };

	/* For the whole of it: nobody stays without a login by asking CAPA
	   now and then (DOS-1). */
	conn_deadline(conn, loop_now() + pop3d_conf->login_wait);
	if (service == SERVICE_POP3S && !conn_start_tls(conn))
		goto end;
	session_ok(&s, "%s POP3 Postino", pop3d_conf->server_name.p);
	while (dialogue(&s))
		;
	farewell(&s);
end:
	maildrop_forget(&s);
	if (s.login != 0)
		pop3d_logout(s.login);
	LOG(pop3_close, .session = s.number,
	    .client = slice_str(conn_peer(conn)), .in = conn_bytes_in(conn),
	    .out = conn_bytes_out(conn), .errors = s.errors,
	    .why = slice_str(conn_why(conn)));
	arena_free(&s.arena);
}
