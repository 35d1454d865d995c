/* Files of records are read record by record (RFC 1035 5.1). */
#include "resolver/zone.h"

#include <check.h>
#include <string.h>

#include "tests/unit/suite.h"

static const struct {
	const char	*text;
	enum zone_line	 kind[3];	/* ZONE_END ends them */
	const char	*record[3];
	unsigned	 line[3];
} cases[] = {
	{ "", { 0 }, { 0 }, { 0 } },
	{ "\n\n ; nothing\n\t\n", { 0 }, { 0 }, { 0 } },
	{ "a. IN A 192.0.2.1", { ZONE_RECORD }, { "a. IN A 192.0.2.1" },
	    { 1 } },
	{ "; one\na.\tIN  A\t192.0.2.1 ; two\r\n\nb. MX 1 a.\n",
	    { ZONE_RECORD, ZONE_RECORD },
	    { "a. IN A 192.0.2.1", "b. MX 1 a." }, { 2, 4 } },
	{ ". IN DNSKEY (\n 257 3 8 ; (\n AQ== )\n", { ZONE_RECORD },
	    { ". IN DNSKEY 257 3 8 AQ==" }, { 1 } },
	{ "a. TXT \"x;( y\\\"\" ; no\n", { ZONE_RECORD },
	    { "a. TXT \"x;( y\\\"\"" }, { 1 } },
	{ "a\\;b. A 192.0.2.1\n", { ZONE_RECORD }, { "a\\;b. A 192.0.2.1" },
	    { 1 } },
	{ "$ORIGIN example.org.\n$origin  org ; all\n",
	    { ZONE_ORIGIN, ZONE_ORIGIN }, { "example.org.", "org" },
	    { 1, 2 } },
	{ "$INCLUDE /etc/passwd\na. A 192.0.2.1\n",
	    { ZONE_WRONG, ZONE_RECORD }, { NULL, "a. A 192.0.2.1" },
	    { 1, 2 } },
	{ "$ORIGIN\n", { ZONE_WRONG }, { NULL }, { 1 } },
	{ "$ORIGIN a b\n", { ZONE_WRONG }, { NULL }, { 1 } },
	{ "a. MX 1 b. )\n", { ZONE_WRONG }, { NULL }, { 1 } },
	{ "a. ( MX\n1 b.\n", { ZONE_WRONG }, { NULL }, { 1 } },
	{ "a. TXT \"x\nb. A 192.0.2.1\n", { ZONE_WRONG, ZONE_RECORD },
	    { NULL, "b. A 192.0.2.1" }, { 1, 2 } },
	{ "a. A 192.0.2.1\001\n", { ZONE_WRONG }, { NULL }, { 1 } },
};

START_TEST(each_file)
{
	struct zone_reader z = { .rest = slice_str(cases[_i].text) };

	for (unsigned i = 0; i < 3 && cases[_i].kind[i] != ZONE_END; i++) {
		ck_assert_int_eq(zone_next(&z), cases[_i].kind[i]);
		ck_assert_uint_eq(z.line, cases[_i].line[i]);
		if (cases[_i].record[i] != NULL)
			ck_assert_str_eq(z.text.p, cases[_i].record[i]);
	}
	ck_assert_int_eq(zone_next(&z), ZONE_END);
	zone_free(&z);
}
END_TEST

START_TEST(a_record_has_an_end)
{
	struct zone_reader z = { 0 };
	struct buf text = { 0 };

	buf_str(&text, "a. TXT (");
	for (unsigned i = 0; i < ZONE_LINE_MAX; i++)
		buf_str(&text, " x\n");
	z.rest = buf_view(&text);
	ck_assert_int_eq(zone_next(&z), ZONE_WRONG);
	ck_assert_uint_le(z.text.n, ZONE_LINE_MAX + 3);
	zone_free(&z);
	buf_free(&text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("zone");
	TCase *c = tcase_create("zone");

	tcase_add_loop_test(c, each_file, 0, sizeof cases / sizeof *cases);
	tcase_add_test(c, a_record_has_an_end);
	suite_add_tcase(s, c);
	return suite_end(s);
}
