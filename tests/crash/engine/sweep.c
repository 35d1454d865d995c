#include "tests/crash/engine/sweep.h"

#include <err.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/engine/drive.h"
#include "tests/crash/engine/image.h"
#include "tests/crash/engine/tap.h"

enum { WORKERS = 2, PATIENCE = 120, DEEP_TRACE = 64 << 20, DEEP_CUTS = 2,
	COMPLAINTS = 20, PROGRESS = 50,
	MEMORY = 1 << 30 };		/* bytes, of one life */

struct sums		*sums;
static unsigned		*complaints;
static struct verdict	*verdict;	/* of this process's child */
static char		 place[64];

static void *
shared(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "shared memory");
	return p;
}

void
sweep_child(void)
{
	verdict = shared(sizeof *verdict);
}

/* In memory if it may be: what is written there need not go to a disk.  Page
   faults are most of the cost of a state: so memory, once had, is kept. */
void
sweep_init(void)
{
	const char *in = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	sums = shared(sizeof *sums);
	complaints = shared(sizeof *complaints);
	sweep_child();
	snprintf(place, sizeof place, "%s/postino-crash-XXXXXX", in);
	if (mkdtemp(place) == NULL)
		err(1, "%s", place);
}

const char *
scratch(const char *name)
{
	static char path[128];

	if (name == NULL) {
		folder_clear(place, true);
		return place;
	}
	snprintf(path, sizeof path, "%s/%s-%d", place, name, (int)getpid());
	folder_clear(path, true);
	if (mkdir(path, 0700) != 0)
		err(1, "%s", path);
	return path;
}

/* Berkeley DB complains there before it knows where else; what is logged goes
   into the verdict. */
void
child_quiet(void)
{
	dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
}

static void
child(check_fn *check, const char *root, const struct history *h,
    enum then then, const struct tap *tap)
{
	/* What was written in a wrong order may make it run wild. */
	const struct rlimit most = { MEMORY, MEMORY };

	alarm(PATIENCE);
	setrlimit(RLIMIT_DATA, &most);
	child_quiet();
	if (tap != NULL)
		tap_open(tap);
	check(root, h, then, verdict);
	_exit(0);
}

bool
recover_once(check_fn *check, const char *root, const struct history *h,
    enum then then, const struct tap *tap, struct verdict *v)
{
	int status;
	pid_t pid;

	memset(verdict, 0, sizeof *verdict);
	fflush(stdout);
	if ((pid = fork()) < 0)
		err(1, "fork");
	if (pid == 0) {
		last_words_in(verdict->words, sizeof verdict->words);
		child(check, root, h, then, tap);
	}
	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	*v = *verdict;
	if (v->why[0] == 0 && WIFSIGNALED(status))
		snprintf(v->why, sizeof v->why, "signal %d", WTERMSIG(status));
	return v->recovered;
}

#define ADD(field, n)	__atomic_add_fetch(&sums->field, n, __ATOMIC_RELAXED)

void
verdict_add(const struct verdict *v, bool quiet, const char *what, ...)
{
	va_list ap;

	ADD(states, 1);
	ADD(acked, v->acked);
	ADD(lost, v->lost);
	ADD(doubled, v->doubled);
	ADD(unrecovered, !v->recovered);
	ADD(rebuilt, v->rebuilt);
	if ((v->recovered && v->lost == 0 && v->doubled == 0) || quiet ||
	    __atomic_add_fetch(complaints, 1, __ATOMIC_RELAXED) > COMPLAINTS)
		return;
	printf("FAILED ");
	va_start(ap, what);
	vprintf(what, ap);
	va_end(ap);
	printf(": %s%u lost, %u doubled: %s\n%s\n",
	    v->recovered ? "" : "not recovered, ", v->lost, v->doubled,
	    v->why, v->words);
	fflush(stdout);
}

/* ---- one worker */

struct worker {
	const struct sweep *s;
	unsigned	 count;		/* states */
	struct trace	*deep;		/* of a recovery */
};

