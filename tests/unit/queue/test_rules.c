/*
 * The hand-off rules (architecture.md section 6), one test each; rule 10 has
 * test_tokens.c.  Each test is
 * the story of handoff.md, section 4, that breaks a promise if the rule is
 * left out; the promises are P1 nothing acknowledged is lost, P2 nothing is
 * stored twice under one id, P3 no bounce for what was delivered, P5 nothing
 * waits for ever, P7 a retry makes no second copy.
 */
#include "tests/unit/queue/world.h"

/* Ids survive a crash though cut-through leaves no trace (NO_IDEPOCH: the
   next, different message gets the same id, store says "known, stored", and
   nobody has it). */
START_TEST(test_rule_1)
{
	uint64_t first, life;

	next(0, 1);
	SUBMIT(.to = { "a@x" });
	first = jobs[0].id;
	done(0, first, 0, OUTCOME_STORED);
	ck_heard(&heard[0], 0, OUTCOME_STORED);
	life = first >> 32;
	ck_assert_uint_eq(life, test_time / 1000);
	crash();
	next(0, 1);
	SUBMIT(.to = { "b@x" });
	ck_assert_uint_gt(jobs[1].id >> 32, life);
	/* The clock went back: still a new life, not an old one. */
	test_time -= 86400000;
	crash();
	next(0, 1);
	SUBMIT(.to = { "c@x" });
	ck_assert_uint_gt(jobs[2].id >> 32, jobs[1].id >> 32);
}
END_TEST

/* A life whose record is not durable gives no id. */
START_TEST(test_rule_1_durable_first)
{
	engine_mem_hold(engine, true);
	hang_up_all();
	engine_mem_crash(engine);
	queue_forget();
	engine_mem_hold(engine, true);
	queue_open(engine);
	connect_all();
	SUBMIT(.to = { "a@x" });
	ck_assert(!heard[0].got);
	ck_assert_uint_eq(message_count(), 0);
	engine_mem_hold(engine, false);
	run(5);
	ck_heard(&heard[0], 0, OUTCOME_QUEUED);
}
END_TEST

/* 250 only when the spool is durable (NO_SPOOLSYNC: 250 is out, queue dies,
   the record is gone). */
START_TEST(test_rule_2)
{
	engine_mem_hold(engine, true);
	SUBMIT(.to = { "a@x" });
	ck_assert(!heard[0].got);
	engine_mem_hold(engine, false);
	run(5);
	ck_heard(&heard[0], 0, OUTCOME_QUEUED);
	crash();
	next(0, 1);
	ck_assert_uint_eq(n_jobs, 1);
	ck_assert_uint_eq(jobs[0].id, heard[0].id);
}
END_TEST

/* Not durable, then killed: no answer, and no message either. */
START_TEST(test_rule_2_killed)
{
	engine_mem_hold(engine, true);
	SUBMIT(.to = { "a@x" });
	crash();
	ck_assert(heard[0].got);
	ck_assert_int_eq(heard[0].status, WIRE_GONE);
	next(0, 1);
	ck_assert_uint_eq(n_jobs, 0);
}
END_TEST

/* Store decides: the first outcome that is reported wins, whoever reports
   again, and a repetition is answered only when what it repeats is durable
   (NO_SETTLE: a late "refused" would bounce what is stored). */
START_TEST(test_rule_3)
{
	SUBMIT(.to = { "a@x", "b@x" }, .sender = SENDER_VERIFIED);
	next(0, 1);
	next(1, 1);
	engine_mem_hold(engine, true);
	done(0, jobs[0].id, 1, OUTCOME_REFUSED);
	ck_assert_uint_eq(done_ok, 0);
	/* The other mda tells the same outcome while that is being written. */
	done(1, jobs[0].id, 1, OUTCOME_REFUSED);
	ck_assert_uint_eq(done_ok, 0);
	engine_mem_hold(engine, false);
	run(5);
	ck_assert_uint_eq(done_ok, 2);
	ck_assert_uint_eq(stats.bounced, 1);
	done(1, jobs[0].id, 1, OUTCOME_STORED);
	ck_assert_uint_eq(stats.delivered, 0);
}
END_TEST

/* The low-water mark is the smallest live id, also of one that is unanswered
   and remembered (NO_LOWWATER: store forgets by age, and an id that is
   offered again is stored twice). */
