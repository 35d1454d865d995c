/*
 * The life of a role, from master's first call on, in a process of its own:
 * what comes in which order, and that nothing it says is over a frame.
 */
#include "common/core/daemon.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/log.h"
#include "tests/unit/suite.h"

enum { MASTER_FD = 3, SESSIONS = 25000, WAIT = 20000 };

static struct link	*master, *ctl;
static pid_t		 child;
static struct arena	 arena;

/* ---- the role under test */

static char	steps[256];	/* what it was called for, in order */

static void
step(const char *what)
{
	strcat(steps, what);
	strcat(steps, " ");
}

static void
take_file(struct slice path, int fd, struct slice why)
{
	char text[16] = "";

	if (fd >= 0 && read(fd, text, sizeof text - 1) > 0)
		step(text);
	else
		step(slice_eq(path, SLICE("/none")) &&
		    slice_eq(why, SLICE("it is gone")) ? "none" : "wrong");
	if (fd >= 0)
		close(fd);
}

static void
load(const struct conf *c)
{
	(void)c;
	step("load");
}

static void
opened(const struct conf *c)
{
	(void)c;
	step("open");
}

static void
start(const struct conf *c)
{
	(void)c;
	step("start");
}

static void
reload(const struct conf *c, struct buf *restart)
{
	(void)c;
	buf_str(restart, steps);
}

/* As many as a process may have, with names as long as an IPv6 address makes
   them. */
static void
who(struct figures *f)
{
	char name[80];

	for (unsigned i = 0; i < SESSIONS; i++) {
		snprintf(name, sizeof name, "smtp session 2001:db8:1234:5678:"
		    "1234:5678:%04x:%04x", i >> 16, i & 0xffff);
		figure_session(f, slice_str(name), SLICE("the peer's next "
		    "command, for some time already"), i, i + 1);
	}
}

static void
stats(struct figures *f)
{
	figure_add(f, "things", 7);
}

const struct daemon daemon_role = {
	.name = "test", .file = take_file, .load = load, .open = opened,
	.start = start, .reload = reload, .who = who, .stats = stats,
};

/* ---- master */

static const char conf_text[] =
    "server name mail.example.org\nprivileges none\nlog error and above\n";

static int
text_file(const char *text)
{
	FILE *f = tmpfile();

	fputs(text, f);
	fflush(f);
	rewind(f);
	return fileno(f);
}

static void
give(const char *path, int fd)
{
	struct role_file_in in = { .fd = fd, .path = slice_str(path),
		.why = fd > 0 ? SLICE("") : SLICE("it is gone") };

	ck_assert_int_eq(role_file(master, &in, NULL, NULL, WAIT), WIRE_OK);
}

static void
setup(void)
{
	struct role_start_in in = { .hash = wire_hash(), .role = ROLE_MDA,
		.root = SLICE("/"), .files = 100,
		.config = slice_str(conf_text) };
	struct role_link_in to_ctl = { .peer = ROLE_CTL };
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	if ((child = fork()) == 0) {
		dup2(pair[1], MASTER_FD);
		for (int fd = MASTER_FD + 1; fd < 64; fd++)
			close(fd);
		_exit(daemon_run());
	}
	close(pair[1]);
	loop_init();
	master = link_new(ROLE_MDA, 0, LINK_ONCE);
	link_attach(master, pair[0]);
	give("/some", dup(text_file("file")));
	give("/none", 0);
	ck_assert_int_eq(role_start(master, &in, NULL, NULL, WAIT), WIRE_OK);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	to_ctl.fd = pair[1];
	ck_assert_int_eq(role_link(master, &to_ctl, NULL, NULL, WAIT),
	    WIRE_OK);
	ctl = link_new(ROLE_MDA, 0, LINK_ONCE);
	link_attach(ctl, pair[0]);
}

static void
teardown(void)
{
	struct role_stop_in in = { .ms = 100 };
	int status;

	ck_assert_int_eq(role_stop(master, &in, NULL, NULL, WAIT), WIRE_OK);
	link_close(ctl);
	link_close(master);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	arena_free(&arena);
}

/* Files are there before anything else is done, and before a reload. */
START_TEST(files_come_first)
{
	struct role_config_in in = { .config = slice_str(conf_text) };
	struct role_config_out out;

	give("/some", dup(text_file("again")));
	ck_assert_int_eq(role_config(master, &in, &out, &arena, WAIT),
	    WIRE_OK);
	ck_assert_str_eq(arena_str(&arena, out.restart),
	    "file none load open start again ");
}
END_TEST

/* More sessions than a frame or a list can hold: page by page, each once. */
START_TEST(sessions_come_in_pages)
{
	struct role_who_in in = { 0 };
	struct role_who_out out;
	uint64_t seen = 0;
	unsigned pages = 0;

	do {
		arena_reset(&arena);
		ck_assert_int_eq(role_who(ctl, &in, &out, &arena, WAIT),
		    WIRE_OK);
		ck_assert_uint_gt(out.n_sleepers, 0);
		for (size_t i = 0; i < out.n_sleepers; i++)
			ck_assert_uint_eq(out.sleepers[i].session, ++seen);
		ck_assert(out.next == 0 || out.next == seen);
		in.from = out.next;
		pages++;
	} while (out.next != 0);
	ck_assert_uint_eq(seen, SESSIONS);
	ck_assert_uint_gt(pages, 2);
	in.from = SESSIONS + 7;
	ck_assert_int_eq(role_who(ctl, &in, &out, &arena, WAIT), WIRE_OK);
	ck_assert_uint_eq(out.n_sleepers, 0);
	ck_assert_uint_eq(out.next, 0);
}
END_TEST

/* What every process counts comes before what the role does. */
START_TEST(figures_are_added)
{
	struct role_status_in in = { 0 };
	struct role_status_out out;

	ck_assert_int_eq(role_status(ctl, &in, &out, &arena, WAIT), WIRE_OK);
	ck_assert_uint_eq(out.n_figures, 4);
	ck_assert(slice_eq(out.figures[0].name, SLICE("cpu_us")));
	ck_assert(slice_eq(out.figures[3].name, SLICE("things")));
	ck_assert_uint_eq(out.figures[3].value, 7);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("daemon");
	TCase *t = tcase_create("daemon");

	log_init("test", LOG_ERROR);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, files_come_first);
	tcase_add_test(t, sessions_come_in_pages);
	tcase_add_test(t, figures_are_added);
	suite_add_tcase(s, t);
	return suite_end(s);
}
