/* Who is not ready yet, and shows that it gets on, lives; who stands still is
   reported (PRIV-9). */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "common/core/alive.h"
#include "common/core/log.h"
#include "master/life.h"
#include "tests/unit/suite.h"

enum { WAIT = 600, STEP = 100 };	/* ms */

static struct life	 life;
static int		 end;
static unsigned		 still, signs;
static struct timer	 step, stop;

static void
count_still(struct life *l)
{
	ck_assert_ptr_eq(l, &life);
	still++;
}

static void
give_sign(struct timer *t)
{
	if (signs == 0)
		return;
	signs--;
	ck_assert_int_eq(write(end, "", 1), 1);
	timer_set(t, loop_clock() + STEP);
}

static void
stop_now(struct timer *t)
{
	(void)t;
	loop_stop();
}

static void
run_ms(uint64_t ms)
{
	stop.fire = stop_now;
	timer_set(&stop, loop_clock() + ms);
	loop_run();
}

static void
begin(void)
{
	loop_init();
	still = signs = 0;
	life = (struct life){ 0 };
	end = life_begin(&life, WAIT, count_still);
	ck_assert_int_ge(end, 0);
}

START_TEST(who_gets_on_lives)
{
	begin();
	signs = 12;
	step.fire = give_sign;
	timer_set(&step, loop_clock() + STEP);
	run_ms(1100);
	ck_assert_uint_lt(signs, 12);
	ck_assert_uint_eq(still, 0);
	/* And stops. */
	run_ms(1500);
	ck_assert_uint_eq(signs, 0);
	ck_assert_uint_eq(still, 1);
	life_end(&life);
	close(end);
}
END_TEST

START_TEST(who_stands_still_is_reported)
{
	begin();
	run_ms(2 * WAIT);
	ck_assert_uint_eq(still, 1);
	life_end(&life);
	life_end(&life);
	close(end);
}
END_TEST

/* The end of the signs is not yet the end of the wait. */
START_TEST(who_closes_it_has_the_rest)
{
	begin();
	close(end);
	run_ms(WAIT / 2);
	ck_assert_uint_eq(still, 0);
	run_ms(WAIT);
	ck_assert_uint_eq(still, 1);
	life_end(&life);
}
END_TEST

START_TEST(who_is_ready_is_left_alone)
{
	begin();
	life_end(&life);
	run_ms(2 * WAIT);
	ck_assert_uint_eq(still, 0);
	close(end);
}
END_TEST

/* A step may be tiny: one byte a second, and none when it is over. */
START_TEST(signs_are_few)
{
	struct pollfd p;
	int ends[2];
	char bytes[8];

	alive();
	ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
	alive_begin(ends[1]);
	for (int i = 0; i < 1000; i++)
		alive();
	ck_assert_int_eq(read(ends[0], bytes, sizeof bytes), 1);
	p = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	for (uint64_t until = loop_clock() + 1500; loop_clock() < until;)
		alive();
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	ck_assert_int_le(read(ends[0], bytes, sizeof bytes), 2);
	alive_end();
	alive();
	ck_assert_int_eq(read(ends[0], bytes, sizeof bytes), 0);
	close(ends[0]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("life");
	TCase *c = tcase_create("life");

	tcase_add_test(c, who_gets_on_lives);
	tcase_add_test(c, who_stands_still_is_reported);
	tcase_add_test(c, who_closes_it_has_the_rest);
	tcase_add_test(c, who_is_ready_is_left_alone);
	tcase_add_test(c, signs_are_few);
	suite_add_tcase(s, c);
	return suite_end(s);
}
