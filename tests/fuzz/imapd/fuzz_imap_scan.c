/*
 * The grammar of command arguments: whatever was typed, each function stays
 * inside it, takes no more than it says, latches why it failed, and gives what
 * its header promises (RFC 9051 9).
 *
 * The first octet chooses the function, the second UTF-8 names.
 */
#include "common/core/utf8.h"
#include "imapd/fetch.h"
#include "tests/session.h"	/* what imapd is linked with here */

int	LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static volatile char sink;

static void
touch(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		sink = s.p[i];
}

static bool
one_slice(struct scan *a, unsigned which)
{
	static bool (*const fns[])(struct scan *, struct slice *) = {
		scan_atom, scan_tag, scan_word, scan_string, scan_astring,
		scan_nstring, scan_mailbox, scan_pattern };
	struct slice s = { NULL, 0 };
	size_t n;

	if (!fns[which](a, &s))
		return false;
	touch(s);
	/* A tag, an atom and a word are never empty. */
	CHECK(which > 2 || s.n > 0);
	for (; which > 5 && s.n > 0; s = slice_drop(s, n))
		CHECK((n = utf8_next(s)) > 0);
	return true;
}

static bool
seqset(struct scan *a)
{
	struct seqset set;

	if (!scan_seqset(a, &set))
		return false;
	CHECK(set.saved == (set.n == 0) && set.n <= SEQSET_MAX);
	for (size_t i = 0; i < set.n; i++) {
		CHECK(set.r[i].from > 0 && set.r[i].from <= set.r[i].to);
		CHECK(i == 0 || set.r[i - 1].from <= set.r[i].from);
	}
	return true;
}

static bool
flags(struct scan *a, bool parens)
{
	struct flag_names f;

	if (!scan_flags(a, parens, &f))
		return false;
	for (size_t i = 0; i < f.n; i++) {
		CHECK(f.keywords[i].n > 0);
		touch(f.keywords[i]);
	}
	return true;
}

static bool
section(struct scan *a, bool binary)
{
	struct section c;

	if (!section_scan(a, &c, binary, true))
		return false;
	CHECK(c.n_path <= PATH_MAX_PARTS && c.n_fields <= FIELDS_MAX);
	CHECK(!c.partial || c.length > 0);
	for (size_t i = 0; i < c.n_path; i++)
		CHECK(c.path[i] > 0);
	for (size_t i = 0; i < c.n_fields; i++)
		touch(c.fields[i]);
	return true;
}

static bool
number(struct scan *a, unsigned which)
{
	uint64_t wide;
	uint32_t n = 1;
	int64_t when;
	bool good = which == 0 ? scan_number(a, &n) : which == 1 ?
	    scan_nz_number(a, &n) : which == 2 ? scan_number64(a, &wide) :
	    which == 3 ? scan_date_time(a, &when) : scan_date(a, &when);

	CHECK(!good || which != 1 || n > 0);
	return good;
}

static bool
obey(struct scan *a, unsigned which)
{
	switch (which) {
	case 0: case 1: case 2: case 3: case 4: case 5: case 6: case 7:
		return one_slice(a, which);
	case 8: return seqset(a);
	case 9: return flags(a, true);
	case 10: return flags(a, false);
	case 11: return section(a, false);
	case 12: return section(a, true);
	default: return number(a, which - 13);
	}
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena arena = { 0 };
	struct scan a = { .arena = &arena };
	const char *end = (const char *)data + n;
	bool good;

	if (n < 2)
		return 0;
	a.utf8 = (data[1] & 1) != 0;
	a.rest = slice_of((const char *)data + 2, n - 2);
	good = obey(&a, data[0] % 18);
	CHECK(good == (a.why == NULL));
	CHECK(a.rest.p + a.rest.n == end);
	/* What failed once says no to everything. */
	if (!good)
		for (unsigned which = 0; which < 18; which++)
			CHECK(!obey(&a, which));
	arena_free(&arena);
	return 0;
}
