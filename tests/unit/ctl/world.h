/*
 * world.h - one fake Postino a test, and its configuration for `postino`.
 */
#ifndef UNIT_CTL_WORLD_H
#define UNIT_CTL_WORLD_H

#include "tests/unit/ctl/run.h"

#include "tests/unit/ctl/fake.h"

static pid_t	daemon_pid;
static char	heard[RUN_TEXT_MAX];

static void
start(void)
{
	daemon_pid = fake_start(run_folder);
	ck_assert_int_gt(daemon_pid, 0);
}

static void
setup(void)
{
	char text[300];

	memset(&fake, 0, sizeof fake);
	snprintf(text, sizeof text, "server name mail.a.example\n"
	    "sockets in %s\n", run_folder);
	run_write("conf", text);
	unlink(run_path("told"));
	start();
}

static void
stop(void)
{
	if (daemon_pid > 0) {
		kill(daemon_pid, SIGKILL);
		waitpid(daemon_pid, NULL, 0);
	}
	daemon_pid = 0;
}

/* With the fake's configuration. */
static const char *
with(const char *words)
{
	static char line[4096];

	snprintf(line, sizeof line, "-c %s %s", run_path("conf"), words);
	return line;
}

static const char *
was_told(void)
{
	run_read("told", heard);
	return heard;
}

#define ck_prints(words, want) do {					\
	ck_assert_int_eq(run(with(words)), EX_OK);			\
	ck_assert_str_eq(data, want);					\
	ck_assert_str_eq(talk, "");					\
} while (0)

/* What this command has for members is in its part of postino(1). */
static inline void
ck_manual_members(const char *command)
{
	const char *section, *end;
	char words[80], want[80], part[8192];

	snprintf(words, sizeof words, "--json %s", command);
	ck_assert_int_eq(run(with(words)), EX_OK);
	snprintf(want, sizeof want, "\n.It Cm %.8s", command);
	section = strstr(run_manual(), want);
	ck_assert_ptr_nonnull(section);
	end = strstr(section + 1, "\n.It Cm ");
	snprintf(part, sizeof part, "%.*s", end == NULL ? 8000 :
	    (int)(end - section), section);
	*strchr(data, '\n') = '\0';
	for (char *s = data, *name; (name = strchr(s, '"')) != NULL;) {
		size_t n = strcspn(name + 1, "\"");

		s = name + n + 2;
		if (*s != ':')		/* a value */
			continue;
		snprintf(want, sizeof want, ".Va %.*s", (int)n, name + 1);
		ck_has(part, want);
		if (s[1] == '{')	/* figures have names of their own */
			break;
	}
}

#endif
