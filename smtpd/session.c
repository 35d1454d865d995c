#include "smtpd/session.h"

#include <string.h>

#include "common/core/log.h"
#include "common/task/sasl.h"
#include "common/task/tls.h"

enum { COMMAND_MAX = 2048 };	/* octets; RFC 5321 4.5.3.1.4 wants 512, and
				   extensions add to it.  AUTH may be longer */

enum condition {
	SMTP_ONLY = 1, LMTP_ONLY = 2, SUBMISSION_ONLY = 4, NO_ARG = 8,
	NOT_CHUNKED = 16, HELLO = 32, LOGIN = 64, LAST = 128,
};

static const struct verb {
	const char	*name;
	void		(*obey)(struct session *, struct slice);
	unsigned	 conditions;
} verbs[] = {
#define VERB(name, fn, flags, clause)	{ #name, fn, flags },
#include "smtpd/verbs.def"
};

/* ---- replies */

void
session_reply(struct session *s, enum reply reply, struct slice detail)
{
	reply_add(conn_out(s->conn), reply, detail);
	if (reply_rows[reply].code >= 500)
		s->errors++;
}

void
session_leave(struct session *s, enum reply reply)
{
	session_reply(s, reply, reply_rows[reply].code == 221 ||
	    reply_rows[reply].code == 421 ? smtpd_conf->server_name :
	    SLICE(""));
	s->leaving = true;
}

bool
session_early(struct session *s)
{
	if (!conn_has_input(s->conn))
		return false;
	LOG(smtp_early, .session = s->number,
	    .client = slice_str(conn_peer(s->conn)));
	session_leave(s, REPLY_BEFORE_TURN);
	return true;
}

void
session_reset(struct session *s)
{
	struct arena arena = s->tx.arena;

	message_drop(s->tx.message);
	arena_reset(&arena);
	s->tx = (struct transaction){ .arena = arena };
}

/* ---- the dialogue */

static const struct verb *
verb_find(struct slice name)
{
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (slice_ieq(name, slice_str(verbs[i].name)))
			return &verbs[i];
	return NULL;
}

/* The first condition that is not met answers; false: obey. */
static bool
refused(struct session *s, const struct verb *v, struct slice arg)
{
	unsigned need = v->conditions;
	enum reply no = REPLIES;

	if (((need & SMTP_ONLY) && s->lmtp) || ((need & LMTP_ONLY) && !s->lmtp))
		no = REPLY_NOT_HERE;
	else if ((need & SUBMISSION_ONLY) && !s->submission)
		no = REPLY_NOT_HERE;
	else if ((need & NO_ARG) && arg.n > 0)
		no = REPLY_ARGUMENT;
	else if ((need & NOT_CHUNKED) && s->tx.chunked)
		no = REPLY_IN_BDAT;
	else if ((need & HELLO) && s->helo.n == 0)
		no = s->lmtp ? REPLY_NEED_LHLO : REPLY_NEED_EHLO;
	else if ((need & LOGIN) && s->submission && s->user == 0 && !s->local)
		no = REPLY_NEED_AUTH;
	if (no != REPLIES) {
		session_reply(s, no, SLICE(""));
		return true;
	}
	/* Who said HELO may send no command before our reply at all. */
	return ((need & LAST) || !s->extended) && session_early(s);
}

static void
obey(struct session *s, struct slice line)
{
	struct slice rest = line, name = slice_cut(&rest, ' ');
	const struct verb *v = verb_find(name);

	/* "MAIL FROM:<a>" is the verb MAIL; trailing blanks are no argument
	   (RFC 5321 4.1.1). */
	rest = slice_trim(rest);
	if (v == NULL)
		session_reply(s, REPLY_UNKNOWN, SLICE(""));
	else if (line.n > COMMAND_MAX && v->obey != cmd_auth)
		session_reply(s, REPLY_LINE_LONG, SLICE(""));
	else if (!refused(s, v, rest))
		v->obey(s, rest);
}

