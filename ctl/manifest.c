#include "ctl/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/codec.h"

enum {
	MODE_MAX = 0777,
	INSTANCE_MAX = 63,
	PATH_LONGEST = 4096,
	NAME_LONGEST = 255,		/* below `files` */
};

static const char *const kinds[ENTRY_KINDS] = {
	[ENTRY_PART] = "part", [ENTRY_DAMAGED] = "damaged",
	[ENTRY_CONFIG] = "config", [ENTRY_FILE] = "file",
};

void
manifest_free(struct manifest *m)
{
	arena_free(&m->arena);
	free(m->v);
	*m = (struct manifest){ 0 };
}

static struct slice
keep(struct manifest *m, struct slice s)
{
	return slice_of(arena_str(&m->arena, s), s.n);
}

void
manifest_add(struct manifest *m, const struct entry *e)
{
	if (m->n == m->cap) {
		m->cap = m->cap == 0 ? 64 : m->cap * 2;
		m->v = mem_grow(m->v, m->cap * sizeof *m->v);
	}
	m->v[m->n] = *e;
	m->v[m->n].name = keep(m, e->name);
	m->v[m->n].origin = keep(m, e->origin);
	m->n++;
	m->sorted = false;
}

/* ---- looking */

/* Of one name, the one with more bytes is newer: a part only grows. */
static int
by_name(const void *a, const void *b)
{
	const struct entry *p = a, *q = b;
	int order = slice_cmp(p->name, q->name);

	return order != 0 ? order : p->bytes < q->bytes ? -1 :
	    p->bytes > q->bytes;
}

const struct entry *
manifest_find(struct manifest *m, struct slice name)
{
	size_t low = 0, high = m->n;

	if (!m->sorted && m->n > 0)
		qsort(m->v, m->n, sizeof *m->v, by_name);
	m->sorted = true;
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (slice_cmp(m->v[mid].name, name) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 && slice_eq(m->v[low - 1].name, name) ?
	    &m->v[low - 1] : NULL;
}

/* ---- names */

void
part_name_put(struct buf *b, const struct part_name *p)
{
	buf_str(b, role_name(p->role));
	if (p->instance > 0)
		buf_printf(b, "-%u", p->instance);
	buf_printf(b, p->kind == 's' ? "/s%08llx-%08llx" :
	    "/b%016llx-%016llx", (unsigned long long)p->number,
	    (unsigned long long)p->tag);
}

static bool
hex_number(struct slice s, uint64_t *n)
{
	*n = 0;
	for (size_t i = 0; i < s.n; i++) {
		const char *digits = "0123456789abcdef";
		const char *at = memchr(digits, s.p[i], 16);

		if (at == NULL)
			return false;
		*n = *n << 4 | (uint64_t)(at - digits);
	}
	return true;
}

static bool
keeper_parse(struct slice s, struct part_name *p)
{
	struct slice word = slice_cut(&s, '-');
	uint64_t instance = 0;

	p->role = role_named(word);
	if (p->role != ROLE_STORE && p->role != ROLE_QUEUE &&
	    p->role != ROLE_AUTH)
		return false;
	if (s.n > 0 && !slice_u64(s, INSTANCE_MAX, &instance))
		return false;
	p->instance = (unsigned)instance;
	return true;
}

/* There is one way to write a name. */
bool
part_name_parse(struct slice name, struct part_name *p)
{
	struct slice s = name, keeper = slice_cut(&s, '/');
	struct buf again = { 0 };
	size_t digits;
	bool same;

	*p = (struct part_name){ 0 };
	if (!keeper_parse(keeper, p) || s.n == 0)
		return false;
	p->kind = s.p[0];
	digits = p->kind == 's' ? 8 : 16;
	if ((p->kind != 's' && p->kind != 'b') || s.n != 2 + 2 * digits ||
	    s.p[1 + digits] != '-' ||
	    !hex_number(slice_of(s.p + 1, digits), &p->number) ||
	    !hex_number(slice_of(s.p + 2 + digits, digits), &p->tag))
		return false;
	part_name_put(&again, p);
	same = slice_eq(buf_view(&again), name);
	buf_free(&again);
	return same;
}

/* One level, of characters that no shell takes for something else. */
static bool
is_file_name(struct slice name)
{
	const struct slice files = SLICE("files/");
	struct slice s = slice_drop(name, files.n);

	if (!slice_starts(name, files) || s.n == 0 || s.n > NAME_LONGEST ||
	    s.p[0] == '.' || s.p[0] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
		    c == '-'))
			return false;
	}
	return true;
}

