/* Text as SEARCH compares it: without case (RFC 9051 6.4.4), from any charset
   of charsets.def. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "imapd/text.h"
#include "tests/unit/suite.h"

START_TEST(fold)
{
	static const struct { const char *text, *want; } rows[] = {
		{ "", "" }, { "Hello, World", "hello, world" },
		{ "GRÜSSE", "grüsse" }, { "ÅÉÎØÑ", "åéîøñ" },
		{ "ПРИВЕТ", "привет" }, { "ΑΒΓ", "αβγ" }, { "日本", "日本" },
		{ "\xff\xfe" "A", "\xff\xfe" "a" }, { "\xc3", "\xc3" },
		{ "[\\]@Z", "[\\]@z" },
	};
	struct buf b = { 0 };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_clear(&b);
		text_fold(&b, slice_str(rows[i].text));
		ck_assert_str_eq(buf_cstr(&b), rows[i].want);
	}
	buf_free(&b);
}
END_TEST

/* What text_fold_plain takes it makes what decoding and folding would. */
START_TEST(fold_plain)
{
	static const struct { const char *text; bool plain; } rows[] = {
		{ "", true }, { "Re: Hello, [World]@Z {x}~\t", true },
		{ "a = ?b", true }, { "=", true }, { "?=", true },
		{ "=?us-ascii?q?X?=", false }, { "a=?", false },
		{ "gr\xc3\xbc", false }, { "\xff", false },
	};
	char most[513];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct slice s = slice_str(rows[i].text), got;
		struct buf words = { 0 }, b = { 0 };

		words_decode(&words, s, &text_charsets);
		text_fold(&b, buf_view(&words));
		got = text_fold_plain(s);
		ck_assert_msg((got.p != NULL) == rows[i].plain, "%zu", i);
		ck_assert_msg(got.p == NULL || slice_eq(got, buf_view(&b)),
		    "%zu", i);
		buf_free(&words);
		buf_free(&b);
	}
	memset(most, 'A', sizeof most);
	ck_assert_uint_eq(text_fold_plain(slice_of(most, 512)).n, 512);
	ck_assert(text_fold_plain(slice_of(most, 513)).p == NULL);
}
END_TEST

START_TEST(has)
{
	ck_assert(text_has(SLICE("abc"), SLICE("b")));
	ck_assert(text_has(SLICE("abc"), SLICE("abc")));
	ck_assert(text_has(SLICE(""), SLICE("")));
	ck_assert(text_has(SLICE("abc"), SLICE("")));
	ck_assert(text_has(slice_of(NULL, 0), SLICE("")));
	ck_assert(!text_has(slice_of(NULL, 0), SLICE("a")));
	ck_assert(!text_has(SLICE("abc"), SLICE("abcd")));
	ck_assert(!text_has(SLICE("abc"), SLICE("ac")));
}
END_TEST

/* In a text of any length, wherever it lies. */
START_TEST(search)
{
	enum { SIZE = 300 * 1024, PIECE = 64 * 1024 };
	static const char word[] = "GR\xc3\x9cSSE";
	struct slice what = SLICE("gr\xc3\xbcsse");
	char *text = mem_alloc(SIZE);

	for (size_t at = PIECE - 40; at < PIECE + 40; at++) {
		memset(text, 'g', SIZE);
		memcpy(text + at, word, sizeof word - 1);
		ck_assert_msg(text_search(slice_of(text, SIZE), what), "%zu",
		    at);
		ck_assert(!text_search(slice_of(text, at + 4), what));
	}
	memset(text, 'g', SIZE);
	ck_assert(!text_search(slice_of(text, SIZE), what));
	memcpy(text + SIZE - sizeof word + 1, word, sizeof word - 1);
	ck_assert(text_search(slice_of(text, SIZE), what));
	/* A long one, from a text hardly longer. */
	text[SIZE - 1] = 'b';
	for (size_t i = 0; i < SIZE - 1; i++)
		text[i] = (char)(i % 26 + 'a');
	ck_assert(text_search(slice_of(text, SIZE), slice_of(text + 26 * 100,
	    200 * 1024)));
	ck_assert(!text_search(slice_of(text + 26, SIZE - 26), slice_of(text,
	    SIZE)));
	ck_assert(text_search(SLICE(""), SLICE("")));
	ck_assert(!text_search(SLICE(""), SLICE("a")));
	free(text);
}
END_TEST

START_TEST(charsets)
{
	static const struct { const char *name, *text, *want; } rows[] = {
		{ "us-ascii", "abc", "abc" },
		{ "UTF-8", "\xc3\xbc", "ü" },
		{ "iso-8859-1", "\xfc", "ü" },
		{ "ISO-8859-2", "\xb1", "ą" }, { "latin2", "\xb1", "ą" },
		{ "windows-1251", "\xcf\xf0", "Пр" }, { "CP1251", "\xcf", "П" },
		{ "koi8-r", "\xf0", "П" },
		{ "windows-1258", "a", "a" }, { "windows-1258", "a\xec", "á" },
		{ "gb2312", "\xc4\xe3", "你" }, { "GBK", "\xc4\xe3", "你" },
		{ "Shift_JIS", "\x93\xfa", "日" },
		{ "iso-2022-jp", "\x1b$BF|\x1b(B", "日" },
		{ "big5", "\xa7\x41", "你" }, { "ks_c_5601-1987", "\xb0\xa1",
		    "가" },
		/* What is not what it claims, octet by octet. */
		{ "shift_jis", "a\xff" "b", "a\xef\xbf\xbd" "b" },
	};
	struct buf b = { 0 };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_clear(&b);
		ck_assert_msg(charset_utf8(&text_charsets,
		    slice_str(rows[i].name), slice_str(rows[i].text), &b),
		    "%s", rows[i].name);
		ck_assert_str_eq(buf_cstr(&b), rows[i].want);
	}
	buf_clear(&b);
	ck_assert(!charset_utf8(&text_charsets, SLICE("x-unknown"), SLICE("a"),
	    &b));
	ck_assert(!charset_utf8(&text_charsets, SLICE(""), SLICE("a"), &b));
	ck_assert_uint_eq(b.n, 0);
	buf_free(&b);
}
END_TEST

/* A stateful charset begins afresh each time, and garbage in it ends. */
START_TEST(states)
{
	struct buf b = { 0 };
	char junk[5000];

	for (size_t i = 0; i < sizeof junk; i++)
		junk[i] = (char)(i * 7 % 256);
	for (int i = 0; i < 3; i++) {
		buf_clear(&b);
		charset_utf8(&text_charsets, SLICE("iso-2022-jp"),
		    SLICE("\x1b$BF"), &b);
		buf_clear(&b);
		charset_utf8(&text_charsets, SLICE("iso-2022-jp"),
		    SLICE("plain"), &b);
		ck_assert_str_eq(buf_cstr(&b), "plain");
		buf_clear(&b);
		charset_utf8(&text_charsets, SLICE("utf-16"), slice_of(junk,
		    sizeof junk), &b);
		ck_assert_uint_le(b.n, 4 * sizeof junk);
	}
	buf_free(&b);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { fold, fold_plain, has, search,
		charsets, states };
	Suite *s = suite_create("text");
	TCase *t = tcase_create("text");

	text_load();
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	return suite_end(s);
}
