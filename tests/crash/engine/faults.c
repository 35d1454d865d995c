#include "tests/crash/engine/faults.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/engine/sweep.h"
#include "tests/crash/engine/tap.h"
#include "tests/crash/engine/wrong.h"

enum { WORKERS = 2, PATIENCE = 120, TRACE = 128 << 20, NOTES = 8 << 20,
	AGAIN = LIVES - 1, TOLD = 10 };

static const char *const names[FAULTS] = { "none", "kill", "half a write",
	"EIO", "ENOSPC", "short write", "no memory" };

struct fault_run {
	const struct scenario *scenario;
	enum fault	 fault;
	uint64_t	 at;
	unsigned	 steps;
	bool		 quiet;
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

/* False: it neither went on nor ended as it should. */
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
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL :
	    WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 75;
}

/* Once there was one, memory that is refused is no reason to set it aside. */
static void
index_look(const char *root, struct verdict *v)
{
	char path[160];

	snprintf(path, sizeof path, "%s/index.bad", root);
	if (access(path, F_OK) != 0)
		return;
	v->recovered = false;
	snprintf(v->why, sizeof v->why, "the index was set aside");
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
		verdict_add(&v, r->quiet, "%s at %llu", names[r->fault],
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
	if (r->fault == FAULT_MEMORY && t[0]->end > t[0]->start)
		index_look(root, &v);
	verdict_add(&v, r->quiet, "%s at %llu", names[r->fault],
	    (unsigned long long)r->at);
}

/* What is to be met of each kind, and every how manyth. */
struct plan {
	const struct scenario *scenario;
	unsigned	 steps;
	uint64_t	 most[FAULTS], stride[FAULTS];
	bool		 quiet;
};

static void
worker(unsigned mine, const struct plan *p)
{
	struct trace *t[LIVES] = { trace_new(TRACE) };
	struct fault_run r = { .scenario = p->scenario, .steps = p->steps,
		.quiet = p->quiet };
	unsigned n = 0;

	for (unsigned i = 1; i < LIVES; i++)
		t[i] = trace_new(NOTES);
	for (r.fault = FAULT_KILL; r.fault < FAULTS; r.fault++) {
		uint64_t stride = p->stride[r.fault];

		for (r.at = 1 + r.fault * stride / FAULTS;
		    r.at <= p->most[r.fault]; r.at += stride) {
			if (n++ % WORKERS == mine)
				run(&r, t);
		}
	}
	scratch("fault");
	_exit(0);
}

static void
workers(const struct plan *p)
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
		worker(i, p);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		if (wait(&status) < 0 || status != 0)
			errx(1, "a worker died (%d)", status);
	}
}

void
faults_run(const struct scenario *s, enum size z, const struct trace *t)
{
	struct plan p = { .scenario = s, .steps = s->fault_steps[z] };

	for (enum fault f = FAULT_KILL; f < FAULTS; f++) {
		bool memory = f == FAULT_MEMORY;

		p.most[f] = memory ? t->memory : t->calls;
		p.stride[f] = memory ? s->memory_stride[z] : s->stride[z];
	}
	workers(&p);
}

bool
faults_told(const struct scenario *s, enum size z, const struct trace *t)
{
	const struct sums good = *sums;
	struct plan p = { .scenario = s, .steps = s->fault_steps[z],
		.most[FAULT_MEMORY] = t->memory,
		.stride[FAULT_MEMORY] = t->memory / TOLD, .quiet = true };
	uint64_t found;

	*sums = (struct sums){ 0 };
	memory_told = true;
	workers(&p);
	memory_told = false;
	found = sums->lost + sums->doubled + sums->unrecovered;
	printf("%s: Berkeley DB is told of no memory: %s (%llu lost, "
	    "%llu doubled, %llu unrecovered in %llu states)\n", s->name,
	    found > 0 ? "caught" : "NOT CAUGHT",
	    (unsigned long long)sums->lost, (unsigned long long)sums->doubled,
	    (unsigned long long)sums->unrecovered,
	    (unsigned long long)sums->states);
	*sums = good;
	return found > 0;
}
