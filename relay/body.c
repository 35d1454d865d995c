/*
 * The octets of a message on their way out.
 *
 * Whatever was stored, what leaves has no bare CR or LF, no line over 998
 * octets and no undoubled dot (SMTP-3): a line that is too long is broken
 * with CR LF and a blank, as a folded header field is (RFC 5322 2.2.3).  That
 * spoils a signature, but such lines spoil at many servers anyway.
 *
 * A long message comes over a socket from queue, and is here piece by piece.
 */
#include <string.h>

#include "common/mail/dots.h"
#include "common/task/task.h"
#include "relay/relay.h"

enum {
	PIECE = 64 * 1024,
	LINE_MOST = 998,	/* octets, RFC 5321 4.5.3.1.6 less CR LF */
};

struct writer {
	struct conn	*conn;
	struct dots	 dots;
	size_t		 column;	/* octets of the current line */
};

/* The text before the next line end of either kind, and whether there is
   one. */
static size_t
line_length(struct slice s, bool *ends)
{
	size_t n = slice_find(s, '\n');

	*ends = n < s.n;
	n = slice_find(slice_take(s, n), '\r');
	*ends = *ends || n < s.n;
	return n;
}

static void
put(struct writer *w, struct slice s)
{
	struct buf *out = conn_out(w->conn);

	buf_reserve(out, s.n + s.n / 16 + 64);
	dots_feed(&w->dots, s, out);
}

static void
put_long(struct writer *w, struct slice s)
{
	while (w->column + s.n > LINE_MOST) {
		size_t n = LINE_MOST - w->column;

		put(w, slice_take(s, n));
		put(w, SLICE("\r\n "));
		w->column = 1;
		s = slice_drop(s, n);
	}
	put(w, s);
	w->column += s.n;
}

/* Runs of lines that are short enough go as one. */
static void
write_piece(struct writer *w, struct slice s)
{
	size_t run = 0;

	while (run < s.n) {
		struct slice rest = slice_drop(s, run);
		bool ends;
		size_t n = line_length(rest, &ends);

		if (w->column + n > LINE_MOST) {
			put(w, slice_take(s, run));
			put_long(w, slice_take(rest, n));
			s = slice_drop(rest, n);
			run = 0;
		} else {
			run += n;
			w->column += n;
		}
		if (ends) {
			w->column = 0;
			run++;
		}
	}
	put(w, s);
}

static bool
stream(struct writer *w, struct session *s, struct lease *l)
{
	struct conn *from = conn_new(l->next.fd, "queue");
	uint64_t left = l->next.size;
	struct slice piece;

	l->next.fd = 0;
	l->sent = true;
	conn_idle(from, STREAM_WAIT);
	while (left > 0 && conn_error(w->conn) == CONN_OK &&
	    (piece = conn_read_some(from, left < PIECE ? (size_t)left :
	    PIECE)).n > 0) {
		left -= piece.n;
		write_piece(w, piece);
		conn_flush(w->conn);
		task_breathe();
	}
	if (left > 0 && conn_error(w->conn) == CONN_OK)
		s->refusal = "our queue broke off";
	conn_close(from);
	return left == 0;
}

bool
body_send(struct session *s, struct lease *l)
{
	struct writer w = { .conn = s->conn };
	bool whole = true;

	s->step = STEP_BODY;
	s->heard = HEARD_CLOSED;
	conn_idle(s->conn, step_waits[STEP_BODY]);
	conn_deadline(s->conn, s->until);
	if (l->next.fd > 0)
		whole = stream(&w, s, l);
	else
		write_piece(&w, l->next.body);
	if (whole) {
		dots_end(&w.dots, conn_out(s->conn));
		whole = conn_flush(s->conn);
	}
	conn_idle(s->conn, 0);
	conn_deadline(s->conn, 0);
	if (conn_error(s->conn) == CONN_TIMEOUT)
		s->heard = HEARD_SILENT;
	return whole;
}
