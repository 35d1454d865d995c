#include "common/mail/words.h"

#include <string.h>

#include "common/mail/cte.h"

/*
 * A parameter as written.  With RFC 2231 its name has up to two suffixes:
 * "*N" numbers the pieces of a long value, a last "*" says that the piece is
 * percent encoded.
 */
struct raw {
	struct slice	 name;		/* as written, in lower case */
	struct slice	 base;		/* without suffixes */
	int		 section;	/* -1: none */
	bool		 encoded;
	bool		 done;
	struct slice	 value;
};

struct scan {
	struct arena	*arena;
	struct slice	 s;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_comment(struct slice *s)
{
	size_t depth = 0, at = 0;

	do {
		if (s->p[at] == '(')
			depth++;
		else if (s->p[at] == ')')
			depth--;
		else if (s->p[at] == '\\')
			at++;
		at++;
	} while (at < s->n && depth > 0);
	*s = slice_drop(*s, at);
}

static void
skip(struct slice *s)
{
	while (s->n > 0 && (is_blank(s->p[0]) || s->p[0] == '('))
		if (s->p[0] == '(')
			skip_comment(s);
		else
			*s = slice_drop(*s, 1);
}

/* Text up to one of the stops, without comments, blanks at the ends and line
   ends.  "(" begins a comment only behind a blank: a(1).txt is a name. */
static struct slice
bare(struct scan *sc, const char *stops)
{
	struct buf b = { 0 };
	struct slice text;

	skip(&sc->s);
	while (sc->s.n > 0 && (sc->s.p[0] == '\0' ||
	    strchr(stops, sc->s.p[0]) == NULL)) {
		char c = sc->s.p[0];
		if (c == '(' && b.n > 0 && is_blank(b.p[b.n - 1])) {
			skip_comment(&sc->s);
			continue;
		}
		if (c != '\r' && c != '\n')
			buf_char(&b, c);
		sc->s = slice_drop(sc->s, 1);
	}
	text = arena_slice(sc->arena, slice_trim(buf_view(&b)));
	buf_free(&b);
	return text;
}

static struct slice
quoted(struct scan *sc)
{
	struct buf b = { 0 };
	struct slice text, *s = &sc->s;

	*s = slice_drop(*s, 1);
	while (s->n > 0 && s->p[0] != '"') {
		if (s->p[0] == '\\' && s->n > 1)
			*s = slice_drop(*s, 1);
		if (s->p[0] != '\r' && s->p[0] != '\n')
			buf_char(&b, s->p[0]);
		*s = slice_drop(*s, 1);
	}
	*s = slice_drop(*s, 1);
	text = arena_slice(sc->arena, buf_view(&b));
	buf_free(&b);
	return text;
}

/* Comments and blanks may stand anywhere in "text / plain"; all go. */
static struct slice
lower_squeezed(struct arena *arena, struct slice s)
{
	char *p = arena_alloc(arena, s.n);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		if (!is_blank(s.p[i]))
			p[n++] = s.p[i] >= 'A' && s.p[i] <= 'Z' ?
			    (char)(s.p[i] + 'a' - 'A') : s.p[i];
	return slice_of(p, n);
}

static void
name_split(struct raw *r)
{
	struct slice rest = r->name;
	uint64_t n;

	r->base = slice_cut(&rest, '*');
	r->section = -1;
	if (r->base.n == r->name.n)
		return;
	r->encoded = rest.n == 0 || rest.p[rest.n - 1] == '*';
	if (rest.n > 0 && r->encoded)
		rest.n--;
	if (slice_u64(rest, PARAMS_MAX, &n))
		r->section = (int)n;
	else if (rest.n > 0) {		/* not ours: leave it alone */
		r->base = r->name;
		r->encoded = false;
	}
}

/* The name of the next parameter that has one and a "=", which is taken. */
static struct slice
name_next(struct scan *sc)
{
	while (sc->s.n > 0) {
		struct slice name = bare(sc, "=;");
		if (name.n > 0 && sc->s.n > 0 && sc->s.p[0] == '=') {
			sc->s = slice_drop(sc->s, 1);
			return name;
		}
		sc->s = slice_drop(sc->s, slice_find(sc->s, ';') + 1);
	}
	return slice_of(NULL, 0);
}

static bool
raw_next(struct scan *sc, struct raw *r)
{
	struct slice name = name_next(sc);

	if (name.n == 0)
		return false;
	*r = (struct raw){ .name = lower_squeezed(sc->arena, name) };
	name_split(r);
	skip(&sc->s);
	if (sc->s.n > 0 && sc->s.p[0] == '"') {
		r->value = quoted(sc);
		sc->s = slice_drop(sc->s, slice_find(sc->s, ';'));
	} else
		r->value = bare(sc, ";");
	return true;
}

static void
percent_decode(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
		int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
		if (s.p[i] == '%' && high >= 0 && low >= 0) {
			buf_char(b, (char)(high << 4 | low));
			i += 2;
		} else
			buf_char(b, s.p[i]);
	}
}

