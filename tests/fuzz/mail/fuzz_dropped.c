/* Files of the drop folder: read within bounds or refused; what was read is
   written again so that it reads the same. */
#include <stdlib.h>

#include "common/mail/dropped.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define REQUIRE(truth) do { if (!(truth)) abort(); } while (0)

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	struct slice in = slice_of(p, n);
	struct arena arena = { 0 };
	struct dropped d, again;
	struct buf b = { 0 };

	if (dropped_read(in, &arena, &d)) {
		REQUIRE(d.head <= n && d.n > 0 && d.n <= DROPPED_RCPTS);
		dropped_write(&d, &b);
		REQUIRE(dropped_read(buf_view(&b), &arena, &again));
		REQUIRE(again.head == b.n && again.n == d.n &&
		    again.size == d.size && again.notify == d.notify &&
		    again.ret == d.ret && slice_eq(again.envid, d.envid) &&
		    slice_eq(again.from, d.from));
		for (size_t i = 0; i < d.n; i++)
			REQUIRE(slice_eq(again.to[i], d.to[i]));
	}
	buf_free(&b);
	arena_free(&arena);
	return 0;
}
