/* One question: what comes back for each thing a server may say, and the
   limits around it.  "Later" is never "there is none" (RFC 5321 5.1). */
#include "world.h"

#define S(lit)	SLICE(lit)
#define SOA	S("\2ns\7example\0\4root\7example\0"			\
	"\0\0\0\1\0\0\16\20\0\0\3\204\0\11\72\200\0\0\0\74")	/* 60 s */

static const struct row rows[] = {
	{ "two.example", RR_MX, 0, {
	    { "two.example", RR_MX, S("\0\12\1a\7example\0") },
	    { "two.example", RR_MX, S("\0\24\300\14") } }, { 0 } },
	{ "v6.example", RR_AAAA, 0, {
	    { "v6.example", RR_AAAA, S("\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1")
	    } }, { 0 } },
	{ "alias.example", RR_MX, 0, {
	    { "alias.example", RR_CNAME, S("\4real\7example\0") },
	    { "real.example", RR_MX, S("\0\1\2mx\7example\0") } }, { 0 } },
	{ "half.example", RR_MX, 0, {
	    { "half.example", RR_CNAME, S("\4real\7example\0") } }, { 0 } },
	{ "real.example", RR_MX, 0, {
	    { "real.example", RR_MX, S("\0\1\2mx\7example\0") } }, { 0 } },
	{ "alias.example", RR_CNAME, 0, {
	    { "alias.example", RR_CNAME, S("\4real\7example\0") } }, { 0 } },
	{ "ring.example", RR_MX, 0, {
	    { "ring.example", RR_CNAME, S("\4gnir\7example\0") },
	    { "gnir.example", RR_CNAME, S("\4ring\7example\0") } }, { 0 } },
	{ "null.example", RR_MX, 0, {
	    { "null.example", RR_MX, S("\0\0\0") } }, { 0 } },
	{ "none.example", RR_MX, 0, { { 0 } }, { "example", RR_SOA, SOA } },
	{ "gone.example", RR_MX, 3, { { 0 } }, { "example", RR_SOA, SOA } },
	{ "lost.example", RR_MX, 3, {
	    { "lost.example", RR_CNAME, S("\4gone\7example\0") } },
	    { "example", RR_SOA, SOA } },
	{ "gone.example", RR_MX, 3, { { 0 } }, { "example", RR_SOA, SOA } },
	{ "broken.example", RR_MX, 2, { { 0 } }, { 0 } },
	{ "silent.example", RR_MX, SILENT, { { 0 } }, { 0 } },
	{ "garbage.example", RR_MX, GARBAGE, { { 0 } }, { 0 } },
	{ "www.signed.example", RR_A, 0, {
	    { "www.signed.example", RR_A, S("\300\0\2\1") } }, { 0 } },
	{ "signed.example", 48, 0, { { 0 } }, { "signed.example", RR_SOA, SOA } },
};

static void
setup(void)
{
	world_open(rows, sizeof rows / sizeof *rows, "$ORIGIN known.example.\n"
	    "known.example. IN MX 5 mx.known.example.\n"
	    "mx.known.example 60 IN A 192.0.2.9\n"
	    "also.known.example IN CNAME known.example.\n"
	    "away.known.example IN CNAME two.example.\n"
	    "both.example IN A 192.0.2.10 ; the rest of this zone is asked\n");
}