START_TEST(test_rule_4)
{
	uint64_t first, lost;

	SUBMIT(.to = { "a@x" });		/* waits in the spool */
	first = heard[0].id;
	next(0, 1);
	done(0, first, 0, OUTCOME_LATER);
	next(0, 1);
	SUBMIT(.to = { "b@x" });
	ck_assert_uint_eq(jobs[1].low_water, first);
	done(0, jobs[1].id, 0, OUTCOME_STORED);
	/* One whose session is lost stays live by its token. */
	next(0, 1);
	SUBMIT(.to = { "c@x" }, .token = "T1");
	lost = jobs[2].id;
	hang_up(&smtpd);
	smtpd = connect_as(ROLE_SMTPD);
	pass(300000);
	next(0, 2);
	ck_assert_uint_eq(jobs[3].id, first);
	done(0, first, 0, OUTCOME_STORED);
	SUBMIT(.to = { "d@x" });
	ck_assert_uint_eq(n_jobs, 5);
	ck_assert_uint_eq(jobs[4].low_water, lost);
}
END_TEST

/* What is only kept and shown holds the mark back no longer, or store could
   never forget; neither does it after a restart. */
START_TEST(test_rule_4_kept)
{
	SUBMIT(.to = { "a@x" });
	next(0, 1);
	done(0, jobs[0].id, 0, OUTCOME_REFUSED);
	ck_assert_uint_eq(stats.kept, 1);
	ck_assert_uint_eq(live_low(), 0);
	crash();
	ck_assert_uint_eq(message_count(), 1);
	next(0, 1);
	SUBMIT(.to = { "b@x" });
	ck_assert_uint_eq(jobs[1].low_water, jobs[1].id);
}
END_TEST

/* Cut-through, all stored: the answer says so and the spool is never
   written. */
START_TEST(test_rule_5_stored)
{
	struct engine_figures before, after;

	engine_figures(engine, &before);
	next(0, 1);
	SUBMIT(.to = { "a@x", "b@x" });
	ck_assert(!heard[0].got);
	ck_assert_uint_eq(jobs[0].n, 2);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	ck_assert(!heard[0].got);
	done(0, jobs[0].id, 1, OUTCOME_STORED);
	ck_heard(&heard[0], 0, OUTCOME_STORED);
	ck_heard(&heard[0], 1, OUTCOME_STORED);
	engine_figures(engine, &after);
	ck_assert_uint_eq(after.commits, before.commits);
	ck_assert_uint_eq(message_count(), 0);
}
END_TEST

/* All refused: 5xx, no report. */
START_TEST(test_rule_5_refused)
{
	next(0, 1);
	SUBMIT(.to = { "a@x", "b@x" }, .sender = SENDER_VERIFIED);
	done(0, jobs[0].id, 0, OUTCOME_FULL);
	done(0, jobs[0].id, 1, OUTCOME_REFUSED);
	ck_heard(&heard[0], 0, OUTCOME_FULL);
	ck_heard(&heard[0], 1, OUTCOME_REFUSED);
	ck_assert_str_eq(heard[0].texts[1], "5.2.2 mailbox full");
	ck_assert_uint_eq(stats.bounced, 0);
	ck_assert_uint_eq(message_count(), 0);
}
END_TEST

/* Mixed fates: the report is in the spool before the 250 (NO_DSNFIRST: A
   stored, B refused, 250, queue dies, nobody tells B's sender). */
START_TEST(test_rule_5_mixed)
{
	next(0, 1);
	SUBMIT(.to = { "a@x", "b@x" }, .sender = SENDER_VERIFIED);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	engine_mem_hold(engine, true);
	done(0, jobs[0].id, 1, OUTCOME_REFUSED);
	ck_assert(!heard[0].got);
	engine_mem_hold(engine, false);
	run(5);
	ck_heard(&heard[0], 0, OUTCOME_STORED);
	ck_heard(&heard[0], 1, OUTCOME_QUEUED);
	crash();
	next(0, 2);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_str_eq(jobs[1].address[0], "s@remote.example");
	ck_assert(strstr(body_of(&jobs[1]), "Final-Recipient: rfc822; b@x"));
}
END_TEST

/* LMTP says each: no report, the spool is not touched (RFC 2033 4.2). */
START_TEST(test_rule_5_each)
{
	next(0, 1);
	SUBMIT(.to = { "a@x", "b@x" }, .sender = SENDER_VERIFIED,
	    .each = true);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	done(0, jobs[0].id, 1, OUTCOME_REFUSED);
	ck_heard(&heard[0], 0, OUTCOME_STORED);
	ck_heard(&heard[0], 1, OUTCOME_REFUSED);
	ck_assert_uint_eq(stats.bounced + stats.spooled, 0);
}
END_TEST

static void
check_word(void *arg, const char *name, uint64_t value)
{
	(void)arg;
	(void)value;
	ck_assert_uint_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz_"),
	    strlen(name));
}

/* An alias: the new recipients and the end of the old one are in the spool
   before the 250. */
