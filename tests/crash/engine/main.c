/*
 * crash - a keeper against every state a disk may be left in.
 *
 * usage: engine|store|queue|auth [short]; tests/crash/run has them all
 *
 * One run of a scenario (scenario.h) is recorded, every call that changes the
 * disk and every answer in their order (tap.h, trace.h).  From a place in it
 * are built the states that an honest disk may be left in by a power cut
 * (image.h); each is recovered in a process of its own, and what is there is
 * compared with what was promised: for the engine (plan.h, check.h), every
 * step that was answered is there, no step is there in part, none is there
 * before one that is not, blobs are whole, counts are right, no file is left
 * over; and it goes on working, also when its index is deleted.  In some the
 * power fails again in the recovery.
 *
 * The same with the real rows of store, queue and auth, each with an oracle of
 * its own.  Then real processes that are killed, or told of errors, at their
 * n-th call, or are refused their n-th allocation (faults.h): the process ends,
 * by itself, wherever that is, and the next one does not take it for damage.
 * And real power cuts of a file system with a journal, where that can be had.
 *
 * Last, the same done in a wrong order, or with a Berkeley DB that is told of
 * no memory and goes on (wrong.h): not to find that is a failure.
 *
 * DUR-1, DUR-2, DUR-5.  The last line is
 *	NAME: N states, N acknowledged, N lost, N doubled, N unrecovered
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/engine/faults.h"
#include "tests/crash/engine/sweep.h"
#include "tests/crash/engine/tap.h"
#include "tests/crash/engine/wrong.h"

enum {
	TRACE = 512 << 20,
	RECORDINGS = 6,		/* in one of which what is wrong must show */
};

/* One run, as it is without a crash. */
static void
record(struct trace *t, unsigned steps, bool slow)
{
	const struct tap tap = { .root = scratch("record"), .trace = t,
		.slow = slow };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		tap_open(&tap);
		scenario.drive(tap.root, steps);
		_exit(0);
	}
	if (pid < 0 || wait(&status) < 0 || status != 0 || t->full)
		errx(1, "%s: the run failed (%d)", scenario.name, status);
	printf("%s: recorded %u steps, %llu calls, %zu KiB\n", scenario.name,
	    steps, (unsigned long long)t->calls, t->end >> 10);
}

/* The states since the last time, and the processor's seconds. */
static void
say(const char *what)
{
	static uint64_t before;
	static time_t then;
	struct rusage u;
	time_t now;

	getrusage(RUSAGE_CHILDREN, &u);
	now = u.ru_utime.tv_sec + u.ru_stime.tv_sec;
	printf("%s: %s: %llu states, %llu s of processor\n", scenario.name,
	    what, (unsigned long long)(sums->states - before),
	    (unsigned long long)(now - then));
	before = sums->states;
	then = now;
}

/* t has a recording, and has others afterwards. */
static bool
wrongs_run(const struct scenario *s, enum size z, struct trace *t)
{
	unsigned missed = WRONG_ALL;
	bool caught = false;

	for (unsigned i = 0; i < RECORDINGS && missed != 0; i++) {
		if (i > 0)
			record(t, s->steps[z], true);
		missed = wrong_orders(s->name, s->check, t, s->wrong_cuts[z],
		    missed);
	}
	txn_split = true;
	for (unsigned i = 0; i < RECORDINGS && !caught; i++) {
		record(t, s->steps[z], true);
		caught = wrong_split(s->name, s->check, t, s->wrong_cuts[z]);
	}
	txn_split = false;
	if (missed != 0 || !caught)
		printf("%s: a wrong order was NOT CAUGHT\n", s->name);
	return missed == 0 && caught;
}

static bool
run(enum size z)
{
	const struct scenario *s = &scenario;
	struct trace *t = trace_new(TRACE);
	bool caught;

	record(t, s->steps[z], true);
	sweep_run(&(struct sweep){ .name = s->name, .check = s->check,
	    .trace = t, .cuts = s->cuts[z], .deep = s->deep[z] });
	say("states of a disk");
	caught = wrongs_run(s, z, t);
	say("wrong orders");
	record(t, s->fault_steps[z], false);
	faults_run(s, z, t);
	say("kill, EIO, ENOSPC, short write, no memory");
	caught = faults_told(s, z, t) && caught;
	if (power_run(s, s->steps[z], s->rounds[z]))
		say("power cuts of an ext4 image");
	else
		printf("%s: power cuts of an ext4 image: no mount here\n",
		    s->name);
	trace_free(t);
	return caught;
}

int
main(int argc, char **argv)
{
	bool caught;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sweep_init();
	caught = run(argc > 1 && strcmp(argv[1], "short") == 0 ? SIZE_SHORT :
	    SIZE_LONG);
	printf("%s: %llu indexes were made anew\n", scenario.name,
	    (unsigned long long)sums->rebuilt);
	scratch(NULL);
	printf("%s: %llu states, %llu acknowledged, %llu lost, "
	    "%llu doubled, %llu unrecovered\n", scenario.name,
	    (unsigned long long)sums->states, (unsigned long long)sums->acked,
	    (unsigned long long)sums->lost, (unsigned long long)sums->doubled,
	    (unsigned long long)sums->unrecovered);
	return !caught ||
	    sums->lost + sums->doubled + sums->unrecovered > 0;
}
