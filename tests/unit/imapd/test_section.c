/* The words in the brackets of BODY[...] and BINARY[...] (RFC 9051 9, section;
   RFC 3516 7, section-binary). */
#include <check.h>

#include "imapd/fetch.h"
#include "tests/unit/suite.h"

static struct arena arena;

static bool
scans(const char *text, bool binary, bool partial, struct section *c)
{
	struct scan a = { .rest = slice_str(text), .arena = &arena };

	return section_scan(&a, c, binary, partial) && scan_at_end(&a);
}

START_TEST(good)
{
	static const struct {
		const char *text;
		size_t n_path;
		enum section_text what;
		size_t n_fields;
	} rows[] = {
		{ "[]", 0, SECTION_ALL, 0 },
		{ "[1]", 1, SECTION_ALL, 0 },
		{ "[1.20.300]", 3, SECTION_ALL, 0 },
		{ "[header]", 0, SECTION_HEADER, 0 },
		{ "[1.HEADER]", 1, SECTION_HEADER, 0 },
		{ "[4.2.MIME]", 2, SECTION_MIME, 0 },
		{ "[TEXT]", 0, SECTION_TEXT, 0 },
		{ "[HEADER.FIELDS (a)]", 0, SECTION_FIELDS, 1 },
		{ "[2.HEADER.FIELDS.NOT (a \"b c\" {1}\r\nd)]", 1,
		    SECTION_FIELDS_NOT, 3 },
		{ "[]<0.1>", 0, SECTION_ALL, 0 },
		{ "[1]<4294967295.4294967295>", 1, SECTION_ALL, 0 },
		/* RFC 9051 9, partial: 63 bits. */
		{ "[1]<4294967296.9223372036854775807>", 1, SECTION_ALL, 0 },
	};
	struct section c;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		ck_assert_msg(scans(rows[i].text, false, true, &c), "%s",
		    rows[i].text);
		ck_assert_uint_eq(c.n_path, rows[i].n_path);
		ck_assert_int_eq(c.text, rows[i].what);
		ck_assert_uint_eq(c.n_fields, rows[i].n_fields);
		arena_free(&arena);
	}
	ck_assert(scans("[1.2]<3.4>", true, true, &c));
	ck_assert(c.partial && c.offset == 3 && c.length == 4);
	ck_assert(c.path[0] == 1 && c.path[1] == 2);
	arena_free(&arena);
}
END_TEST

START_TEST(bad)
{
	static const char *const rows[] = { "", "[", "]", "[0]", "[1.0]", "[01.]",
		"[1.]", "[.1]", "[1..2]", "[1HEADER]", "[1TEXT]", "[MIME]",
		"[TEXT.1]", "[HEADER.FIELDS]", "[HEADER.FIELDS ()]",
		"[HEADER.FIELDS (a]", "[HEADER.FIELDSX (a)]", "[TEXTS]",
		"[4294967296]", "[]<>", "[]<1>", "[]<1.>", "[]<.1>", "[]<1.0>",
		"[]<1.1", "[]<9223372036854775808.1>",
		"[]<1.9223372036854775808>", "[ 1]", "[-1]" };
	struct section c;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		ck_assert_msg(!scans(rows[i], false, true, &c), "%s", rows[i]);
		arena_free(&arena);
	}
	ck_assert(!scans("[TEXT]", true, true, &c));
	ck_assert(!scans("[1.MIME]", true, true, &c));
	ck_assert(!scans("[1]<0.1>", true, false, &c));
	arena_free(&arena);
}
END_TEST

/* Nesting and names are bounded (PARSE-5). */
START_TEST(limits)
{
	struct buf b = { 0 };
	struct section c;

	for (int more = 0; more <= 1; more++) {
		buf_clear(&b);
		buf_str(&b, "[1");
		for (int i = 1; i < PATH_MAX_PARTS + more; i++)
			buf_str(&b, ".1");
		buf_char(&b, ']');
		ck_assert(scans(buf_cstr(&b), false, false, &c) == !more);
		buf_clear(&b);
		buf_str(&b, "[HEADER.FIELDS (a");
		for (int i = 1; i < FIELDS_MAX + more; i++)
			buf_str(&b, " a");
		buf_str(&b, ")]");
		ck_assert(scans(buf_cstr(&b), false, false, &c) == !more);
		arena_free(&arena);
	}
	buf_free(&b);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { good, bad, limits };
	Suite *s = suite_create("section");
	TCase *t = tcase_create("section");

	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	return suite_end(s);
}
