/* Names of mailboxes: modified UTF-7 (RFC 3501 5.1.3), INBOX, patterns. */
#include <check.h>
#include <stdlib.h>

#include "imapd/name.h"
#include "tests/unit/suite.h"

static struct arena arena;

static const struct { const char *utf7, *utf8; } pairs[] = {
	{ "plain", "plain" },
	{ "a&-b", "a&b" },
	{ "~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語" },
	{ "Entw&APw-rfe", "Entwürfe" },
	{ "&2D3eAA-", "😀" },
	{ "&AOkA6Q-", "éé" },
};

/* RFC 3501 5.1.3: both ways. */
START_TEST(utf7)
{
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct buf b = { 0 };
		struct slice s = name_decode(&arena, slice_str(pairs[i].utf7),
		    false);

		ck_assert_msg(slice_eq(s, slice_str(pairs[i].utf8)), "%s",
		    pairs[i].utf7);
		name_print(&b, s, false);
		ck_assert_str_eq(buf_cstr(&b), pairs[i].utf7);
		buf_free(&b);
	}
}
END_TEST

/* One name has one spelling, or access rules could be walked around. */
START_TEST(only_one_spelling)
{
	for (const char *const *bad = (const char *const[]){ "&", "a&", "&AGE-",
	    "&Jjo!", "&U,BTFw-&ZeVnLIqe-", "&2D0-", "&3gA-", "&AOl-x&",
	    "&AOk", "&AOkA-", NULL }; *bad != NULL; bad++)
		ck_assert_msg(name_decode(&arena, slice_str(*bad),
		    false).p == NULL, "%s", *bad);
	ck_assert_ptr_null(name_decode(&arena, SLICE("\xff"), true).p);
	ck_assert_ptr_null(name_decode(&arena, SLICE("\xc0\x80"), true).p);
}
END_TEST

/* RFC 9051 5.1: INBOX in any case, below it too; nothing else. */
START_TEST(inbox)
{
	struct slice s = name_decode(&arena, SLICE("inBox"), false);

	ck_assert(slice_eq(s, SLICE("INBOX")));
	s = name_decode(&arena, SLICE("Inbox/lists"), true);
	ck_assert(slice_eq(s, SLICE("INBOX/lists")));
	s = name_decode(&arena, SLICE("inboxes"), true);
	ck_assert(slice_eq(s, SLICE("inboxes")));
}
END_TEST

START_TEST(printed)
{
	static const struct { const char *name, *shown; } rows[] = {
		{ "a b", "\"a b\"" }, { "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "NIL", "\"NIL\"" }, { "", "\"\"" }, { "100%", "\"100%\"" },
		{ "ü", "\"ü\"" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = { 0 };

		name_print(&b, slice_str(rows[i].name), true);
		ck_assert_str_eq(buf_cstr(&b), rows[i].shown);
		buf_free(&b);
	}
}
END_TEST

START_TEST(patterns)
{
	static const struct { const char *pattern, *name; bool yes; } rows[] = {
		{ "*", "a/b/c", true }, { "%", "a", true },
		{ "%", "a/b", false }, { "a/%", "a/b", true },
		{ "a/%", "a/b/c", false }, { "a/%/c", "a/b/c", true },
		{ "a*", "a/b/c", true }, { "*c", "a/b/c", true },
		{ "%c", "a/b/c", false }, { "*%", "a/b", true },
		{ "%*", "a/b", true }, { "a%b*c", "axbycxc", true },
		{ "%b", "aab", true }, { "%/b", "a/a/b", false },
		{ "*/%/b", "a/a/b", true }, { "", "", true },
		{ "", "a", false }, { "a", "", false }, { "%%%", "abc", true },
		{ "*a*b%c", "xaxb/bxc", true }, { "*a%c", "aa/ac", true },
		{ "INBOX", "INBOX", true }, { "a%", "a", true },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ck_assert_msg(name_matches(slice_str(rows[i].pattern),
		    slice_str(rows[i].name)) == rows[i].yes, "%s %s",
		    rows[i].pattern, rows[i].name);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("name");
	TCase *t = tcase_create("all");
	int failed;

	tcase_add_test(t, utf7);
	tcase_add_test(t, only_one_spelling);
	tcase_add_test(t, inbox);
	tcase_add_test(t, printed);
	tcase_add_test(t, patterns);
	suite_add_tcase(s, t);
	failed = suite_end(s);
	arena_free(&arena);
	return failed;
}
