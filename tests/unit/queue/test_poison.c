/* Messages that end their mda, and mdas that stand still (architecture.md
   section 6). */
#include "tests/unit/queue/world.h"

#include "queue/lease.h"

/* A message that ends each mda: offered twice, then alone, then, after the
   third death, set aside; the rest flows. */
START_TEST(test_poison)
{
	uint64_t bad;

	SUBMIT(.to = { "bad@x" });
	bad = heard[0].id;
	for (unsigned i = 0; i < 2; i++) {
		next(0, 1);
		ck_assert_uint_eq(jobs[i].id, bad);
		hang_up(&mda[0]);
	}
	SUBMIT(.to = { "a@x" });
	SUBMIT(.to = { "b@x" });
	next(0, 3);
	/* It holds nothing: so it gets the suspect, and nothing beside it. */
	ck_assert_uint_eq(n_jobs, 3);
	ck_assert_uint_eq(jobs[2].id, bad);
	next(1, 2);
	ck_assert_uint_eq(n_jobs, 5);
	done(1, jobs[3].id, 0, OUTCOME_STORED);
	done(1, jobs[4].id, 0, OUTCOME_STORED);
	hang_up(&mda[0]);
	ck_assert_uint_eq(stats.aside, 1);
	next(0, 3);
	SUBMIT(.to = { "c@x" });
	ck_assert_uint_eq(n_jobs, 6);
	ck_assert_uint_ne(jobs[5].id, bad);
	crash();
	next(0, 3);
	for (size_t i = 6; i < n_jobs; i++)
		ck_assert_uint_ne(jobs[i].id, bad);
	ck_assert(message_find(bad) != NULL);
	ck_assert_int_eq(message_find(bad)->state, MESSAGE_SET_ASIDE);
}
END_TEST

/* The suspect was innocent: alone it is delivered, and all goes on. */
START_TEST(test_poison_innocent)
{
	SUBMIT(.to = { "a@x" });
	for (int i = 0; i < 2; i++) {
		next(0, 1);
		hang_up(&mda[0]);
	}
	next(0, 2);
	done(0, jobs[2].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(message_count(), 0);
	SUBMIT(.to = { "b@x" });
	ck_assert_uint_eq(n_jobs, 4);
	ck_assert_uint_eq(stats.aside, 0);
}
END_TEST

/* A busy mda is drained before it gets the suspect. */
START_TEST(test_poison_drains)
{
	SUBMIT(.to = { "bad@x" });
	for (int i = 0; i < 2; i++) {
		next(1, 1);
		if (i == 1)
			break;
		hang_up(&mda[1]);
	}
	next(0, 3);
	SUBMIT(.to = { "a@x" });
	ck_assert_uint_eq(n_jobs, 3);
	hang_up(&mda[1]);
	SUBMIT(.to = { "b@x" });
	ck_assert_uint_eq(n_jobs, 3);
	done(0, jobs[2].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(n_jobs, 4);
	ck_assert_str_eq(jobs[3].address[0], "bad@x");
	done(0, jobs[3].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(n_jobs, 5);
	ck_assert_str_eq(jobs[4].address[0], "b@x");
}
END_TEST

/* Held, it goes to the spool before it is a suspect: its session hears 250,
   not silence. */
START_TEST(test_poison_held)
{
	next(0, 1);
	SUBMIT(.to = { "bad@x" });
	hang_up(&mda[0]);
	next(0, 1);
	ck_assert(!heard[0].got);
	hang_up(&mda[0]);
	run(5);
	ck_heard(&heard[0], 0, OUTCOME_QUEUED);
	next(0, 1);
	hang_up(&mda[0]);
	ck_assert_uint_eq(stats.aside, 1);
}
END_TEST

/* An mda that stands still loses its connection, and the next one gets what
   it held (hand-off rule 8; NO_WATCHDOG: the recipient waits for ever). */
START_TEST(test_lease_limit)
{
	lease_limit = 200;
	SUBMIT(.to = { "a@x" });
	next(0, 2);
	ck_assert_uint_eq(n_jobs, 1);
	lease_limit = 600000;
	next(1, 1);
	run(250);
	ck_assert_uint_eq(stats.lease_limits, 1);
	ck_assert(!link_up(mda[0]));
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_int_eq(jobs[1].mda, 1);
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_poison);
	tcase_add_test(t, test_poison_innocent);
	tcase_add_test(t, test_poison_drains);
	tcase_add_test(t, test_poison_held);
	tcase_add_test(t, test_lease_limit);
}

int
main(void)
{
	return suite_run("queue poison", add);
}
