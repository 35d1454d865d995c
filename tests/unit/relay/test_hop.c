/*
 * The next hop: which smarthost, if any, and in which order servers are called
 * (RFC 5321 5.1).
 */
#include "tests/unit/relay/world.h"

static const char conf[] = "server name mail.a.example\n"
    "send over at most 1 connection\n"
    "send mail to Special.example through one.example port 2525\n"
    "send mail from Office.example through two.example port 587\n";

static struct hop	 hop;
static bool		 found;

/* The look-ups suspend: they want a task. */
static void
find(void *arg)
{
	hop_find(&hop, arg);
	found = true;
}

static void
find_hop(const char *from, const char *to)
{
	struct lease l = { .arena = &world.arena, .next = {
		.destination = destination_of(slice_str(to),
		    slice_str(from)),
		.return_path = slice_str(from) } };

	found = false;
	ck_assert(task_spawn("find", find, &l));
	while (!found)
		ck_assert(world_run());
}

static unsigned
port_of(const struct server *s)
{
	return ntohs(((const struct sockaddr_in *)&s->address)->sin_port);
}

START_TEST(smarthosts)
{
	world_start(conf);
	dns_address("one.example", "192.0.2.1");
	dns_address("two.example", "192.0.2.2");
	dns_address("b.example", "192.0.2.3");
	find_hop("x@office.example", "special.example");
	ck_assert(slice_eq(hop.servers[0].text, SLICE("192.0.2.1")));
	ck_assert_uint_eq(port_of(&hop.servers[0]), 2525);
	find_hop("x@office.example", "b.example");
	ck_assert(slice_eq(hop.servers[0].text, SLICE("192.0.2.2")));
	ck_assert_uint_eq(port_of(&hop.servers[0]), 587);
	ck_assert(!slice_eq(hop.key, SLICE("b.example")));
	find_hop("x@other.example", "b.example");
	ck_assert(slice_eq(hop.servers[0].text, SLICE("192.0.2.3")));
	ck_assert_uint_eq(port_of(&hop.servers[0]), 25);
	ck_assert(slice_eq(hop.key, SLICE("b.example")));
	find_hop("", "b.example");
	ck_assert_uint_eq(hop.n, 1);
}
END_TEST

/* Both families by turns, IPv6 first, host by host. */
START_TEST(families_take_turns)
{
	static const char *const want[] = { "2001:db8::1", "192.0.2.1",
		"2001:db8::2", "192.0.2.2", "192.0.2.3", "2001:db8::9" };

	world_start(conf);
	dns_mx("b.example", 10, "mx1.b.example");
	dns_mx("b.example", 20, "mx2.b.example");
	dns_address("mx1.b.example", "192.0.2.1");
	dns_address("mx1.b.example", "192.0.2.2");
	dns_address("mx1.b.example", "192.0.2.3");
	dns_address("mx1.b.example", "2001:db8::1");
	dns_address("mx1.b.example", "2001:db8::2");
	dns_address("mx2.b.example", "2001:db8::9");
	find_hop("", "b.example");
	ck_assert_uint_eq(hop.n, 6);
	for (size_t i = 0; i < 6; i++)
		ck_assert(slice_eq(hop.servers[i].text, slice_str(want[i])));
}
END_TEST

/* Those of one preference come in every order, and before the rest. */
START_TEST(equal_ones_by_lot)
{
	unsigned first[3] = { 0 };

	world_start(conf);
	dns_mx("b.example", 20, "mx9.b.example");
	dns_address("mx9.b.example", "192.0.2.9");
	for (unsigned i = 0; i < 3; i++) {
		char name[32], address[32];

		snprintf(name, sizeof name, "mx%u.b.example", i);
		snprintf(address, sizeof address, "192.0.2.%u", i);
		dns_mx("b.example", 10, name);
		dns_address(name, address);
	}
	for (int i = 0; i < 100; i++) {
		find_hop("", "b.example");
		ck_assert_uint_eq(hop.n, 4);
		ck_assert(slice_eq(hop.servers[3].text, SLICE("192.0.2.9")));
		first[hop.servers[0].text.p[8] - '0']++;
	}
	for (int i = 0; i < 3; i++)
		ck_assert_uint_gt(first[i], 10);
}
END_TEST

/* However many a domain names, we look at some: the best. */
START_TEST(many_are_bounded)
{
	world_start(conf);
	for (unsigned i = 30; i-- > 0;) {
		char name[32], address[32];

		snprintf(name, sizeof name, "mx%u.b.example", i);
		snprintf(address, sizeof address, "192.0.2.%u", i);
		dns_mx("b.example", i, name);
		dns_address(name, address);
	}
	find_hop("", "b.example");
	ck_assert(slice_eq(hop.servers[0].text, SLICE("192.0.2.0")));
	ck_assert_uint_gt(hop.n, TRIES_MAX);
	ck_assert_uint_le(hop.n, SERVERS_MAX);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("hop");
	TCase *t = tcase_create("hop");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 30);
	tcase_add_test(t, smarthosts);
	tcase_add_test(t, families_take_turns);
	tcase_add_test(t, equal_ones_by_lot);
	tcase_add_test(t, many_are_bounded);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
