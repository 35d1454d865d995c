/* A DNS message is read within its bounds, and refused where it does not fit
   together (RFC 1035 4.1). */
#include "resolver/packet.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite.h"

#define S(lit)	SLICE(lit)

/* Counts: one question, so many answers, so many of authority. */
#define HEAD(code, answers, authority)					\
	"\0\1\201" code "\0\1\0" answers "\0" authority "\0\0"
#define QUESTION	"\1a\1b\0\0\17\0\1"	/* a.b MX; a at 12, b at 14 */
#define IN		"\0\1\0\0\1\54"		/* class, TTL 300 */

static struct arena	arena;
static struct records	records;

static bool
packet(struct slice p, const char *name, unsigned type)
{
	struct dname asked;

	arena_reset(&arena);
	ck_assert(dname_parse(slice_str(name), &asked));
	return packet_read(p, &asked, type, &arena, &records);
}

static const char *
canonical(void)
{
	static struct buf b;

	buf_clear(&b);
	dname_show(&records.canonical, &b);
	return buf_cstr(&b);
}

static const struct slice good = S(HEAD("\200", "\1", "\0") QUESTION
    "\300\14\0\17" IN "\0\6\0\5\1c\300\16");

START_TEST(an_answer_is_read)
{
	ck_assert(packet(good, "a.b", RR_MX));
	ck_assert_int_eq(records.result, DNS_FOUND);
	ck_assert_uint_eq(records.ttl, 300);
	ck_assert_uint_eq(records.n, 1);
	ck_assert(slice_eq(records.data[0], S("\0\5\1c\1b\0")));
	ck_assert_str_eq(canonical(), "a.b");
}
END_TEST

START_TEST(no_part_of_it_is_enough)
{
	for (size_t n = 0; n < good.n; n++) {
		/* Of its own size, so that sanitizers see a step too far. */
		char *part = mem_alloc(n + 1);

		memcpy(part, good.p, n);
		ck_assert(!packet(slice_of(part, n), "a.b", RR_MX));
		ck_assert_int_eq(records.result, DNS_FAILED);
		free(part);
	}
}
END_TEST

static const struct slice bad[] = {
	/* a pointer to itself; forwards; two that lead to each other */
	S(HEAD("\200", "\1", "\0") QUESTION "\300\25\0\17" IN "\0\3\0\5\0"),
	S(HEAD("\200", "\1", "\0") QUESTION "\300\40\0\17" IN "\0\3\0\5\0"),
	S(HEAD("\200", "\1", "\0") "\300\14\0\17\0\1"),
	/* a label of the reserved kinds */
	S(HEAD("\200", "\1", "\0") QUESTION "\100a\0\0\17" IN "\0\3\0\5\0"),
	S(HEAD("\200", "\1", "\0") QUESTION "\200a\0\0\17" IN "\0\3\0\5\0"),
	/* data longer than the packet; shorter than its name; longer */
	S(HEAD("\200", "\1", "\0") QUESTION "\300\14\0\17" IN "\0\7\0\5\1c\300"
	    "\16"),
	S(HEAD("\200", "\1", "\0") QUESTION "\300\14\0\17" IN "\0\3\0\5\1c\0"),
	S(HEAD("\200", "\1", "\0") QUESTION "\300\14\0\17" IN "\0\4\0\5\0\0"),
	S(HEAD("\200", "\1", "\0") QUESTION "\300\14\0\17" IN "\0\1\0"),
	/* fewer answers than promised */
	S(HEAD("\200", "\2", "\0") QUESTION "\300\14\0\17" IN "\0\3\0\5\0"),
	/* a CNAME to itself */
	S(HEAD("\200", "\1", "\0") QUESTION "\300\14\0\5" IN "\0\2\300\14"),
	/* a CNAME that is not exactly a name */
	S(HEAD("\200", "\1", "\0") QUESTION "\300\14\0\5" IN "\0\4\1c\0x"),
};

START_TEST(what_does_not_fit_together_is_refused)
{
	ck_assert(!packet(bad[_i], "a.b", RR_MX));
	ck_assert_int_eq(records.result, DNS_FAILED);
}
END_TEST

START_TEST(only_what_was_asked_for_is_taken)
{
	/* another owner, another class, another type, then ours */
	ck_assert(packet(S(HEAD("\200", "\4", "\0") QUESTION
	    "\1x\0\0\17" IN "\0\3\0\1\0"
	    "\300\14\0\17\0\3\0\0\0\1\0\3\0\2\0"
	    "\300\14\0\1" IN "\0\4\1\2\3\4"
	    "\1A\1B\0\0\17" IN "\0\3\0\4\0"), "a.b", RR_MX));
	ck_assert_uint_eq(records.n, 1);
	ck_assert(slice_eq(records.data[0], S("\0\4\0")));
	ck_assert_uint_eq(records.ttl, 300);
}
END_TEST

