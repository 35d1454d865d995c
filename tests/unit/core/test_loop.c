/* One turn of the loop does its work in the order that loop.h draws, and a
   deleted watch is never called again. */
#include "common/core/loop.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/buf.h"
#include "tests/unit/suite.h"

enum { ENDS = 40 };

/* Pairs of sockets: the loop watches one end, the test uses the other. */
static struct end {
	struct watch	 watch;
	int		 other;
	unsigned	 calls, events;
} ends[ENDS];

static struct buf	 story;		/* what happened, a letter each */
static int		 turns_left;
static bool		 awake;		/* no turn sleeps */

static struct end *
end_of(struct watch *w)
{
	return CONTAINER(w, struct end, watch);
}

static void
note(struct watch *w, unsigned events)
{
	end_of(w)->calls++;
	end_of(w)->events = events;
	buf_char(&story, 'r');
}

static void
count_turn(void)
{
	if (awake)
		loop_again();
	if (--turns_left == 0)
		loop_stop();
}

static void
run_turns(int n)
{
	turns_left = n;
	if (awake)
		loop_again();
	loop_run();
}

static void
setup(void)
{
	int pair[2];

	loop_init();
	loop_hook(LOOP_AFTER, count_turn);
	awake = true;
	for (int i = 0; i < ENDS; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		ends[i] = (struct end){ .other = pair[1] };
		ends[i].watch = (struct watch){ .fd = pair[0], .ready = note };
	}
}

static void
teardown(void)
{
	for (int i = 0; i < ENDS; i++) {
		loop_del(&ends[i].watch);
		close(ends[i].watch.fd);
		close(ends[i].other);
	}
	buf_free(&story);
}

static void
send_to(struct end *e)
{
	ck_assert_int_eq(write(e->other, "x", 1), 1);
}

static void
receive(struct end *e)
{
	char c;

	ck_assert_int_eq(read(e->watch.fd, &c, 1), 1);
}

/* ---- descriptors */

START_TEST(level_reports_until_read)
{
	ck_assert(loop_add(&ends[0].watch, LOOP_IN, false));
	run_turns(2);
	ck_assert_uint_eq(ends[0].calls, 0);
	send_to(&ends[0]);
	run_turns(3);
	ck_assert_uint_eq(ends[0].calls, 3);
	ck_assert_uint_eq(ends[0].events, LOOP_IN);
	receive(&ends[0]);
	run_turns(3);
	ck_assert_uint_eq(ends[0].calls, 3);
}
END_TEST

START_TEST(edge_reports_once)
{
	ck_assert(loop_add(&ends[0].watch, LOOP_IN | LOOP_OUT, true));
	run_turns(3);
	ck_assert_uint_eq(ends[0].calls, 1);
	ck_assert_uint_eq(ends[0].events, LOOP_OUT);
	send_to(&ends[0]);
	run_turns(3);
	ck_assert_uint_eq(ends[0].calls, 2);
	ck_assert_uint_eq(ends[0].events, LOOP_IN | LOOP_OUT);
	send_to(&ends[0]);
	run_turns(3);
	ck_assert_uint_eq(ends[0].calls, 3);
	loop_mod(&ends[0].watch, LOOP_IN);
	run_turns(3);
	ck_assert_uint_eq(ends[0].calls, 4);
	ck_assert_uint_eq(ends[0].events, LOOP_IN);
}
END_TEST

START_TEST(mod_changes_what_is_reported)
{
	struct end *e = &ends[0];

	ck_assert(loop_add(&e->watch, 0, false));
	send_to(e);
	run_turns(2);
	ck_assert_uint_eq(e->calls, 0);
	loop_mod(&e->watch, LOOP_OUT);
	run_turns(1);
	ck_assert_uint_eq(e->events, LOOP_OUT);
	loop_mod(&e->watch, LOOP_IN | LOOP_OUT);
	run_turns(1);
	ck_assert_uint_eq(e->events, LOOP_IN | LOOP_OUT);
	loop_mod(&e->watch, LOOP_IN);
	loop_mod(&e->watch, LOOP_IN);
	run_turns(1);
	ck_assert_uint_eq(e->events, LOOP_IN);
}
END_TEST

