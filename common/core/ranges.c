#include "common/core/ranges.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/log.h"

enum { BLOCK = 128, VARINT_MAX = 5 };

static uint32_t
size(struct range r)
{
	return r.to - r.from + 1;
}

void
ranges_free(struct ranges *s)
{
	free(s->r);
	free(s->before);
	*s = (struct ranges){ 0 };
}

void
ranges_clear(struct ranges *s)
{
	s->n = 0;
	s->count = 0;
}

static void
reserve(struct ranges *s, size_t n)
{
	if (n <= s->cap)
		return;
	s->cap = s->cap * 2 > n ? s->cap * 2 : n + 4;
	s->r = mem_grow(s->r, s->cap * sizeof *s->r);
	s->before = mem_grow(s->before,
	    (s->cap / BLOCK + 1) * sizeof *s->before);
	s->before[0] = 0;
}

void
ranges_copy(struct ranges *to, const struct ranges *s)
{
	ranges_clear(to);
	reserve(to, s->n);
	if (s->n == 0)
		return;
	memcpy(to->r, s->r, s->n * sizeof *s->r);
	memcpy(to->before, s->before,
	    (s->n / BLOCK + 1) * sizeof *s->before);
	to->n = s->n;
	to->count = s->count;
}

/* ---- finding */