START_TEST(test_rule_5_became)
{
	next(0, 1);
	SUBMIT(.to = { "a@x" });
	became(0, jobs[0].id, 0, "b@x", "c@x");
	ck_heard(&heard[0], 0, OUTCOME_QUEUED);
	crash();
	next(0, 1);
	ck_assert_uint_eq(jobs[1].n, 2);
	ck_assert_str_eq(jobs[1].address[0], "b@x");
	ck_assert_uint_eq(jobs[1].number[0], 1);
	ck_assert_uint_eq(jobs[1].number[1], 2);
}
END_TEST

/* Mailboxes that forward to each other: each has its copy, and that it came
   back is no refusal. */
START_TEST(test_rule_5_mutual)
{
	struct wire_forward back = { SLICE("a@x"), 0 };
	struct wire_result stored = { .number = 1, .outcome = OUTCOME_BECAME,
		.code = SLICE("2.1.5"), .became = &back, .n_became = 1 };

	next(0, 2);
	SUBMIT(.to = { "a@x" });
	became(0, jobs[0].id, 0, "b@x", NULL);
	ck_assert_uint_eq(jobs[1].number[0], 1);
	report(0, jobs[1].id, &stored, 1);
	ck_assert_uint_eq(message_count(), 0);
	ck_assert_uint_eq(stats.refused, 0);
	ck_assert_uint_eq(stats.kept, 0);
}
END_TEST

/* Figures are JSON members. */
START_TEST(test_figures)
{
	queue_figures(check_word, NULL);
}
END_TEST

/* Time over: spool, 250, and the lease goes on. */
START_TEST(test_rule_5_time)
{
	conf.hold_time = 300;
	queue_limits(&conf);
	next(0, 1);
	SUBMIT(.to = { "a@x" });
	ck_assert(!heard[0].got);
	run(350);
	ck_heard(&heard[0], 0, OUTCOME_QUEUED);
	ck_assert_uint_eq(stats.spooled, 1);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(message_count(), 0);
}
END_TEST

/* What must not be cut through: a remote recipient, NOTIFY=SUCCESS, nobody
   waiting, held memory used up, hold time 0. */
START_TEST(test_rule_5_when)
{
	SUBMIT(.to = { "a@x" });
	ck_heard(&heard[0], 0, OUTCOME_QUEUED);
	next(0, 1);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	next(0, 9);
	SUBMIT(.to = { "a@x", "b@far" }, .remote = { false, true });
	ck_heard(&heard[1], 0, OUTCOME_QUEUED);
	SUBMIT(.to = { "a@x" }, .notify = NOTIFY_SUCCESS);
	ck_heard(&heard[2], 0, OUTCOME_QUEUED);
	conf.hold_memory = 100;
	queue_limits(&conf);
	SUBMIT(.to = { "a@x" });
	ck_assert(!heard[3].got);
	SUBMIT(.to = { "a@x" });
	ck_heard(&heard[4], 0, OUTCOME_QUEUED);
	conf.hold_memory = 64000000;
	conf.hold_time = 0;
	queue_limits(&conf);
	SUBMIT(.to = { "a@x" });
	ck_heard(&heard[5], 0, OUTCOME_QUEUED);
}
END_TEST

/* No room in the spool: 452 before anything is offered. */
START_TEST(test_rule_5_room)
{
	next(0, 1);
	engine_mem_fault(engine, ENGINE_FULL, 0, 1);
	SUBMIT(.to = { "a@x" });
	ck_assert(heard[0].got);
	ck_assert_int_eq(heard[0].status, WIRE_AGAIN);
	ck_assert_uint_eq(n_jobs, 0);
	engine_mem_fault(engine, ENGINE_OK, 0, 0);
	SUBMIT(.to = { "a@x" });
	ck_assert_uint_eq(n_jobs, 1);
}
END_TEST

/* After the 250 an outcome and its report are one commit (NO_DSNATOMIC:
   "B refused" durable, queue dies before the report; or two reports). */
START_TEST(test_rule_6)
{
	uint64_t id;

	SUBMIT(.to = { "b@x" }, .sender = SENDER_AUTHENTICATED,
	    .by = submission);
	id = heard[0].id;
	next(0, 1);
	engine_mem_hold(engine, true);
	done(0, id, 0, OUTCOME_REFUSED);
	ck_assert_uint_eq(done_ok, 0);
	crash();		/* neither outcome nor report is there */
	next(0, 2);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_uint_eq(jobs[1].id, id);
	done(0, id, 0, OUTCOME_REFUSED);
	ck_assert_uint_eq(done_ok, 1);
	crash();		/* both are there, once */
	next(0, 2);
	ck_assert_str_eq(jobs[n_jobs - 1].address[0], "s@remote.example");
	ck_assert_uint_ne(jobs[n_jobs - 1].id, id);
	ck_assert_uint_eq(message_count(), 1);
}
END_TEST

