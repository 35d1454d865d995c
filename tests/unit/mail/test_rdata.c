/* Names lead from text to wire form and back to the same octets, within the
   limits of RFC 1035 2.3.4, and data is read only if it fits exactly. */
#include "common/mail/rdata.h"

#include <string.h>

#include "tests/unit/suite.h"

#define S(lit)	SLICE(lit)

static const char *
shown(const struct dname *d)
{
	static struct buf b;

	buf_clear(&b);
	dname_show(d, &b);
	return buf_cstr(&b);
}

/* A name of n labels of this many octets each. */
static struct slice
long_name(unsigned n, unsigned octets)
{
	static struct buf b;

	buf_clear(&b);
	while (n-- > 0) {
		for (unsigned i = 0; i < octets; i++)
			buf_char(&b, 'x');
		buf_char(&b, '.');
	}
	return buf_view(&b);
}

static const struct {
	struct slice	 text;
	struct slice	 wire;
	const char	*shown;		/* NULL: no such name can exist */
} names[] = {
	{ S("a.bc"), S("\1a\2bc\0"), "a.bc" },
	{ S("a.bc."), S("\1a\2bc\0"), "a.bc" },
	{ S("Mail.EXAMPLE.Org"), S("\4mail\7example\3org\0"),
	    "mail.example.org" },
	{ S("."), S("\0"), "." },
	{ S("localhost"), S("\11localhost\0"), "localhost" },
	{ S("_25._tcp.a-b"), S("\3_25\4_tcp\3a-b\0"), "_25._tcp.a-b" },
	{ S("a\\.b.c"), S("\3a.b\1c\0"), "a\\046b.c" },
	{ S("a\\\\b"), S("\3a\\b\0"), "a\\092b" },
	{ S("a\\000\\010\\255z"), S("\5a\0\n\377z\0"), "a\\000\\010\\255z" },
	{ S("\\065"), S("\1a\0"), "a" },
	{ S("b\xc3\xbc"), S("\3b\xc3\xbc\0"), "b\\195\\188" },
	{ S("a b"), S("\3a b\0"), "a\\032b" },
	{ S(""), S(""), NULL }, { S(".."), S(""), NULL },
	{ S(".a"), S(""), NULL }, { S("a..b"), S(""), NULL },
	{ S("a.."), S(""), NULL }, { S("a\\"), S(""), NULL },
	{ S("a\\25"), S(""), NULL }, { S("a\\256"), S(""), NULL },
	{ S("a\\1x2"), S(""), NULL },
};

START_TEST(a_name_is_read_and_shown)
{
	struct dname d, again;

	ck_assert_int_eq(dname_parse(names[_i].text, &d),
	    names[_i].shown != NULL);
	ck_slice(slice_of(d.wire, d.n), names[_i].wire);
	if (names[_i].shown == NULL)
		return;
	ck_assert_str_eq(shown(&d), names[_i].shown);
	ck_assert(dname_parse(slice_str(names[_i].shown), &again));
	ck_assert(dname_eq(&d, &again));
}
END_TEST

START_TEST(a_name_has_255_octets_and_a_label_63)
{
	struct dname d;

	ck_assert(dname_parse(long_name(1, 63), &d));
	ck_assert(!dname_parse(long_name(1, 64), &d));
	ck_assert(dname_parse(long_name(127, 1), &d));
	ck_assert_uint_eq(d.n, 255);
	ck_assert(!dname_parse(long_name(128, 1), &d));
	ck_assert(dname_parse(long_name(1, 61), &d));
	ck_assert(!dname_parse(long_name(4, 63), &d));
}
END_TEST

START_TEST(a_name_is_cut_off_data)
{
	struct slice data = S("\1A\2bC\0rest");
	struct dname d;

	ck_assert(dname_cut(&data, &d));
	ck_assert_str_eq(shown(&d), "a.bc");
	ck_slice(data, S("rest"));
}
END_TEST

/* Without an end, without room, too long, compressed, reserved. */
static const struct slice bad_wire[] = {
	S(""), S("\1a"), S("\3ab"), S("\100" "a\0"), S("\300\14"),
	S("\200a\0"), S("\1a\300\0"),
};

