/* DATA and BDAT: the octets of a message as they come (RFC 5321 4.1.1.4,
   RFC 3030). */
#include "smtpd/session.h"

#include <string.h>

#include "common/core/log.h"
#include "common/core/loop.h"
#include "common/mail/dots.h"

enum { PIECE = 64 * 1024 };

/* A message may begin?  Else the reply is written. */
static bool
ready(struct session *s)
{
	if (!s->tx.open)
		session_reply(s, REPLY_NEED_MAIL, SLICE(""));
	else if (s->tx.n == 0)
		session_reply(s, s->lmtp ? REPLY_NEED_RCPT :
		    REPLY_NO_VALID_RCPTS, SLICE(""));
	else
		return true;
	return false;
}

/* The whole message has one deadline: a client cannot stretch it by sending
   an octet now and then (DOS-1). */
static void
deadline_begin(struct session *s)
{
	conn_deadline(s->conn, loop_now() + smtpd_conf->data_wait);
}

static void
deadline_end(struct session *s)
{
	conn_deadline(s->conn, 0);
}

/* Reads up to the end of data.  MORE: the connection was lost. */
static enum undot_result
receive(struct session *s, struct undot *u)
{
	enum undot_result what = UNDOT_MORE;
	struct buf out = { 0 };

	while (what == UNDOT_MORE) {
		struct slice in = conn_read_some(s->conn, PIECE);

		if (in.n == 0)
			break;
		what = undot_feed(u, &in, &out);
		conn_unread(s->conn, in.n);
		message_body(s->tx.message, buf_view(&out));
		buf_clear(&out);
	}
	buf_free(&out);
	return what;
}

void
cmd_data(struct session *s, struct slice arg)
{
	struct undot u;
	enum undot_result what;

	(void)arg;
	if (!ready(s))
		return;
	session_reply(s, REPLY_DATA, SLICE(""));
	s->tx.message = message_begin(s);
	undot_init(&u, UINT64_MAX);	/* message_body counts */
	deadline_begin(s);
	what = receive(s, &u);
	deadline_end(s);
	/* After a bare CR or LF nobody can say where the message ends: what
	   follows is not a command, whatever it looks like (SMTP-1). */
	if (what == UNDOT_BARE_CR || what == UNDOT_BARE_LF) {
		LOG(smtp_bare, .session = s->number,
		    .client = slice_str(conn_peer(s->conn)),
		    .from = s->tx.return_path);
		session_leave(s, what == UNDOT_BARE_CR ? REPLY_BARE_CR :
		    REPLY_BARE_LF);
	} else if (what == UNDOT_END) {
		message_end(s, s->tx.message);
		s->tx.message = NULL;
	}
	session_reset(s);
}

/* ---- BDAT */

/* "size [LAST]" */
static bool
chunk_parse(struct slice arg, uint64_t *size, bool *last)
{
	struct slice rest = arg, number = slice_cut(&rest, ' ');

	rest = slice_trim(rest);
	*last = slice_ieq(rest, SLICE("LAST"));
	return (*last || rest.n == 0) &&
	    slice_u64(number, UINT64_C(1) << 40, size);
}

/* The chunk is read to its end whatever becomes of it, so that the next
   command is found; false: the connection was lost.  keep NULL: thrown away. */
static bool
chunk_read(struct session *s, uint64_t size, struct message *keep)
{
	while (size > 0) {
		struct slice in = conn_read_some(s->conn,
		    size < PIECE ? (size_t)size : PIECE);

		if (in.n == 0)
			return false;
		size -= in.n;
		if (keep != NULL)
			message_body(keep, in);
	}
	return true;
}

static void
chunk_last(struct session *s)
{
	message_end(s, s->tx.message);
	s->tx.message = NULL;
	session_reset(s);
}

void
cmd_bdat(struct session *s, struct slice arg)
{
	uint64_t size;
	bool last, lost;

	if (!chunk_parse(arg, &size, &last)) {
		/* How long is it?  Nothing after it can be understood. */
		session_leave(s, REPLY_SYNTAX);
		return;
	}
	deadline_begin(s);
	if (!s->tx.open || s->tx.n == 0) {
		if (chunk_read(s, size, NULL))
			ready(s);
		deadline_end(s);
		return;
	}
	if (!s->tx.chunked) {
		s->tx.chunked = true;
		s->tx.message = message_begin(s);
	}
	message_chunked(s->tx.message);
	lost = !chunk_read(s, size, s->tx.message);
	deadline_end(s);
	if (lost)
		return;
	if (last)
		chunk_last(s);
	else if (message_refused(s->tx.message, s))
		session_reset(s);
	else
		session_reply(s, REPLY_CHUNK, SLICE(""));
}
