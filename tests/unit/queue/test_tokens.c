/* Hand-off rule 10 (architecture.md section 6): whoever did not hear the answer
   sends it again, with its token, and there is no second copy (P7). */
#include "tests/unit/queue/world.h"

/* Unanswered, in memory: the retry takes the same id and numbers, so store
   knows what it has (NO_TOKEN: A has two). */
START_TEST(test_rule_10_memory)
{
	uint64_t id;

	next(0, 1);
	SUBMIT(.to = { "a@x", "b@x" }, .token = "T");
	id = jobs[0].id;
	hang_up(&smtpd);
	smtpd = connect_as(ROLE_SMTPD);
	next(0, 1);
	/* Other recipients this time: c is new, b keeps its number. */
	SUBMIT(.to = { "c@x", "b@x" }, .token = "T");
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_uint_eq(jobs[1].id, id);
	ck_assert_uint_eq(jobs[1].n, 2);
	ck_assert_uint_eq(jobs[1].number[0], 1);
	ck_assert_str_eq(jobs[1].address[0], "b@x");
	ck_assert_uint_eq(jobs[1].number[1], 2);
	ck_assert_str_eq(jobs[1].address[1], "c@x");
	done(0, id, 1, OUTCOME_STORED);
	done(0, id, 2, OUTCOME_FULL);
	/* Verdicts are in the order of the retry's recipients. */
	ck_heard(&heard[1], 0, OUTCOME_QUEUED);
	ck_heard(&heard[1], 1, OUTCOME_STORED);
	ck_assert(strstr(body_of(&jobs[0]), "id ") != NULL);
}
END_TEST

/* In the spool, from a lost session: 250, nothing is created. */
START_TEST(test_rule_10_spool)
{
	engine_mem_hold(engine, true);
	SUBMIT(.to = { "a@x" }, .token = "T");
	hang_up(&smtpd);
	smtpd = connect_as(ROLE_SMTPD);
	engine_mem_hold(engine, false);
	run(5);
	ck_assert_uint_eq(message_count(), 1);
	next(0, 1);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	run(5);
	/* Delivered meanwhile: still recognised. */
	next(0, 1);
	SUBMIT(.to = { "a@x" }, .token = "T");
	ck_heard(&heard[1], 0, OUTCOME_QUEUED);
	ck_assert_uint_eq(n_jobs, 1);
	ck_assert_uint_eq(message_count(), 0);
}
END_TEST

/* Being written: the retry waits for that sync, or it is told 250 for what a
   crash then takes (Spin's trace in the draft without the wait). */
START_TEST(test_rule_10_writing)
{
	engine_mem_hold(engine, true);
	SUBMIT(.to = { "a@x" }, .token = "T");
	hang_up(&smtpd);
	smtpd = connect_as(ROLE_SMTPD);
	SUBMIT(.to = { "a@x" }, .token = "T");
	ck_assert(!heard[1].got);
	engine_mem_hold(engine, false);
	run(5);
	ck_heard(&heard[1], 0, OUTCOME_QUEUED);
	ck_assert_uint_eq(message_count(), 1);
}
END_TEST

/* In the spool, from an older life: its 250 may have been lost with it. */
START_TEST(test_rule_10_life)
{
	SUBMIT(.to = { "a@x" }, .token = "T");
	ck_heard(&heard[0], 0, OUTCOME_QUEUED);
	crash();
	next(0, 2);
	SUBMIT(.to = { "a@x", "b@x" }, .token = "T");
	/* a is covered by the old one, b is new. */
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_uint_eq(jobs[1].n, 1);
	ck_assert_str_eq(jobs[1].address[0], "b@x");
	done(0, jobs[1].id, jobs[1].number[0], OUTCOME_STORED);
	ck_heard(&heard[1], 0, OUTCOME_QUEUED);
	ck_heard(&heard[1], 1, OUTCOME_STORED);
}
END_TEST

/* Answered within this life: it never matches (TOKEN_ALWAYS: the same bytes
   sent twice on purpose, two 250s, one message).  An empty token neither. */
START_TEST(test_rule_10_never)
{
	SUBMIT(.to = { "a@x" }, .token = "T");
	SUBMIT(.to = { "a@x" }, .token = "T");
	ck_assert_uint_ne(heard[0].id, heard[1].id);
	ck_assert_uint_eq(message_count(), 2);
	next(0, 2);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	done(0, jobs[1].id, 0, OUTCOME_STORED);
	next(0, 2);
	SUBMIT(.to = { "a@x" }, .token = "T");
	SUBMIT(.to = { "a@x" }, .token = "T");
	ck_assert_uint_eq(n_jobs, 4);
	hang_up(&smtpd);
	smtpd = connect_as(ROLE_SMTPD);
	next(0, 2);
	SUBMIT(.to = { "a@x" });
	hang_up(&smtpd);
	smtpd = connect_as(ROLE_SMTPD);
	next(0, 2);
	SUBMIT(.to = { "a@x" });
	ck_assert_uint_ne(jobs[4].id, jobs[5].id);
}
END_TEST

/* What drop submits it may submit again after the 250: its token is that of no
   other message.  Stored at once ... */
