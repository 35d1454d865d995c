/* Tasks: order, wakes, deadlines, cancellation, stacks (task.h). */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/core/link.h"
#include "common/task/task.h"
#include "tests/unit/suite.h"

static struct buf	story;		/* what happened, a letter each */
static struct task	*sleeper;
static char		 A[] = "a", B[] = "b", C[] = "c", P[] = "p", T[] = "t";

static void
setup(void)
{
	loop_init();
	task_init();
	buf_clear(&story);
	task_limit(30000);
}

static void
stop_when_alone(void)
{
	if (task_count() == 0)
		loop_stop();
}

/* Runs the loop until no task is left. */
static void
run_all(void)
{
	loop_hook(LOOP_AFTER, stop_when_alone);
	loop_run();
}

static void
tell(void *arg)
{
	buf_str(&story, arg);
}

static void
tell_thrice(void *arg)
{
	for (int i = 0; i < 3; i++) {
		buf_str(&story, arg);
		ck_assert(task_sleep("the next turn", 0) ||
		    !task_cancelled());
		task_wake(task_self());
		ck_assert(task_wait("its own wake", 0));
	}
}

/* Tasks begin in the order they were made. */
START_TEST(test_order)
{
	setup();
	ck_assert(task_spawn("a", tell, A));
	ck_assert(task_spawn("b", tell, B));
	ck_assert(task_spawn("c", tell, C));
	ck_assert_uint_eq(task_count(), 3);
	run_all();
	ck_assert_str_eq(buf_cstr(&story), "abc");
}
END_TEST

/* A wake before the wait is not lost, nor doubled. */
static void
wake_self(void *arg)
{
	(void)arg;
	task_wake(task_self());
	task_wake(task_self());
	ck_assert(task_wait("a wake that was", 0));
	ck_assert(!task_wait("a wake that comes not", loop_clock() + 300));
	buf_str(&story, "w");
}

START_TEST(test_wake_before_wait)
{
	setup();
	task_spawn("w", wake_self, NULL);
	task_spawn("t", tell_thrice, T);
	run_all();
	ck_assert_str_eq(buf_cstr(&story), "tttw");
}
END_TEST

static void
sleep_so_long(void *arg)
{
	uint64_t *ms = arg, from = loop_clock();

	ck_assert(!task_wait("nothing", from + *ms));
	ck_assert_uint_ge(loop_clock(), from + *ms);
	buf_printf(&story, "%u ", (unsigned)*ms);
}

/* Deadlines end waits in their own order; a wait takes no less. */
START_TEST(test_deadlines)
{
	static uint64_t times[] = { 30, 10, 20 };

	setup();
	for (int i = 0; i < 3; i++)
		task_spawn("sleeper", sleep_so_long, &times[i]);
	run_all();
	ck_assert_str_eq(buf_cstr(&story), "10 20 30 ");
}
END_TEST

static void
wait_to_be_cancelled(void *arg)
{
	(void)arg;
	sleeper = task_self();
	ck_assert(!task_wait("cancellation", 0));
	ck_assert(task_cancelled());
	ck_assert(!task_wait("anything later", 0));
	ck_assert(!task_sleep("anything later", 1000000));
	task_wake(task_self());
	ck_assert(!task_wait("even a wake", 0));
	buf_str(&story, "c");
}

static void
cancel_sleeper(void *arg)
{
	(void)arg;
	task_cancel(sleeper);
	task_cancel(sleeper);
	ck_assert(!task_cancelled());
}

/* Cancelling makes the present wait and all later ones fail; the task
   unwinds by itself. */
START_TEST(test_cancel)
{
	setup();
	task_spawn("victim", wait_to_be_cancelled, NULL);
	task_spawn("killer", cancel_sleeper, NULL);
	run_all();
	ck_assert_str_eq(buf_cstr(&story), "c");
}
END_TEST

START_TEST(test_cancel_all)
{
	setup();
	for (int i = 0; i < 10; i++)
		task_spawn("victim", wait_to_be_cancelled, NULL);
	task_cancel_all();	/* before they even began */
	run_all();
	ck_assert_str_eq(buf_cstr(&story), "cccccccccc");
}
END_TEST

static void
ping_pong(void *arg)
{
	for (int i = 0; i < 1000; i++)
		task_wake(task_self()), task_wait("itself", 0);
	buf_str(&story, arg);
}

static void
beat(struct timer *t)
{
	(void)t;
	buf_str(&story, "!");
}

static void
yield_long(void *arg)
{
	uint64_t end = loop_clock() + 60;

	(void)arg;
	while (loop_clock() < end)
		task_breathe();
	buf_str(&story, "y");
}

/* A task that works on and on lets timers fire if it breathes. */
START_TEST(test_breathe)
{
	struct timer t = { .fire = beat };

	setup();
	task_spawn("worker", yield_long, NULL);
	task_spawn("pinger", ping_pong, P);
	timer_set(&t, loop_clock() + 20);
	run_all();
	ck_assert_str_eq(buf_cstr(&story), "p!y");
}
END_TEST

static unsigned	depth_sum;

static unsigned
recurse(unsigned n)
{
	volatile char frame[512];

	for (size_t i = 0; i < sizeof frame; i++)
		frame[i] = (char)n;
	if (n == 0) {
		task_sleep("the bottom", n % 3 + 1);
		return 1;
	}
	return recurse(n - 1) + (frame[7] == (char)n ? 0 : 1000);
}

