/* The penalty for guessing, by a clock that the test turns (LOGIN-3). */
#include "auth/penalty.h"

#include <check.h>
#include <stdio.h>

#include "auth/secret.h"
#include "tests/unit/suite.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE };

static struct penalties	*p;
static uint64_t		 now;

static void
setup(void)
{
	secret_init();
	p = penalties_new(256, 1000);
	now = 5 * HOUR;
}

static void
teardown(void)
{
	penalties_free(p);
}

static struct attempt
attempt(const char *client, const char *account, const char *password)
{
	return attempt_make(slice_str(client), slice_str(account),
	    slice_str(password));
}

static uint64_t
failed(const char *client, const char *account, const char *password)
{
	struct attempt a = attempt(client, account, password);

	return penalty_failed(p, &a, now);
}

static uint64_t
passed(const char *client, const char *account)
{
	struct attempt a = attempt(client, account, "right");

	return penalty_passed(p, &a, now);
}

START_TEST(schedule)
{
	ck_assert_uint_eq(passed("192.0.2.1", "ann"), 0);
	ck_assert_uint_eq(failed("192.0.2.1", "bob", "1"), 2000);
	ck_assert_uint_eq(failed("192.0.2.1", "bob", "2"), 4000);
	ck_assert_uint_eq(failed("192.0.2.1", "bob", "3"), 8000);
	ck_assert_uint_eq(failed("192.0.2.1", "bob", "4"), 15000);
	ck_assert_uint_eq(failed("192.0.2.1", "bob", "5"), 15000);
	/* The failures follow network and account, and nobody else. */
	ck_assert_uint_eq(failed("192.0.2.99", "eve", "1"), 15000);
	ck_assert_uint_eq(failed("198.51.100.1", "bob", "6"), 15000);
	ck_assert_uint_eq(failed("198.51.101.1", "joe", "1"), 2000);
}
END_TEST

START_TEST(same_password)
{
	for (int i = 0; i < 20; i++)
		ck_assert_uint_eq(failed("192.0.2.1", "bob", "old"), 2000);
	ck_assert_uint_eq(failed("192.0.2.1", "bob", "new"), 4000);
	ck_assert_uint_eq(failed("192.0.2.1", "bob", "old"), 4000);
	/* The same word for another account is a guess. */
	ck_assert_uint_eq(failed("192.0.2.1", "eve", "old"), 8000);
}
END_TEST

START_TEST(forgotten)
{
	failed("192.0.2.1", "bob", "1");
	failed("192.0.2.1", "bob", "2");
	now += 9 * MINUTE;
	ck_assert_uint_eq(failed("192.0.2.1", "bob", "3"), 8000);
	now += 11 * MINUTE;
	ck_assert_uint_eq(failed("192.0.2.1", "bob", "1"), 2000);
}
END_TEST

START_TEST(success)
{
	/* From a known network nobody is delayed by others' guesses. */
	ck_assert_uint_eq(passed("192.0.2.1", "ann"), 0);
	failed("203.0.113.1", "ann", "1");
	failed("203.0.113.1", "ann", "2");
	ck_assert_uint_eq(passed("203.0.113.1", "ann"), 4000);
	failed("203.0.113.1", "ann", "3");
	ck_assert_uint_eq(passed("192.0.2.7", "ann"), 0);
	/* It forgets those of the account, not those of the network. */
	ck_assert_uint_eq(passed("198.51.100.1", "ann"), 0);
	ck_assert_uint_eq(failed("203.0.113.1", "joe", "1"), 15000);
	/* After a day the network is not known any more. */
	now += 25 * HOUR;
	failed("203.0.113.1", "ann", "1");
	ck_assert_uint_eq(passed("192.0.2.1", "ann"), 2000);
}
END_TEST

START_TEST(due)
{
	struct attempt a = attempt("192.0.2.1", "ann", "x");

	ck_assert(!penalty_due(p, &a, now));
	penalty_failed(p, &a, now);
	ck_assert(penalty_due(p, &a, now));
	a = attempt("192.0.2.200", "bob", "x");
	ck_assert(penalty_due(p, &a, now));
	a = attempt("192.0.3.1", "bob", "x");
	ck_assert(!penalty_due(p, &a, now));
}
END_TEST

/* However many try, nothing grows, and who guesses on is still found. */
START_TEST(bounded)
{
	char client[40];

	for (int i = 0; i < 100000; i++) {
		snprintf(client, sizeof client, "10.%d.%d.1", i / 256 % 256,
		    i % 256);
		failed(client, client, "x");
		now++;
		if (i % 16 == 0)
			failed("192.0.2.1", "bob", client);
	}
	ck_assert_uint_eq(failed("192.0.2.1", "bob", "y"), 15000);
}
END_TEST

START_TEST(networks)
{
	static const char *const rows[][2] = {
		{ "192.0.2.77", "192.0.2.0/24" },
		{ "::ffff:192.0.2.77", "192.0.2.0/24" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
		{ "2001:db8:1:2::", "2001:db8:1:2::/64" },
		{ "", "" }, { "unix", "unix" },
		{ "192.0.2.77.example.org", "192.0.2.77.example.org" },
	};
	struct buf b = { 0 };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_clear(&b);
		network_print(&b, slice_str(rows[i][0]));
		ck_assert_str_eq(buf_cstr(&b), rows[i][1]);
	}
	buf_free(&b);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("penalty");
	TCase *t = tcase_create("penalty");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, schedule);
	tcase_add_test(t, same_password);
	tcase_add_test(t, forgotten);
	tcase_add_test(t, success);
	tcase_add_test(t, due);
	tcase_add_test(t, bounded);
	tcase_add_test(t, networks);
	suite_add_tcase(s, t);
	return suite_end(s);
}
