#include "key/shape.h"

#include <string.h>

enum {
	SPACES = 64,		/* RFC 8446 4.4.3 */
	RANDOMS = 64,		/* RFC 5246 7.4.1.2: two of 32 bytes */
	PARAMS = 4,		/* curve type, curve, length */
	NAMED_CURVE = 3,	/* RFC 8422 5.4 */
	UNCOMPRESSED = 4,	/* RFC 8422 5.4.1 */
};

static bool
is_tls13(struct slice s)
{
	/* With its NUL, which is the separator. */
	static const char context[] = "TLS 1.3, server CertificateVerify";

	for (size_t i = 0; i < SPACES; i++)
		if (i >= s.n || s.p[i] != 0x20)
			return false;
	s = slice_drop(s, SPACES);
	if (s.n < sizeof context || memcmp(s.p, context, sizeof context) != 0)
		return false;
	s = slice_drop(s, sizeof context);
	return s.n == 32 || s.n == 48;
}

/* The curves a talker offers (tls_chain.c), by their numbers in the
   supported groups registry. */
static bool
is_point(unsigned curve, struct slice point)
{
	switch (curve) {
	case 29:		/* x25519 */
		return point.n == 32;
	case 23:		/* secp256r1 */
		return point.n == 65 && point.p[0] == UNCOMPRESSED;
	case 24:		/* secp384r1 */
		return point.n == 97 && point.p[0] == UNCOMPRESSED;
	default:
		return false;
	}
}

static bool
is_tls12(struct slice s)
{
	const unsigned char *p;

	if (s.n < RANDOMS + PARAMS)
		return false;
	s = slice_drop(s, RANDOMS);
	p = (const unsigned char *)s.p;
	s = slice_drop(s, PARAMS);
	return p[0] == NAMED_CURVE && p[3] == s.n &&
	    is_point((unsigned)p[1] << 8 | p[2], s);
}

enum shape
shape_of(struct slice tbs)
{
	if (is_tls13(tbs))
		return SHAPE_TLS13;
	return is_tls12(tbs) ? SHAPE_TLS12 : SHAPE_NONE;
}