static bool
is_origin(struct slice s)
{
	if (s.n == 0 || s.n > PATH_LONGEST || s.p[0] != '/')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

/* ---- lines */

static bool
mode_parse(struct slice s, uint32_t *mode)
{
	*mode = 0;
	if (s.n != 4)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '7')
			return false;
		*mode = *mode << 3 | (uint32_t)(s.p[i] - '0');
	}
	return *mode <= MODE_MAX;
}

static bool
sum_parse(struct slice s, char sum[SUM_TEXT + 1])
{
	uint64_t n;

	if (s.n != SUM_TEXT || !hex_number(s, &n))
		return false;
	memcpy(sum, s.p, SUM_TEXT);
	sum[SUM_TEXT] = '\0';
	return true;
}

bool
entry_is_part(const struct entry *e)
{
	return e->kind == ENTRY_PART || e->kind == ENTRY_DAMAGED;
}

static bool
entry_parse(struct slice line, struct entry *e)
{
	struct slice word = slice_cut(&line, ' '), sum;
	struct part_name p;
	size_t kind = 0;

	*e = (struct entry){ 0 };
	while (kind < ENTRY_KINDS && !slice_eq(word, slice_str(kinds[kind])))
		kind++;
	if (kind == ENTRY_KINDS || !mode_parse(slice_cut(&line, ' '), &e->mode)
	    || !slice_u64(slice_cut(&line, ' '), INT64_MAX, &e->bytes))
		return false;
	e->kind = (enum entry_kind)kind;
	sum = slice_cut(&line, ' ');
	e->name = slice_cut(&line, ' ');
	e->origin = line;
	if (!sum_parse(sum, e->sum))
		return false;
	return entry_is_part(e) ? line.n == 0 &&
	    part_name_parse(e->name, &p) :
	    is_origin(line) && is_file_name(e->name);
}

static bool
line_parse(struct manifest *m, struct slice line)
{
	const struct slice taken = SLICE("taken "), host = SLICE("host ");
	struct entry e;

	if (slice_starts(line, SLICE("#")))
		return true;
	if (slice_starts(line, taken)) {
		m->taken = keep(m, slice_drop(line, taken.n));
		return true;
	}
	if (slice_starts(line, host)) {
		m->host = keep(m, slice_drop(line, host.n));
		return true;
	}
	if (!entry_parse(line, &e))
		return false;
	manifest_add(m, &e);
	return true;
}

bool
manifest_parse(struct manifest *m, struct slice text, unsigned *line)
{
	*line = 1;
	if (!slice_eq(slice_cut(&text, '\n'), SLICE("postino backup 1")))
		return false;
	while (text.n > 0) {
		++*line;
		if (!line_parse(m, slice_cut(&text, '\n')))
			return false;
	}
	return true;
}

void
manifest_journal(struct manifest *m, struct slice text)
{
	struct entry e;

	while (slice_find(text, '\n') < text.n)
		if (entry_parse(slice_cut(&text, '\n'), &e))
			manifest_add(m, &e);
}

bool
manifest_whole(struct slice *text)
{
	const size_t n = sizeof "end " - 1 + SUM_TEXT + 1;
	char sum[SUM_TEXT + 1];
	struct slice end;

	if (text->n < n)
		return false;
	end = slice_drop(*text, text->n - n);
	*text = slice_take(*text, text->n - n);
	sum_of(*text, sum);
	return slice_starts(end, SLICE("end ")) && end.p[n - 1] == '\n' &&
	    slice_eq(slice_of(end.p + 4, SUM_TEXT), slice_str(sum));
}

void
entry_put(struct buf *b, const struct entry *e)
{
	buf_printf(b, "%s %04o %llu %s ", kinds[e->kind], e->mode,
	    (unsigned long long)e->bytes, e->sum);
	buf_slice(b, e->name);
	if (e->origin.n > 0) {
		buf_char(b, ' ');
		buf_slice(b, e->origin);
	}
	buf_char(b, '\n');
}

void
manifest_put(struct buf *b, const struct manifest *m)
{
	char sum[SUM_TEXT + 1];

	buf_str(b, "postino backup 1\n"
	    "# Kind, mode, bytes that count, their SHA-256, name, origin.\n"
	    "# postino restore FOLDER brings it back.  By hand: a part goes to "
	    "the folder log\n"
	    "# of its process, with its name up to the hyphen, as long as it "
	    "says here.\n");
	buf_str(b, "taken ");
	buf_slice(b, m->taken);
	buf_str(b, "\nhost ");
	buf_slice(b, m->host);
	buf_char(b, '\n');
	for (size_t i = 0; i < m->n; i++)
		entry_put(b, &m->v[i]);
	sum_of(buf_view(b), sum);
	buf_printf(b, "end %s\n", sum);
}
