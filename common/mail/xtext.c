#include "common/mail/addr.h"

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
is_xchar(char c)
{
	return c > ' ' && c < 127 && c != '+' && c != '=';
}

/* hexchar is "+" and two digits in upper case (RFC 3461 4). */
static bool
decode_one(struct buf *b, struct slice *s)
{
	int high, low;
	char c;

	if (s->p[0] != '+') {
		buf_char(b, s->p[0]);
		*s = slice_drop(*s, 1);
		return is_xchar(b->p[b->n - 1]);
	}
	if (s->n < 3 || (high = hex(s->p[1])) < 0 || (low = hex(s->p[2])) < 0)
		return false;
	c = (char)(high << 4 | low);
	buf_char(b, c);
	*s = slice_drop(*s, 3);
	return c != '\0' && c != '\r' && c != '\n';
}

bool
xtext_decode(struct buf *b, struct slice s)
{
	size_t before = b->n;

	while (s.n > 0)
		if (!decode_one(b, &s)) {
			b->n = before;
			return false;
		}
	return true;
}

void
xtext_encode(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_xchar(s.p[i]))
			buf_char(b, s.p[i]);
		else
			buf_printf(b, "+%02X", (unsigned char)s.p[i]);
}
