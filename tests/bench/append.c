/*
 * append.c - durable appends of 5 KiB: the storage engine, Maildir, and what
 * the disk could do.
 *
 * usage: append FOLDER [SECONDS [ROUNDS]]
 *
 * With 1 and with 64 outstanding; in FOLDER, all in the same run, SECONDS (1)
 * each in ROUNDS (5) turns, of which the medians count.
 *
 *	engine	 a blob and a row a commit; a new one for each that is answered;
 *		 it has filled some segments before, as one in use has: the very
 *		 first is slower, since nothing made its file ready; CPU is that
 *		 of the loop's thread, an append
 *	maildir	 so many threads: file in tmp, fsync, rename to new, fsync of new
 *	floor	 the same bytes with as many syncs, and nothing else: one write
 *		 of what a group of the engine had, one fdatasync, again and
 *		 again; into files allocated as the engine's are
 *	filled	 the same into a file that was filled before: no disk and no
 *		 file system can do better, but who has filled it wrote twice
 *
 * Rates depend on the machine: read the ratios.  Each aim is marked; exit 1 if
 * one is missed.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/core/codec.h"
#include "common/core/log.h"
#include "common/core/loop.h"
#include "common/engine/engine.h"

enum {
	SIZE = 5 * 1024, MANY = 64, ROUNDS_MOST = 99, KINDS = 4,
	CACHE = 64 << 20, SEGMENT = 64 << 20,
};

static const char	*folder;
static double		 seconds = 1;
static unsigned		 rounds = 5;
static char		 bytes[2 * MANY * SIZE];
static bool		 missed;

static double
clock_read(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
now(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

/* ---- the engine */

static struct engine	*engine;
static unsigned		 outstanding;
static uint64_t		 answered, appended, last;
static double		 until;
static double		 group_bytes, group_commits;	/* of the last turn */
static double		 cpu;		/* of the loop, for all appends */

static void	commit(void);

static void
durable(void *arg, enum engine_status status)
{
	(void)arg;
	if (status != ENGINE_OK)
		fatal("commit");
	answered++;
	outstanding--;
	if (now() < until)
		commit();
	else if (outstanding == 0)
		loop_stop();
}

/* 64 users in turn. */
static void
commit(void)
{
	struct slice s = slice_of(bytes, SIZE);
	uint64_t unit = ++last % MANY, blob = blob_add(engine, &s, 1);
	struct txn *t = txn_begin(engine, unit);
	char key[16];

	be64_put(key, unit);
	be64_put(key + 8, last);
	txn_put(t, ENGINE_ROWS, slice_of(key, 16), slice_of(bytes, 100), blob);
	txn_commit(t, durable, NULL);
	blob_release(engine, blob);
	outstanding++;
}

static double
engine_rate(unsigned n)
{
	struct engine_figures before, after;
	double begun = now(), used = clock_read(CLOCK_THREAD_CPUTIME_ID), took;

	engine_figures(engine, &before);
	answered = 0;
	until = begun + seconds;
	for (unsigned i = 0; i < n; i++)
		commit();
	loop_run();
	took = now() - begun;
	cpu += clock_read(CLOCK_THREAD_CPUTIME_ID) - used;
	appended += answered;
	engine_figures(engine, &after);
	group_bytes = (double)(after.bytes - before.bytes) /
	    (double)(after.groups - before.groups);
	group_commits = (double)answered /
	    (double)(after.groups - before.groups);
	return (double)answered / took;
}

static void
warm_up(void)
{
	struct engine_figures f;

	do {
		engine_rate(MANY);
		engine_figures(engine, &f);
	} while (f.bytes < 2 * SEGMENT);
}

/* ---- Maildir */

struct writer {
	pthread_t	 thread;
	unsigned	 number;
	uint64_t	 written;
};

static void
deliver(const struct writer *w, int new)
{
	char from[64], to[64];
	int fd;

	snprintf(from, sizeof from, "tmp/%u.%llu", w->number,
	    (unsigned long long)w->written);
	snprintf(to, sizeof to, "new/%u.%llu", w->number,
	    (unsigned long long)w->written);
	fd = open(from, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes, SIZE) != SIZE || fsync(fd) != 0 ||
	    close(fd) != 0 || rename(from, to) != 0 || fsync(new) != 0)
		fatal("maildir");
}

