#include "tests/crash/engine/faults.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/engine/sweep.h"
#include "tests/crash/engine/tap.h"

enum { WORKERS = 2, PATIENCE = 120, TRACE = 128 << 20, NOTES = 8 << 20,
	AGAIN = LIVES - 1 };

static const char *const names[FAULTS] = { "none", "kill", "half a write",
	"EIO", "ENOSPC", "short write", "no memory" };

struct fault_run {
	const struct scenario *scenario;
	enum fault	 fault;
	uint64_t	 at;
	unsigned	 steps;
};

static void
live(const struct fault_run *r, const struct tap *tap)
{
	alarm(PATIENCE);
	child_quiet();
	tap_open(tap);
	r->scenario->drive(tap->root, r->steps);
	_exit(0);
}

/* False: it neither went on nor ended as it should.  Berkeley DB does not
   look at each of its allocations: then it ends by SIGSEGV, which loses as
   little as any other end. */
static bool
life(const struct fault_run *r, const struct tap *tap, struct verdict *v)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		live(r, tap);
	waitpid(pid, &status, 0);
	snprintf(v->why, sizeof v->why, "the run: %s %d",
	    WIFSIGNALED(status) ? "signal" : "exit",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL ||
	    (r->fault == FAULT_MEMORY && WTERMSIG(status) == SIGSEGV) :
	    WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 75;
}

/* The first: of the run; then of each recovery. */
static void
run(const struct fault_run *r, struct trace *const t[LIVES])
{
	const char *root = scratch("fault");
	struct tap tap = { .root = root, .trace = t[0], .notes = true,
		.fault = r->fault, .at = r->at };
	struct history h = { .trace = { t[0] } };
	struct verdict v = { 0 };

	if (!life(r, &tap, &v)) {
		verdict_add(&v, false, "%s at %llu", names[r->fault],
		    (unsigned long long)r->at);
		return;
	}
	h.end[0] = t[0]->end;
	/* The same again while it recovers, and soon after. */
	for (unsigned i = 1; i <= AGAIN; i++) {
		tap.trace = t[i];
		tap.at = 1 + (r->at * 7 + i * 13) % (i * 60);
		recover_once(r->scenario->check, root, &h, THEN_NOTHING, &tap,
		    &v);
		h.trace[i] = t[i];
		h.end[i] = t[i]->end;
	}
	recover_once(r->scenario->check, root, &h, r->at % 3 == 0 ? THEN_REBUILD :
	    THEN_NOTHING, NULL, &v);
	verdict_add(&v, false, "%s at %llu", names[r->fault],
	    (unsigned long long)r->at);
}

static void
worker(unsigned mine, const struct scenario *s, unsigned steps,
    uint64_t calls, uint64_t memory, uint64_t stride)
{
	struct trace *t[LIVES] = { trace_new(TRACE) };
	struct fault_run r = { .scenario = s, .steps = steps };
	unsigned n = 0;

	for (unsigned i = 1; i < LIVES; i++)
		t[i] = trace_new(NOTES);
	for (r.fault = FAULT_KILL; r.fault < FAULTS; r.fault++) {
		bool many = r.fault == FAULT_MEMORY;
		uint64_t most = many ? s->memory ? memory : 0 : calls;
		uint64_t step = many ? stride * memory / calls + 1 : stride;

		for (r.at = 1 + r.fault * stride / FAULTS; r.at <= most;
		    r.at += step) {
			if (n++ % WORKERS == mine)
				run(&r, t);
		}
	}
	scratch("fault");
	_exit(0);
}

void
faults_run(const struct scenario *s, unsigned steps, uint64_t calls,
    uint64_t memory, uint64_t stride)
{
	int status;

	fflush(stdout);
	for (unsigned i = 0; i < WORKERS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (pid != 0)
			continue;
		sweep_child();
		worker(i, s, steps, calls, memory, stride);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		if (wait(&status) < 0 || status != 0)
			errx(1, "a worker died (%d)", status);
	}
}