static const struct {
	const char	*name;
	unsigned	 type;
	enum dns	 result;
	const char	*canonical, *data;
} cases[] = {
	{ "two.example", RR_MX, DNS_FOUND, "two.example", NULL },
	{ "TWO.Example.", RR_MX, DNS_FOUND, "two.example", NULL },
	{ "v6.example", RR_AAAA, DNS_FOUND, "v6.example",
	    "20010db8000000000000000000000001" },
	{ "alias.example", RR_MX, DNS_FOUND, "real.example",
	    "0001026d78076578616d706c6500" },
	/* The server leaves the rest to us. */
	{ "half.example", RR_MX, DNS_FOUND, "real.example", NULL },
	/* Asked for as such, it is not followed. */
	{ "alias.example", RR_CNAME, DNS_FOUND, "alias.example",
	    "047265616c076578616d706c6500" },
	{ "ring.example", RR_MX, DNS_FAILED, "ring.example", "" },
	{ "null.example", RR_MX, DNS_FOUND, "null.example", "000000" },
	{ "none.example", RR_MX, DNS_NODATA, "none.example", "" },
	{ "gone.example", RR_MX, DNS_NXDOMAIN, "gone.example", "" },
	{ "lost.example", RR_MX, DNS_NXDOMAIN, "gone.example", "" },
	{ "broken.example", RR_MX, DNS_FAILED, "broken.example", "" },
	{ "refused.example", RR_MX, DNS_FAILED, "refused.example", "" },
	{ "garbage.example", RR_MX, DNS_FAILED, "garbage.example", "" },
	{ "silent.example", RR_MX, DNS_FAILED, "silent.example", "" },
	{ "www.signed.example", RR_A, DNS_BOGUS, "www.signed.example", "" },
	/* RFC 6761 6.3: never asked of anybody */
	{ "localhost", RR_A, DNS_FOUND, "localhost", "7f000001" },
	{ "x.localhost.", RR_AAAA, DNS_FOUND, "x.localhost", NULL },
	/* From our file. */
	{ "known.example", RR_MX, DNS_FOUND, "known.example",
	    "0005026d78056b6e6f776e076578616d706c6500" },
	{ "mx.known.example", RR_A, DNS_FOUND, "mx.known.example",
	    "c0000209" },
	{ "mx.known.example", RR_AAAA, DNS_NODATA, "mx.known.example", "" },
	{ "other.known.example", RR_A, DNS_NXDOMAIN, "other.known.example",
	    "" },
	{ "also.known.example", RR_MX, DNS_FOUND, "known.example", NULL },
	{ "away.known.example", RR_MX, DNS_FOUND, "two.example", NULL },
	{ "both.example", RR_A, DNS_FOUND, "both.example", "c000020a" },
	/* No such name can be (RFC 1035 2.3.4). */
	{ "a..b", RR_A, DNS_NXDOMAIN, "", "" },
	{ "", RR_A, DNS_NXDOMAIN, "", "" },
	{ "x123456789012345678901234567890123456789012345678901234567890123."
	    "example", RR_A, DNS_NXDOMAIN, "", "" },
};

START_TEST(each_thing_a_server_says)
{
	struct dns_query_out out;

	query_wait = 2000;
	out = look_up(cases[_i].name, cases[_i].type);
	ck_assert_int_eq(out.result, cases[_i].result);
	ck_assert(slice_eq(out.canonical, slice_str(cases[_i].canonical)));
	if (cases[_i].data != NULL)
		ck_assert_str_eq(data_of(&out), cases[_i].data);
	else
		ck_assert_uint_gt(out.n_answers, 0);
	ck_assert_uint_eq(out.secure, 0);
	ck_assert_uint_eq(queries_under_way(), 0);
}
END_TEST

/* In any order; RFC 1035 4.1.4. */
START_TEST(compressed_names_are_expanded)
{
	struct dns_query_out out = look_up("two.example", RR_MX);
	const char *data = data_of(&out);

	ck_assert_uint_eq(out.n_answers, 2);
	ck_assert_ptr_ne(strstr(data, "000a0161076578616d706c6500"), NULL);
	ck_assert_ptr_ne(strstr(data, "00140374776f076578616d706c6500"), NULL);
}
END_TEST

START_TEST(an_answer_is_kept_for_its_ttl)
{
	struct dns_query_out out = look_up("real.example", RR_MX);
	unsigned asked = world.asked;

	ck_assert_uint_eq(out.ttl, 300);
	look_up("REAL.example", RR_MX);
	ck_assert_uint_eq(world.asked, asked);
	/* RFC 2308 5: the least of the SOA's own TTL and its minimum */
	out = look_up("gone.example", RR_MX);
	ck_assert_uint_eq(out.ttl, 60);
}
END_TEST

START_TEST(what_is_known_is_not_asked)
{
	look_up("other.known.example", RR_A);
	look_up("also.known.example", RR_MX);
	ck_assert_uint_eq(world.asked, 0);
}
END_TEST

static unsigned	ended[WIRE_STATUSES], results[DNS_FAILED + 1];
static unsigned	awaited;

static void
one_ended(void *arg, enum wire_status status, const void *out)
{
	(void)arg;
	ended[status]++;
	if (status == WIRE_OK)
		results[((const struct dns_query_out *)out)->result]++;
	if (--awaited == 0)
		loop_stop();
}

