/* Whatever is taken for a handshake has exactly the length and the fixed
   bytes of one, found here in another way than in shape.c. */
#include <stdlib.h>
#include <string.h>

#include "key/shape.h"

int
LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static const size_t	points[] = { 32, 65, 97 };

static void
must(bool truth)
{
	if (!truth)
		abort();
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	char start[99];
	enum shape shape = shape_of(slice_of(p, n));
	bool length = false;

	memset(start, ' ', 64);
	memcpy(start + 64, "TLS 1.3, server CertificateVerify", 34);
	if (shape == SHAPE_TLS13)
		must((n == 130 || n == 146) && memcmp(p, start, 98) == 0);
	for (int i = 0; i < 3; i++)
		length |= n == 68 + points[i];
	if (shape == SHAPE_TLS12)
		must(length && p[64] == 3 && p[65] == 0 && p[66] >= 23 &&
		    p[66] <= 29 && n == 68u + p[67]);
	if (n >= 98 && memcmp(p, start, 98) == 0)
		must(shape == (n == 130 || n == 146 ? SHAPE_TLS13 :
		    SHAPE_NONE));
	return 0;
}
