/* master: options, signals, reload, the end.  See master.h. */
#include "master/master.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/core/log.h"

enum {
	GRACE = 5000,		/* ms a stop waits for sessions under way */
	KILL_AFTER = 8000,	/* then whoever is still there is killed */
};

struct master	 master;
struct role_row	 role_rows[ROLES] = {
#define ROLE(name, NAME, program, kind, user)				\
	{ #name, program, KIND_##kind, user, -1 },
#include "common/core/roles.def"
};

static struct watch	signals;
static struct timer	stop_timer;
static int		pid_fd = -1;
static char		pid_path[PATH_MAX];

/* ---- the configuration */

/* NULL and *n errors in *errors, or a configuration that can be run. */
static struct conf *
conf_load(struct buf *text, struct buf *errors, unsigned *n)
{
	struct conf *c = mem_zero(sizeof *c);
	struct rlimit files;
	struct conf_machine machine = { .uid = (uint64_t)geteuid() };

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 &&
	    files.rlim_max != RLIM_INFINITY)
		machine.files = files.rlim_max;
	if (!file_read(master.file, text)) {
		buf_printf(errors, "%s: %s\n", master.file, strerror(errno));
		*n = 1;
		free(c);
		return NULL;
	}
	*n = conf_parse(c, buf_view(text), master.file, errors);
	*n += conf_check(c, &machine, errors);
	if (*n == 0)
		return c;
	conf_free(c);
	free(c);
	return NULL;
}

/* Children that start later get this, too; what only a restart changes (ports,
   users, folders) stays with master.conf. */
static void
conf_replace(struct conf *fresh, struct buf *text)
{
	if (master.live != master.conf) {
		conf_free(master.live);
		free(master.live);
	}
	master.live = fresh;
	buf_free(&master.text);
	master.text = *text;
}

unsigned
reload_config(struct buf *restart)
{
	struct buf text = { 0 }, errors = { 0 };
	struct role_config_in in = { 0 };
	unsigned wrong;
	struct conf *fresh = conf_load(&text, &errors, &wrong);

	if (fresh == NULL) {
		LOG(config_wrong, .place = slice_str(master.file),
		    .what = buf_view(&errors));
		buf_slice(restart, buf_view(&errors));
		buf_free(&text);
		buf_free(&errors);
		return wrong;
	}
	conf_changes(master.conf, fresh, restart);
	conf_replace(fresh, &text);
	in.config = buf_view(&master.text);
	LIST_EACH(n, &children) {
		struct child *c = CONTAINER(n, struct child, node);

		if (!c->ready)
			continue;
		files_hand_over(c);
		link_call(c->link, WIRE_role_config, &in, 0, NULL, NULL);
	}
	LOG(config_applied, .restart = buf_view(restart));
	buf_free(&errors);
	return 0;
}

/* ---- the end, from the outside in: talkers, callers, thinkers, keepers */

static enum kind	stage = KIND_TALKER;

static bool
stage_has_children(enum kind kind)
{
	LIST_EACH(n, &children) {
		struct child *c = CONTAINER(n, struct child, node);

		if (c->pid > 0 && role_rows[c->role].kind == kind)
			return true;
	}
	return false;
}

static void
stage_stop(enum kind kind)
{
	struct role_stop_in in = { .ms = GRACE };

	LIST_EACH(n, &children) {
		struct child *c = CONTAINER(n, struct child, node);

		if (c->pid <= 0 || role_rows[c->role].kind != kind)
			continue;
		if (c->ready)
			link_call(c->link, WIRE_role_stop, &in, 0, NULL, NULL);
		else
			kill(c->pid, SIGKILL);
	}
	timer_set(&stop_timer, loop_clock() + KILL_AFTER);
}

void
stop_next_stage(void)
{
	static const enum kind next[] = {
		[KIND_TALKER] = KIND_CALLER, [KIND_CALLER] = KIND_THINKER,
		[KIND_THINKER] = KIND_KEEPER, [KIND_KEEPER] = KIND_NONE };

	while (stage != KIND_NONE && !stage_has_children(stage)) {
		stage = next[stage];
		if (stage == KIND_NONE)
			loop_stop();
		else
			stage_stop(stage);
	}
}

static void
stop_by_force(struct timer *t)
{
	LIST_EACH(n, &children) {
		struct child *c = CONTAINER(n, struct child, node);

		if (c->pid > 0 && role_rows[c->role].kind == stage)
			child_kill(c, "it did not stop");
	}
	timer_set(t, loop_clock() + KILL_AFTER);
}

void
stop_all(void)
{
	if (master.stopping)
		return;
	master.stopping = true;
	stop_timer.fire = stop_by_force;
	stage_stop(stage);
	stop_next_stage();
}

