/* ENVELOPE and BODYSTRUCTURE from digests (RFC 9051 7.5.2 and 9). */
#include <check.h>

#include "imapd/structure.h"
#include "tests/unit/suite.h"

static void
digest_of(struct digest *d, struct buf *bytes, const char *text)
{
	buf_clear(bytes);
	digest_make(bytes, slice_str(text));
	ck_assert_int_eq(digest_open(d, buf_view(bytes), 0), DIGEST_OK);
}

START_TEST(envelopes)
{
	static const struct { const char *text, *want; } rows[] = {
		{ "\r\n", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)" },
		{ "Subject: \"a\\\"\r\n\r\n", "(NIL \"\\\"a\\\\\\\"\" NIL NIL NIL "
		    "NIL NIL NIL NIL NIL)" },
		{ "From: Ann <ann@x>\r\nDate: d\r\nIn-Reply-To: i\r\n"
		    "Message-ID: m\r\n\r\n", "(\"d\" NIL "
		    "((\"Ann\" NIL \"ann\" \"x\")) ((\"Ann\" NIL \"ann\" \"x\")) "
		    "((\"Ann\" NIL \"ann\" \"x\")) NIL NIL NIL \"i\" \"m\")" },
		{ "To: g: a@x, b@y;\r\n\r\n", "(NIL NIL NIL NIL NIL "
		    "((NIL NIL \"g\" NIL)(NIL NIL \"a\" \"x\")"
		    "(NIL NIL \"b\" \"y\")(NIL NIL NIL NIL)) NIL NIL NIL NIL)" },
		/* NIL as host would make a group of it. */
		{ "Cc: ann\r\n\r\n", "(NIL NIL NIL NIL NIL NIL "
		    "((NIL NIL \"ann\" \"\")) NIL NIL NIL)" },
		{ "Subject: \xff\r\n\r\n", "(NIL {1}\r\n\xff NIL NIL NIL NIL NIL "
		    "NIL NIL NIL)" },
	};
	struct buf bytes = { 0 }, out = { 0 };
	struct digest d;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		digest_of(&d, &bytes, rows[i].text);
		buf_clear(&out);
		envelope_print(&out, &d, 0, true);
		ck_assert_str_eq(buf_cstr(&out), rows[i].want);
	}
	buf_free(&bytes);
	buf_free(&out);
}
END_TEST

START_TEST(structures)
{
	static const struct { const char *text, *body, *more; } rows[] = {
		{ "\r\nhi\r\n", "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 4 1",
		    " NIL NIL NIL NIL)" },
		{ "Content-Type: a/b; c=d\r\nContent-ID: i\r\n"
		    "Content-Description: e\r\nContent-Transfer-Encoding: BASE64"
		    "\r\nContent-Disposition: inline; f=g\r\n"
		    "Content-Language: de, en\r\nContent-Location: l\r\n"
		    "Content-MD5: m\r\n\r\nx",
		    "(\"a\" \"b\" (\"c\" \"d\") \"i\" \"e\" \"BASE64\" 1",
		    " \"m\" (\"inline\" (\"f\" \"g\")) (\"de\" \"en\") \"l\")" },
		{ "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n",
		    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		    "\"7bit\" 0 0) \"mixed\"", " (\"boundary\" \"b\") NIL NIL NIL)" },
		{ "Content-Type: message/rfc822\r\n"
		    "Content-Transfer-Encoding: base64\r\n\r\nQQ==\r\n",
		    "(\"message\" \"rfc822\" NIL NIL NIL \"base64\" 6 "
		    "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) "
		    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		    "\"7bit\" 0 0) 1", " NIL NIL NIL NIL)" },
	};
	struct buf bytes = { 0 }, out = { 0 }, want = { 0 };
	struct digest d;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		digest_of(&d, &bytes, rows[i].text);
		buf_clear(&out);
		buf_clear(&want);
		structure_print(&out, &d, false, false);
		buf_printf(&want, "%s)", rows[i].body);
		ck_assert_str_eq(buf_cstr(&out), buf_cstr(&want));
		buf_clear(&out);
		buf_clear(&want);
		structure_print(&out, &d, true, false);
		buf_printf(&want, "%s%s", rows[i].body, rows[i].more);
		ck_assert_str_eq(buf_cstr(&out), buf_cstr(&want));
	}
	buf_free(&bytes);
	buf_free(&out);
	buf_free(&want);
}
END_TEST

