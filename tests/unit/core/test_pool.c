/* The pool: each job is done once, by a thread, and its end comes to the loop
   (loop.h). */
#include "common/core/loop.h"

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/suite.h"

enum { JOBS = 200 };

static struct task {
	struct job	 job;
	pthread_t	 thread;
	int		 order;		/* in which it was begun */
	bool		 worked, done, signals;
} tasks[JOBS];

static _Atomic int	 begun;
static int		 done;
static pthread_t	 loop_thread;

static void
work(struct job *j)
{
	struct task *t = CONTAINER(j, struct task, job);
	sigset_t set;

	t->order = begun++;
	t->thread = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	t->signals = !sigismember(&set, SIGTERM) || !sigismember(&set, SIGUSR1);
	t->worked = true;
}

static void
finish(struct job *j)
{
	struct task *t = CONTAINER(j, struct task, job);

	ck_assert(pthread_equal(pthread_self(), loop_thread));
	ck_assert(t->worked && !t->done);
	ck_assert(!pthread_equal(t->thread, loop_thread));
	ck_assert(!t->signals);
	t->done = true;
	t->job.next = (void *)1;	/* it is mine again */
	if (++done == JOBS)
		loop_stop();
}

static void
tasks_init(void)
{
	begun = done = 0;
	loop_thread = pthread_self();
	for (int i = 0; i < JOBS; i++)
		tasks[i] = (struct task){ .job = { NULL, work, finish } };
}

START_TEST(pool_does_every_job)
{
	struct pool *p = pool_new((unsigned)_i);
	sigset_t set;

	tasks_init();
	for (int i = 0; i < JOBS; i++)
		pool_add(p, &tasks[i].job);
	loop_run();
	ck_assert_int_eq(done, JOBS);
	ck_assert_uint_eq(pool_waiting(p), 0);
	for (int i = 0; _i == 1 && i < JOBS; i++)
		ck_assert_int_eq(tasks[i].order, i);
	pool_free(p);
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	ck_assert(!sigismember(&set, SIGTERM));
}
END_TEST

static struct pool	*shared;

static void
finish_and_add(struct job *j)
{
	if (++done == JOBS)
		loop_stop();
	else
		pool_add(shared, j);
}

/* A done may give the same job again, and each wakes the loop. */
START_TEST(jobs_go_round)
{
	shared = pool_new(2);
	tasks_init();
	tasks[0].job.done = finish_and_add;
	pool_add(shared, &tasks[0].job);
	loop_run();
	ck_assert_int_eq(begun, JOBS);
	pool_free(shared);
}
END_TEST

static int	 gate[2];

static void
work_at_gate(struct job *j)
{
	char c;

	begun++;
	while (read(gate[0], &c, 1) < 0)
		continue;
	CONTAINER(j, struct task, job)->worked = true;
}

static void *
open_gate(void *arg)
{
	usleep(20000);
	ck_assert_int_eq(write(gate[1], "x", 1), 1);
	return arg;
}

/* The running job ends, those behind it never begin. */
START_TEST(pool_free_waits)
{
	struct pool *p = pool_new(1);
	pthread_t opener;

	tasks_init();
	ck_assert_int_eq(pipe(gate), 0);
	tasks[0].job.work = work_at_gate;
	for (int i = 0; i < 3; i++)
		pool_add(p, &tasks[i].job);
	while (begun == 0)
		usleep(1000);
	ck_assert_uint_eq(pool_waiting(p), 2);
	ck_assert_int_eq(pthread_create(&opener, NULL, open_gate, NULL), 0);
	pool_free(p);
	ck_assert(tasks[0].worked);
	ck_assert(!tasks[1].worked && !tasks[2].worked);
	ck_assert_int_eq(done, 0);
	pthread_join(opener, NULL);
	close(gate[0]);
	close(gate[1]);
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 20);
	tcase_add_checked_fixture(t, loop_init, NULL);
	tcase_add_loop_test(t, pool_does_every_job, 1, 4);
	tcase_add_test(t, jobs_go_round);
	tcase_add_test(t, pool_free_waits);
}

int
main(void)
{
	return suite_run("pool", add);
}
