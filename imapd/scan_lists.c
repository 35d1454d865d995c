/* Arguments that are many: sequence sets, flags. */
#include "imapd/scan.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/terms.h"

/* ---- sequence sets */

static int
by_from(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* UINT32_MAX is "*".  The number itself is no message's: UIDNEXT is above all
   UIDs. */
static bool
set_number(struct scan *a, uint32_t *to)
{
	if (scan_is(a, '*')) {
		*to = UINT32_MAX;
		return true;
	}
	if (!scan_nz_number(a, to))
		return false;
	if (*to == UINT32_MAX)
		--*to;
	return true;
}

static bool
set_range(struct scan *a, struct range *r)
{
	if (!set_number(a, &r->from))
		return false;
	r->to = r->from;
	if (scan_is(a, ':') && !set_number(a, &r->to))
		return false;
	if (r->from > r->to)
		*r = (struct range){ r->to, r->from };
	return true;
}

bool
scan_seqset(struct scan *a, struct seqset *set)
{
	size_t cap = 0;

	*set = (struct seqset){ 0 };
	if (a->why == NULL && scan_is(a, '$')) {
		set->saved = true;
		return true;
	}
	do {
		if (set->n == SEQSET_MAX)
			return scan_fail(a, "set has too many ranges");
		if (set->n == cap) {
			struct range *more;

			cap = cap * 2 + 8;
			more = arena_array(a->arena, cap, sizeof *more);
			if (set->n > 0)
				memcpy(more, set->r, set->n * sizeof *more);
			set->r = more;
		}
		if (!set_range(a, &set->r[set->n++]))
			return scan_fail(a, "expected a set of messages");
	} while (scan_is(a, ','));
	/* Their order means nothing, and in order they are cheap. */
	qsort(set->r, set->n, sizeof *set->r, by_from);
	return a->why == NULL;
}

/* ---- flags */

static const struct { const char *name; uint64_t bit; } system_flags[] = {
	{ "\\Seen", FLAG_SEEN }, { "\\Answered", FLAG_ANSWERED },
	{ "\\Flagged", FLAG_FLAGGED }, { "\\Deleted", FLAG_DELETED },
	{ "\\Draft", FLAG_DRAFT },
};

enum { FLAGS_SAID_MAX = 200 };	/* names in one list */

/* \Recent cannot be set (RFC 3501 2.3.2); a client that tries to is not told
   more than that it is not there. */
static bool
flag_system(struct scan *a, struct flag_names *f, struct slice name)
{
	if (slice_ieq(name, SLICE("\\Recent")))
		return true;
	for (size_t i = 0; i < sizeof system_flags / sizeof *system_flags; i++)
		if (slice_ieq(name, slice_str(system_flags[i].name))) {
			f->system |= system_flags[i].bit;
			return true;
		}
	return scan_fail(a, "no such system flag");
}

static bool
flag(struct scan *a, struct flag_names *f)
{
	const char *start = a->rest.p;
	struct slice name;
	bool is_system = scan_is(a, '\\');

	if (!scan_atom(a, &name))
		return scan_fail(a, "expected a flag");
	if (is_system)
		return flag_system(a, f, slice_of(start, name.n + 1));
	if (f->n == FLAGS_SAID_MAX)
		return scan_fail(a, "too many flags");
	f->keywords[f->n++] = name;
	return true;
}

bool
scan_flags(struct scan *a, bool parens, struct flag_names *f)
{
	bool inside = scan_is(a, '(');

	*f = (struct flag_names){ .keywords = arena_array(a->arena,
	    FLAGS_SAID_MAX, sizeof *f->keywords) };
	if (!inside && parens)
		return scan_fail(a, "expected flags in parentheses");
	if (inside && scan_is(a, ')'))
		return true;
	do {
		if (!flag(a, f))
			return false;
	} while (scan_is(a, ' '));
	return !inside || scan_char(a, ')');
}