START_TEST(what_is_no_name_is_refused)
{
	struct slice data = bad_wire[_i];
	struct dname d;

	ck_assert(!dname_cut(&data, &d));
	ck_assert_uint_eq(d.n, 0);
	ck_slice(data, bad_wire[_i]);
}
END_TEST

START_TEST(a_name_on_the_wire_is_at_most_255)
{
	char wire[300] = { 0 };
	struct slice data = slice_of(wire, sizeof wire);
	struct dname d;

	for (unsigned i = 0; i < sizeof wire; i++)
		wire[i] = i % 2 == 0 ? 1 : 'a';
	ck_assert(!dname_cut(&data, &d));
	wire[254] = 0;
	ck_assert(dname_cut(&data, &d));
	ck_assert_uint_eq(d.n, 255);
	wire[254] = 1;
	wire[256] = 0;
	data = slice_of(wire, sizeof wire);
	ck_assert(!dname_cut(&data, &d));
}
END_TEST

START_TEST(an_mx_has_a_preference_and_a_host)
{
	struct mx mx;

	ck_assert(rdata_mx(S("\1\2\4Mail\1x\0"), &mx));
	ck_assert_uint_eq(mx.preference, 258);
	ck_assert_str_eq(shown(&mx.host), "mail.x");
	ck_assert(rdata_mx(S("\377\377\1a\0"), &mx));
	ck_assert_uint_eq(mx.preference, 65535);
	/* RFC 7505 3 */
	ck_assert(rdata_mx(S("\0\0\0"), &mx));
	ck_assert(mx.preference == 0 && dname_is_root(&mx.host));
	ck_assert(!rdata_mx(S("\0\0"), &mx));
	ck_assert(!rdata_mx(S(""), &mx));
	ck_assert(!rdata_mx(S("\0\0\1a"), &mx));
	ck_assert(!rdata_mx(S("\0\0\1a\0x"), &mx));
}
END_TEST

START_TEST(one_name)
{
	struct dname d;

	ck_assert(rdata_name(S("\1a\0"), &d));
	ck_assert(!rdata_name(S("\1a\0\0"), &d));
	ck_assert(!rdata_name(S(""), &d));
}
END_TEST

START_TEST(addresses)
{
	char text[RDATA_ADDRESS_TEXT];

	ck_assert(rdata_address(RR_A, S("\300\0\2\1"), text));
	ck_assert_str_eq(text, "192.0.2.1");
	ck_assert(rdata_address(RR_AAAA, S("\40\1\15\270\0\0\0\0\0\0\0\0\0\0"
	    "\0\1"), text));
	ck_assert_str_eq(text, "2001:db8::1");
	ck_assert(!rdata_address(RR_A, S("\300\0\2"), text));
	ck_assert(!rdata_address(RR_AAAA, S("\300\0\2\1"), text));
	ck_assert(!rdata_address(RR_MX, S("\300\0\2\1"), text));
}
END_TEST

START_TEST(names_of_hosts)
{
	struct dname d;

	ck_assert(dname_parse(S("mx1.my_host-2.example"), &d));
	ck_assert(dname_is_host(&d));
	ck_assert(dname_parse(S("a\\.b"), &d) && !dname_is_host(&d));
	ck_assert(dname_parse(S("a/b"), &d) && !dname_is_host(&d));
	ck_assert(dname_parse(S("."), &d) && !dname_is_host(&d));
}
END_TEST

static void
add(TCase *c)
{
	tcase_add_loop_test(c, a_name_is_read_and_shown, 0, COUNT(names));
	tcase_add_test(c, a_name_has_255_octets_and_a_label_63);
	tcase_add_test(c, a_name_is_cut_off_data);
	tcase_add_loop_test(c, what_is_no_name_is_refused, 0, COUNT(bad_wire));
	tcase_add_test(c, a_name_on_the_wire_is_at_most_255);
	tcase_add_test(c, an_mx_has_a_preference_and_a_host);
	tcase_add_test(c, one_name);
	tcase_add_test(c, addresses);
	tcase_add_test(c, names_of_hosts);
}

int
main(void)
{
	return suite_run("rdata", add);
}