static void
dive(void *arg)
{
	depth_sum += recurse(*(unsigned *)arg);
}

/* A thousand stacks at once, twice: the second time recycled.  Frames keep
   their contents while others run. */
START_TEST(test_thousand)
{
	static unsigned depth = 50;

	for (int round = 0; round < 2; round++) {
		setup();
		depth_sum = 0;
		for (int i = 0; i < 1000; i++)
			ck_assert(task_spawn("diver", dive, &depth));
		run_all();
		ck_assert_uint_eq(depth_sum, 1000);
		ck_assert_uint_eq(task_count(), 0);
	}
	ck_assert_uint_ge(task_stack_peak(), 50 * 512);
	ck_assert_uint_lt(task_stack_peak(), 256 * 1024);
}
END_TEST

/* Beyond the limit there is no task, and no crash. */
START_TEST(test_limit)
{
	setup();
	task_limit(2);
	ck_assert(task_spawn("a", tell, A));
	ck_assert(task_spawn("b", tell, B));
	ck_assert(!task_spawn("c", tell, C));
	run_all();
	ck_assert_str_eq(buf_cstr(&story), "ab");
}
END_TEST

static void
look(void *arg, struct task *t, const char *name, const char *waits,
    uint64_t ms, uint64_t session)
{
	(void)arg, (void)t;
	ck_assert_uint_lt(ms, 10000);
	buf_printf(&story, "%s:%s:%u ", name, waits, (unsigned)session);
}

static void
named(void *arg)
{
	(void)arg;
	task_name("pop3 %s", "192.0.2.1");
	task_session(7);
	task_sleep("the weather", 10);
}

static void
onlooker(void *arg)
{
	(void)arg;
	task_each(look, NULL);
}

/* `who` shows the name, the reason and the session of each. */
START_TEST(test_who)
{
	setup();
	task_spawn("first", named, NULL);
	task_spawn("looker", onlooker, NULL);
	run_all();
	ck_assert_str_eq(buf_cstr(&story),
	    "pop3 192.0.2.1:the weather:7 looker::0 ");
}
END_TEST

static double	results[4];

static void
compute(void *arg)
{
	int i = *(int *)arg;
	double x = 1;

	for (int k = 0; k < 100; k++) {
		x = x * 1.5 / (1.25 + i);
		task_wake(task_self());
		task_wait("its turn", 0);
	}
	results[i] = x;
}

/* Callee-saved and floating point state survive switches. */
START_TEST(test_registers)
{
	static int which[] = { 0, 1, 2, 3 };

	setup();
	for (int i = 0; i < 4; i++)
		task_spawn("computer", compute, &which[i]);
	run_all();
	for (int i = 0; i < 4; i++) {
		double x = 1;

		for (int k = 0; k < 100; k++)
			x = x * 1.5 / (1.25 + i);
		ck_assert_double_eq(results[i], x);
	}
}
END_TEST

static void
keep_pointer(void *arg)
{
	char *volatile only_here = mem_alloc(100);

	(void)arg;
	task_sleep("a while", 5300);
	only_here[0] = 'x';
	free(only_here);
}

/* After 5 s asleep the stack below is given back; what is above stays. */
START_TEST(test_trim)
{
	setup();
	for (int i = 0; i < 40; i++)
		task_spawn("idler", keep_pointer, NULL);
	run_all();
	ck_assert_uint_eq(task_count(), 0);
}
END_TEST

static struct link	*asking, *answering;

static void
answer_late(struct request *r)
{
	struct role_ping_out out = { .lost = 42 };

	task_cancel(sleeper);
	answer(r, WIRE_OK, &out);
}

static void
ask(void *arg)
{
	struct role_ping_in in = { 0 };
	struct role_ping_out out;

	(void)arg;
	sleeper = task_self();
	task_wake(sleeper);
	ck_assert_int_eq(role_ping(asking, &in, &out, NULL, 1000), WIRE_OK);
	ck_assert_uint_eq(out.lost, 42);
	ck_assert(task_cancelled());
	link_close(asking);
	buf_str(&story, "a");
}

/* A call suspends its task; cancelling does not abandon a call in flight. */
START_TEST(test_call)
{
	int pair[2];

	setup();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	link_identity(ROLES);
	serve(WIRE_role_ping, answer_late);
	asking = link_new(ROLE_SMTPD, 0, LINK_ONCE);
	answering = link_new(ROLE_MASTER, 0, LINK_ONCE);
	link_serve(answering);
	link_attach(asking, pair[0]);
	link_attach(answering, pair[1]);
	task_spawn("asker", ask, NULL);
	run_all();
	ck_assert_str_eq(buf_cstr(&story), "a");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("task");
	TCase *c = tcase_create("task");

	tcase_set_timeout(c, 30);
	tcase_add_test(c, test_order);
	tcase_add_test(c, test_wake_before_wait);
	tcase_add_test(c, test_deadlines);
	tcase_add_test(c, test_cancel);
	tcase_add_test(c, test_cancel_all);
	tcase_add_test(c, test_breathe);
	tcase_add_test(c, test_thousand);
	tcase_add_test(c, test_limit);
	tcase_add_test(c, test_who);
	tcase_add_test(c, test_registers);
	tcase_add_test(c, test_trim);
	tcase_add_test(c, test_call);
	suite_add_tcase(s, c);
	return suite_end(s);
}
