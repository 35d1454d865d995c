#include "common/mail/cte.h"

enum cte
cte_named(struct slice s)
{
	s = slice_trim(s);
	if (s.n == 0 || slice_ieq(s, SLICE("7bit")) ||
	    slice_ieq(s, SLICE("8bit")) || slice_ieq(s, SLICE("binary")))
		return CTE_NONE;
	if (slice_ieq(s, SLICE("base64")))
		return CTE_BASE64;
	if (slice_ieq(s, SLICE("quoted-printable")))
		return CTE_QUOTED;
	return CTE_UNKNOWN;
}

int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Octets of a soft line break behind its "=": blanks and a line end; 0: this
   is none. */
static size_t
soft_break(struct slice s)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t' || s.p[n] == '\r'))
		n++;
	return n < s.n && s.p[n] == '\n' ? n + 1 : 0;
}

/* One "=": appends what it means, returns how many octets it took. */
static size_t
escape(struct buf *b, struct slice s)
{
	int high = s.n > 2 ? hex_digit(s.p[1]) : -1;
	int low = s.n > 2 ? hex_digit(s.p[2]) : -1;
	size_t n;

	if (high >= 0 && low >= 0) {
		buf_char(b, (char)(high << 4 | low));
		return 3;
	}
	if ((n = soft_break(slice_drop(s, 1))) > 0)
		return n + 1;
	buf_char(b, '=');
	return 1;
}

static void
quoted(struct buf *b, struct slice s)
{
	while (s.n > 0) {
		size_t n = slice_find(s, '=');
		buf_add(b, s.p, n);
		s = slice_drop(s, n);
		if (s.n > 0)
			s = slice_drop(s, escape(b, s));
	}
}

void
cte_decode_q(struct buf *b, struct slice s)
{
	while (s.n > 0) {
		struct slice part = slice_take(s, slice_find(s, '_'));
		quoted(b, part);
		s = slice_drop(s, part.n);
		if (s.n > 0)
			buf_char(b, ' ');
		s = slice_drop(s, 1);
	}
}

static int
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Padding ends a group; what follows is read as another (RFC 2045 6.8 says
   nothing of it, some senders join encoded pieces). */
static void
base64(struct buf *b, struct slice s)
{
	uint32_t bits = 0;
	unsigned n = 0;

	for (size_t i = 0; i < s.n; i++) {
		int v = sextet(s.p[i]);
		if (s.p[i] == '=')
			n = 0;
		if (v < 0)
			continue;
		bits = bits << 6 | (uint32_t)v;
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_char(b, (char)(bits >> n & 0xff));
		}
	}
}

void
cte_decode(struct buf *b, enum cte cte, struct slice s)
{
	switch (cte) {
	case CTE_BASE64:
		base64(b, s);
		break;
	case CTE_QUOTED:
		quoted(b, s);
		break;
	default:
		buf_slice(b, s);
	}
}