/* The pieces of one value, in their order: first (its section is 0, or it has
   none) and the sections behind it. */
struct join {
	struct buf	 written, decoded;
	struct slice	 charset;
	bool		 encoded;
};

static void
join_piece(struct join *j, const struct raw *r)
{
	struct slice text = r->value;

	buf_slice(&j->written, text);
	if (!r->encoded) {
		buf_slice(&j->decoded, text);
		return;
	}
	if (r->section <= 0) {		/* charset'language'text */
		struct slice rest = text, charset = slice_cut(&rest, '\'');
		if (charset.n < text.n && slice_find(rest, '\'') < rest.n) {
			j->charset = charset;
			slice_cut(&rest, '\'');
			text = rest;
		}
	}
	j->encoded = true;
	percent_decode(&j->decoded, text);
}

static struct raw *
section(struct raw *v, size_t n, const struct raw *first, int number)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].section == number && !v[i].done &&
		    slice_eq(v[i].base, first->base))
			return &v[i];
	return NULL;
}

static struct slice
join_value(struct join *j, struct arena *arena, const struct charsets *cs)
{
	struct buf utf8 = { 0 };
	struct slice value, charset = j->charset.n > 0 ? j->charset :
	    SLICE("utf-8");

	if (!j->encoded)
		value = buf_view(&j->decoded);
	else if (charset_utf8(cs, charset, buf_view(&j->decoded), &utf8))
		value = buf_view(&utf8);
	else
		value = buf_view(&j->written);
	value = arena_slice(arena, value);
	buf_free(&utf8);
	buf_free(&j->written);
	buf_free(&j->decoded);
	return value;
}

static struct mime_param
join(struct arena *arena, struct raw *v, size_t n, struct raw *first,
    const struct charsets *cs)
{
	struct join j = { .encoded = false };
	struct mime_param out;
	int number = first->section;

	for (struct raw *r = first; r != NULL;
	    r = number < 0 ? NULL : section(v, n, first, ++number)) {
		r->done = true;
		join_piece(&j, r);
	}
	out.name = first->base;
	if (j.encoded)
		out.name = slice_str(arena_printf(arena, "%.*s*",
		    (int)first->base.n, first->base.p));
	out.value = join_value(&j, arena, cs);
	return out;
}

/* A value is begun by its first piece; pieces whose first one is missing are
   shown as they were written. */
static size_t
join_all(struct arena *arena, struct raw *v, size_t n,
    const struct charsets *cs, struct mime_param *out)
{
	size_t n_out = 0;

	for (size_t i = 0; i < n; i++)
		if (v[i].section <= 0 && !v[i].done)
			out[n_out++] = join(arena, v, n, &v[i], cs);
	for (size_t i = 0; i < n; i++)
		if (!v[i].done)
			out[n_out++] = (struct mime_param){ v[i].name,
			    v[i].value };
	return n_out;
}

size_t
params_parse(struct arena *arena, struct slice body, const struct charsets *cs,
    struct slice *value, struct mime_param **params)
{
	struct scan sc = { arena, body };
	struct raw v[PARAMS_MAX];
	size_t n = 0;

	*value = lower_squeezed(arena, bare(&sc, ";"));
	while (n < PARAMS_MAX && raw_next(&sc, &v[n]))
		n++;
	*params = arena_array(arena, n, sizeof **params);
	return join_all(arena, v, n, cs, *params);
}

struct slice
params_get(const struct mime_param *v, size_t n, const char *name)
{
	struct slice want = slice_str(name), plain = { NULL, 0 };

	for (size_t i = 0; i < n; i++) {
		if (v[i].name.n == want.n + 1 &&
		    slice_starts(v[i].name, want) &&
		    v[i].name.p[want.n] == '*')
			return v[i].value;
		if (slice_eq(v[i].name, want) && plain.p == NULL)
			plain = v[i].value;
	}
	return plain;
}
