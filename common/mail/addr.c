#include "common/mail/addr.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/core/utf8.h"

/* Where we are; the first fault stays. */
struct scan {
	struct slice	 s;		/* all of it */
	size_t		 at;
	unsigned	 how;
	struct arena	*arena;
	struct addr_error *error;
};

static bool
fail(struct scan *sc, enum addr_fault fault)
{
	if (sc->error->fault == ADDR_OK)
		*sc->error = (struct addr_error){ fault, sc->at };
	return false;
}

/* The octet here, or -1 at the end. */
static int
peek(const struct scan *sc)
{
	return sc->at < sc->s.n ? (unsigned char)sc->s.p[sc->at] : -1;
}

static bool
take(struct scan *sc, char c)
{
	if (peek(sc) != (unsigned char)c)
		return fail(sc, ADDR_SYNTAX);
	sc->at++;
	return true;
}

static void
skip_blanks(struct scan *sc)
{
	while (peek(sc) == ' ' || peek(sc) == '\t')
		sc->at++;
}

static bool
is_alnum(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

/* RFC 5322 3.2.3, ASCII only. */
static bool
is_atext(int c)
{
	return is_alnum(c) ||
	    (c > 0 && c < 128 && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* Octets of the character over U+007F here; 0 is a fault (RFC 6531 3.3).
   U+0080 to U+009F are controls. */
static size_t
wide(struct scan *sc)
{
	struct slice rest = slice_drop(sc->s, sc->at);
	size_t n = utf8_next(rest);

	if (!(sc->how & ADDR_MAY_UTF8))
		fail(sc, ADDR_NONASCII);
	else if (n == 0 || (n == 2 && rest.p[0] == '\xc2' &&
	    (unsigned char)rest.p[1] < 0xa0))
		fail(sc, ADDR_SYNTAX);
	else
		return n;
	return 0;
}

static bool
is_dot_string(struct slice s)
{
	bool dot = true;

	for (size_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.p[i];
		if (c == '.' ? dot : c < 128 && !is_atext(c))
			return false;
		dot = c == '.';
	}
	return !dot;
}

static unsigned
local_flags(struct slice s)
{
	unsigned flags = is_dot_string(s) ? 0 : ADDR_QUOTED;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%' || s.p[i] == '!' || s.p[i] == '@')
			flags |= ADDR_ODD;
		if ((unsigned char)s.p[i] > 127)
			flags |= ADDR_UTF8;
	}
	return flags;
}

/* Quoted-string: the quote is taken, text gets what stands inside. */
static bool
quoted(struct scan *sc, char *text, size_t *n)
{
	for (sc->at++; peek(sc) != '"';) {
		size_t wide_n = 1;
		if (peek(sc) == '\\')
			sc->at++;
		if (peek(sc) > 127 && (wide_n = wide(sc)) == 0)
			return false;
		if (peek(sc) < ' ' || peek(sc) == 127)
			return fail(sc, ADDR_SYNTAX);
		if (*n + wide_n > ADDR_PATH_MAX)
			return fail(sc, ADDR_LONG);
		memcpy(text + *n, sc->s.p + sc->at, wide_n);
		*n += wide_n;
		sc->at += wide_n;
	}
	sc->at++;
	return true;
}

static bool
dot_string(struct scan *sc, char *text, size_t *n)
{
	size_t start = sc->at;

	for (;;) {
		int c = peek(sc);
		if (c > 127) {
			size_t wide_n = wide(sc);
			if (wide_n == 0)
				return false;
			sc->at += wide_n;
		} else if (is_atext(c) || (c == '.' && sc->at > start &&
		    sc->s.p[sc->at - 1] != '.'))
			sc->at++;
		else
			break;
	}
	if (sc->at == start || sc->s.p[sc->at - 1] == '.')
		return fail(sc, ADDR_SYNTAX);
	*n = sc->at - start;
	if (*n > ADDR_PATH_MAX)
		return fail(sc, ADDR_LONG);
	memcpy(text, sc->s.p + start, *n);
	return true;
}

static bool
local_part(struct scan *sc, struct addr *a)
{
	char text[ADDR_PATH_MAX];
	size_t n = 0;

	if (!(peek(sc) == '"' ? quoted : dot_string)(sc, text, &n))
		return false;
	a->local = arena_slice(sc->arena, slice_of(text, n));
	a->flags |= local_flags(a->local);
	return true;
}

/* One label, letters, digits and inner hyphens (RFC 5321 4.1.2). */
static bool
label(struct scan *sc, unsigned *flags)
{
	size_t start = sc->at;

	while (is_alnum(peek(sc)) || peek(sc) > 127 ||
	    (peek(sc) == '-' && sc->at > start)) {
		size_t n = peek(sc) > 127 ? wide(sc) : 1;
		if (n == 0)
			return false;
		if (peek(sc) > 127)
			*flags |= ADDR_UTF8;
		sc->at += n;
	}
	if (sc->at == start || sc->s.p[sc->at - 1] == '-')
		return fail(sc, ADDR_SYNTAX);
	return sc->at - start <= ADDR_LABEL_MAX || fail(sc, ADDR_LONG);
}

static bool
domain(struct scan *sc, struct slice *out, unsigned *flags)
{
	size_t start = sc->at;
	char text[ADDR_DOMAIN_MAX];

	if (!label(sc, flags))
		return false;
	while (peek(sc) == '.') {
		sc->at++;
		if (!label(sc, flags))
			return false;
	}
	if (sc->at - start > sizeof text)
		return fail(sc, ADDR_LONG);
	for (size_t i = start; i < sc->at; i++)
		text[i - start] = lower(sc->s.p[i]);
	*out = arena_slice(sc->arena, slice_of(text, sc->at - start));
	return true;
}

/* [1.2.3.4] or [IPv6:...] (RFC 5321 4.1.3), written as inet_ntop does.  No
   other kind of literal has ever been registered. */
static bool
literal(struct scan *sc, struct slice *out)
{
	struct slice rest = slice_drop(sc->s, sc->at + 1);
	struct slice inner = slice_take(rest, slice_find(rest, ']'));
	struct in6_addr bits;
	char text[INET6_ADDRSTRLEN];
	bool closed = inner.n < rest.n;
	bool six = slice_istarts(inner, SLICE("IPv6:"));
	int family = six ? AF_INET6 : AF_INET;

	if (six)
		inner = slice_drop(inner, 5);
	if (!closed || inner.n >= sizeof text ||
	    memchr(inner.p, '\0', inner.n) != NULL)
		return fail(sc, ADDR_SYNTAX);
	memcpy(text, inner.p, inner.n);
	text[inner.n] = '\0';
	if (inet_pton(family, text, &bits) != 1 ||
	    inet_ntop(family, &bits, text, sizeof text) == NULL)
		return fail(sc, ADDR_SYNTAX);
	*out = slice_str(arena_printf(sc->arena, "[%s%s]",
	    six ? "IPv6:" : "", text));
	sc->at += inner.n + (six ? 7 : 2);
	return true;
}

static bool
mailbox(struct scan *sc, struct addr *a)
{
	if (!local_part(sc, a))
		return false;
	if (peek(sc) != '@' && (sc->how & ADDR_MAY_BARE) &&
	    slice_ieq(a->local, SLICE("postmaster"))) {
		a->local = SLICE("postmaster");	/* RFC 5321 4.5.1 */
		return true;
	}
	if (!take(sc, '@'))
		return false;
	if (peek(sc) != '[')
		return domain(sc, &a->domain, &a->flags);
	a->flags |= ADDR_LITERAL;
	return literal(sc, &a->domain);
}

/* A-d-l ":", read and forgotten (RFC 5321 4.1.1.3, appendix C). */
static bool
source_route(struct scan *sc)
{
	struct slice unused;
	unsigned flags = 0;

	do {
		if (!take(sc, '@') || !domain(sc, &unused, &flags))
			return false;
	} while (peek(sc) == ',' && ++sc->at);
	return take(sc, ':');
}

static bool
bracketed(struct scan *sc, struct addr *a)
{
	size_t start = sc->at;

	if (!take(sc, '<'))
		return false;
	if (peek(sc) == '>' && (sc->how & ADDR_MAY_NULL)) {
		a->flags = ADDR_NULL;
		return take(sc, '>');
	}
	if (peek(sc) == '@') {
		a->flags = ADDR_ROUTE;
		if (!source_route(sc))
			return false;
	}
	if (!mailbox(sc, a) || !take(sc, '>'))
		return false;
	return sc->at - start <= ADDR_PATH_MAX || fail(sc, ADDR_LONG);
}

/* esmtp-value: printable, no blank, no "=". */
static bool
value(struct scan *sc, struct slice *out)
{
	size_t start = sc->at;

	while (peek(sc) > ' ' && peek(sc) != '=' && peek(sc) != 127) {
		size_t n = peek(sc) > 127 ? wide(sc) : 1;
		if (n == 0)
			return false;
		sc->at += n;
	}
	*out = slice_of(sc->s.p + start, sc->at - start);
	return out->n > 0 || fail(sc, ADDR_PARAM);
}

static bool
parameter(struct scan *sc, struct param *p)
{
	size_t start = sc->at;

	while (is_alnum(peek(sc)) || (peek(sc) == '-' && sc->at > start))
		sc->at++;
	*p = (struct param){ .key = slice_of(sc->s.p + start, sc->at - start) };
	if (p->key.n == 0)
		return fail(sc, ADDR_PARAM);
	if (peek(sc) != '=')
		return true;
	sc->at++;
	return value(sc, &p->value);
}

static const struct param *
param_named(const struct path *p, struct slice key)
{
	for (size_t i = 0; i < p->n; i++)
		if (slice_ieq(p->params[i].key, key))
			return &p->params[i];
	return NULL;
}

static bool
parameters(struct scan *sc, struct path *p)
{
	for (;;) {
		int before = peek(sc);
		struct param one;
		skip_blanks(sc);
		if (peek(sc) == -1)
			return true;
		if (before != ' ' && before != '\t')
			return fail(sc, p->n > 0 ? ADDR_PARAM : ADDR_SYNTAX);
		if (p->n == ADDR_PARAMS_MAX)
			return fail(sc, ADDR_PARAMS);
		if (!parameter(sc, &one))
			return false;
		if (param_named(p, one.key) != NULL)
			return fail(sc, ADDR_PARAM);
		p->params[p->n++] = one;
	}
}

bool
path_parse(struct arena *arena, struct slice s, unsigned how, struct path *p,
    struct addr_error *error)
{
	struct scan sc = { s, 0, how, arena, error };

	*p = (struct path){ .n = 0 };
	*error = (struct addr_error){ .fault = ADDR_OK };
	skip_blanks(&sc);
	return bracketed(&sc, &p->addr) && parameters(&sc, p);
}

const struct param *
path_param(const struct path *p, const char *key)
{
	return param_named(p, slice_str(key));
}

bool
addr_parse(struct arena *arena, struct slice s, unsigned how, struct addr *a,
    struct addr_error *error)
{
	struct scan sc = { s, 0, how, arena, error };

	*a = (struct addr){ .flags = 0 };
	*error = (struct addr_error){ .fault = ADDR_OK };
	if (s.n == 0 && (how & ADDR_MAY_NULL)) {
		a->flags = ADDR_NULL;
		return true;
	}
	if (!mailbox(&sc, a))
		return false;
	if (sc.at < s.n)
		return fail(&sc, ADDR_SYNTAX);
	return s.n + 2 <= ADDR_PATH_MAX || fail(&sc, ADDR_LONG);
}

bool
addr_domain(struct arena *arena, struct slice s, unsigned how,
    struct slice *out)
{
	struct addr_error error = { .fault = ADDR_OK };
	struct scan sc = { s, 0, how, arena, &error };
	unsigned flags = 0;

	return domain(&sc, out, &flags) && sc.at == s.n;
}

bool
addr_is_literal(struct slice s)
{
	struct addr_error error = { .fault = ADDR_OK };
	struct arena arena = { 0 };
	struct scan sc = { s, 0, 0, &arena, &error };
	struct slice out;
	bool good = s.n > 2 && s.p[0] == '[' && literal(&sc, &out) &&
	    sc.at == s.n;

	arena_free(&arena);
	return good;
}

void
addr_print(struct buf *b, const struct addr *a)
{
	if (a->flags & ADDR_QUOTED) {
		buf_char(b, '"');
		for (size_t i = 0; i < a->local.n; i++) {
			if (a->local.p[i] == '"' || a->local.p[i] == '\\')
				buf_char(b, '\\');
			buf_char(b, a->local.p[i]);
		}
		buf_char(b, '"');
	} else
		buf_slice(b, a->local);
	if (a->domain.n > 0) {
		buf_char(b, '@');
		buf_slice(b, a->domain);
	}
}

struct slice
addr_text(struct arena *arena, const struct addr *a)
{
	struct buf b = { 0 };
	struct slice text;

	addr_print(&b, a);
	text = arena_slice(arena, buf_view(&b));
	buf_free(&b);
	return text;
}

bool
addr_eq(const struct addr *a, const struct addr *b)
{
	return slice_eq(a->local, b->local) && slice_ieq(a->domain, b->domain);
}

bool
addr_split(struct slice local, char separator, struct slice *user,
    struct slice *detail)
{
	size_t at = local.n == 0 ? 0 :
	    1 + slice_find(slice_drop(local, 1), separator);

	*user = slice_take(local, at);
	*detail = slice_drop(local, at + 1);
	return at < local.n;
}
