/* A row of the spool that is believed has one form: put gives it back. */
#include <stdlib.h>

#include "queue/rows.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Of an older version, that ends early, the new form begins as the old. */
static void
same(struct slice was, struct buf *now)
{
	if (now->n < was.n || !slice_eq(slice_take(buf_view(now), was.n), was))
		abort();
	buf_clear(now);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice s = slice_of(p, n);
	struct envelope_row e;
	struct recipient_row r;
	struct buf b = { 0 };

	if (envelope_get(s, &e)) {
		envelope_put(&b, &e);
		same(s, &b);
	}
	if (recipient_get(s, &r)) {
		recipient_put(&b, &r);
		same(s, &b);
	}
	buf_free(&b);
	return 0;
}
