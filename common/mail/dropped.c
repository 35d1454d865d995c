#include "common/mail/dropped.h"

#include <string.h>

#define MAGIC	SLICE("postino drop 1")

enum { SIZE_DIGITS = 13 };

void
dropped_write(const struct dropped *d, struct buf *b)
{
	buf_slice(b, MAGIC);
	buf_printf(b, "\nsize %0*llu\nfrom ", SIZE_DIGITS,
	    (unsigned long long)d->size);
	buf_slice(b, d->from);
	for (size_t i = 0; i < d->n; i++) {
		buf_str(b, "\nto ");
		buf_slice(b, d->to[i]);
	}
	if (d->notify != 0)
		buf_printf(b, "\nnotify %u", d->notify);
	if (d->ret != 0)
		buf_printf(b, "\nret %u", d->ret);
	if (d->envid.n > 0) {
		buf_str(b, "\nenvid ");
		buf_slice(b, d->envid);
	}
	buf_str(b, "\n\n");
}

/* ---- reading */

static bool
printable(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

/* A line with its LF; false: there is none. */
static bool
cut_line(struct slice *text, struct slice *line)
{
	size_t n = slice_find(*text, '\n');

	if (n == text->n)
		return false;
	*line = slice_take(*text, n);
	*text = slice_drop(*text, n + 1);
	return printable(*line);
}

static bool
add_to(struct arena *arena, struct dropped *d, struct slice address)
{
	if (d->n == DROPPED_RCPTS)
		return false;
	if ((d->n & (d->n - 1)) == 0) {
		struct slice *more = arena_array(arena,
		    d->n > 0 ? d->n * 2 : 4, sizeof *more);

		if (d->n > 0)
			memcpy(more, d->to, d->n * sizeof *more);
		d->to = more;
	}
	d->to[d->n++] = address;
	return address.n > 0;
}

static bool
read_u8(struct slice value, uint8_t most, uint8_t *to)
{
	uint64_t n;

	if (!slice_u64(value, most, &n))
		return false;
	*to = (uint8_t)n;
	return true;
}

static bool
read_field(struct arena *arena, struct dropped *d, struct slice line,
    bool *has_from)
{
	struct slice value = line, name = slice_cut(&value, ' ');

	if (slice_eq(name, SLICE("from"))) {
		d->from = value;
		*has_from = !*has_from;
		return *has_from;
	}
	if (slice_eq(name, SLICE("to")))
		return add_to(arena, d, value);
	if (slice_eq(name, SLICE("notify")))
		return read_u8(value, 15, &d->notify);
	if (slice_eq(name, SLICE("ret")))
		return read_u8(value, 2, &d->ret);
	if (slice_eq(name, SLICE("envid"))) {
		d->envid = value;
		return true;
	}
	return false;
}

static bool
read_size(struct slice line, uint64_t *size)
{
	return slice_starts(line, SLICE("size ")) &&
	    line.n == sizeof "size " - 1 + SIZE_DIGITS &&
	    slice_u64(slice_drop(line, sizeof "size " - 1), UINT64_MAX, size);
}

bool
dropped_read(struct slice text, struct arena *arena, struct dropped *d)
{
	const char *begin = text.p;
	struct slice line;
	bool has_from = false;

	memset(d, 0, sizeof *d);
	text = slice_take(text, DROPPED_HEAD);
	if (!cut_line(&text, &line) || !slice_eq(line, MAGIC) ||
	    !cut_line(&text, &line) || !read_size(line, &d->size))
		return false;
	for (;;) {
		if (!cut_line(&text, &line))
			return false;
		if (line.n == 0)
			break;
		if (!read_field(arena, d, line, &has_from))
			return false;
	}
	d->head = (size_t)(text.p - begin);
	return has_from && d->n > 0;
}
