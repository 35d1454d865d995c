#include "common/mail/dots.h"

#include <string.h>

/*
 * undot's states.  BEGIN is the start of a line; the message starts with one,
 * so DATA whose first line is "." is empty (RFC 5321 4.1.1.4).
 */
enum { BEGIN, DOT, DOT_CR, INSIDE, CR, ENDED, BAD_CR, BAD_LF };

void
undot_init(struct undot *u, uint64_t limit)
{
	*u = (struct undot){ .limit = limit, .state = BEGIN };
}

static void
keep(struct undot *u, struct buf *out, const char *p, size_t n)
{
	u->octets += n;
	if (u->octets > u->limit)
		u->over = true;
	else
		buf_add(out, p, n);
}

static void
line_add(struct undot *u, size_t n)
{
	u->line += n;
	if (u->line > u->longest)
		u->longest = u->line;
}

static void
line_close(struct undot *u)
{
	u->line = 0;
	u->state = BEGIN;
}

/*
 * How much of s goes through as it is: whole lines and pieces of lines, up to
 * a line that begins with a dot, a CR that is the last octet, or a stray CR or
 * LF.  Looking for the CR first and then for an LF before it reads each octet
 * twice, but with memchr, which is still faster than a loop.
 */
static size_t
plain_length(struct undot *u, struct slice s)
{
	size_t at = 0;

	while (at < s.n) {
		if (u->state == BEGIN && s.p[at] == '.')
			return at;
		struct slice rest = slice_drop(s, at);
		struct slice text = slice_take(rest, slice_find(rest, '\r'));
		u->state = INSIDE;
		if (memchr(text.p, '\n', text.n) != NULL) {
			u->state = BAD_LF;
			return at;
		}
		line_add(u, text.n);
		at += text.n;
		if (text.n == rest.n)
			return at;
		if (at + 1 == s.n || s.p[at + 1] != '\n') {
			u->state = at + 1 == s.n ? CR : BAD_CR;
			return at;
		}
		at += 2;
		line_close(u);
	}
	return at;
}

/* One octet in a state in which octets matter one by one. */
static void
step(struct undot *u, char c, struct buf *out)
{
	switch (u->state) {
	case BEGIN:		/* c is a dot: plain_length stopped at it */
		u->state = DOT;
		break;
	case DOT:
		if (c == '\n')
			u->state = BAD_LF;
		else if (c == '\r')
			u->state = DOT_CR;
		else {
			keep(u, out, &c, 1);
			line_add(u, 1);
			u->state = INSIDE;
		}
		break;
	case DOT_CR:
		u->state = c == '\n' ? ENDED : BAD_CR;
		break;
	case CR:
		if (c != '\n') {
			u->state = BAD_CR;
			break;
		}
		keep(u, out, "\r\n", 2);
		line_close(u);
		break;
	default:
		break;
	}
}

enum undot_result
undot_feed(struct undot *u, struct slice *in, struct buf *out)
{
	while (in->n > 0 && u->state < ENDED) {
		if (u->state == BEGIN || u->state == INSIDE) {
			size_t n = plain_length(u, *in);
			keep(u, out, in->p, n);
			*in = slice_drop(*in, n);
			/* CR: the plain run stopped before its octet. */
			if (u->state == CR)
				*in = slice_drop(*in, 1);
			if (in->n == 0 || u->state != BEGIN)
				continue;
		}
		step(u, in->p[0], out);
		*in = slice_drop(*in, 1);
	}
	switch (u->state) {
	case ENDED:	return UNDOT_END;
	case BAD_CR:	return UNDOT_BARE_CR;
	case BAD_LF:	return UNDOT_BARE_LF;
	default:	return UNDOT_MORE;
	}
}

static void
close_line(struct dots *d, struct buf *out)
{
	buf_add(out, "\r\n", 2);
	d->inside = false;
	d->cr = false;
}

/* What stands before an LF, or before the end of the piece.  A CR is held
   back until we know whether it is the first half of a line end. */
static void
put(struct dots *d, struct slice s, struct buf *out)
{
	while (s.n > 0) {
		if (d->cr)
			close_line(d, out);
		size_t n = slice_find(s, '\r');
		if (n > 0 && !d->inside && s.p[0] == '.')
			buf_char(out, '.');
		buf_add(out, s.p, n);
		d->inside = d->inside || n > 0;
		d->cr = n < s.n;
		s = slice_drop(s, n + 1);
	}
}

void
dots_feed(struct dots *d, struct slice in, struct buf *out)
{
	while (in.n > 0) {
		size_t n = slice_find(in, '\n');
		put(d, slice_take(in, n), out);
		if (n < in.n)
			close_line(d, out);
		in = slice_drop(in, n + 1);
	}
}

void
dots_end(struct dots *d, struct buf *out)
{
	if (d->inside || d->cr)
		close_line(d, out);
	buf_add(out, ".\r\n", 3);
}