/* Whoever waits only to read or only to write must learn of the end. */
START_TEST(hangup_is_whatever_one_waits_for)
{
	for (int i = 0; i < 3; i++)
		shutdown(ends[i].other, SHUT_RDWR);
	ck_assert(loop_add(&ends[0].watch, LOOP_IN, false));
	ck_assert(loop_add(&ends[1].watch, LOOP_OUT, false));
	ck_assert(loop_add(&ends[2].watch, 0, false));
	run_turns(1);
	ck_assert_uint_eq(ends[0].events, LOOP_HUP | LOOP_IN);
	ck_assert_uint_eq(ends[1].events, LOOP_HUP | LOOP_OUT);
	ck_assert_uint_eq(ends[2].events, LOOP_HUP);
}
END_TEST

/* A pipe without writers reports EPOLLHUP alone, without EPOLLIN. */
START_TEST(hangup_of_a_pipe)
{
	struct end e = { .watch.ready = note };
	int ends_of_pipe[2];

	ck_assert_int_eq(pipe(ends_of_pipe), 0);
	e.watch.fd = ends_of_pipe[0];
	ck_assert(loop_add(&e.watch, LOOP_IN, false));
	close(ends_of_pipe[1]);
	run_turns(1);
	ck_assert_uint_eq(e.events, LOOP_HUP | LOOP_IN);
	loop_del(&e.watch);
	close(e.watch.fd);
}
END_TEST

/* A peer that only ceases to send has not hung up, unless one asks. */
START_TEST(half_close)
{
	shutdown(ends[0].other, SHUT_WR);
	ck_assert(loop_add(&ends[0].watch, LOOP_IN, false));
	run_turns(1);
	ck_assert_uint_eq(ends[0].events, LOOP_IN);
	loop_mod(&ends[0].watch, LOOP_HUP);
	run_turns(1);
	ck_assert_uint_eq(ends[0].events, LOOP_HUP);
}
END_TEST