size_t
ranges_at(const struct ranges *s, uint32_t uid)
{
	size_t low = 0, high = s->n;

	/* What comes in order is asked for in order. */
	if (high > 0 && s->r[high - 1].to < uid)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->r[middle].to < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
ranges_has(const struct ranges *s, uint32_t uid)
{
	size_t i = ranges_at(s, uid);

	return i < s->n && s->r[i].from <= uid;
}

uint32_t
ranges_count(const struct ranges *s)
{
	return s->count;
}

uint32_t
ranges_first(const struct ranges *s)
{
	return s->n > 0 ? s->r[0].from : 0;
}

uint32_t
ranges_last(const struct ranges *s)
{
	return s->n > 0 ? s->r[s->n - 1].to : 0;
}

uint32_t
ranges_next(const struct ranges *s, uint32_t uid)
{
	size_t i = ranges_at(s, uid);

	if (i == s->n || uid == 0)
		return 0;
	return s->r[i].from > uid ? s->r[i].from : uid;
}

uint32_t
ranges_floor(const struct ranges *s, uint32_t uid)
{
	size_t i = ranges_at(s, uid);

	if (i < s->n && s->r[i].from <= uid)
		return uid;
	return i > 0 ? s->r[i - 1].to : 0;
}

/* ---- counting */

/* UIDs before r[i]. */
static uint32_t
before(const struct ranges *s, size_t i)
{
	uint32_t sum;

	if (i == s->n)
		return s->count;
	sum = s->before[i / BLOCK];
	for (size_t k = i / BLOCK * BLOCK; k < i; k++)
		sum += size(s->r[k]);
	return sum;
}

uint32_t
ranges_upto(const struct ranges *s, uint32_t uid)
{
	size_t i = ranges_at(s, uid);
	uint32_t sum = before(s, i);

	return i < s->n && s->r[i].from <= uid ?
	    sum + (uid - s->r[i].from) + 1 : sum;
}

uint32_t
ranges_rank(const struct ranges *s, uint32_t uid)
{
	size_t i = ranges_at(s, uid);

	return i < s->n && s->r[i].from <= uid ?
	    before(s, i) + (uid - s->r[i].from) + 1 : 0;
}

uint32_t
ranges_nth(const struct ranges *s, uint32_t n)
{
	size_t low = 0, high, i;

	if (n == 0 || n > s->count)
		return 0;
	/* The last block with fewer than n before it. */
	high = (s->n - 1) / BLOCK;
	while (low < high) {
		size_t middle = low + (high - low + 1) / 2;

		if (s->before[middle] < n)
			low = middle;
		else
			high = middle - 1;
	}
	n -= s->before[low];
	for (i = low * BLOCK; size(s->r[i]) < n; i++)
		n -= size(s->r[i]);
	return s->r[i].from + (n - 1);
}

/* ---- changing */

/* Sums up the ranges of block b for the next; false: that has no place. */
static bool
sum_block(struct ranges *s, size_t b)
{
	uint32_t sum = s->before[b];

	if ((b + 1) * BLOCK > s->n)
		return false;
	for (size_t k = b * BLOCK; k < (b + 1) * BLOCK; k++)
		sum += size(s->r[k]);
	s->before[b + 1] = sum;
	return true;
}

/* The ranges from block b on have moved by `by` places, -1, 0 or 1, from
   `was` that there were; `more` UIDs came in before them (modulo 2^32).  A
   block ends where it ended: it has lost its last range, or got one more. */
static void
sums_shift(struct ranges *s, size_t b, size_t was, int by, uint32_t more)
{
	for (; b <= s->n / BLOCK; b++) {
		if (b * BLOCK > was) {
			s->before[b] = s->count;
			return;
		}
		s->before[b] += more;
		if (by > 0)
			s->before[b] -= size(s->r[b * BLOCK]);
		else if (by < 0)
			s->before[b] += size(s->r[b * BLOCK - 1]);
	}
}

/* A change at r[i], of few ranges or many, by `more` UIDs. */
static void
sums_fix(struct ranges *s, size_t i, size_t was, uint32_t more)
{
	size_t b = i / BLOCK;

	if (!sum_block(s, b++))
		return;
	if (s->n + 1 >= was && s->n <= was + 1)
		sums_shift(s, b + 1, was, (int)s->n - (int)was, more);
	else
		while (sum_block(s, b))
			b++;
}

/* Puts n ranges (0 to 2) in the place of r[i] .. r[end - 1]. */
static void
splice(struct ranges *s, size_t i, size_t end, const struct range *new,
    size_t n)
{
	size_t was = s->n;
	uint32_t more = 0;

	reserve(s, s->n + n);
	for (size_t k = i; k < end; k++)
		more -= size(s->r[k]);
	for (size_t k = 0; k < n; k++)
		more += size(new[k]);
	memmove(s->r + i + n, s->r + end, (s->n - end) * sizeof *s->r);
	if (n > 0)
		memcpy(s->r + i, new, n * sizeof *new);
	s->n = s->n + n - (end - i);
	s->count += more;
	sums_fix(s, i, was, more);
}

void
ranges_add(struct ranges *s, uint32_t from, uint32_t to)
{
	struct range new = { from, to };
	size_t i, end;

	CHECK(from > 0 && from <= to);
	/* Those that touch it become part of it. */
	i = end = ranges_at(s, from > 1 ? from - 1 : 1);
	if (i < s->n && s->r[i].from <= from && s->r[i].to >= to)
		return;
	while (end < s->n && s->r[end].from - 1 <= to)
		end++;
	if (end > i) {
		new.from = s->r[i].from < from ? s->r[i].from : from;
		new.to = s->r[end - 1].to > to ? s->r[end - 1].to : to;
	}
	splice(s, i, end, &new, 1);
}

void
ranges_del(struct ranges *s, uint32_t from, uint32_t to)
{
	struct range left[2];
	size_t i = ranges_at(s, from), end = i, n = 0;

	CHECK(from > 0 && from <= to);
	while (end < s->n && s->r[end].from <= to)
		end++;
	if (end == i)
		return;
	if (s->r[i].from < from)
		left[n++] = (struct range){ s->r[i].from, from - 1 };
	if (s->r[end - 1].to > to)
		left[n++] = (struct range){ to + 1, s->r[end - 1].to };
	splice(s, i, end, left, n);
}

void
ranges_unite(struct ranges *out, const struct ranges *a,
    const struct ranges *b)
{
	size_t i = 0, k = 0;

	ranges_clear(out);
	while (i < a->n || k < b->n) {
		struct range r = k == b->n || (i < a->n &&
		    a->r[i].from <= b->r[k].from) ? a->r[i++] : b->r[k++];

		ranges_add(out, r.from, r.to);
	}
}

void
ranges_intersect(struct ranges *out, const struct ranges *a,
    const struct ranges *b)
{
	size_t i = 0, k = 0;

	ranges_clear(out);
	while (i < a->n && k < b->n) {
		struct range x = a->r[i], y = b->r[k];
		uint32_t from = x.from > y.from ? x.from : y.from;
		uint32_t to = x.to < y.to ? x.to : y.to;

		if (from <= to)
			ranges_add(out, from, to);
		if (x.to <= y.to)
			i++;
		else
			k++;
	}
}

void
ranges_subtract(struct ranges *out, const struct ranges *from,
    const struct ranges *what)
{
	size_t k = 0;

	ranges_clear(out);
	for (size_t i = 0; i < from->n; i++) {
		uint64_t at = from->r[i].from;
		uint32_t to = from->r[i].to;

		while (k < what->n && what->r[k].to < at)
			k++;
		for (size_t m = k; m < what->n && what->r[m].from <= to; m++) {
			if (what->r[m].from > at)
				ranges_add(out, (uint32_t)at,
				    what->r[m].from - 1);
			at = (uint64_t)what->r[m].to + 1;
			k = m;
		}
		if (at <= to)
			ranges_add(out, (uint32_t)at, to);
	}
}

/* ---- as bytes */

static void
varint_put(struct buf *to, uint32_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_char(to, (char)(v | 0x80));
	buf_char(to, (char)v);
}

static bool
varint_get(struct slice *s, uint32_t *v)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < VARINT_MAX && i < s->n; i++) {
		unsigned char c = (unsigned char)s->p[i];

		sum |= (uint64_t)(c & 0x7f) << 7 * i;
		if (c < 0x80) {
			*s = slice_drop(*s, i + 1);
			*v = (uint32_t)sum;
			return sum <= UINT32_MAX;
		}
	}
	return false;
}

uint32_t
ranges_put(const struct ranges *s, struct buf *to, uint32_t from,
    size_t most)
{
	size_t end = to->n + most;
	uint32_t last = 0;

	for (size_t i = ranges_at(s, from); i < s->n; i++) {
		struct range r = s->r[i];

		if (r.from < from)
			r.from = from;
		if (end - to->n < 2 * (size_t)VARINT_MAX)
			return r.from;
		varint_put(to, r.from - last - 1);
		varint_put(to, r.to - r.from);
		last = r.to;
	}
	return 0;
}

bool
ranges_get(struct ranges *s, struct slice in)
{
	uint64_t last = 0;

	while (in.n > 0) {
		uint32_t gap, length;
		uint64_t from;

		if (!varint_get(&in, &gap) || !varint_get(&in, &length))
			return false;
		from = last + gap + 1;
		last = from + length;
		if (last > UINT32_MAX || from <= ranges_last(s))
			return false;
		ranges_add(s, (uint32_t)from, (uint32_t)last);
	}
	return true;
}
