#include "common/core/codec.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static unsigned
octet(struct slice s, size_t at)
{
	return at < s.n ? (unsigned char)s.p[at] : 0;
}

void
base64_encode(struct buf *to, struct slice s)
{
	buf_reserve(to, s.n / 3 * 4 + 4);
	for (; s.n > 0; s = slice_drop(s, 3)) {
		unsigned bits = octet(s, 0) << 16 | octet(s, 1) << 8 |
		    octet(s, 2);
		char *p = to->p + to->n;

		p[0] = alphabet[bits >> 18];
		p[1] = alphabet[bits >> 12 & 63];
		p[2] = s.n > 1 ? alphabet[bits >> 6 & 63] : '=';
		p[3] = s.n > 2 ? alphabet[bits & 63] : '=';
		to->n += 4;
	}
}

/* The six bits a character stands for; 64 if it stands for none. */
static unsigned
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Four characters, of which `pad` are padding, to 3 - pad octets at out. */
static bool
quantum(const char *in, unsigned pad, char *out)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned six = i < 4 - pad ? sextet(in[i]) : 0;
		if (six == 64)
			return false;
		bits = bits << 6 | six;
	}
	if ((bits & ((1u << 8 * pad) - 1)) != 0)
		return false;
	for (unsigned i = 0; i < 3 - pad; i++)
		out[i] = (char)(bits >> (16 - 8 * i));
	return true;
}

bool
base64_decode(struct buf *to, struct slice s)
{
	size_t at = to->n, n = s.n / 4 * 3;
	unsigned pad = 0;

	if (s.n % 4 != 0)
		return false;
	if (s.n == 0)
		return true;
	if (s.p[s.n - 1] == '=')
		pad = s.p[s.n - 2] == '=' ? 2 : 1;
	buf_reserve(to, n);
	for (; s.n > 0; s = slice_drop(s, 4), at += 3)
		if (!quantum(s.p, s.n == 4 ? pad : 0, to->p + at))
			return false;
	to->n += n - pad;
	return true;
}

void
hex_encode(struct buf *to, struct slice s)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < s.n; i++) {
		buf_char(to, digits[octet(s, i) >> 4]);
		buf_char(to, digits[octet(s, i) & 15]);
	}
}

static unsigned
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : 16;
}

bool
hex_decode(struct buf *to, struct slice s)
{
	size_t at = to->n;

	if (s.n % 2 != 0)
		return false;
	buf_reserve(to, s.n / 2);
	for (size_t i = 0; i < s.n; i += 2) {
		unsigned high = nibble(s.p[i]), low = nibble(s.p[i + 1]);
		if (high > 15 || low > 15)
			return false;
		to->p[at++] = (char)(high << 4 | low);
	}
	to->n = at;
	return true;
}
