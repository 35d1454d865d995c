/* Files of records: every record is one line of text, each file has an end. */
#include <stdlib.h>
#include <string.h>

#include "resolver/zone.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define REQUIRE(truth) do { if (!(truth)) abort(); } while (0)

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	struct zone_reader z = { .rest = slice_of(p, n) };
	unsigned line = 0;
	enum zone_line kind;

	while ((kind = zone_next(&z)) != ZONE_END) {
		REQUIRE(z.line > line);
		line = z.line;
		if (kind == ZONE_WRONG)
			continue;
		REQUIRE(z.text.n > 0 && strlen(z.text.p) == z.text.n);
		REQUIRE(strpbrk(z.text.p, "\r\n") == NULL);
	}
	zone_free(&z);
	return 0;
}
