#include "imapd/name.h"

#include <string.h>

#include "common/core/utf8.h"

/* ---- modified UTF-7 to UTF-8 */

static int
base64_value(char c)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+,";
	const char *at = c == '\0' ? NULL : strchr(alphabet, c);

	return at == NULL ? -1 : (int)(at - alphabet);
}

/* UTF-16 as it comes, one unit at a time. */
struct utf16 {
	uint32_t	 high;		/* of a pair that has begun, or 0 */
};

static bool
unit(struct utf16 *u, uint32_t c, struct buf *out)
{
	if (u->high != 0) {
		if (c < 0xdc00 || c > 0xdfff)
			return false;
		utf8_put(out, 0x10000 + ((u->high - 0xd800) << 10) +
		    (c - 0xdc00));
		u->high = 0;
		return true;
	}
	if (c >= 0xdc00 && c <= 0xdfff)
		return false;
	if (c >= 0xd800 && c <= 0xdbff)
		u->high = c;
	/* What can be written as itself must be (RFC 3501 5.1.3). */
	else if (c >= 0x20 && c < 0x7f)
		return false;
	else
		utf8_put(out, c);
	return true;
}

/* What is between "&" and "-". */
static bool
base64_run(struct slice s, struct buf *out)
{
	struct utf16 u = { 0 };
	uint32_t bits = 0;
	unsigned n = 0;

	for (size_t i = 0; i < s.n; i++) {
		int v = base64_value(s.p[i]);

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		n += 6;
		if (n < 16)
			continue;
		n -= 16;
		if (!unit(&u, bits >> n & 0xffff, out))
			return false;
		bits &= (1u << n) - 1;
	}
	/* Less than a digit is left, and it is zero. */
	return u.high == 0 && n < 6 && bits == 0;
}

static bool
utf7_decode(struct slice s, struct buf *out)
{
	bool shifted = false;	/* a base64 run has just ended */

	while (s.n > 0) {
		struct slice run;

		if (s.p[0] != '&') {
			if ((unsigned char)s.p[0] >= 0x80)
				return false;
			buf_char(out, s.p[0]);
			s = slice_drop(s, 1);
			shifted = false;
			continue;
		}
		s = slice_drop(s, 1);
		if (slice_find(s, '-') == s.n)
			return false;
		run = slice_cut(&s, '-');
		if (run.n == 0)
			buf_char(out, '&');
		/* Two runs in a row would be one name in two spellings. */
		else if (shifted || !base64_run(run, out))
			return false;
		shifted = run.n > 0;
	}
	return true;
}

/* ---- UTF-8 to modified UTF-7 */

static uint32_t
character(struct slice s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s.p;
	uint32_t c = n == 1 ? p[0] : n == 2 ? p[0] & 0x1f : n == 3 ?
	    p[0] & 0x0f : p[0] & 0x07;

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

struct base64_out {
	struct buf	*to;
	uint32_t	 bits;
	unsigned	 n;
};

static void
base64_put(struct base64_out *o, uint32_t bits, unsigned n)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+,";

	o->bits = o->bits << n | bits;
	for (o->n += n; o->n >= 6; o->n -= 6)
		buf_char(o->to, alphabet[o->bits >> (o->n - 6) & 0x3f]);
	o->bits &= (1u << o->n) - 1;
}

static void
utf7_encode(struct buf *out, struct slice s)
{
	struct base64_out o = { .to = out };
	bool inside = false;
	size_t n;

	for (; s.n > 0; s = slice_drop(s, n)) {
		uint32_t c;

		if ((n = utf8_next(s)) == 0)
			n = 1;
		c = character(s, n);
		if (c >= 0x20 && c < 0x7f) {
			if (inside) {
				base64_put(&o, 0, (6 - o.n) % 6);
				buf_char(out, '-');
			}
			inside = false;
			buf_char(out, (char)c);
			if (c == '&')
				buf_char(out, '-');
			continue;
		}
		if (!inside)
			buf_char(out, '&');
		inside = true;
		if (c >= 0x10000) {
			base64_put(&o, 0xd800 + ((c - 0x10000) >> 10), 16);
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		base64_put(&o, c, 16);
	}
	if (inside) {
		base64_put(&o, 0, (6 - o.n) % 6);
		buf_char(out, '-');
	}
}

/* ---- names */

static bool
is_utf8(struct slice s)
{
	size_t n;

	for (; s.n > 0; s = slice_drop(s, n))
		if ((n = utf8_next(s)) == 0)
			return false;
	return true;
}

/* Some clients of IMAP4rev1 write UTF-8 too: it is plain what they mean. */
struct slice
name_decode(struct arena *arena, struct slice said, bool utf8)
{
	struct slice first = said, name = { NULL, 0 };
	struct buf b = { 0 };
	size_t level = slice_find(said, '/');

	if (!utf8 && utf7_decode(said, &b))
		name = arena_slice(arena, buf_view(&b));
	else if (is_utf8(said) && (utf8 || slice_find(said, '&') == said.n))
		name = arena_slice(arena, said);
	buf_free(&b);
	first = slice_take(name, level);
	if (name.p != NULL && slice_ieq(first, SLICE("INBOX"))) {
		char *p = arena_str(arena, name);

		memcpy(p, "INBOX", 5);
		name = slice_of(p, name.n);
	}
	return name.p == NULL && said.n == 0 ? SLICE("") : name;
}

/* Can it stand as it is?  NIL and the empty name cannot. */
static bool
is_atom(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f ||
		    strchr("(){%*\"\\]", s.p[i]) != NULL)
			return false;
	return s.n > 0 && !slice_ieq(s, SLICE("NIL"));
}

static void
quote(struct buf *out, struct slice s)
{
	buf_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, s.p[i]);
	}
	buf_char(out, '"');
}

void
name_print(struct buf *out, struct slice name, bool utf8)
{
	struct buf b = { 0 };

	if (utf8)
		buf_slice(&b, name);
	else
		utf7_encode(&b, name);
	if (is_atom(buf_view(&b)))
		buf_slice(out, buf_view(&b));
	else
		quote(out, buf_view(&b));
	buf_free(&b);
}

/* The only place to come back to is the last wildcard: for "*" any, for "%"
   none behind the next "/", where the last "*" is tried again. */
bool
name_matches(struct slice pattern, struct slice name)
{
	size_t p = 0, n = 0;
	size_t star = SIZE_MAX, star_n = 0, part = SIZE_MAX, part_n = 0;

	while (n < name.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = ++p;
			star_n = n;
			part = SIZE_MAX;
		} else if (p < pattern.n && pattern.p[p] == '%') {
			part = ++p;
			part_n = n;
		} else if (p < pattern.n && pattern.p[p] == name.p[n]) {
			p++;
			n++;
		} else if (part != SIZE_MAX && name.p[part_n] != '/') {
			p = part;
			n = ++part_n;
		} else if (star != SIZE_MAX) {
			p = star;
			n = ++star_n;
			part = SIZE_MAX;
		} else
			return false;
	}
	while (p < pattern.n && (pattern.p[p] == '*' || pattern.p[p] == '%'))
		p++;
	return p == pattern.n;
}