static void *
deliver_all(void *arg)
{
	struct writer *w = arg;
	int new = open("new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (; now() < until; w->written++)
		deliver(w, new);
	close(new);
	return NULL;
}

static double
maildir_rate(unsigned n)
{
	struct writer w[MANY] = { 0 };
	double begun = now();
	uint64_t written = 0;

	until = begun + seconds;
	for (unsigned i = 0; i < n; i++) {
		w[i].number = i;
		if (pthread_create(&w[i].thread, NULL, deliver_all, &w[i]))
			fatal("thread");
	}
	for (unsigned i = 0; i < n; i++) {
		pthread_join(w[i].thread, NULL);
		written += w[i].written;
	}
	return (double)written / (now() - begun);
}

/* ---- the floor */

static int	floor_fd, filled_fd;

static void
floor_open(void)
{
	floor_fd = open("floor", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	filled_fd = open("filled", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	for (off_t at = 0; at < SEGMENT; at += SIZE)
		if (pwrite(filled_fd, bytes, SIZE, at) != SIZE)
			fatal("floor");
	if (fsync(filled_fd) != 0)
		fatal("floor");
}

/* Of appends, in groups as the engine's were. */
static double
syncs_rate(int fd, bool fresh)
{
	double begun = now();
	uint64_t groups = 0;
	size_t group = (size_t)group_bytes;
	off_t at = SEGMENT;

	if (group > sizeof bytes)
		group = sizeof bytes;
	for (; now() < begun + seconds; groups++) {
		if (at + (off_t)group > SEGMENT) {
			at = 0;
			if (fresh && (ftruncate(fd, 0) != 0 ||
			    fallocate(fd, 0, 0, SEGMENT) != 0))
				fatal("floor");
		}
		if (pwrite(fd, bytes, group, at) != (ssize_t)group ||
		    fdatasync(fd) != 0)
			fatal("floor");
		at += (off_t)group;
	}
	return (double)groups * group_commits / (now() - begun);
}

static double
floor_rate(unsigned n)
{
	(void)n;
	return syncs_rate(floor_fd, true);
}

static double
filled_rate(unsigned n)
{
	(void)n;
	return syncs_rate(filled_fd, false);
}

/* ---- both */

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
measure(unsigned n, double *median)
{
	static double (*const fn[KINDS])(unsigned) = { engine_rate,
		maildir_rate, floor_rate, filled_rate };
	double v[KINDS][ROUNDS_MOST];

	cpu = 0;
	appended = 0;
	for (unsigned round = 0; round < rounds; round++)
		for (int i = 0; i < KINDS; i++)
			v[i][round] = fn[i](n);
	for (int i = 0; i < KINDS; i++) {
		qsort(v[i], rounds, sizeof **v, compare);
		median[i] = v[i][rounds / 2];
	}
	printf("%2u outstanding: engine %6.0f/s, %.0f a sync, %.1f us CPU; "
	    "maildir %6.0f/s, floor %6.0f/s, filled %6.0f/s\n", n, median[0],
	    group_commits, cpu / (double)appended * 1e6, median[1], median[2],
	    median[3]);
}

static void
aim(const char *what, double have, double want)
{
	printf("  %-44s %5.2fx (aim %.1fx) %s\n", what, have, want,
	    have >= want ? "yes" : "NO");
	missed |= have < want;
}

int
main(int argc, char **argv)
{
	struct engine_conf conf = { .dir = "engine", .cache = CACHE,
		.segment = SEGMENT, .readers = 1 };
	double one[KINDS], many[KINDS];

	if (argc < 2)
		return 64;
	folder = argv[1];
	seconds = argc > 2 ? strtod(argv[2], NULL) : seconds;
	rounds = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : rounds;
	log_init("append", LOG_ERROR);
	memset(bytes, 'x', sizeof bytes);
	if (rounds < 1 || rounds > ROUNDS_MOST || chdir(folder) != 0 ||
	    mkdir("engine", 0700) != 0 || mkdir("tmp", 0700) != 0 ||
	    mkdir("new", 0700) != 0)
		fatal("%s", folder);
	floor_open();
	loop_init();
	engine = engine_open_file(&conf);
	warm_up();
	measure(1, one);
	measure(MANY, many);
	engine_close(engine);
	aim("1 outstanding, against one maildir writer", one[0] / one[1], 2);
	aim("64 outstanding, against 64 maildir writers", many[0] / many[1],
	    8);
	aim("64 outstanding, against the floor", many[0] / many[2], 0.8);
	printf("  %-44s %5.2fx\n", "64 outstanding, against the filled file",
	    many[0] / many[3]);
	return missed;
}