static void
take_signal(struct watch *w, unsigned events)
{
	struct signalfd_siginfo s;
	struct buf restart = { 0 };

	(void)events;
	while (read(w->fd, &s, sizeof s) == sizeof s)
		if (s.ssi_signo == SIGCHLD)
			children_reaped();
		else if (s.ssi_signo == SIGHUP) {
			reload_config(&restart);
			buf_free(&restart);
		} else
			stop_all();
}

/* ---- the beginning */

static void
signals_take(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	signals.ready = take_signal;
	if (signals.fd < 0 || !loop_add(&signals, LOOP_IN, false))
		fatal("signalfd");
}

/* The programs lie beside ours. */
static void
binaries_open(void)
{
	char path[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	int fd;

	if (n < 0)
		fatal("/proc/self/exe");
	path[n] = '\0';
	slash = strrchr(path, '/');
	for (int role = 0; role < ROLES; role++) {
		const char *program = role_rows[role].program;

		if (role == ROLE_MASTER || *program == '\0')
			continue;
		snprintf(slash + 1, sizeof path - (size_t)(slash + 1 - path),
		    "%s", program);
		if ((fd = open(path, O_PATH | O_CLOEXEC)) < 0)
			fatal("%s", path);
		/* Out of the way of the descriptors a child begins with. */
		role_rows[role].binary = fcntl(fd, F_DUPFD_CLOEXEC, 16);
		close(fd);
	}
}

static void
log_open(const struct conf *conf)
{
	int fd;

	log_init("master", conf->log_level);
	if (slice_eq(conf->log_to, SLICE("stderr")))
		return;
	fd = open(conf->log_to.p, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
	    0640);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		fatal("%s", conf->log_to.p);
	close(fd);
}

/* One master for one instance: the lock lives as long as the process. */
static void
pid_write(const struct conf *conf)
{
	snprintf(pid_path, sizeof pid_path, "%s/master.pid",
	    conf->run_folder.p);
	pid_fd = open(pid_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (pid_fd < 0 || flock(pid_fd, LOCK_EX | LOCK_NB) != 0)
		fatal("%s: another master runs here", pid_path);
	if (ftruncate(pid_fd, 0) != 0 || dprintf(pid_fd, "%d\n", getpid()) < 0)
		fatal("%s", pid_path);
}

static void
children_list(const struct conf *conf)
{
	list_init(&children);
	for (int role = 0; role < ROLES; role++) {
		if (role == ROLE_MASTER || role_rows[role].kind == KIND_NONE)
			continue;
		for (unsigned i = 0; i < conf->workers[role]; i++) {
			struct child *c = mem_zero(sizeof *c);

			c->role = (enum role)role;
			c->instance = i;
			list_push(&children, &c->node);
		}
	}
}

/* Descriptors: as many as the hungriest child may have. */
static void
files_raise(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static void
options(int argc, char **argv, bool *check)
{
	const char *file = "/etc/postino/postino.conf";
	int c;

	while ((c = getopt(argc, argv, "c:n")) != -1)
		if (c == 'c')
			file = optarg;
		else if (c == 'n')
			*check = true;
		else
			goto usage;
	if (argc != optind)
		goto usage;
	if ((master.file = realpath(file, NULL)) == NULL) {
		fprintf(stderr, "postino: %s: %s\n", file, strerror(errno));
		exit(EX_NOINPUT);
	}
	return;
usage:
	fprintf(stderr, "usage: master [-n] [-c FILE]\n");
	exit(EX_USAGE);
}

int
main(int argc, char **argv)
{
	struct buf errors = { 0 };
	unsigned wrong;
	bool check = false;

	log_init("master", LOG_INFO);
	options(argc, argv, &check);
	if ((master.conf = conf_load(&master.text, &errors, &wrong)) == NULL) {
		fprintf(stderr, "%spostino: %u error%s; nothing was started\n",
		    buf_cstr(&errors), wrong, wrong == 1 ? "" : "s");
		return EX_CONFIG;
	}
	if (check)
		return EX_OK;
	master.live = master.conf;
	umask(022);
	files_raise();
	loop_init();
	link_identity(ROLE_MASTER);
	children_list(master.conf);
	folders_make(master.conf);
	pid_write(master.conf);
	log_open(master.conf);
	binaries_open();
	bind_all(master.conf);
	control_open(master.conf);
	signals_take();
	LIST_EACH(n, &children)
		child_start(CONTAINER(n, struct child, node));
	LOG(started, .version = SLICE(POSTINO_VERSION),
	    .privileges = master.conf->privileges == PRIVILEGES_DROP ?
	    SLICE("drop") : SLICE("none"));
	loop_run();
	bind_close();
	control_close();
	unlink(pid_path);
	LOG(stopped, .why = master.exit == EX_CONFIG ?
	    SLICE("the configuration cannot be run") : SLICE("asked to"));
	return master.exit;
}
