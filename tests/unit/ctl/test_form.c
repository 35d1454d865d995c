/* Values as text: what a stranger wrote can neither break JSON nor move a
   terminal's cursor, and sizes and times read well (RFC 8259, CLI-2). */
#include "ctl/form.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/suite.h"

static void
ck_form(void (*form)(struct buf *, struct slice), struct slice in,
    const char *want)
{
	struct buf b = { 0 };

	form(&b, in);
	ck_assert_str_eq(buf_cstr(&b), want);
	buf_free(&b);
}

static void
ck_amount(void (*form)(struct buf *, uint64_t), uint64_t n, const char *want)
{
	struct buf b = { 0 };

	form(&b, n);
	ck_assert_str_eq(buf_cstr(&b), want);
	buf_free(&b);
}

/* RFC 8259 7: quotation mark, reverse solidus and C0 must be escaped. */
START_TEST(json_strings_are_always_json)
{
	static const struct { struct slice in; const char *out; } rows[] = {
		{ SLICE(""), "\"\"" },
		{ SLICE("ann@example.org"), "\"ann@example.org\"" },
		{ SLICE("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"" },
		{ SLICE("\0\n\r\t\x1b[2J"),
		    "\"\\u0000\\u000A\\u000D\\u0009\\u001B[2J\"" },
		{ SLICE("\x7f"), "\"\\u007F\"" },
		{ SLICE("\xc2\x9b""2J"), "\"\\u009B2J\"" },
		{ SLICE("m\xc3\xbcller"), "\"m\xc3\xbcller\"" },
		{ SLICE("\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\"" },
	};

	ck_form(form_json, rows[_i].in, rows[_i].out);
}
END_TEST

/* RFC 8259 8.1: the text is UTF-8 whatever came; RFC 3629 says what is not. */
START_TEST(json_mends_what_is_not_utf8)
{
	static const struct { struct slice in; const char *out; } rows[] = {
		{ SLICE("\xff"), "\"\xef\xbf\xbd\"" },
		{ SLICE("m\xfcller"), "\"m\xef\xbf\xbdller\"" },
		{ SLICE("\xc3"), "\"\xef\xbf\xbd\"" },
		{ SLICE("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ SLICE("\xed\xa0\x80"),	/* a surrogate */
		    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ SLICE("\x80\""), "\"\xef\xbf\xbd\\\"\"" },
	};

	ck_form(form_json, rows[_i].in, rows[_i].out);
}
END_TEST

START_TEST(printable_text_is_one_line_and_unambiguous)
{
	static const struct { struct slice in; const char *out; } rows[] = {
		{ SLICE("plain text"), "plain text" },
		{ SLICE("a\tb\nc"), "a\\x09b\\x0Ac" },
		{ SLICE("\x1b]0;title\x07"), "\\x1B]0;title\\x07" },
		{ SLICE("\\x1B"), "\\\\x1B" },
		{ SLICE("\xc2\x9b""1m"), "\\xC2\\x9B1m" },
		{ SLICE("\xe9t\xc3\xa9"), "\\xE9t\xc3\xa9" },
	};

	ck_form(form_printable, rows[_i].in, rows[_i].out);
}
END_TEST

START_TEST(sizes_are_rounded_down)
{
	static const struct { uint64_t in; const char *out; } rows[] = {
		{ 0, "0 B" }, { 1, "1 B" }, { 1023, "1023 B" },
		{ 1024, "1 KB" }, { 1536, "1.5 KB" }, { 1023 * 10, "9.9 KB" },
		{ 10240 + 512, "10 KB" }, { 1024 * 1024 - 1, "1023 KB" },
		{ UINT64_C(2) << 30, "2 GB" }, { UINT64_C(5) << 38, "1.2 TB" },
		{ UINT64_MAX, "15 EB" },
	};

	ck_amount(form_size, rows[_i].in, rows[_i].out);
}
END_TEST

START_TEST(spans_have_at_most_two_units)
{
	static const struct { uint64_t in; const char *out; } rows[] = {
		{ 0, "0 ms" }, { 999, "999 ms" }, { 1999, "1 s" },
		{ 60000, "1 min" }, { 61000, "1 min 1 s" },
		{ 3600000, "1 h" }, { 3659999, "1 h" },
		{ 2 * 3600000 + 1800000, "2 h 30 min" },
		{ UINT64_C(86400000) * 400 + 3600000, "400 d 1 h" },
	};

	ck_amount(form_span, rows[_i].in, rows[_i].out);
}
END_TEST

START_TEST(times_are_local_to_the_second)
{
	setenv("TZ", "UTC", 1);
	ck_amount(form_time, UINT64_C(1795432974997), "2026-11-23 11:22:54");
}
END_TEST

START_TEST(a_character_is_one_wide)
{
	ck_assert_uint_eq(form_width(SLICE("")), 0);
	ck_assert_uint_eq(form_width(SLICE("abc")), 3);
	ck_assert_uint_eq(form_width(SLICE("m\xc3\xbcller")), 6);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("form");
	TCase *t = tcase_create("form");

	tcase_add_loop_test(t, json_strings_are_always_json, 0, 8);
	tcase_add_loop_test(t, json_mends_what_is_not_utf8, 0, 6);
	tcase_add_loop_test(t, printable_text_is_one_line_and_unambiguous, 0,
	    6);
	tcase_add_loop_test(t, sizes_are_rounded_down, 0, 11);
	tcase_add_loop_test(t, spans_have_at_most_two_units, 0, 9);
	tcase_add_test(t, times_are_local_to_the_second);
	tcase_add_test(t, a_character_is_one_wide);
	suite_add_tcase(s, t);
	return suite_end(s);
}
