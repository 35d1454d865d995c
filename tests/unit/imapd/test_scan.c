/* The grammar of IMAP's arguments, RFC 9051 9. */
#include <check.h>
#include <stdlib.h>

#include "common/core/terms.h"
#include "imapd/scan.h"
#include "tests/unit/suite.h"

static struct arena arena;

static struct scan
of(const char *text)
{
	arena_reset(&arena);
	return (struct scan){ .rest = slice_str(text), .arena = &arena };
}

static void
is(struct slice s, const char *text)
{
	ck_assert_msg(slice_eq(s, slice_str(text)), "\"%.*s\" is not \"%s\"",
	    (int)s.n, s.p, text);
}

/* Strings of all three kinds, and what ends them. */
START_TEST(strings)
{
	static const struct { const char *said, *means, *rest; } good[] = {
		{ "abc def", "abc", " def" },
		{ "a]b", "a]b", "" },
		{ "\"a b\"x", "a b", "x" },
		{ "\"\"", "", "" },
		{ "\"a\\\\b\\\"c\"", "a\\b\"c", "" },
		{ "{3}\r\nabcd", "abc", "d" },
		{ "{3+}\r\na\r\n", "a\r\n", "" },
		{ "{0}\r\n x", "", " x" },
		{ "NIL", "NIL", "" },
	};
	static const char *const bad[] = { "", " a", "(", "\"abc", "\"a\\bc\"",
		"\"a\r\nb\"", "{3}abc", "{4}\r\nabc", "{}\r\n", "{3", "{-1}\r\n",
		"{9999999999999999999}\r\nx", "%", "{3}\r\n" };

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct scan a = of(good[i].said);
		struct slice s;

		ck_assert_msg(scan_astring(&a, &s), "%s", good[i].said);
		is(s, good[i].means);
		is(a.rest, good[i].rest);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct scan a = of(bad[i]);
		struct slice s;

		ck_assert_msg(!scan_astring(&a, &s), "%s", bad[i]);
		ck_assert_ptr_nonnull(a.why);
	}
}
END_TEST

/* NIL is no string, but it is an nstring; "NIL" is. */
START_TEST(nil)
{
	struct scan a = of("NIL \"NIL\"");
	struct slice s;

	ck_assert(scan_nstring(&a, &s) && s.p == NULL);
	ck_assert(scan_space(&a) && scan_nstring(&a, &s));
	is(s, "NIL");
	a = of("NILS");
	ck_assert(!scan_nstring(&a, &s));
}
END_TEST

/* Once something was not there, nothing is, and the first reason stays. */
START_TEST(latch)
{
	struct scan a = of("12 abc");
	struct slice s;
	uint32_t n;

	ck_assert(scan_number(&a, &n) && n == 12);
	ck_assert(!scan_char(&a, '('));
	ck_assert_str_eq(a.why, "expected (");
	ck_assert(!scan_space(&a) && !scan_atom(&a, &s) && !scan_end(&a) &&
	    !scan_is(&a, ' '));
	ck_assert_str_eq(a.why, "expected (");
}
END_TEST

START_TEST(numbers)
{
	uint64_t n64;
	uint32_t n;
	struct scan a = of("4294967295");

	ck_assert(scan_number(&a, &n) && n == UINT32_MAX);
	a = of("4294967296");
	ck_assert(!scan_number(&a, &n));
	a = of("0");
	ck_assert(!scan_nz_number(&a, &n));
	a = of("9223372036854775807");
	ck_assert(scan_number64(&a, &n64) && n64 == INT64_MAX);
	a = of("9223372036854775808");
	ck_assert(!scan_number64(&a, &n64));
}
END_TEST

