#include "ctl/logline.h"

#include <string.h>
#include <time.h>

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ---- time */

static bool
is_digits(struct slice s, size_t at, size_t n)
{
	for (size_t i = at; i < at + n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* "2026-11-23T10:11:12.123456Z " */
enum { TIME = 28 };

static bool
is_time(struct slice s)
{
	return s.n > TIME && is_digits(s, 0, 4) && s.p[4] == '-' &&
	    s.p[10] == 'T' && s.p[19] == '.' && is_digits(s, 20, 6) &&
	    s.p[26] == 'Z' && s.p[27] == ' ';
}

static int
number(struct slice s, size_t at, size_t n)
{
	int v = 0;

	for (size_t i = at; i < at + n; i++)
		v = v * 10 + (s.p[i] - '0');
	return v;
}

static bool
time_get(struct slice *line, uint64_t *ms)
{
	struct slice s = *line;
	struct tm tm = { 0 };

	while (s.n > TIME && !is_time(s))
		s = slice_drop(s, 1);
	if (!is_time(s) || !is_digits(s, 5, 2) || !is_digits(s, 8, 2) ||
	    !is_digits(s, 11, 2) || !is_digits(s, 14, 2) ||
	    !is_digits(s, 17, 2))
		return false;
	tm.tm_year = number(s, 0, 4) - 1900;
	tm.tm_mon = number(s, 5, 2) - 1;
	tm.tm_mday = number(s, 8, 2);
	tm.tm_hour = number(s, 11, 2);
	tm.tm_min = number(s, 14, 2);
	tm.tm_sec = number(s, 17, 2);
	*ms = (uint64_t)timegm(&tm) * 1000 + (uint64_t)number(s, 20, 3);
	*line = slice_drop(s, TIME);
	return true;
}

/* ---- fields */

/* Without the backslashes: \" \\ \xHH. */
static struct slice
unescaped(struct arena *arena, struct slice s)
{
	char *p = arena_alloc(arena, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\\' || i + 1 == s.n)
			p[n++] = s.p[i];
		else if (s.p[i + 1] == 'x' && i + 3 < s.n &&
		    hex(s.p[i + 2]) >= 0 && hex(s.p[i + 3]) >= 0) {
			p[n++] = (char)(hex(s.p[i + 2]) * 16 +
			    hex(s.p[i + 3]));
			i += 3;
		} else
			p[n++] = s.p[++i];
	}
	return slice_of(p, n);
}

/* Up to the blank behind it, or the quote that ends it. */
static struct slice
value_cut(struct arena *arena, struct slice *line)
{
	bool quoted = line->n > 0 && line->p[0] == '"', escaped = false;
	struct slice s = quoted ? slice_drop(*line, 1) : *line;
	size_t n = 0;

	while (n < s.n && s.p[n] != (quoted ? '"' : ' ')) {
		escaped |= s.p[n] == '\\';
		n += s.p[n] == '\\' && n + 1 < s.n ? 2 : 1;
	}
	*line = slice_drop(s, n + quoted);
	s = slice_take(s, n);
	return escaped ? unescaped(arena, s) : s;
}

static bool
field_cut(struct arena *arena, struct slice *line, struct log_field *f)
{
	while (line->n > 0 && line->p[0] == ' ')
		*line = slice_drop(*line, 1);
	if (slice_find(*line, '=') == line->n)
		return false;
	f->name = slice_cut(line, '=');
	f->value = value_cut(arena, line);
	return true;
}

/* "queue[71]" */
static bool
process_cut(struct slice *line, struct log_line *l)
{
	struct slice word = slice_cut(line, ' ');

	l->process = slice_cut(&word, '[');
	return l->process.n > 0 && word.n > 1 && slice_u64(slice_take(word,
	    word.n - 1), UINT32_MAX, &l->pid);
}

bool
log_line_read(struct arena *arena, struct slice line, struct log_line *l)
{
	*l = (struct log_line){ 0 };
	if (!time_get(&line, &l->when) || !process_cut(&line, l))
		return false;
	l->level = slice_cut(&line, ' ');
	l->event = slice_cut(&line, ' ');
	while (l->n < LOG_FIELDS && field_cut(arena, &line, &l->fields[l->n]))
		l->n++;
	return l->event.n > 0;
}

struct slice
log_line_field(const struct log_line *l, const char *name)
{
	for (unsigned i = 0; i < l->n; i++)
		if (slice_eq(l->fields[i].name, slice_str(name)))
			return l->fields[i].value;
	return slice_of("", 0);
}

uint64_t
log_line_number(const struct log_line *l, const char *name)
{
	uint64_t v;

	return slice_u64(log_line_field(l, name), UINT64_MAX, &v) ? v : 0;
}

uint64_t
log_line_id(const struct log_line *l, const char *name)
{
	struct slice s = log_line_field(l, name);
	uint64_t v = 0;

	if (s.n != 16)
		return 0;
	for (size_t i = 0; i < s.n; i++) {
		if (hex(s.p[i]) < 0)
			return 0;
		v = v << 4 | (uint64_t)hex(s.p[i]);
	}
	return v;
}

void
log_line_keep(struct arena *arena, struct log_line *l)
{
	l->process = arena_slice(arena, l->process);
	l->level = arena_slice(arena, l->level);
	l->event = arena_slice(arena, l->event);
	for (unsigned i = 0; i < l->n; i++) {
		l->fields[i].name = arena_slice(arena, l->fields[i].name);
		l->fields[i].value = arena_slice(arena, l->fields[i].value);
	}
}