/* The mark "stored" may be lazy: answered at once, and learnt again. */
START_TEST(test_rule_6_lazy)
{
	SUBMIT(.to = { "b@x" });
	next(0, 1);
	engine_mem_hold(engine, true);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(done_ok, 1);
	crash();
	next(0, 1);
	ck_assert_uint_eq(jobs[1].id, jobs[0].id);
	done(0, jobs[1].id, 0, OUTCOME_STORED);
	run(5);
	ck_assert_uint_eq(message_count(), 0);
	crash();
	next(0, 1);
	ck_assert_uint_eq(n_jobs, 2);
}
END_TEST

/* The session is lost before the answer: what is only in memory is dropped,
   what runs runs out and its report finds no message. */
START_TEST(test_rule_7)
{
	next(0, 1);
	SUBMIT(.to = { "a@x" });
	hang_up(&smtpd);
	ck_assert_uint_eq(message_count(), 0);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(done_ok, 1);
	crash();
	next(0, 1);
	ck_assert_uint_eq(n_jobs, 1);
}
END_TEST

/* Leases end with the connection, and the job is offered again at once
   (NO_LEASEBACK: the recipient waits for ever). */
START_TEST(test_rule_8)
{
	SUBMIT(.to = { "a@x" });
	next(0, 1);
	next(1, 1);
	ck_assert_uint_eq(n_jobs, 1);
	hang_up(&mda[0]);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_int_eq(jobs[1].mda, 1);
	ck_assert_uint_eq(jobs[1].id, jobs[0].id);
}
END_TEST

/* Held messages too. */
START_TEST(test_rule_8_held)
{
	next(0, 1);
	next(1, 1);
	SUBMIT(.to = { "a@x" });
	ck_assert_uint_eq(n_jobs, 1);
	hang_up(&mda[jobs[0].mda]);
	ck_assert_uint_eq(n_jobs, 2);
	done(jobs[1].mda, jobs[1].id, 0, OUTCOME_STORED);
	ck_heard(&heard[0], 0, OUTCOME_STORED);
}
END_TEST

/* Remote work is never in memory only, and waits in the spool until there is
   a relay to say hello (NO_RELAYSPOOLED, NO_CLAIM). */
START_TEST(test_rule_9)
{
	next(0, 2);
	SUBMIT(.to = { "b@far" }, .remote = { true }, .by = submission);
	ck_heard(&heard[0], 0, OUTCOME_QUEUED);
	ck_assert_uint_eq(n_jobs, 0);
	crash();
	next(0, 2);
	ck_assert_uint_eq(n_jobs, 0);
	ck_assert_uint_eq(message_count(), 1);
}
END_TEST

/* What may double: without a token the retry is a message of its own, and its
   id is another, so that nothing of the first is mistaken for it. */
START_TEST(test_rule_11)
{
	next(0, 2);
	SUBMIT(.to = { "a@x" });
	hang_up(&smtpd);
	smtpd = connect_as(ROLE_SMTPD);
	SUBMIT(.to = { "a@x" });
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_uint_ne(jobs[0].id, jobs[1].id);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	ck_assert(!heard[1].got);
	done(0, jobs[1].id, 0, OUTCOME_STORED);
	ck_heard(&heard[1], 0, OUTCOME_STORED);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("queue rules");
	TCase *t = tcase_create("rules");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_rule_1);
	tcase_add_test(t, test_rule_1_durable_first);
	tcase_add_test(t, test_rule_2);
	tcase_add_test(t, test_rule_2_killed);
	tcase_add_test(t, test_rule_3);
	tcase_add_test(t, test_rule_4);
	tcase_add_test(t, test_rule_4_kept);
	tcase_add_test(t, test_rule_5_stored);
	tcase_add_test(t, test_rule_5_refused);
	tcase_add_test(t, test_rule_5_mixed);
	tcase_add_test(t, test_rule_5_each);
	tcase_add_test(t, test_rule_5_became);
	tcase_add_test(t, test_rule_5_mutual);
	tcase_add_test(t, test_figures);
	tcase_add_test(t, test_rule_5_time);
	tcase_add_test(t, test_rule_5_when);
	tcase_add_test(t, test_rule_5_room);
	tcase_add_test(t, test_rule_6);
	tcase_add_test(t, test_rule_6_lazy);
	tcase_add_test(t, test_rule_7);
	tcase_add_test(t, test_rule_8);
	tcase_add_test(t, test_rule_8_held);
	tcase_add_test(t, test_rule_9);
	tcase_add_test(t, test_rule_11);
	suite_add_tcase(s, t);
	return suite_end(s);
}