START_TEST(kernel_refuses)
{
	char name[] = "/tmp/test_loop.XXXXXX";
	struct end e = { .watch = { .fd = mkstemp(name), .ready = note } };

	ck_assert_int_ge(e.watch.fd, 0);
	unlink(name);
	errno = 0;
	ck_assert(!loop_add(&e.watch, LOOP_IN, false));
	ck_assert_int_eq(errno, EPERM);
	loop_del(&e.watch);
	close(e.watch.fd);
	e.watch.fd = -1;
	ck_assert(!loop_add(&e.watch, LOOP_IN, false));
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

static void
delete_all(struct watch *w, unsigned events)
{
	note(w, events);
	for (int i = 0; i < ENDS; i++) {
		loop_del(&ends[i].watch);
		ends[i].watch.epoll = UINT32_MAX;
	}
}

/* The first to be called deletes the others, whose events are read already,
   and their memory then serves other purposes. */
START_TEST(deleted_watches_stay_silent)
{
	unsigned calls = 0;

	for (int i = 0; i < ENDS; i++) {
		ends[i].watch.ready = delete_all;
		ck_assert(loop_add(&ends[i].watch, LOOP_IN, false));
		send_to(&ends[i]);
	}
	run_turns(3);
	for (int i = 0; i < ENDS; i++) {
		calls += ends[i].calls;
		ends[i].watch.epoll = 0;
	}
	ck_assert_uint_eq(calls, 1);
}
END_TEST

static void
replace_all(struct watch *w, unsigned events)
{
	note(w, events);
	for (int i = 0; i < ENDS; i++) {
		loop_del(&ends[i].watch);
		ends[i].watch.ready = note;
		ck_assert(loop_add(&ends[i].watch, LOOP_IN | LOOP_OUT, false));
	}
}

/* A watch that is added again is not given the event of its former life. */
START_TEST(replaced_watches_start_anew)
{
	unsigned calls = 0;

	for (int i = 0; i < ENDS; i++) {
		ends[i].watch.ready = replace_all;
		ck_assert(loop_add(&ends[i].watch, LOOP_IN, false));
		send_to(&ends[i]);
	}
	run_turns(1);
	for (int i = 0; i < ENDS; i++)
		calls += ends[i].calls;
	ck_assert_uint_eq(calls, 1);
	run_turns(1);
	for (int i = 0; i < ENDS; i++)
		ck_assert_uint_eq(ends[i].events, LOOP_IN | LOOP_OUT);
}
END_TEST

static void
silence_all(struct watch *w, unsigned events)
{
	note(w, events);
	for (int i = 0; i < ENDS; i++)
		loop_mod(&ends[i].watch, 0);
}

START_TEST(unwanted_events_are_dropped)
{
	unsigned calls = 0;

	for (int i = 0; i < ENDS; i++) {
		ends[i].watch.ready = silence_all;
		ck_assert(loop_add(&ends[i].watch, LOOP_IN, false));
		send_to(&ends[i]);
	}
	run_turns(2);
	for (int i = 0; i < ENDS; i++)
		calls += ends[i].calls;
	ck_assert_uint_eq(calls, 1);
}
END_TEST

/* ---- timers */

struct bell {
	struct timer	 timer;
	char		 letter;
	uint64_t	 rang;
};

static void
ring(struct timer *t)
{
	struct bell *b = CONTAINER(t, struct bell, timer);

	b->rang = loop_now();
	buf_char(&story, b->letter);
}

START_TEST(timers_in_order)
{
	struct bell a = { .timer.fire = ring, .letter = 'a' };
	struct bell b = { .timer.fire = ring, .letter = 'b' };
	struct bell c = { .timer.fire = ring, .letter = 'c' };
	struct bell d = { .timer.fire = ring, .letter = 'd' };
	uint64_t start = loop_clock();

	awake = false;
	timer_set(&a.timer, start + 30);
	timer_set(&b.timer, start + 5);
	timer_set(&c.timer, start + 1);
	timer_set(&c.timer, start + 15);
	timer_set(&d.timer, start + 10);
	timer_stop(&d.timer);
	timer_stop(&d.timer);
	while (story.n < 3)
		run_turns(1);
	ck_assert_str_eq(buf_cstr(&story), "bca");
	ck_assert_uint_ge(b.rang, start + 5);
	ck_assert_uint_ge(c.rang, start + 15);
	ck_assert_uint_ge(a.rang, start + 30);
	ck_assert_uint_lt(a.rang, start + 5000);
}
END_TEST

/* The wait is as long as the timer wants, not a row of short ones. */
START_TEST(sleeps_until_the_timer)
{
	struct bell b = { .timer.fire = ring, .letter = 'b' };
	uint64_t start = loop_clock();

	awake = false;
	timer_set(&b.timer, start + 40);
	run_turns(1);
	ck_assert_uint_eq(story.n, 1);
	ck_assert_uint_ge(b.rang, start + 40);
}
END_TEST

START_TEST(never_is_never)
{
	struct bell b = { .timer.fire = ring, .letter = 'b' };
	uint64_t start = loop_clock();

	timer_set(&b.timer, start + 1);
	timer_set(&b.timer, 0);
	while (loop_clock() < start + 3)
		continue;
	run_turns(2);
	ck_assert_uint_eq(story.n, 0);
}
END_TEST

static void
ring_again(struct timer *t)
{
	ring(t);
	timer_set(t, 1);
}

/* A timer that wants to ring at once for ever rings once a turn. */
START_TEST(greedy_timer_ends_its_turn)
{
	struct bell b = { .timer.fire = ring_again, .letter = 'b' };

	awake = false;
	timer_set(&b.timer, 1);
	run_turns(1);
	ck_assert_uint_eq(story.n, 1);
	run_turns(1);
	ck_assert_uint_le(story.n, 2);
	while (story.n < 3)
		run_turns(1);
	timer_stop(&b.timer);
}
END_TEST

static struct bell	 victim = { .letter = 'v' };

static void
stop_victim(struct timer *t)
{
	ring(t);
	timer_stop(&victim.timer);
}

START_TEST(timer_stops_another)
{
	struct bell b = { .timer.fire = stop_victim, .letter = 'b' };

	victim.timer.fire = ring;
	timer_set(&victim.timer, 2);
	timer_set(&b.timer, 1);
	run_turns(3);
	ck_assert_str_eq(buf_cstr(&story), "b");
}
END_TEST

static void *
send_later(void *arg)
{
	usleep(20000);
	send_to(arg);
	return NULL;
}

/* In 2^32 ms and a bit: more than fits into epoll_wait's int, and no reason
   to be up all the time. */
START_TEST(far_timer)
{
	struct bell far = { .timer.fire = ring, .letter = 'f' };
	uint64_t start = loop_clock();
	pthread_t sender;

	awake = false;
	timer_set(&far.timer, start + (UINT64_C(1) << 32) + 5);
	ck_assert(loop_add(&ends[0].watch, LOOP_IN, false));
	pthread_create(&sender, NULL, send_later, &ends[0]);
	run_turns(1);
	ck_assert_str_eq(buf_cstr(&story), "r");
	timer_stop(&far.timer);
	pthread_join(sender, NULL);
}
END_TEST

/* ---- turns */

static void hook_t(void) { buf_char(&story, 'T'); }
static void hook_u(void) { buf_char(&story, 'U'); }
static void hook_c(void) { buf_char(&story, 'C'); }
static void hook_f(void) { buf_char(&story, 'F'); }
static void hook_a(void) { buf_char(&story, 'A'); }

START_TEST(order_of_a_turn)
{
	struct bell b = { .timer.fire = ring, .letter = 'b' };

	loop_hook(LOOP_AFTER, hook_a);
	loop_hook(LOOP_FLUSH, hook_f);
	loop_hook(LOOP_COMMIT, hook_c);
	loop_hook(LOOP_TASKS, hook_t);
	loop_hook(LOOP_TASKS, hook_u);
	loop_hook(LOOP_TASKS, hook_t);		/* is there already */
	timer_set(&b.timer, 1);
	ck_assert(loop_add(&ends[0].watch, LOOP_OUT, false));
	ck_assert(loop_add(&ends[1].watch, LOOP_OUT, false));
	run_turns(2);
	ck_assert_str_eq(buf_cstr(&story), "rrbTUCFArrTUCFA");
}
END_TEST

START_TEST(again_is_for_one_turn)
{
	struct bell b = { .timer.fire = ring, .letter = 'b' };
	uint64_t start = loop_clock();

	awake = false;
	timer_set(&b.timer, start + 30);
	loop_again();
	run_turns(1);
	ck_assert_uint_eq(b.rang, 0);
	run_turns(1);
	ck_assert_uint_ge(b.rang, start + 30);
}
END_TEST

START_TEST(stop_before_run)
{
	loop_hook(LOOP_TASKS, hook_t);
	loop_stop();
	loop_run();
	ck_assert_uint_eq(story.n, 0);
	run_turns(2);
	ck_assert_str_eq(buf_cstr(&story), "TT");
}
END_TEST

START_TEST(init_begins_anew)
{
	struct bell b = { .timer.fire = ring, .letter = 'b' };

	loop_hook(LOOP_TASKS, hook_t);
	timer_set(&b.timer, 1);
	loop_stop();
	loop_init();
	loop_hook(LOOP_AFTER, count_turn);
	run_turns(2);
	ck_assert_uint_eq(story.n, 0);
	timer_set(&b.timer, 1);
	run_turns(2);
	ck_assert_str_eq(buf_cstr(&story), "b");
}
END_TEST

static void
on_alarm(int sig)
{
	(void)sig;
}

/* A signal costs a turn, nothing else.  Long enough that one comes before the
   bell on a busy machine too. */
START_TEST(interrupted)
{
	struct bell b = { .timer.fire = ring, .letter = 'b' };
	struct sigaction act = { .sa_handler = on_alarm }, before;
	int turns;

	sigaction(SIGALRM, &act, &before);
	awake = false;
	timer_set(&b.timer, loop_clock() + 500);
	ualarm(5000, 5000);
	for (turns = 0; story.n == 0; turns++)
		run_turns(1);
	ualarm(0, 0);
	sigaction(SIGALRM, &before, NULL);
	ck_assert_str_eq(buf_cstr(&story), "b");
	ck_assert_int_gt(turns, 1);
}
END_TEST

static TCase *
case_new(Suite *s, const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	suite_add_tcase(s, t);
	return t;
}

int
main(void)
{
	Suite *s = suite_create("loop");
	TCase *t = case_new(s, "descriptors");

	tcase_add_test(t, level_reports_until_read);
	tcase_add_test(t, edge_reports_once);
	tcase_add_test(t, mod_changes_what_is_reported);
	tcase_add_test(t, hangup_is_whatever_one_waits_for);
	tcase_add_test(t, hangup_of_a_pipe);
	tcase_add_test(t, half_close);
	tcase_add_test(t, kernel_refuses);
	tcase_add_test(t, deleted_watches_stay_silent);
	tcase_add_test(t, replaced_watches_start_anew);
	tcase_add_test(t, unwanted_events_are_dropped);
	t = case_new(s, "timers");
	tcase_add_test(t, timers_in_order);
	tcase_add_test(t, sleeps_until_the_timer);
	tcase_add_test(t, never_is_never);
	tcase_add_test(t, greedy_timer_ends_its_turn);
	tcase_add_test(t, timer_stops_another);
	tcase_add_test(t, far_timer);
	t = case_new(s, "turns");
	tcase_add_test(t, order_of_a_turn);
	tcase_add_test(t, again_is_for_one_turn);
	tcase_add_test(t, stop_before_run);
	tcase_add_test(t, init_begins_anew);
	tcase_add_test(t, interrupted);
	return suite_end(s);
}
