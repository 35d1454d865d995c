/*
 * The bytes of a message, once: they are parsed into the digest while they
 * pass on.  A long body comes over a socket from queue and goes over another
 * to the store of each batch, piece by piece: what is in memory is one piece
 * and the header.  The slowest store sets the pace; one that is lost is left
 * behind.
 */
#include <string.h>

#include "common/mail/digest.h"
#include "common/mail/header.h"
#include "common/task/task.h"
#include "mda/mda.h"

enum { PIECE = 64 * 1024 };

static void
arrived(void *arg, enum wire_status status, const void *out)
{
	const struct store_body_out *answer = out;

	stream_answered(arg, status == WIRE_OK ? answer->number : 0);
}

static void
batch_begin(struct batch *b, uint64_t size)
{
	struct store_body_in in = { .size = size };
	uint64_t ms = store_patience(b->shard);

	in.fd = stream_open(&b->stream, ms < STREAM_WAIT ? ms : STREAM_WAIT);
	if (in.fd > 0)
		b->stream.call = link_call(mda.store(b->shard),
		    WIRE_store_body, &in, STORE_WAIT + STREAM_WAIT, arrived,
		    &b->stream);
}

static void
keep_start(struct lease *l, struct slice piece)
{
	buf_slice(&l->start, slice_take(piece, HEADER_MAX - l->start.n));
}

static bool
body_read(struct lease *l)
{
	struct conn *from = conn_new(l->next.fd, "queue");
	struct digester *d = digester_new(NULL);
	uint64_t left = l->next.size;
	struct slice piece;

	l->next.fd = 0;
	conn_idle(from, STREAM_WAIT);
	for (struct batch *b = l->batches; b != NULL; b = b->next)
		batch_begin(b, l->next.size);
	while (left > 0 && (piece = conn_read_some(from,
	    left < PIECE ? (size_t)left : PIECE)).n > 0) {
		left -= piece.n;
		keep_start(l, piece);
		digester_feed(d, piece);
		for (struct batch *b = l->batches; b != NULL; b = b->next)
			stream_write(&b->stream, piece);
		task_breathe();
	}
	for (struct batch *b = l->batches; b != NULL; b = b->next)
		stream_close(&b->stream, left == 0);
	conn_close(from);
	digester_end(d, &l->digest);
	return left == 0;
}

/* Is the end of the header among what has been read?  before: so much was
   looked at already. */
static bool
header_ends(const struct buf *b, size_t before)
{
	struct slice s = slice_drop(buf_view(b), before < 3 ? 0 : before - 3);

	if (s.n == 0)
		return false;
	return b->n >= HEADER_MAX ||
	    memmem(s.p, s.n, "\n\r\n", 3) != NULL ||
	    memmem(s.p, s.n, "\n\n", 2) != NULL;
}

/* The rest is not asked for: the queue ends when we close. */
static bool
header_read(struct lease *l)
{
	struct conn *from = conn_new(l->next.fd, "queue");
	uint64_t left = l->next.size;
	size_t before = 0;
	struct slice piece;

	l->next.fd = 0;
	conn_idle(from, STREAM_WAIT);
	while (left > 0 && !header_ends(&l->start, before) &&
	    (piece = conn_read_some(from,
	    left < PIECE ? (size_t)left : PIECE)).n > 0) {
		left -= piece.n;
		before = l->start.n;
		keep_start(l, piece);
	}
	conn_close(from);
	return left == 0 || header_ends(&l->start, before);
}

bool
lease_header(struct lease *l)
{
	if (l->next.fd > 0)
		return header_read(l);
	keep_start(l, l->next.body);
	return true;
}

bool
lease_body(struct lease *l)
{
	if (l->next.fd > 0)
		return body_read(l);
	digest_make(&l->digest, l->next.body);
	keep_start(l, l->next.body);
	return true;
}
