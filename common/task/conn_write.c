/* The writing half of conn.h. */
#include "common/task/conn.h"

#include <errno.h>
#include <string.h>

#include "common/task/conn_private.h"

/* As much as is taken without waiting; -1 not now, -2 failed. */
static ssize_t
give(struct conn *c, struct slice s, enum conn_way *way)
{
	ssize_t n;

	*way = WAY_OUT;
	if (c->tls != NULL)
		return tls_write(c, s.p, s.n, way);
	n = conn_send(c, s.p, s.n);
	if (n < 0 && errno != EAGAIN) {
		conn_broke(c, CONN_RESET, strerror(errno));
		return -2;
	}
	return n;
}

/* A peer that does not read in time gets nothing more, not even later. */
static bool
send_all(struct conn *c, struct slice s)
{
	while (s.n > 0 && !c->no_way_out) {
		enum conn_way way;
		ssize_t n = give(c, s, &way);

		if (n > 0) {
			s = slice_drop(s, (size_t)n);
			c->bytes_out += (uint64_t)n;
		} else if (n == -1 &&
		    !conn_wait(c, way, "output", conn_limit(c)))
			c->no_way_out = true;
	}
	return !c->no_way_out;
}

bool
conn_flush(struct conn *c)
{
	if (c->out.n > 0)
		send_all(c, buf_view(&c->out));
	buf_free(&c->out);
	return c->error == CONN_OK;
}

bool
conn_write_secret(struct conn *c, struct slice s)
{
	return conn_flush(c) && send_all(c, s) && c->error == CONN_OK;
}

void
conn_write(struct conn *c, struct slice s)
{
	while (s.n > 0 && !c->no_way_out) {
		size_t room = c->out.n < CONN_OUT_MAX ?
		    CONN_OUT_MAX - c->out.n : 0;
		struct slice part = slice_take(s, room);

		buf_slice(&c->out, part);
		s = slice_drop(s, part.n);
		if (c->out.n >= CONN_OUT_MAX)
			conn_flush(c);
	}
}

void
conn_printf(struct conn *c, const char *fmt, ...)
{
	va_list args;

	if (c->no_way_out)
		return;
	va_start(args, fmt);
	buf_vprintf(&c->out, fmt, args);
	va_end(args);
	if (c->out.n >= CONN_OUT_MAX)
		conn_flush(c);
}

struct buf *
conn_out(struct conn *c)
{
	if (c->no_way_out)
		buf_clear(&c->out);
	else if (c->out.n >= CONN_OUT_MAX)
		conn_flush(c);
	return &c->out;
}
