/*
 * Remote mail: leases to relays by destination (hand-off rule 9), and the
 * schedule of destinations: back-off as a whole, sessions that adapt, turns.
 */
#include "tests/unit/queue/world.h"

#include "queue/destination.h"
#include "queue/lease.h"

/* One message, its recipients of one domain, with what relay needs to know. */
START_TEST(test_lease)
{
	FAR(.to = { "a@far", "b@other", "c@far" });
	relay_next(0, NULL, 1);
	ck_assert_uint_eq(n_jobs, 1);
	ck_assert_str_eq(jobs[0].destination, "far");
	ck_assert_str_eq(jobs[0].return_path, "s@remote.example");
	ck_assert_uint_eq(jobs[0].n, 2);
	ck_assert_str_eq(jobs[0].address[1], "c@far");
	relay_next(0, NULL, 1);
	ck_assert_str_eq(jobs[1].destination, "other");
	ck_assert_uint_eq(jobs[1].id, jobs[0].id);
	relay_next(0, NULL, 1);
	ck_assert_uint_eq(n_jobs, 2);
	for (uint32_t i = 0; i < 3; i++)
		relay_done(0, jobs[0].id, i, OUTCOME_STORED);
	ck_assert_uint_eq(done_ok, 3);
	ck_assert_uint_eq(stats.sent, 3);
	ck_assert_uint_eq(message_count(), 0);
	ck_assert_uint_eq(destination_count(), 0);
}
END_TEST

/* More for the destination it is connected to, at once, or none. */
START_TEST(test_more)
{
	FAR(.to = { "a@far" });
	FAR(.to = { "b@far" });
	relay_next(0, NULL, 1);
	relay_next(0, "far", 1);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_str_eq(jobs[1].address[0], "b@far");
	relay_next(0, "far", 1);
	relay_next(0, "nowhere", 1);
	ck_assert_uint_eq(relay_none, 2);
	ck_assert_uint_eq(n_jobs, 2);
}
END_TEST

/* An mda gets no remote work, a relay no local, and none reports for the
   other's recipients: whoever is taken over can only spoil its own. */
START_TEST(test_kinds)
{
	struct queue_next_in in = { .work = WORK_REMOTE };
	static int name;

	SUBMIT(.to = { "a@here", "b@far" }, .remote = { false, true });
	relay_next(0, NULL, 2);
	next(0, 1);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_str_eq(jobs[0].address[0], "b@far");
	ck_assert_str_eq(jobs[1].address[0], "a@here");
	link_call(mda[0], WIRE_queue_next, &in, 0, hear_relay_job, &name);
	run(5);
	ck_assert_uint_eq(relay_denied, 1);
	relay_done(0, jobs[0].id, 0, OUTCOME_STORED);
	done(0, jobs[0].id, 1, OUTCOME_STORED);
	ck_assert_uint_eq(stats.sent + stats.delivered, 0);
	ck_assert(logged("late_result"));
}
END_TEST

/* Before its hello a relay gets nothing; a new queue offers nothing before all
   that are configured have spoken (NO_CLAIM). */
START_TEST(test_hello)
{
	struct queue_next_in in = { .work = WORK_REMOTE };
	struct wire_held held;
	static int name;

	conf.workers[ROLE_RELAY] = 2;
	queue_limits(&conf);
	FAR(.to = { "a@far" });
	relay[0] = connect_as(ROLE_RELAY);
	link_call(relay[0], WIRE_queue_next, &in, 0, hear_relay_job, &name);
	run(5);
	ck_assert_uint_eq(relay_denied, 1);
	relay_next(1, NULL, 1);
	ck_assert_uint_eq(n_jobs, 0);
	relay_hello(0, NULL, 0);
	ck_assert_uint_eq(n_jobs, 1);
	held = (struct wire_held){ jobs[0].id, 0 };
	crash();
	relay_next(0, NULL, 1);
	ck_assert_uint_eq(n_jobs, 1);
	relay_hello(1, &held, 1);
	relay_next(1, NULL, 1);
	ck_assert_uint_eq(n_jobs, 1);
	/* Its result comes by (id, recipient), and is final. */
	relay_done(1, held.id, held.number, OUTCOME_STORED);
	ck_assert_uint_eq(stats.sent, 1);
	ck_assert_uint_eq(message_count(), 0);
}
END_TEST

/* A hello of two pages is one: nothing is offered before its end, and what is
   named on either stays with the relay. */
