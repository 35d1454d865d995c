/*
 * Names of mailboxes: what is decoded is UTF-8, is printed as a string of the
 * grammar, and is the same name when that is read again; a pattern matches as
 * a slow and simple reading of RFC 9051 6.3.9 says (RFC 3501 5.1.3).
 *
 * The first octet says UTF-8 or not; then a name, and behind a NUL a pattern.
 */
#include "common/core/utf8.h"
#include "imapd/name.h"
#include "imapd/scan.h"
#include "tests/session.h"	/* what imapd is linked with here */

int	LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static void
check_utf8(struct slice s)
{
	size_t n;

	for (; s.n > 0; s = slice_drop(s, n))
		CHECK((n = utf8_next(s)) > 0);
}

/* Names with line ends and the like store refuses. */
static bool
is_printable(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

static void
round_trip(struct arena *arena, struct slice name)
{
	for (int utf8 = 0; utf8 <= 1; utf8++) {
		struct buf out = { 0 };
		struct scan a = { .arena = arena, .utf8 = utf8 };
		struct slice again = { NULL, 0 };

		name_print(&out, name, utf8);
		a.rest = buf_view(&out);
		CHECK(scan_mailbox(&a, &again) && scan_at_end(&a));
		CHECK(slice_eq(again, name));
		CHECK(out.n <= 6 * name.n + 10);
		buf_free(&out);
	}
}

/* reach[i]: the first i octets of the name match the pattern so far. */
static bool
slowly_matches(struct slice pattern, struct slice name)
{
	bool reach[300] = { true }, next[300];

	for (size_t p = 0; p < pattern.n; p++) {
		char c = pattern.p[p];
		bool any = c == '*' || c == '%', open = false;

		for (size_t i = 0; i <= name.n; i++) {
			if (any) {
				open = open || reach[i];
				next[i] = open;
				if (c == '%' && i < name.n &&
				    name.p[i] == '/')
					open = false;
			} else
				next[i] = i > 0 && reach[i - 1] &&
				    name.p[i - 1] == c;
		}
		for (size_t i = 0; i <= name.n; i++)
			reach[i] = next[i];
	}
	return reach[name.n];
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena arena = { 0 };
	struct slice said, name, pattern;

	if (n < 1)
		return 0;
	pattern = slice_of((const char *)data + 1, n - 1);
	said = slice_cut(&pattern, '\0');
	name = name_decode(&arena, said, (data[0] & 1) != 0);
	if (name.p != NULL) {
		check_utf8(name);
		if (is_printable(name))
			round_trip(&arena, name);
		if (name.n < 300 && pattern.n < 300)
			CHECK(name_matches(pattern, name) ==
			    slowly_matches(pattern, name));
	}
	arena_free(&arena);
	return 0;
}
