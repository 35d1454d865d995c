/* The reading half of conn.h. */
#include "common/task/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/core/log.h"
#include "common/task/conn_private.h"

enum {
	SPARE_MOST = 16,	/* input buffers kept for whoever reads next */
	SMALL = 2048,		/* bytes worth moving to free a buffer */
};

/* ---- buffers.  Allocating 64 KiB for each line would cost more than
   reading it. */

static char	*spare[SPARE_MOST];
static unsigned	 n_spare;

static char *
buffer_get(void)
{
	return n_spare > 0 ? spare[--n_spare] : mem_alloc(CONN_IN_MAX);
}

static void
buffer_put(char *p, size_t cap)
{
	if (cap == CONN_IN_MAX && n_spare < SPARE_MOST)
		spare[n_spare++] = p;
	else
		free(p);
}

/* The beginning of a line moves to a buffer of its size while we wait for
   the rest: that may take as long as the peer likes. */
void
conn_give_back(struct conn *c)
{
	struct input *in = &c->in;
	size_t left = in->n - in->at;
	char *small = NULL;

	if (in->p == NULL || left > SMALL ||
	    (left > 0 && in->cap < CONN_IN_MAX))
		return;
	if (left > 0)
		small = memcpy(mem_alloc(left), in->p + in->at, left);
	buffer_put(in->p, in->cap);
	*in = (struct input){ .p = small, .n = left, .cap = left };
}

/* A full-size buffer with what is unread at its front, and room behind. */
static void
make_room(struct input *in)
{
	size_t left = in->n - in->at;
	char *p = in->cap == CONN_IN_MAX ? in->p : buffer_get();

	CHECK(left < CONN_IN_MAX);
	if (left > 0 && (p != in->p || in->at > 0))
		memmove(p, in->p + in->at, left);
	if (p != in->p && in->p != NULL)
		buffer_put(in->p, in->cap);
	*in = (struct input){ .p = p, .n = left, .cap = CONN_IN_MAX };
}

/* ---- filling */

/* What the kernel has, without waiting: > 0 bytes came, 0 the peer has closed,
   -1 not now, -2 failed. */
static ssize_t
take(struct conn *c, enum conn_way *way)
{
	struct input *in = &c->in;
	ssize_t n;

	*way = WAY_IN;
	if (c->tls == NULL && !c->readable)
		return -1;
	make_room(in);
	if (c->tls != NULL)
		n = tls_read(c, in->p + in->n, in->cap - in->n, way);
	else if ((n = conn_recv(c, in->p + in->n, in->cap - in->n)) < 0 &&
	    errno != EAGAIN) {
		conn_broke(c, CONN_RESET, strerror(errno));
		n = -2;
	}
	if (n > 0) {
		in->n += (size_t)n;
		c->bytes_in += (uint64_t)n;
	}
	return n;
}

/* At least one more byte.  Output goes out before we wait for its answer. */
static bool
fill(struct conn *c, uint64_t deadline)
{
	enum conn_way way;
	ssize_t n;

	while (c->error == CONN_OK) {
		if ((n = take(c, &way)) > 0)
			return true;
		if (n == 0)
			conn_broke(c, CONN_EOF, NULL);
		if (n != -1 || !conn_flush(c))
			break;
		conn_give_back(c);
		if (!conn_wait(c, way, "input", deadline))
			break;
	}
	conn_give_back(c);
	return false;
}

/* ---- reading */

static bool
is_over(struct conn *c)
{
	if (c->error == CONN_OK && task_cancelled())
		conn_broke(c, CONN_CANCELLED, NULL);
	return c->error != CONN_OK;
}

static struct slice
unread(const struct input *in)
{
	return in->at == in->n ? slice_of(NULL, 0) :
	    slice_of(in->p + in->at, in->n - in->at);
}

/* n bytes from the front of the input, as what the last read returned. */
static struct slice
cut(struct input *in, size_t n)
{
	struct slice s = slice_of(in->p + in->at, n);

	in->at += n;
	in->last = n;
	return s;
}

/* Is the text before LF all that may be between two CRLF?  (RFC 5321 2.3.8,
   4.1.1.4; PARSE: nobody may see two lines where others see one.) */
static bool
is_clean(struct slice line)
{
	return line.n > 0 && slice_find(line, '\r') == line.n - 1 &&
	    slice_find(line, '\0') == line.n;
}

/* Reads away what is before the next LF, and that. */
static enum conn_line
skip_line(struct conn *c, uint64_t deadline)
{
	struct input *in = &c->in;
	struct slice rest;
	size_t at;

	do {
		rest = unread(in);
		at = slice_find(rest, '\n');
		in->at += at < rest.n ? at + 1 : rest.n;
		if (at < rest.n)
			return LINE_LONG;
	} while (fill(c, deadline));
	return LINE_END;
}

enum conn_line
conn_read_line(struct conn *c, size_t max, struct slice *line)
{
	uint64_t deadline = conn_limit(c);
	struct input *in = &c->in;
	size_t searched = 0;

	CHECK(max <= CONN_IN_MAX - 2);
	*line = slice_of(NULL, 0);
	in->last = 0;
	while (!is_over(c)) {
		struct slice rest = unread(in);
		size_t at = searched +
		    slice_find(slice_drop(rest, searched), '\n');

		if (at < rest.n) {
			bool clean = is_clean(slice_take(rest, at));

			rest = cut(in, at + 1);
			if (at - clean > max)
				return LINE_LONG;
			*line = clean ? slice_take(rest, at - 1) : rest;
			return clean ? LINE_OK : LINE_BARE;
		}
		if (rest.n > max + 1)
			return skip_line(c, deadline);
		searched = rest.n;
		fill(c, deadline);
	}
	return LINE_END;
}

struct slice
conn_read_some(struct conn *c, size_t max)
{
	struct input *in = &c->in;

	in->last = 0;
	if (is_over(c) || (in->at == in->n && !fill(c, conn_limit(c))))
		return slice_of(NULL, 0);
	return cut(in, in->n - in->at < max ? in->n - in->at : max);
}

void
conn_unread(struct conn *c, size_t n)
{
	CHECK(n <= c->in.last);
	c->in.at -= n;
	c->in.last -= n;
}

bool
conn_read_all(struct conn *c, size_t n, struct buf *to)
{
	while (n > 0) {
		struct slice s = conn_read_some(c, n);

		if (s.n == 0)
			return false;
		buf_slice(to, s);
		n -= s.n;
	}
	return c->error == CONN_OK;
}

bool
conn_await(struct conn *c, const char *what)
{
	uint64_t deadline = conn_limit(c);
	bool woken = false;
	enum conn_way way;
	ssize_t n;

	while (!is_over(c)) {
		if (woken || c->in.at < c->in.n || (n = take(c, &way)) > 0)
			return true;
		if (n == 0)
			conn_broke(c, CONN_EOF, NULL);
		if (n != -1 || !conn_flush(c))
			break;
		conn_give_back(c);
		conn_wait_wake(c, way, what, deadline, &woken);
	}
	conn_give_back(c);
	return false;
}

bool
conn_has_input(struct conn *c)
{
	char byte;

	if (c->in.at < c->in.n)
		return true;
	if (c->error != CONN_OK)
		return false;
	if (c->tls != NULL)
		return tls_has_input(c);
	if (recv(c->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
		return false;
	c->readable = true;
	return true;
}

void
conn_forget_input(struct conn *c)
{
	c->in.at = c->in.n;
	c->in.last = 0;
	conn_give_back(c);
}