START_TEST(test_hello_pages)
{
	struct queue_relay_in page = { .n_jobs = 1, .more = 1 };
	enum wire_status status = WIRE_STATUSES;
	struct wire_held held[3];

	FAR(.to = { "a@far", "b@far2", "c@far3" });
	relay_next(0, NULL, 3);
	for (uint32_t i = 0; i < 3; i++)
		held[i] = (struct wire_held){ jobs[0].id, i };
	crash();
	relay[0] = connect_as(ROLE_RELAY);
	page.jobs = &held[0];
	link_call(relay[0], WIRE_queue_relay, &page, 0, hear_relay_hello,
	    &status);
	relay_next(0, NULL, 3);
	ck_assert_int_eq(status, WIRE_OK);
	ck_assert_uint_eq(n_jobs, 3);
	page = (struct queue_relay_in){ .jobs = &held[2], .n_jobs = 1 };
	link_call(relay[0], WIRE_queue_relay, &page, 0, hear_relay_hello,
	    &status);
	run(5);
	ck_assert_uint_eq(n_jobs, 4);
	ck_assert_str_eq(jobs[3].address[0], "b@far2");
}
END_TEST

/* A result that comes before the hello counts too: it is what we wait for. */
START_TEST(test_result_first)
{
	uint64_t id;

	FAR(.to = { "a@far" });
	relay_next(0, NULL, 1);
	id = jobs[0].id;
	crash();
	relay[0] = connect_as(ROLE_RELAY);
	relay_done(0, id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(done_ok, 1);
	ck_assert_uint_eq(message_count(), 0);
}
END_TEST

/* A relay whose link broke may be sending still: its job is not offered again
   before it says that it has let it go (NO_KILLFIRST). */
START_TEST(test_link_lost)
{
	struct wire_held held;

	conf.workers[ROLE_RELAY] = 2;
	queue_limits(&conf);
	relay_hello(1, NULL, 0);
	relay_hello(0, NULL, 0);
	FAR(.to = { "a@far" });
	relay_next(0, NULL, 1);
	held = (struct wire_held){ jobs[0].id, 0 };
	relay_next(1, NULL, 1);
	hang_up(&relay[0]);
	ck_assert_uint_eq(n_jobs, 1);
	relay_hello(0, &held, 1);
	ck_assert_uint_eq(n_jobs, 1);
	/* Now it has died: the new one holds nothing. */
	relay_hello(0, NULL, 0);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_int_eq(jobs[1].mda, 1);
}
END_TEST

/* Killed with the answer on its way to the disk: the relay tells again, and
   the first outcome wins. */
START_TEST(test_crash_result)
{
	struct wire_held held;

	FAR(.to = { "a@far" });
	relay_next(0, NULL, 1);
	held = (struct wire_held){ jobs[0].id, 0 };
	engine_mem_hold(engine, true);
	relay_done(0, jobs[0].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(done_ok, 0);
	crash();
	engine_mem_hold(engine, false);
	relay_hello(0, &held, 1);
	relay_next(0, NULL, 1);
	ck_assert_uint_eq(n_jobs, 1);
	relay_done(0, held.id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(done_ok, 1);
	ck_assert_uint_eq(message_count(), 0);
}
END_TEST

/* No room for a result: AGAIN, and what the other host has taken is not
   offered again meanwhile. */
START_TEST(test_result_no_room)
{
	FAR(.to = { "a@far", "b@other" });
	relay_next(0, NULL, 1);
	engine_mem_fault(engine, ENGINE_FULL, 0, 2);
	relay_done(0, jobs[0].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(done_again, 1);
	relay_next(0, NULL, 2);
	ck_assert_uint_eq(n_jobs, 2);		/* b@other */
	relay_done(0, jobs[0].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(done_again, 2);
	pass(1000);
	pass(1000);
	relay_done(0, jobs[0].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(done_ok, 1);
	ck_assert_uint_eq(stats.sent, 1);
	ck_assert_uint_eq(n_jobs, 2);
}
END_TEST

/* ---- destinations */

/* A domain that nobody reaches is put off as a whole and tried with one
   message; when it answers, all flow. */
START_TEST(test_away)
{
	for (int i = 0; i < 30; i++)
		FAR(.to = { "a@far" });
	relay_next(0, NULL, 40);
	ck_assert_uint_eq(n_jobs, DESTINATION_FIRST);
	for (int i = 0; i < DESTINATION_FIRST; i++)
		relay_away(0, jobs[i].id, 0);
	ck_assert_uint_eq(n_jobs, DESTINATION_FIRST);
	ck_assert_uint_eq(destinations_away(), 1);
	ck_assert(logged("destination_away"));
	pass(299999);
	ck_assert_uint_eq(n_jobs, 5);
	pass(1);
	ck_assert_uint_eq(n_jobs, 6);
	relay_away(0, jobs[5].id, 0);
	pass(300000);
	ck_assert_uint_eq(n_jobs, 6);
	pass(300000);
	ck_assert_uint_eq(n_jobs, 7);
	relay_done(0, jobs[6].id, 0, OUTCOME_STORED);
	ck_assert_uint_gt(n_jobs, 7);
	for (size_t i = 7; i < n_jobs; i++)
		relay_done(0, jobs[i].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(message_count(), 0);
	ck_assert_uint_eq(stats.sent, 30);
	ck_assert_uint_eq(destinations_away(), 0);
}
END_TEST

/* One that is put off for itself (greylisted) delays no other. */
START_TEST(test_put_off)
{
	FAR(.to = { "a@far" });
	FAR(.to = { "b@far" });
	relay_next(0, NULL, 4);
	relay_done(0, jobs[0].id, 0, OUTCOME_LATER);
	ck_assert_uint_eq(destinations_away(), 0);
	FAR(.to = { "c@far" });
	ck_assert_uint_eq(n_jobs, 3);
	pass(299999);
	ck_assert_uint_eq(n_jobs, 3);
	pass(1);
	ck_assert_uint_eq(n_jobs, 4);
	ck_assert_uint_eq(jobs[3].id, jobs[0].id);
	/* Its own time survives a restart. */
	relay_done(0, jobs[3].id, 0, OUTCOME_LATER);
	relay_done(0, jobs[1].id, 0, OUTCOME_STORED);
	relay_done(0, jobs[2].id, 0, OUTCOME_STORED);
	crash();
	relay_next(0, NULL, 1);
	ck_assert_uint_eq(n_jobs, 4);
	pass(600000);
	ck_assert_uint_eq(n_jobs, 5);
}
END_TEST

/* Sessions to one domain grow with success up to the limit. */
START_TEST(test_grows)
{
	conf.destination_max = 7;
	queue_limits(&conf);
	for (int i = 0; i < 40; i++)
		FAR(.to = { "a@far" });
	relay_next(0, NULL, 60);
	ck_assert_uint_eq(n_jobs, 5);
	for (size_t i = 0; i < 20; i++)
		relay_done(0, jobs[i].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(n_jobs, 27);
}
END_TEST

/* "Too many connections" while others get through: fewer sessions, and the
   domain is not away. */
START_TEST(test_busy)
{
	for (int i = 0; i < 20; i++)
		FAR(.to = { "a@far" });
	relay_next(0, NULL, 5);
	run(20);
	relay_done(0, jobs[0].id, 0, OUTCOME_STORED);
	relay_away(0, jobs[1].id, 0);
	ck_assert_uint_eq(destinations_away(), 0);
	relay_next(0, NULL, 10);
	/* Three of the first are under way: more than half of five. */
	ck_assert_uint_eq(n_jobs, 5);
	relay_done(0, jobs[2].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(n_jobs, 5);
	relay_done(0, jobs[3].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(n_jobs, 7);
}
END_TEST

/* Domains take turns: a thousand messages for one do not delay another. */
START_TEST(test_turns)
{
	for (int i = 0; i < 50; i++)
		FAR(.to = { "a@big" });
	FAR(.to = { "a@small" });
	relay_next(0, NULL, 2);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_str_ne(jobs[0].destination, jobs[1].destination);
}
END_TEST

/* A session that is open gives way to a domain that nobody serves, when no
   relay is free; but not after each message. */
START_TEST(test_gives_way)
{
	size_t i = 0;

	for (int n = 0; n < 60; n++)
		FAR(.to = { "a@big" });
	relay_next(0, NULL, 1);
	FAR(.to = { "a@small" });
	while (relay_none == 0) {
		relay_done(0, jobs[i].id, 0, OUTCOME_STORED);
		i++;
		relay_next(0, "big", 1);
	}
	ck_assert_uint_ge(i, 10);
	ck_assert_uint_le(i, 30);
	relay_next(0, NULL, 1);
	ck_assert_str_eq(jobs[n_jobs - 1].destination, "small");
}
END_TEST

/* More recipients at one domain than every host takes: several leases. */
START_TEST(test_many_recipients)
{
	enum { N = LEASE_REMOTE_RCPTS + 10 };
	struct wire_recipient to[N];
	struct queue_submit_in in = { .return_path = SLICE("s@x"),
		.recipients = to, .n_recipients = N,
		.body = SLICE("Subject: hi\r\n\r\n") };
	char names[N][32];

	for (int i = 0; i < N; i++) {
		snprintf(names[i], sizeof names[i], "u%d@far", i);
		to[i] = (struct wire_recipient){ .address =
		    slice_str(names[i]) };
	}
	link_call(submission, WIRE_queue_submit, &in, 0, hear_submit,
	    &heard[0]);
	run(5);
	relay_next(0, NULL, 3);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_uint_eq(jobs[0].n, LEASE_REMOTE_RCPTS);
	ck_assert_uint_eq(jobs[1].n, 10);
}
END_TEST

/* What is forwarded to others goes on with the return path it was given (SRS)
   and a mark of who forwarded it (RFC 9228 2); what stays here keeps its own.
   One lease has one return path. */
START_TEST(test_return_path)
{
	struct wire_forward to[] = { { SLICE("c@far"), 1 },
		{ SLICE("d@here"), 0 } };
	struct wire_result r = { .outcome = OUTCOME_BECAME, .became = to,
		.n_became = 2, .return_path = SLICE("srs0=x@here") };

	SUBMIT(.to = { "a@here", "b@far" }, .remote = { false, true });
	next(0, 1);
	report(0, jobs[0].id, &r, 1);
	crash();
	next(0, 1);
	ck_assert_str_eq(jobs[1].address[0], "d@here");
	ck_assert_str_eq(jobs[1].return_path, "s@remote.example");
	relay_next(0, NULL, 2);
	ck_assert_uint_eq(n_jobs, 4);
	ck_assert_uint_eq(jobs[2].n, 1);
	ck_assert_str_eq(jobs[2].return_path, "s@remote.example");
	ck_assert_str_eq(jobs[2].address[0], "b@far");
	ck_assert_ptr_null(strstr(body_of(&jobs[2]), "Delivered-To"));
	ck_assert_str_eq(jobs[3].return_path, "srs0=x@here");
	ck_assert_str_eq(jobs[3].address[0], "c@far");
	ck_assert_ptr_eq(strstr(body_of(&jobs[3]), "Delivered-To: a@here\r\n"),
	    body_of(&jobs[3]));
}
END_TEST

/* ---- smarthosts */

static void
smarthosts(void)
{
	static struct smarthost all[] = {
		{ .host = SLICE("smart.example"), .port = 587,
		    .user = SLICE("us") },
		{ .to = SLICE("special"), .host = SLICE("other.example"),
		    .port = 25 },
		{ .from = SLICE("Office"), .host = SLICE("third.example"),
		    .port = 25 },
	};

	conf.smarthosts = all;
	conf.n_smarthosts = 3;
	conf.smarthost_max = 7;
	queue_limits(&conf);
	route_load(&conf);
}

/* All mail for a smarthost is one destination, with one lease for recipients of
   many domains. */
START_TEST(test_smarthost)
{
	smarthosts();
	FAR(.to = { "a@far", "b@special", "c@elsewhere" });
	relay_next(0, NULL, 4);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_str_eq(jobs[0].destination, ">smart.example:587 us");
	ck_assert_uint_eq(jobs[0].n, 2);
	ck_assert_str_eq(jobs[0].address[1], "c@elsewhere");
	ck_assert_str_eq(jobs[1].destination, ">other.example:25 ");
	SUBMIT_FROM("x@office", .to = { "a@far", "b@special" }, .remote = {
		true, true }, .by = submission);
	ck_assert_uint_eq(n_jobs, 4);
	ck_assert_str_eq(jobs[2].destination, ">third.example:25 ");
	ck_assert_str_eq(jobs[3].destination, ">other.example:25 ");
	for (size_t i = 0; i < n_jobs; i++)
		for (size_t k = 0; k < jobs[i].n; k++)
			relay_done(0, jobs[i].id, jobs[i].number[k],
			    OUTCOME_STORED);
	ck_assert_uint_eq(message_count(), 0);
	ck_assert_uint_eq(destination_count(), 0);
}
END_TEST

/* However many domains there are, a smarthost has so many sessions, which grow
   up to its own limit; what goes elsewhere has its own. */
START_TEST(test_smarthost_sessions)
{
	char to[32];

	conf.destination_max = 2;
	smarthosts();
	for (int i = 0; i < 40; i++) {
		snprintf(to, sizeof to, "a@domain%d", i);
		FAR(.to = { to });
	}
	relay_next(0, NULL, 60);
	ck_assert_uint_eq(n_jobs, DESTINATION_FIRST);
	FAR(.to = { "a@special" });
	ck_assert_uint_eq(n_jobs, DESTINATION_FIRST + 1);
	for (size_t i = 0; i < 5; i++)
		relay_done(0, jobs[i].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(n_jobs, 12);
	for (size_t i = 6; i < 20; i++)
		relay_done(0, jobs[i].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(n_jobs, 27);
	/* "Too many" while others get through: half of them. */
	run(20);
	relay_done(0, jobs[20].id, 0, OUTCOME_STORED);
	relay_away(0, jobs[21].id, 0);
	ck_assert_uint_eq(destinations_away(), 0);
	ck_assert_uint_eq(n_jobs, 28);
	for (size_t i = 22; i < 25; i++)
		relay_done(0, jobs[i].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(n_jobs, 29);
}
END_TEST

/* One that is away is tried once for all its mail, whatever the domains; the
   admin's retry of any of it wakes it; each message tells why it waits. */
START_TEST(test_smarthost_away)
{
	struct queue_act_in in = { .action = QUEUE_RETRY,
		.recipient = SLICE("a@domain9") };
	char to[32];

	smarthosts();
	for (int i = 0; i < 10; i++) {
		snprintf(to, sizeof to, "a@domain%d", i);
		FAR(.to = { to });
	}
	relay_next(0, NULL, 20);
	ck_assert_uint_eq(n_jobs, DESTINATION_FIRST);
	for (int i = 0; i < DESTINATION_FIRST; i++)
		relay_away(0, jobs[i].id, 0);
	ck_assert_uint_eq(destinations_away(), 1);
	ck_assert(logged("domain=\">smart.example:587 us\""));
	pass(299999);
	ck_assert_uint_eq(n_jobs, DESTINATION_FIRST);
	link_call(ctl, WIRE_queue_act, &in, 0, NULL, NULL);
	run(5);
	ck_assert_uint_eq(n_jobs, DESTINATION_FIRST + 1);
	relay_done(0, jobs[n_jobs - 1].id, 0, OUTCOME_STORED);
	ck_assert_uint_gt(n_jobs, DESTINATION_FIRST + 1);
}
END_TEST

/* What a relay still holds for a smarthost stays with it, and counts. */
START_TEST(test_smarthost_held)
{
	struct wire_held held[2];

	smarthosts();
	for (int i = 0; i < 9; i++)
		FAR(.to = { "a@far", "b@elsewhere" });
	relay_next(0, NULL, 1);
	held[0] = (struct wire_held){ jobs[0].id, 0 };
	held[1] = (struct wire_held){ jobs[0].id, 1 };
	crash();
	relay_hello(0, held, 2);
	relay_next(0, NULL, 9);
	ck_assert_uint_eq(n_jobs, DESTINATION_FIRST);
	for (size_t i = 1; i < n_jobs; i++)
		ck_assert_uint_ne(jobs[i].id, held[0].id);
	relay_done(0, held[0].id, 1, OUTCOME_STORED);
	relay_done(0, held[0].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(n_jobs, DESTINATION_FIRST + 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("queue remote");
	TCase *t = tcase_create("remote");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_lease);
	tcase_add_test(t, test_more);
	tcase_add_test(t, test_kinds);
	tcase_add_test(t, test_hello);
	tcase_add_test(t, test_hello_pages);
	tcase_add_test(t, test_result_first);
	tcase_add_test(t, test_link_lost);
	tcase_add_test(t, test_crash_result);
	tcase_add_test(t, test_result_no_room);
	tcase_add_test(t, test_away);
	tcase_add_test(t, test_put_off);
	tcase_add_test(t, test_grows);
	tcase_add_test(t, test_busy);
	tcase_add_test(t, test_turns);
	tcase_add_test(t, test_gives_way);
	tcase_add_test(t, test_many_recipients);
	tcase_add_test(t, test_return_path);
	tcase_add_test(t, test_smarthost);
	tcase_add_test(t, test_smarthost_sessions);
	tcase_add_test(t, test_smarthost_away);
	tcase_add_test(t, test_smarthost_held);
	suite_add_tcase(s, t);
	return suite_end(s);
}