/* "*" is the greatest there is, in any place; order means nothing. */
START_TEST(sets)
{
	struct scan a = of("7,3:1,*,5:*,*:9");
	struct seqset set;

	ck_assert(scan_seqset(&a, &set) && scan_end(&a));
	ck_assert_uint_eq(set.n, 5);
	ck_assert_uint_eq(set.r[0].from, 1);
	ck_assert_uint_eq(set.r[0].to, 3);
	ck_assert_uint_eq(set.r[1].from, 5);
	ck_assert_uint_eq(set.r[1].to, UINT32_MAX);
	ck_assert_uint_eq(set.r[2].from, 7);
	ck_assert_uint_eq(set.r[2].to, 7);
	ck_assert_uint_eq(set.r[3].from, 9);
	ck_assert_uint_eq(set.r[4].from, UINT32_MAX);
	a = of("$");
	ck_assert(scan_seqset(&a, &set) && set.saved);
	for (const char *const *bad = (const char *const[]){ "0", "1:0", "1,",
	    ",1", "1:", "a", "", "1:2:3,", "4294967296", "$1", NULL };
	    *bad != NULL; bad++) {
		a = of(*bad);
		ck_assert_msg(!scan_seqset(&a, &set) || !scan_end(&a), "%s",
		    *bad);
	}
}
END_TEST

START_TEST(flags)
{
	struct scan a = of("(\\seen $Junk \\Deleted foo)");
	struct flag_names f;

	ck_assert(scan_flags(&a, true, &f) && scan_end(&a));
	ck_assert_uint_eq(f.system, FLAG_SEEN | FLAG_DELETED);
	ck_assert_uint_eq(f.n, 2);
	is(f.keywords[0], "$Junk");
	is(f.keywords[1], "foo");
	a = of("()");
	ck_assert(scan_flags(&a, true, &f) && f.system == 0 && f.n == 0);
	a = of("\\Flagged bar");
	ck_assert(scan_flags(&a, false, &f) && f.n == 1);
	a = of("\\Flagged");
	ck_assert(!scan_flags(&a, true, &f));
	a = of("(\\Unknown)");
	ck_assert(!scan_flags(&a, true, &f));
	a = of("(a");
	ck_assert(!scan_flags(&a, true, &f));
	a = of("(a  b)");
	ck_assert(!scan_flags(&a, true, &f));
}
END_TEST

START_TEST(dates)
{
	int64_t t;
	struct scan a = of("1-Feb-1994");

	ck_assert(scan_date(&a, &t) && t == 8797);
	a = of("\"29-feb-2024\" x");
	ck_assert(scan_date(&a, &t) && t == 19782);
	a = of("29-Feb-2023");
	ck_assert(!scan_date(&a, &t));
	a = of("\"17-Jul-1996 02:44:25 -0700\"");
	ck_assert(scan_date_time(&a, &t) && t == 837596665);
	a = of("\" 7-Jul-1996 02:44:25 +0000\"");
	ck_assert(scan_date_time(&a, &t));
	for (const char *const *bad = (const char *const[]){ "\"\"",
	    "\"17-Jul-1996 24:44:25 -0700\"", "\"17-Jul-1996 02:44:25\"",
	    "\"17-Jux-1996 02:44:25 -0700\"", "17-Jul-1996",
	    "\"17-Jul-1996 02:44:25 -0760\"", NULL }; *bad != NULL; bad++) {
		a = of(*bad);
		ck_assert_msg(!scan_date_time(&a, &t), "%s", *bad);
	}
}
END_TEST

/* A word ends where its letters end. */
START_TEST(words)
{
	struct scan a = of("body.peek[] BODYS");

	ck_assert(!scan_is_word(&a, "BODY"));
	ck_assert(scan_is_word(&a, "BODY.PEEK"));
	ck_assert(scan_is(&a, '[') && scan_is(&a, ']') && scan_space(&a));
	ck_assert(!scan_is_word(&a, "BODY") && scan_is_word(&a, "bodys"));
	ck_assert(scan_end(&a));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan");
	TCase *t = tcase_create("all");
	int failed;

	tcase_add_test(t, strings);
	tcase_add_test(t, nil);
	tcase_add_test(t, latch);
	tcase_add_test(t, numbers);
	tcase_add_test(t, sets);
	tcase_add_test(t, flags);
	tcase_add_test(t, dates);
	tcase_add_test(t, words);
	suite_add_tcase(s, t);
	failed = suite_end(s);
	arena_free(&arena);
	return failed;
}
