/*
 * startup.h - how long is a start after a crash, at its worst: as much was
 * written since the last checkpoint as ever may be, and nothing is cached.
 */
#ifndef CRASH_STARTUP_H
#define CRASH_STARTUP_H

#include <check.h>
#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/engine/engine.h"

/* The worlds of unit tests want libcheck's. */
void
_ck_assert_failed(const char *file, int line, const char *expr,
    const char *msg, ...)
{
	(void)msg;
	errx(1, "%s:%d: %s", file, line, expr);
}

void
_mark_point(const char *file, int line)
{
	(void)file;
	(void)line;
}

/* Just below the engine's CHECKPOINT_BYTES. */
enum { SINCE = 60 << 20, CACHE = 64 << 20, SEGMENT_SIZE = 64 << 20 };

static char	 folder[256];

static inline struct engine *
folder_open(void)
{
	const struct engine_conf c = { .dir = folder, .cache = CACHE,
		.segment = SEGMENT_SIZE, .readers = 4 };

	return engine_open_file(&c);
}

static inline double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline int
forget_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	int fd = open(path, O_RDONLY);

	(void)st;
	(void)type;
	(void)f;
	if (fd >= 0) {
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
	}
	return 0;
}

static inline int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

/* `fill` makes n things in a process that is killed when it says so on a
   pipe; `measure` starts in another one, and prints. */
static inline int
startup_run(int argc, char **argv, unsigned n, void (*fill)(unsigned, int),
    void (*measure)(unsigned))
{
	int fds[2];
	char c;
	pid_t pid;

	n = argc > 1 ? (unsigned)atoi(argv[1]) : n;
	snprintf(folder, sizeof folder, "%s/postino-startup-XXXXXX",
	    argc > 2 ? argv[2] : "/var/tmp");
	if (mkdtemp(folder) == NULL || pipe(fds) != 0)
		err(1, "%s", folder);
	if ((pid = fork()) == 0) {
		close(fds[0]);
		fill(n, fds[1]);
		pause();
	}
	close(fds[1]);
	if (read(fds[0], &c, 1) != 1)
		warnx("it did not come to its end");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	sync();
	nftw(folder, forget_one, 16, FTW_PHYS);
	if ((pid = fork()) == 0) {
		measure(n);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* What the engine says of its start. */
static inline void
figures_print(const char *what, unsigned n, struct engine *e, double engine,
    double role)
{
	struct engine_figures f;
	struct rusage u;

	engine_figures(e, &f);
	getrusage(RUSAGE_SELF, &u);
	printf("startup: %s, %u messages: %.2f s (engine %.2f s, CPU %ld ms, "
	    "%ld blocks read; %llu records replayed, index %s)\n", what, n,
	    engine + role, engine, (u.ru_utime.tv_sec + u.ru_stime.tv_sec) *
	    1000 + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000,
	    u.ru_inblock, (unsigned long long)f.replayed,
	    f.rebuilt ? "rebuilt" : "kept");
}

#endif
