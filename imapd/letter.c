/* One message: its digest and its octets. */
#include "imapd/fetch.h"

#include <unistd.h>

enum { PIECE = 64 * 1024, STREAM_WAIT = 60000 };

/* ---- octets */

/* Asks store.  A long piece comes over fd. */
static bool
ask(struct letter *l, uint64_t from, uint64_t to, struct box_fetch_out *out,
    struct arena *arena)
{
	struct box_fetch_in in = { .mailbox = l->s->view.mailbox,
		.uid = l->row->uid, .offset = from, .length = to - from };

	return box_fetch(l->s->store, &in, out, arena, LINK_WAIT) == WIRE_OK;
}

static struct slice
in_row(const struct letter *l, uint64_t from, uint64_t to)
{
	if (to > l->row->bytes.n)
		return slice_of(NULL, 0);
	return slice_of(l->row->bytes.p + from, (size_t)(to - from));
}

static bool
collect(int fd, uint64_t n, struct buf *to)
{
	struct conn *from = conn_new(fd, "store");
	bool good;

	conn_idle(from, STREAM_WAIT);
	good = conn_read_all(from, (size_t)n, to);
	conn_close(from);
	return good;
}

struct slice
letter_read(struct letter *l, uint64_t from, uint64_t to, struct buf *keep)
{
	struct slice s = in_row(l, from, to);
	struct arena arena = { 0 };
	struct box_fetch_out out;
	bool good;

	if (s.p != NULL || from == to)
		return s.p != NULL ? s : SLICE("");
	buf_clear(keep);
	good = ask(l, from, to, &out, &arena);
	if (good && out.fd > 0)
		good = collect(out.fd, to - from, keep);
	else if (good)
		buf_slice(keep, out.bytes);
	arena_free(&arena);
	if (good && keep->n == to - from)
		return buf_view(keep);
	l->unread = true;
	return slice_of(NULL, 0);
}

static bool
pass_on(struct session *s, int fd, uint64_t n)
{
	struct conn *from = conn_new(fd, "store");
	struct slice piece;

	conn_idle(from, STREAM_WAIT);
	for (; n > 0 && conn_error(s->conn) == CONN_OK; n -= piece.n) {
		piece = conn_read_some(from, n < PIECE ? (size_t)n : PIECE);
		if (piece.n == 0)
			break;
		conn_write(s->conn, piece);
	}
	conn_close(from);
	return n == 0;
}

bool
letter_send(struct letter *l, uint64_t from, uint64_t to)
{
	struct slice s = in_row(l, from, to);
	struct arena arena = { 0 };
	struct box_fetch_out out;
	bool good;

	if (s.p != NULL || from == to) {
		conn_write(l->s->conn, s);
		return true;
	}
	good = ask(l, from, to, &out, &arena);
	if (good && out.fd > 0)
		good = pass_on(l->s, out.fd, to - from);
	else if (good) {
		conn_write(l->s->conn, out.bytes);
		good = out.bytes.n == to - from;
	}
	arena_free(&arena);
	return good;
}

/* ---- the digest */

/* From the octets: there was none, another version wrote it, or it lies. */
static bool
make(struct letter *l)
{
	struct buf text = { 0 };
	struct slice all = letter_read(l, 0, l->row->size, &text);
	uint32_t head = l->row->head <= all.n ? l->row->head : 0;

	if (all.p != NULL)
		digest_make(&l->made, slice_drop(all, head));
	buf_free(&text);
	return all.p != NULL && digest_open(&l->digest, buf_view(&l->made),
	    head) == DIGEST_OK;
}

bool
letter_open(struct letter *l, struct session *s, const struct wire_entry *row,
    unsigned want)
{
	l->s = s;
	l->row = row;
	l->made = (struct buf){ 0 };
	l->unread = false;
	if ((want & WANT_DIGEST) == 0)
		return true;
	/* Its size is what every offset is held against. */
	if (digest_open(&l->digest, row->digest, row->head) == DIGEST_OK &&
	    l->digest.size == row->size)
		return true;
	return make(l);
}

void
letter_close(struct letter *l)
{
	buf_free(&l->made);
}