START_TEST(test_rule_10_once_stored)
{
	next(0, 1);
	SUBMIT(.to = { "a@x" }, .token = "T", .once = true);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	ck_heard(&heard[0], 0, OUTCOME_STORED);
	next(0, 1);
	SUBMIT(.to = { "a@x" }, .token = "T", .once = true);
	ck_heard(&heard[1], 0, OUTCOME_QUEUED);
	ck_assert_uint_eq(n_jobs, 1);
	ck_assert_uint_eq(message_count(), 0);
	test_time += 25 * 3600 * 1000;
	SUBMIT(.to = { "a@x" }, .token = "T", .once = true);
	ck_assert_uint_eq(n_jobs, 2);
}
END_TEST

/* ... in the spool, then gone from there, then in the next life ... */
START_TEST(test_rule_10_once_spooled)
{
	SUBMIT(.to = { "a@x", "b@x" }, .token = "T", .once = true);
	ck_heard(&heard[0], 1, OUTCOME_QUEUED);
	for (unsigned i = 1; i <= 3; i++) {
		SUBMIT(.to = { "b@x", "a@x" }, .token = "T", .once = true);
		ck_heard(&heard[i], 0, OUTCOME_QUEUED);
		ck_heard(&heard[i], 1, OUTCOME_QUEUED);
		ck_assert_uint_eq(message_count(), i == 1);
		if (i == 1) {
			next(0, 1);
			done(0, jobs[0].id, 0, OUTCOME_STORED);
			done(0, jobs[0].id, 1, OUTCOME_STORED);
			run(5);
		} else if (i == 2)
			crash();
	}
	ck_assert_uint_eq(n_jobs, 1);
}
END_TEST

/* ... but what was refused it hears again. */
START_TEST(test_rule_10_once_refused)
{
	for (unsigned i = 0; i < 2; i++) {
		next(0, 1);
		SUBMIT(.to = { "a@x" }, .token = "T", .once = true);
		ck_assert_uint_eq(n_jobs, i + 1);
		done(0, jobs[i].id, 0, OUTCOME_REFUSED);
		ck_heard(&heard[i], 0, OUTCOME_REFUSED);
	}
}
END_TEST

/* Nor does one that was answered, and then reported as refused: sent again, it
   is tried again. */
START_TEST(test_rule_10_refused_later)
{
	SUBMIT(.to = { "a@x" }, .token = "T", .sender = SENDER_VERIFIED);
	next(0, 1);
	done(0, jobs[0].id, 0, OUTCOME_REFUSED);
	ck_assert_uint_eq(stats.bounced, 1);
	SUBMIT(.to = { "a@x" }, .token = "T", .sender = SENDER_VERIFIED);
	ck_assert_uint_ne(heard[1].id, heard[0].id);
	ck_assert_uint_eq(message_count(), 2);
}
END_TEST

/* What an older life accepted is remembered, also once it has left the spool
   and through one more crash: the peer may not have heard yet. */
START_TEST(test_rule_10_two_lives)
{
	SUBMIT(.to = { "a@x" }, .token = "T");
	crash();
	next(0, 1);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	run(5);
	ck_assert_uint_eq(message_count(), 0);
	crash();
	next(0, 1);
	SUBMIT(.to = { "a@x" }, .token = "T");
	ck_heard(&heard[1], 0, OUTCOME_QUEUED);
	ck_assert_uint_eq(n_jobs, 1);
}
END_TEST

/* Kept 24 hours. */
START_TEST(test_rule_10_forgets)
{
	SUBMIT(.to = { "a@x" }, .token = "T");
	crash();
	next(0, 1);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	run(5);
	test_time += 25 * 3600 * 1000;
	crash();
	next(0, 1);
	SUBMIT(.to = { "a@x" }, .token = "T");
	ck_assert_uint_eq(n_jobs, 2);
}
END_TEST

/* A refused transaction was answered too: the mailbox that was emptied takes
   the retry, under a new id. */
START_TEST(test_rule_10_refused)
{
	next(0, 2);
	SUBMIT(.to = { "a@x" }, .token = "T");
	done(0, jobs[0].id, 0, OUTCOME_FULL);
	ck_heard(&heard[0], 0, OUTCOME_FULL);
	SUBMIT(.to = { "a@x" }, .token = "T");
	ck_assert_uint_ne(jobs[1].id, jobs[0].id);
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_rule_10_memory);
	tcase_add_test(t, test_rule_10_spool);
	tcase_add_test(t, test_rule_10_writing);
	tcase_add_test(t, test_rule_10_life);
	tcase_add_test(t, test_rule_10_never);
	tcase_add_test(t, test_rule_10_once_stored);
	tcase_add_test(t, test_rule_10_once_spooled);
	tcase_add_test(t, test_rule_10_once_refused);
	tcase_add_test(t, test_rule_10_refused_later);
	tcase_add_test(t, test_rule_10_two_lives);
	tcase_add_test(t, test_rule_10_forgets);
	tcase_add_test(t, test_rule_10_refused);
}

int
main(void)
{
	return suite_run("queue tokens", add);
}
