/* A manifest that is believed has one form, and names nothing outside of its
   folder. */
#include <stdlib.h>

#include "ctl/manifest.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
inside(const struct manifest *m)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct entry *e = &m->v[i];
		struct slice rest = e->name, first = slice_cut(&rest, '/');

		if (first.n == 0 || first.p[0] == '.' || rest.n == 0 ||
		    rest.p[0] == '.' || slice_find(rest, '/') < rest.n)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct manifest m = { 0 }, again = { 0 };
	struct buf b = { 0 }, c = { 0 };
	struct slice s;
	unsigned line;

	if (manifest_parse(&m, slice_of(p, n), &line)) {
		inside(&m);
		manifest_put(&b, &m);
		s = buf_view(&b);
		if (!manifest_whole(&s) || !manifest_parse(&again, s, &line))
			abort();
		manifest_put(&c, &again);
		if (!slice_eq(buf_view(&b), buf_view(&c)))
			abort();
	}
	manifest_free(&m);
	manifest_journal(&m, slice_of(p, n));
	inside(&m);
	manifest_find(&m, SLICE("store/s00000001-1f2e3d4c"));
	manifest_free(&m);
	manifest_free(&again);
	buf_free(&b);
	buf_free(&c);
	return 0;
}
