#include "common/mail/header.h"

/* Octets of the line at the start of s, its line end included. */
static size_t
line_length(struct slice s)
{
	size_t n = slice_find(s, '\n');

	return n < s.n ? n + 1 : n;
}

static struct slice
without_end(struct slice line)
{
	if (line.n > 0 && line.p[line.n - 1] == '\n') {
		line.n--;
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
	}
	return line;
}

struct slice
line_next(struct slice *s)
{
	struct slice line = slice_take(*s, line_length(*s));

	*s = slice_drop(*s, line.n);
	return without_end(line);
}

static bool
is_fold(struct slice s)
{
	return s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t');
}

void
header_split(struct slice message, struct slice *header, struct slice *body)
{
	struct slice rest = message;

	while (rest.n > 0 && line_next(&rest).n > 0)
		;
	*header = slice_take(message, message.n - rest.n);
	*body = rest;
}

/* Where the name ends: a colon behind printable ASCII.  Blanks before the
   colon were legal once (RFC 5322 4.5); 0: this is no field. */
static size_t
name_length(struct slice line, size_t *colon)
{
	size_t n = 0;

	while (n < line.n && line.p[n] > ' ' && line.p[n] < 127 &&
	    line.p[n] != ':')
		n++;
	*colon = n;
	while (*colon < line.n &&
	    (line.p[*colon] == ' ' || line.p[*colon] == '\t'))
		++*colon;
	if (*colon == line.n || line.p[*colon] != ':' || n > HEADER_NAME_MAX)
		return 0;
	return n;
}

bool
header_next(struct slice *header, struct field *f)
{
	size_t name, colon;

	while (header->n > 0) {
		struct slice from = *header, first = line_next(header);
		if (first.n == 0) {
			*header = slice_drop(*header, header->n);
			return false;
		}
		while (is_fold(*header))
			line_next(header);
		if ((name = name_length(first, &colon)) == 0)
			continue;
		f->whole = slice_take(from, from.n - header->n);
		f->name = slice_take(f->whole, name);
		f->body = without_end(slice_drop(f->whole, colon + 1));
		return true;
	}
	return false;
}

bool
header_find(struct slice header, const char *name, struct field *f)
{
	while (header_next(&header, f))
		if (slice_ieq(f->name, slice_str(name)))
			return true;
	return false;
}

size_t
header_count(struct slice header, const char *name)
{
	struct field f;
	size_t n = 0;

	while (header_next(&header, &f))
		n += slice_ieq(f.name, slice_str(name));
	return n;
}

void
header_unfold(struct buf *b, struct slice body)
{
	size_t start = b->n;

	while (body.n > 0) {
		struct slice line = line_next(&body);
		/* Blanks at the front of the whole go, others stay. */
		while (b->n == start && is_fold(line))
			line = slice_drop(line, 1);
		buf_slice(b, line);
	}
	while (b->n > start && (b->p[b->n - 1] == ' ' ||
	    b->p[b->n - 1] == '\t'))
		b->n--;
}
