/*
 * crash - the storage engine against every state a disk may be left in.
 *
 * usage: crash [short]
 *
 * One run of a scenario (plan.h) is recorded, every call that changes the
 * disk and every answer in their order (tap.h, trace.h).  From a place in it
 * are built the states that an honest disk may be left in by a power cut
 * (image.h); each is recovered in a process of its own, and what is there is
 * compared with what was promised (check.h): every step that was answered is
 * there, no step is there in part, none is there before one that is not,
 * blobs are whole, counts are right, no file is left over; and it goes on
 * working, also when its index is deleted.  In some the power fails again in
 * the recovery.
 *
 * The same with store on the engine (mail.h).  Then real processes that are
 * killed, or told of errors, at their n-th call (faults.h); and real power
 * cuts of a file system with a journal, where that can be had.
 *
 * Last, engines that do it wrong (wrong.h): not to find that is a failure.
 *
 * DUR-1, DUR-2, DUR-5.  The last line is
 *	crash: N states, N acknowledged, N lost, N doubled, N unrecovered
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/crash/engine/drive.h"
#include "tests/crash/engine/faults.h"
#include "tests/crash/engine/mail.h"
#include "tests/crash/engine/sweep.h"
#include "tests/crash/engine/tap.h"
#include "tests/crash/engine/wrong.h"

enum { TRACE = 512 << 20 };

struct size {
	uint32_t	 steps;
	unsigned	 cuts, deep, wrong_cuts, mails, mail_cuts;
	uint32_t	 fault_steps;
	uint64_t	 stride;
	unsigned	 rounds;
};

static const struct size small = { .steps = 460, .cuts = 150, .deep = 14,
	.mails = 300, .mail_cuts = 40,
	.wrong_cuts = 10, .fault_steps = 230, .stride = 5, .rounds = 6 };
static const struct size large = { .steps = 1150, .cuts = 4000, .deep = 12,
	.mails = 900, .mail_cuts = 1500,
	.wrong_cuts = 60, .fault_steps = 460, .stride = 1, .rounds = 100 };

static time_t	 began;

static void
drive_engine(const char *root, unsigned steps)
{
	engine_close(drive_plan(root, 1, steps + 1));
}

/* One run, as it is without a crash. */
static void
record(void (*drive)(const char *, unsigned), struct trace *t, unsigned steps,
    bool slow)
{
	const struct tap tap = { .root = scratch("record"), .trace = t,
		.slow = slow };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		tap_open(&tap);
		drive(tap.root, steps);
		_exit(0);
	}
	if (pid < 0 || wait(&status) < 0 || status != 0 || t->full)
		errx(1, "the plan failed (%d)", status);
	printf("recorded: %u steps, %llu calls, %zu KiB\n", steps,
	    (unsigned long long)t->calls, t->end >> 10);
}

static void
say(const char *what)
{
	static uint64_t before;
	static time_t then;
	time_t now = time(NULL);

	printf("%s: %llu states, %llu s\n", what,
	    (unsigned long long)(sums->states - before),
	    (unsigned long long)(now - (then == 0 ? began : then)));
	before = sums->states;
	then = now;
}

static unsigned
run(const struct size *s)
{
	struct trace *t = trace_new(TRACE);
	unsigned missed;

	record(drive_engine, t, s->steps, true);
	sweep_run(&(struct sweep){ .check = check_engine, .trace = t,
	    .cuts = s->cuts, .deep = s->deep });
	say("engine");
	missed = wrong_orders("engine in a wrong order", check_engine, t,
	    s->wrong_cuts);
	record(mail_drive, t, s->mails, true);
	sweep_run(&(struct sweep){ .check = check_store, .trace = t,
	    .cuts = s->mail_cuts, .deep = s->deep });
	say("store");
	missed += wrong_orders("store on such an engine", check_store, t,
	    s->wrong_cuts);
	record(drive_engine, t, s->fault_steps, false);
	faults_run(s->fault_steps, t->calls, t->memory, s->stride);
	say("kill, EIO, ENOSPC, short write, no memory");
	if (power_run(s->steps, s->rounds))
		say("power cuts of an ext4 image");
	else
		puts("power cuts of an ext4 image: no mount here");
	trace_free(t);
	return missed;
}

int
main(int argc, char **argv)
{
	unsigned missed;

	began = time(NULL);
	sweep_init();
	missed = run(argc > 1 && strcmp(argv[1], "short") == 0 ? &small :
	    &large);
	printf("%llu indexes were made anew\n",
	    (unsigned long long)sums->rebuilt);
	scratch(NULL);
	printf("crash: %llu states, %llu acknowledged, %llu lost, "
	    "%llu doubled, %llu unrecovered\n",
	    (unsigned long long)sums->states, (unsigned long long)sums->acked,
	    (unsigned long long)sums->lost, (unsigned long long)sums->doubled,
	    (unsigned long long)sums->unrecovered);
	return sums->lost + sums->doubled + sums->unrecovered + missed > 0;
}
