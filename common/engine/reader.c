#include "common/engine/reader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW = 1 << 20 };

void
reader_open(struct reader *r, int fd, uint32_t generation, uint64_t at,
    uint64_t end)
{
	r->fd = fd;
	r->generation = generation;
	r->at = at;
	r->end = end;
	r->base = at;
	buf_clear(&r->window);
}

void
reader_free(struct reader *r)
{
	buf_free(&r->window);
}

/* Reads n bytes; what cannot be read is zeros. */
static void
load(struct reader *r, size_t n)
{
	struct buf *w = &r->window;

	buf_clear(w);
	buf_reserve(w, n);
	while (w->n < n) {
		ssize_t got = pread(r->fd, w->p + w->n, n - w->n,
		    (off_t)(r->base + w->n));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			memset(w->p + w->n, 0, n - w->n);
			got = (ssize_t)(n - w->n);
		}
		w->n += (size_t)got;
	}
}

/* n bytes at r->at, which end within the file. */
static const char *
look(struct reader *r, uint64_t n)
{
	uint64_t rest = r->end - r->at;

	if (r->at < r->base || r->at + n > r->base + r->window.n) {
		r->base = r->at;
		load(r, (size_t)(rest < WINDOW ? rest : n > WINDOW ? n :
		    WINDOW));
	}
	return r->window.p + (r->at - r->base);
}

static bool
is_zero(const char *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static bool
header(struct reader *r, struct record *rec)
{
	*rec = (struct record){ 0 };
	if (r->end < r->at || r->end - r->at < RECORD_HEAD)
		return false;
	if (!record_parse(slice_of(look(r, RECORD_HEAD), RECORD_HEAD),
	    r->generation, rec) ||
	    record_size(rec->length) > r->end - r->at) {
		*rec = (struct record){ 0 };
		return false;
	}
	return true;
}

enum reader_result
reader_next(struct reader *r, struct record *rec, struct slice *body)
{
	uint64_t size;

	if (!header(r, rec)) {
		uint64_t rest = r->end > r->at ? r->end - r->at : 0;

		if (rest > RECORD_HEAD)
			rest = RECORD_HEAD;
		return rest == 0 || is_zero(look(r, rest), (size_t)rest) ?
		    READER_END : READER_BAD;
	}
	size = record_size(rec->length);
	*body = slice_of(look(r, size) + RECORD_HEAD, rec->length);
	if (!record_whole(rec, *body))
		return READER_BAD;
	r->found = r->at;
	r->at += size;
	return READER_RECORD;
}

/* Holes and allocated blocks that were never written are skipped unread. */
static bool
skip_hole(struct reader *r)
{
	off_t data = lseek(r->fd, (off_t)r->at, SEEK_DATA);

	if (data < 0)
		return errno != ENXIO;
	if ((uint64_t)data > r->at)
		r->at = (uint64_t)data & ~(uint64_t)7;
	return true;
}

bool
reader_search(struct reader *r, struct record *rec)
{
	uint64_t checked = 0;

	r->at = (r->at + 7) & ~(uint64_t)7;
	for (; r->at + RECORD_HEAD <= r->end; r->at += 8) {
		if (r->at >= checked) {
			if (!skip_hole(r))
				return false;
			checked = r->at + WINDOW;
		}
		if (header(r, rec))
			return true;
	}
	return false;
}

bool
reader_more(struct reader *r)
{
	while (r->at < r->end && skip_hole(r) && r->at < r->end) {
		uint64_t n = r->end - r->at;

		if (n > WINDOW)
			n = WINDOW;
		if (!is_zero(look(r, n), (size_t)n))
			return true;
		r->at += n;
	}
	return false;
}