/* In any order in the packet; the TTL is the least of all links. */
START_TEST(a_chain_is_followed)
{
	struct slice p = S(HEAD("\200", "\3", "\0") QUESTION
	    "\1d\0\0\17" IN "\0\3\0\1\0"
	    "\1c\0\0\5\0\1\0\0\0\7\0\3\1d\0"
	    "\300\14\0\5" IN "\0\3\1c\0");

	ck_assert(packet(p, "a.b", RR_MX));
	ck_assert_int_eq(records.result, DNS_FOUND);
	ck_assert_str_eq(canonical(), "d");
	ck_assert_uint_eq(records.links, 2);
	ck_assert_uint_eq(records.ttl, 7);
	ck_assert(packet(p, "a.b", RR_CNAME));
	ck_assert_str_eq(canonical(), "a.b");
	ck_assert(slice_eq(records.data[0], S("\1c\0")));
}
END_TEST

/* A chain of this many CNAMEs, with an MX at its end. */
static struct slice
chain(unsigned links, struct buf *b)
{
	buf_clear(b);
	buf_slice(b, S("\0\1\201\200\0\0\0"));
	buf_char(b, (char)(links + 1));
	buf_slice(b, S("\0\0\0\0"));
	for (unsigned i = 0; i < links; i++) {
		buf_printf(b, "\2%02u", i);
		buf_slice(b, S("\0\0\5" IN "\0\4"));
		buf_printf(b, "\2%02u", i + 1);
		buf_char(b, '\0');
	}
	buf_printf(b, "\2%02u", links);
	buf_slice(b, S("\0\0\17" IN "\0\3\0\1\0"));
	return buf_view(b);
}

START_TEST(a_chain_has_an_end)
{
	struct buf b = { 0 };

	ck_assert(packet(chain(CHAIN_MAX, &b), "00", RR_MX));
	ck_assert_uint_eq(records.n, 1);
	ck_assert(!packet(chain(CHAIN_MAX + 1, &b), "00", RR_MX));
	buf_free(&b);
}
END_TEST

#define SOA(ttl, minimum)						\
	"\1b\0\0\6\0\1\0\0\0" ttl "\0\26\0\0\0\0\0\1\0\0\0\2\0\0\0\3"	\
	"\0\0\0\4\0\0\0" minimum

START_TEST(none_is_told_from_another_type)
{
	ck_assert(packet(S(HEAD("\200", "\0", "\1") QUESTION SOA("\11",
	    "\144")), "a.b", RR_MX));
	ck_assert_int_eq(records.result, DNS_NODATA);
	ck_assert_uint_eq(records.ttl, 9);	/* RFC 2308 5 */
	ck_assert(packet(S(HEAD("\203", "\0", "\1") QUESTION SOA("\144",
	    "\10")), "a.b", RR_MX));
	ck_assert_int_eq(records.result, DNS_NXDOMAIN);
	ck_assert_uint_eq(records.ttl, 8);
	/* Without an SOA it must not be kept. */
	ck_assert(packet(S(HEAD("\200", "\0", "\0") QUESTION), "a.b", RR_MX));
	ck_assert_int_eq(records.result, DNS_NODATA);
	ck_assert_uint_eq(records.ttl, 0);
}
END_TEST

START_TEST(other_codes_are_failures)
{
	static const char heads[] = "\1\2\4\5\6\7\10\11\12\13\14\15\16\17";

	for (size_t i = 0; i < sizeof heads - 1; i++) {
		char p[64];

		memcpy(p, good.p, good.n);
		p[3] = heads[i];
		ck_assert(packet(slice_of(p, good.n), "a.b", RR_MX));
		ck_assert_int_eq(records.result, DNS_FAILED);
		ck_assert_uint_eq(records.n, 0);
	}
}
END_TEST

/* RFC 2181 8: a TTL with the highest bit is zero. */
START_TEST(a_negative_ttl_is_none)
{
	ck_assert(packet(S(HEAD("\200", "\1", "\0") QUESTION
	    "\300\14\0\17\0\1\200\0\0\0\0\3\0\5\0"), "a.b", RR_MX));
	ck_assert_uint_eq(records.ttl, 0);
}
END_TEST

/* RFC 3597 4: data of types we do not know stays as it is. */
START_TEST(unknown_data_is_opaque)
{
	ck_assert(packet(S(HEAD("\200", "\2", "\0") QUESTION
	    "\300\14\377\1" IN "\0\3\300\14x"
	    "\300\14\377\1" IN "\0\0"), "a.b", 0xff01));
	ck_assert_uint_eq(records.n, 2);
	ck_assert(slice_eq(records.data[0], S("\300\14x")));
	ck_assert_uint_eq(records.data[1].n, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("packet");
	TCase *c = tcase_create("packet");
	int failed;

	tcase_add_test(c, an_answer_is_read);
	tcase_add_test(c, no_part_of_it_is_enough);
	tcase_add_loop_test(c, what_does_not_fit_together_is_refused, 0,
	    sizeof bad / sizeof *bad);
	tcase_add_test(c, only_what_was_asked_for_is_taken);
	tcase_add_test(c, a_chain_is_followed);
	tcase_add_test(c, a_chain_has_an_end);
	tcase_add_test(c, none_is_told_from_another_type);
	tcase_add_test(c, other_codes_are_failures);
	tcase_add_test(c, a_negative_ttl_is_none);
	tcase_add_test(c, unknown_data_is_opaque);
	suite_add_tcase(s, c);
	failed = suite_end(s);
	arena_free(&arena);
	return failed;
}