static void
crash_again(struct worker *w, const struct history *before, unsigned seed)
{
	struct image *m = image_new();
	struct history h = *before;
	const struct event *e;
	size_t last = 0, calls = 0, next = seed % 7;

	h.trace[1] = w->deep;
	for (size_t at = 0; (e = trace_next(w->deep, &at, w->deep->end)) !=
	    NULL; last = at) {
		image_feed(m, e, last);
		if (at <= w->deep->start || ++calls < next)
			continue;
		next += w->deep->calls / DEEP_CUTS + 1;
		h.end[1] = at;
		for (enum state k = STATE_NOTHING; k < STATES; k += 2) {
			const char *root = scratch("again");
			struct verdict v;

			image_build(m, k, seed + calls, root);
			recover_once(w->s->check, root, &h, THEN_NOTHING, NULL,
			    &v);
			verdict_add(&v, w->s->quiet,
			    "%s at %zu of the recovery", state_names[k], calls);
		}
	}
	image_free(m);
}

static void
state_try(struct worker *w, const struct image *m, enum state k, size_t at)
{
	const struct history h = { .trace = { w->s->trace }, .end = { at } };
	const unsigned seed = w->s->seed + (unsigned)at + k * 7919u;
	const bool deep = w->s->deep != 0 && w->count++ % w->s->deep == 0;
	const char *root = scratch("state");
	const struct tap tap = { .root = root, .trace = w->deep };
	struct verdict v;

	image_build(m, k, seed, root);
	recover_once(w->s->check, root, &h,
	    w->s->anew || w->count % 8 == 1 ? THEN_REBUILD :
	    w->count % 8 == 5 ? THEN_AGAIN : THEN_NOTHING,
	    deep ? &tap : NULL, &v);
	verdict_add(&v, w->s->quiet, "%s at %zu of the trace", state_names[k],
	    at);
	if (deep && v.recovered && v.lost == 0)
		crash_again(w, &h, seed);
}

static bool
is_place(const struct sweep *s, const struct event *e, size_t at)
{
	return at > s->trace->start &&
	    (s->after == EVENT_NOTHING || e->kind == s->after ||
	    (s->after == EVENT_UNLINK && e->kind == EVENT_RENAME));
}

static uint64_t
places_count(const struct sweep *s)
{
	const struct event *e;
	uint64_t n = 0;

	for (size_t at = 0; (e = trace_next(s->trace, &at, s->trace->end)) !=
	    NULL;)
		n += is_place(s, e, at);
	return n;
}

static bool
anything_found(void)
{
	return sums->lost + sums->doubled + sums->unrecovered > 0;
}

/* `cuts` of the places, evenly; every other one is this worker's. */
static void
work(const struct sweep *s, unsigned mine)
{
	struct worker w = { .s = s, .deep = trace_new(DEEP_TRACE) };
	struct image *m = image_new();
	const struct event *e;
	uint64_t n = 0, all = places_count(s), cut = 0;
	size_t last = 0;

	for (size_t at = 0; (e = trace_next(s->trace, &at, s->trace->end)) !=
	    NULL; last = at) {
		image_feed(m, e, last);
		if (s->quiet && anything_found())
			break;
		if (!is_place(s, e, at) || n++ * s->cuts / all < cut)
			continue;
		if (cut++ % WORKERS != mine)
			continue;
		for (enum state k = 0; k < STATES; k++)
			if (!s->torn || k == STATE_TORN)
				state_try(&w, m, k, at);
		if (s->name != NULL && cut % (PROGRESS * WORKERS) == 1)
			printf("%s: %llu of %u places\n", s->name,
			    (unsigned long long)cut, s->cuts);
	}
	image_free(m);
	trace_free(w.deep);
}

void
sweep_run(const struct sweep *s)
{
	pid_t pids[WORKERS];
	int status;

	fflush(stdout);
	for (unsigned i = 0; i < WORKERS; i++) {
		if ((pids[i] = fork()) < 0)
			err(1, "fork");
		if (pids[i] != 0)
			continue;
		sweep_child();
		work(s, i);
		scratch("state");
		_exit(0);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		if (waitpid(pids[i], &status, 0) != pids[i] || status != 0)
			errx(1, "a worker died (%d)", status);
	}
}
