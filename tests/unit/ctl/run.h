/*
 * run.h - runs `postino` in a child process and keeps what it data.
 */
#ifndef UNIT_CTL_RUN_H
#define UNIT_CTL_RUN_H

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "tests/unit/suite.h"

enum { RUN_TEXT_MAX = 64 * 1024 };

static char	run_folder[] = "/tmp/postino-ctl.XXXXXX";
static char	data[RUN_TEXT_MAX], talk[RUN_TEXT_MAX];

static const char *
run_path(const char *name)
{
	static char path[4][200];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s/%s", run_folder, name);
	return path[turn];
}

static void
run_write(const char *name, const char *text)
{
	FILE *f = fopen(run_path(name), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void
run_read(const char *name, char *text)
{
	FILE *f = fopen(run_path(name), "r");
	size_t n = f != NULL ? fread(text, 1, RUN_TEXT_MAX - 1, f) : 0;

	text[n] = '\0';
	if (f != NULL)
		fclose(f);
}

static void
run_redirect(int fd, const char *name, int flags)
{
	int file = open(run_path(name), flags, 0600);

	if (file < 0 || dup2(file, fd) < 0)
		_exit(99);
	close(file);
}

/* The words of line, split at blanks, which become NULs. */
static int
run_split(char *line, char **argv)
{
	static char name[] = "postino";
	int argc = 0;

	argv[argc++] = name;
	while ((argv[argc] = strtok_r(line, " ", &line)) != NULL)
		argc++;
	return argc;
}

/* With input on standard input.  The exit code; data and talk have the
   rest. */
static int
run_with(const char *input, const char *line)
{
	char *argv[64], *words = strdup(line);
	int argc = run_split(words, argv), status;
	pid_t pid;

	run_write("in", input);
	fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		run_redirect(0, "in", O_RDONLY);
		run_redirect(1, "out", O_WRONLY | O_CREAT | O_TRUNC);
		run_redirect(2, "err", O_WRONLY | O_CREAT | O_TRUNC);
		alarm(30);
		exit(ctl_main(argc, argv));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	free(words);
	run_read("out", data);
	run_read("err", talk);
	if (!WIFEXITED(status))
		ck_abort_msg("%s: signal %d: %s", line, WTERMSIG(status), talk);
	return WEXITSTATUS(status);
}

static int
run(const char *line)
{
	return run_with("", line);
}

static int
run_lines(const char *text)
{
	int n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

/* The manual page, from where make runs us. */
static inline const char *
run_manual(void)
{
	static char page[RUN_TEXT_MAX];
	FILE *f = fopen("doc/postino.1", "r");

	ck_assert_ptr_nonnull(f);
	page[fread(page, 1, sizeof page - 1, f)] = '\0';
	fclose(f);
	return page;
}

static void
run_begin(void)
{
	setenv("TZ", "UTC", 1);
	if (mkdtemp(run_folder) == NULL)
		abort();
}

static void
run_end(void)
{
	static const char *const names[] = { "in", "out", "err", "told",
		"control", "conf", "bad" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(run_path(names[i]));
	rmdir(run_folder);
}

static int
run_suite(const char *name, void (*add)(TCase *))
{
	int failed;

	run_begin();
	failed = suite_run(name, add);
	run_end();
	return failed;
}

#define ck_has(text, part) do {						\
	if (strstr(text, part) == NULL)					\
		ck_abort_msg("no \"%s\" in \"%.3000s\"", part, text);	\
} while (0)

/* An error: this code, nothing on standard output, at most four lines. */
#define ck_error(code, line, part) do {					\
	ck_assert_int_eq(run(line), code);				\
	ck_assert_str_eq(data, "");					\
	ck_has(talk, part);						\
	ck_assert_int_le(run_lines(talk), 4);				\
} while (0)

#endif