/* What a quoted string cannot hold is a literal (RFC 9051 4.3 and 9). */
START_TEST(strings)
{
	static const struct { struct slice s; bool utf8; const char *want; }
	    rows[] = {
		{ { NULL, 0 }, false, "NIL" },
		{ { "", 0 }, false, "\"\"" },
		{ { "a b", 3 }, false, "\"a b\"" },
		{ { "\"\\", 2 }, false, "\"\\\"\\\\\"" },
		{ { "a\r", 2 }, true, "{2}\r\na\r" },
		{ { "a\nb", 3 }, false, "{3}\r\na\nb" },
		{ { "\xc3\xbc", 2 }, false, "{2}\r\n\xc3\xbc" },
		{ { "\xc3\xbc", 2 }, true, "\"\xc3\xbc\"" },
		{ { "\xc3", 1 }, true, "{1}\r\n\xc3" },
		{ { "\xed\xa0\x80", 3 }, true, "{3}\r\n\xed\xa0\x80" },
	};
	struct buf out = { 0 };
	char text[2000];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_clear(&out);
		string_print(&out, rows[i].s, rows[i].utf8);
		ck_assert_str_eq(buf_cstr(&out), rows[i].want);
	}
	memset(text, 'x', sizeof text);
	buf_clear(&out);
	string_print(&out, slice_of(text, sizeof text), true);
	ck_assert(slice_starts(buf_view(&out), SLICE("{2000}\r\n")));
	buf_free(&out);
}
END_TEST

START_TEST(astrings)
{
	static const struct { const char *s, *want; } rows[] = {
		{ "Subject", "Subject" }, { "a]b", "a]b" }, { "", "\"\"" },
		{ "NIL", "\"NIL\"" }, { "a b", "\"a b\"" }, { "a(", "\"a(\"" },
		{ "50%", "\"50%\"" }, { "\x80", "{1}\r\n\x80" },
	};
	struct buf out = { 0 };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_clear(&out);
		astring_print(&out, slice_str(rows[i].s));
		ck_assert_str_eq(buf_cstr(&out), rows[i].want);
	}
	buf_free(&out);
}
END_TEST

/* A message of the deepest nesting and of the most parts is said in full, and
   what is said stays within a few times what the digest has (PARSE-4). */
START_TEST(large)
{
	struct buf text = { 0 }, bytes = { 0 }, out = { 0 };
	struct digest d;

	for (int i = 0; i < 150; i++)
		buf_printf(&text, "Content-Type: multipart/mixed; boundary=b%d"
		    "\r\n\r\n--b%d\r\n", i, i);
	digest_of(&d, &bytes, buf_cstr(&text));
	structure_print(&out, &d, true, false);
	ck_assert_uint_gt(d.n_parts, MIME_DEPTH_MAX);
	ck_assert_uint_le(out.n, 200 * d.n_parts);
	buf_clear(&text);
	buf_clear(&out);
	buf_str(&text, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 1000; i++)
		buf_str(&text, "--b\r\n\r\n");
	digest_of(&d, &bytes, buf_cstr(&text));
	structure_print(&out, &d, true, false);
	ck_assert_uint_eq(d.n_parts, 1001);
	ck_assert_uint_le(out.n, 100 * d.n_parts);
	buf_free(&text);
	buf_free(&bytes);
	buf_free(&out);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { envelopes, structures, strings, astrings,
		large };
	Suite *s = suite_create("structure");
	TCase *t = tcase_create("structure");

	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	return suite_end(s);
}
