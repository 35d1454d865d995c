#include "common/task/sasl.h"

#include <string.h>

#include "common/core/codec.h"

/* Decodes into the arena and wipes the way there. */
static bool
decode(struct arena *arena, struct slice base64, struct slice *out)
{
	struct buf b = { 0 };
	bool good;

	buf_reserve(&b, base64.n + 1);
	good = base64_decode(&b, base64);
	if (good)
		*out = arena_slice(arena, buf_view(&b));
	mem_wipe(b.p, b.cap);
	buf_free(&b);
	return good;
}

static void
wipe(struct slice s)
{
	/* What was decoded into the arena is ours to write. */
	if (s.n > 0)
		mem_wipe((void *)(uintptr_t)s.p, s.n);
}

bool
sasl_plain(struct arena *arena, struct slice base64, struct sasl *s)
{
	struct slice all = { 0 }, rest, authzid;

	if (!decode(arena, base64, &all))
		return false;
	rest = all;
	authzid = slice_cut(&rest, '\0');
	s->name = slice_cut(&rest, '\0');
	s->password = rest;
	if (s->name.n > 0 && s->password.n > 0 &&
	    slice_find(rest, '\0') == rest.n &&
	    (authzid.n == 0 || slice_eq(authzid, s->name)))
		return true;
	wipe(all);
	*s = (struct sasl){ 0 };
	return false;
}

bool
sasl_text(struct arena *arena, struct slice base64, struct slice *text)
{
	struct slice s = { 0 };

	if (!decode(arena, base64, &s))
		return false;
	if (s.n > 0 && slice_find(s, '\0') == s.n) {
		*text = s;
		return true;
	}
	wipe(s);
	return false;
}

void
sasl_forget(struct sasl *s)
{
	wipe(s->password);
	*s = (struct sasl){ 0 };
}