static void
ask_many(unsigned n, const char *name)
{
	struct dns_query_in in = { .name = slice_str(name), .type = RR_MX };

	for (unsigned i = 0; i < n; i++)
		link_call(world.link, WIRE_dns_query, &in, 0, one_ended, NULL);
	awaited = n;
}

START_TEST(an_asker_has_so_many_under_way)
{
	struct dns_query_out out;

	query_wait = 1500;
	ask_many(QUERIES_MOST + 10, "silent.example");
	loop_run();
	ck_assert_uint_eq(ended[WIRE_AGAIN], 10);
	ck_assert_uint_eq(results[DNS_FAILED], QUERIES_MOST);
	ck_assert_uint_eq(counts.refused, 10);
	/* All of them are given back. */
	out = look_up("two.example", RR_MX);
	ck_assert_int_eq(out.result, DNS_FOUND);
	ck_assert_uint_eq(queries_under_way(), 0);
}
END_TEST

static void
go_on(struct timer *t)
{
	(void)t;
	loop_stop();
}

static void
run(uint64_t ms)
{
	struct timer t = { .fire = go_on };

	timer_set(&t, loop_clock() + ms);
	loop_run();
	timer_stop(&t);
}

START_TEST(an_asker_that_dies_takes_its_questions_along)
{
	ask_many(20, "silent.example");
	run(100);
	ck_assert_uint_eq(queries_under_way(), 20);
	link_close(world.link);
	for (int i = 0; i < 100 && queries_under_way() > 0; i++)
		run(10);
	ck_assert_uint_eq(queries_under_way(), 0);
	ck_assert_uint_eq(ended[WIRE_GONE], 20);
	link_both();
	ck_assert_int_eq(look_up("two.example", RR_MX).result, DNS_FOUND);
}
END_TEST

/* What is under way is asked again of the new forwarder. */
START_TEST(a_reload_loses_no_question)
{
	struct watch silent = world.server;
	unsigned port;
	struct conf conf;
	struct buf errors = { 0 };

	loop_del(&world.server);	/* it hears, and says nothing */
	ask_many(10, "two.example");
	run(100);
	ck_assert_uint_eq(queries_under_way(), 10);
	port = server_open();
	ck_assert_uint_eq(0, conf_parse(&conf, slice_str(arena_printf(
	    &world.arena, "resolve names through 127.0.0.1 port %u\n", port)),
	    "conf", &errors));
	query_use(&conf);
	loop_run();
	ck_assert_uint_eq(results[DNS_FOUND], 10);
	ck_assert_uint_eq(queries_under_way(), 0);
	conf_free(&conf);
	close(silent.fd);
}
END_TEST

START_TEST(types_of_questions_are_refused)
{
	static const uint32_t types[] = { 0, 41, 251, 252, 255, 0xffff,
		0x10001 };
	struct dns_query_in in = { .name = S("two.example") };
	struct dns_query_out out;

	for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
		in.type = types[i];
		ck_assert_int_eq(WIRE_BAD, dns_query(world.link, &in, &out,
		    &world.arena, 1000));
	}
}
END_TEST

START_TEST(the_log_says_why)
{
	query_wait = 2000;
	look_up("www.signed.example", RR_A);
	ck_assert_ptr_ne(strstr(world.log, "warn dns_bogus "
	    "name=www.signed.example type=1 why="), NULL);
	look_up("broken.example", RR_MX);
	ck_assert_ptr_ne(strstr(world.log, "info dns_failed "
	    "name=broken.example type=15 why="), NULL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("query");
	TCase *c = tcase_create("query");
	SRunner *r;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, world_close);
	tcase_add_loop_test(c, each_thing_a_server_says, 0,
	    sizeof cases / sizeof *cases);
	tcase_add_test(c, compressed_names_are_expanded);
	tcase_add_test(c, an_answer_is_kept_for_its_ttl);
	tcase_add_test(c, what_is_known_is_not_asked);
	tcase_add_test(c, an_asker_has_so_many_under_way);
	tcase_add_test(c, an_asker_that_dies_takes_its_questions_along);
	tcase_add_test(c, a_reload_loses_no_question);
	tcase_add_test(c, types_of_questions_are_refused);
	tcase_add_test(c, the_log_says_why);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