/* Somebody's browser was sent here to talk to a mail server (TLS-2, ALPACA):
   not one octet of its request is answered. */
static bool
is_http(struct slice line)
{
	return slice_starts(line, SLICE("GET ")) ||
	    slice_starts(line, SLICE("POST ")) ||
	    slice_starts(line, SLICE("PUT ")) ||
	    slice_starts(line, SLICE("HEAD ")) ||
	    slice_starts(line, SLICE("OPTIONS ")) ||
	    slice_starts(line, SLICE("CONNECT "));
}

/* One command.  False when the session is over. */
static bool
dialogue(struct session *s)
{
	struct slice line;
	enum conn_line what;

	conn_idle(s->conn, smtpd_conf->smtp_wait);
	door_prompt(s->visit, true);
	what = conn_read_line(s->conn, SASL_LINE_MAX, &line);
	door_prompt(s->visit, false);
	if (what == LINE_END)
		return false;
	if (what == LINE_OK && is_http(line)) {
		conn_fail(s->conn, CONN_RESET);
		return false;
	}
	if (what == LINE_OK)
		obey(s, line);
	else if (what == LINE_LONG)
		session_reply(s, REPLY_LINE_LONG, SLICE(""));
	else
		session_reply(s, REPLY_SYNTAX,
		    SLICE("a line ends with CR LF and has no CR, LF or NUL"));
	if (s->leaving)
		return false;
	/* A guess is an error too. */
	if (s->unknown >= smtpd_conf->unknown_max)
		session_leave(s, REPLY_GUESSES);
	else if (s->errors >= smtpd_conf->errors_max)
		session_leave(s, REPLY_ERRORS);
	else if (door_leaving(s->visit))
		session_leave(s, REPLY_SHUTDOWN);
	return !s->leaving;
}

/* Why the connection ended, said to the peer if it can still hear it. */
static void
farewell(struct session *s)
{
	enum conn_error e = conn_error(s->conn);

	/* After these two the way out is still open. */
	if (e == CONN_TIMEOUT)
		session_leave(s, REPLY_TIMEOUT);
	else if (e == CONN_CANCELLED)
		session_leave(s, REPLY_SHUTDOWN);
}

/* "name ESMTP Postino": the first word is our host name (RFC 5321 4.2). */
static void
banner(struct session *s)
{
	struct buf text = { 0 };

	buf_slice(&text, smtpd_conf->server_name);
	buf_str(&text, s->lmtp ? " LMTP Postino" : " ESMTP Postino");
	session_reply(s, REPLY_BANNER, buf_view(&text));
	buf_free(&text);
}

void
session_run(struct visit *visit, struct conn *conn, enum service service)
{
	struct session s = { .visit = visit, .conn = conn, .service = service,
		.number = door_number(visit),
		.lmtp = service == SERVICE_LMTP,
		.local = service == SERVICE_LOCAL,
		.submission = service == SERVICE_SUBMISSION ||
		    service == SERVICE_SUBMISSIONS ||
		    service == SERVICE_LOCAL };

	LOG(smtp_open, .session = s.number, .client =
	    slice_str(conn_peer(conn)),
	    .service = slice_str(service_rows[service].name));
	conn_idle(conn, smtpd_conf->smtp_wait);
	if (service == SERVICE_SUBMISSIONS && !conn_start_tls(conn))
		goto end;
	/* A client waits for the banner (RFC 5321 3.1); who does not is no
	   mail server. */
	if (!session_early(&s)) {
		banner(&s);
		while (dialogue(&s))
			;
	}
	farewell(&s);
end:
	session_reset(&s);
	if (s.login != 0)
		smtpd_logout(s.login);
	LOG(smtp_close, .session = s.number,
	    .client = slice_str(conn_peer(conn)), .in = conn_bytes_in(conn),
	    .out = conn_bytes_out(conn), .errors = s.errors,
	    .why = slice_str(conn_why(conn)));
	arena_free(&s.tx.arena);
	arena_free(&s.arena);
}
