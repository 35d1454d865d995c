/*
 * The table of states and steps (queue/states.def), and when a message is
 * tried again.
 */
#include <check.h>
#include <string.h>

#include "tests/unit/queue/world.h"

static bool
leads(enum message_state from, enum message_state to)
{
	bool seen[MESSAGE_STATES] = { false };

	seen[from] = true;
	for (int round = 0; round < MESSAGE_STATES; round++)
		for (int i = 0; i < MESSAGE_STEPS; i++)
			if (seen[step_rows[i].from])
				seen[step_rows[i].to] = true;
	return seen[to];
}

/* Every state is reached from a beginning (a message arrives whole or in
   pieces) and leads to the end; nothing leaves GONE; no two steps have one
   name. */
START_TEST(test_states)
{
	for (int s = 0; s < MESSAGE_STATES; s++) {
		ck_assert(leads(MESSAGE_RECEIVING, (enum message_state)s));
		ck_assert(leads((enum message_state)s, MESSAGE_GONE));
		ck_assert(strlen(state_rows[s].meaning) > 0);
		ck_assert(strlen(state_rows[s].crash) > 0);
	}
	for (int i = 0; i < MESSAGE_STEPS; i++) {
		ck_assert_int_ne(step_rows[i].from, MESSAGE_GONE);
		ck_assert_int_ne(step_rows[i].from, step_rows[i].to);
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(step_rows[i].name, step_rows[j].name);
	}
}
END_TEST

/* The road to responsibility leads through a commit, whatever the table may
   grow: only what was WRITING, or in the spool already, is SPOOLED (hand-off
   rule 2). */
START_TEST(test_spooled_was_written)
{
	for (int i = 0; i < MESSAGE_STEPS; i++)
		if (step_rows[i].to == MESSAGE_SPOOLED)
			ck_assert(step_rows[i].from == MESSAGE_WRITING ||
			    step_rows[i].from == MESSAGE_SET_ASIDE);
}
END_TEST

/* 5 minutes, growing to 4 hours. */
START_TEST(test_backoff)
{
	schedule_limits(300000, 14400000, 0, 432000000);
	ck_assert_uint_eq(schedule_backoff(1, false), 300000);
	ck_assert_uint_eq(schedule_backoff(2, false), 600000);
	ck_assert_uint_eq(schedule_backoff(6, false), 9600000);
	ck_assert_uint_eq(schedule_backoff(7, false), 14400000);
	ck_assert_uint_eq(schedule_backoff(UINT32_MAX, false), 14400000);
	ck_assert_uint_eq(schedule_backoff(1, true), 1000);
	ck_assert_uint_eq(schedule_backoff(3, true), 4000);
	ck_assert_uint_eq(schedule_backoff(40, true), 14400000);
}
END_TEST

/* The low-water mark is the least of all that was put in. */
START_TEST(test_low)
{
	struct heap_node a = { 0 }, b = { 0 };

	ck_assert_uint_eq(live_low(), 0);
	live_add(&a, 9);
	live_add(&b, 4);
	ck_assert_uint_eq(live_low(), 4);
	live_del(&b);
	ck_assert_uint_eq(live_low(), 9);
	live_del(&a);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("queue states");
	TCase *t = tcase_create("states");

	tcase_add_test(t, test_states);
	tcase_add_test(t, test_spooled_was_written);
	tcase_add_test(t, test_backoff);
	tcase_add_test(t, test_low);
	suite_add_tcase(s, t);
	return suite_end(s);
}
