/* Starting a role, noticing its death, starting it again. */
#include "master/master.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/core/log.h"

enum {
	MASTER_FD = 3,		/* where daemon.c looks for us */
	START_WAIT = 120000,	/* ms without a sign of life before it serves:
				   a keeper may wait for its folder's lock,
				   and recover a large log, telling of it */
	PING_EVERY = 1000,
	PING_WAIT = 60000,	/* a loop that stands still so long is killed */
	STEADY = 10000,		/* who ran so long starts anew at once */
	BACKOFF_FIRST = 50,
	BACKOFF_MOST = 5000,
};

struct node	children;

/* In the forked child: nothing but the channel to us, and the log. */
static void
become(struct child *c, int channel)
{
	static char *const environment[] = { NULL };
	char name[64];
	char *const argv[] = { name, NULL };
	sigset_t none;
	int null = open("/dev/null", O_RDWR), log;

	snprintf(name, sizeof name, "postino-%s", role_rows[c->role].name);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0)
		_exit(71);
	/* Opened anew: what a child does to its log's flags is its own. */
	if (!slice_eq(master.conf->log_to, SLICE("stderr")) && ((log = open(
	    master.conf->log_to.p, O_WRONLY | O_APPEND)) < 0 ||
	    dup2(log, STDERR_FILENO) < 0))
		_exit(71);
	/* dup2 onto itself would keep close-on-exec. */
	if (channel == MASTER_FD)
		fcntl(channel, F_SETFD, 0);
	else if (dup2(channel, MASTER_FD) < 0)
		_exit(71);
	/* The binary survives close_range: it is opened close-on-exec above. */
	if (syscall(SYS_close_range, MASTER_FD + 1, ~0u,
	    1u << 2 /* CLOSE_RANGE_CLOEXEC */) != 0)
		_exit(71);
	syscall(SYS_execveat, role_rows[c->role].binary, "", argv, environment,
	    AT_EMPTY_PATH);
	_exit(71);
}

static void
child_pinged(void *arg, enum wire_status status, const void *out)
{
	struct child *c = arg;
	c->pinged = false;
	if (status == WIRE_TIMEOUT)
		child_kill(c, "its loop stands still");
	else if (status == WIRE_OK && c->connects == c->connects_at_ping)
		dial_lost(c, out);
}

static void
child_ping(struct timer *t)
{
	struct child *c = CONTAINER(t, struct child, ping);
	struct role_ping_in in = { 0 };

	if (c->link == NULL || !c->ready)
		return;
	if (!c->pinged) {
		c->pinged = true;
		c->connects_at_ping = c->connects;
		link_call(c->link, WIRE_role_ping, &in, PING_WAIT,
		    child_pinged, c);
	}
	timer_set(&c->ping, loop_now() + PING_EVERY);
}

static void
child_still(struct life *l)
{
	child_kill(CONTAINER(l, struct child, life),
	    "it did not become ready");
}

static void
child_ready(void *arg, enum wire_status status, const void *out)
{
	struct child *c = arg;

	(void)out;
	life_end(&c->life);
	if (status != WIRE_OK)
		return;
	c->ready = true;
	bind_hand_over(c);
	dial_all(c);
	c->ping.fire = child_ping;
	timer_set(&c->ping, loop_now() + PING_EVERY);
}

static void
child_tell(struct child *c)
{
	struct wire_workers workers[ROLES];
	struct role_start_in in = {
		.hash = wire_hash(), .role = (uint32_t)c->role,
		.instance = c->instance,
		.drop = master.conf->privileges == PRIVILEGES_DROP,
		.root = slice_str(folder_of(master.conf, c->role, c->instance)),
		.files = conf_files(master.conf, c->role),
		.workers = workers, .n_workers = ROLES,
		.config = buf_view(&master.text) };

	for (unsigned i = 0; i < ROLES; i++)
		workers[i] = (struct wire_workers){ i,
			master.conf->workers[i] };
	in.fd = life_begin(&c->life, START_WAIT, child_still);
	user_of(master.conf, c->role, &in.uid, &in.gid);
	files_hand_over(c);
	link_call(c->link, WIRE_role_start, &in, 0, child_ready, c);
}

/* The channel of a dying child closes before it can be waited for. */
static void
child_hung_up(struct link *l)
{
	struct child *c = link_owner(l);

	c->link = NULL;
	c->ready = false;
	c->pinged = false;
	if (c->pid > 0)
		kill(c->pid, SIGKILL);
}

void
child_start(struct child *c)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		fatal("socketpair");
	if ((c->pid = fork()) < 0)
		fatal("fork");
	if (c->pid == 0)
		become(c, pair[1]);
	close(pair[1]);
	c->since = loop_clock();
	c->link = link_new(c->role, c->instance, LINK_ONCE);
	link_own(c->link, c);
	link_on_end(c->link, child_hung_up);
	link_attach(c->link, pair[0]);
	child_tell(c);
}

void
child_kill(struct child *c, const char *why)
{
	LOG(child_killed, .role = slice_str(role_rows[c->role].name),
	    .pid = (uint64_t)c->pid, .why = slice_str(why));
	if (c->pid > 0)
		kill(c->pid, SIGKILL);
}

static void
child_again(struct timer *t)
{
	struct child *c = CONTAINER(t, struct child, again);

	if (!master.stopping)
		child_start(c);
}

/* The first death restarts nearly at once; who dies soon after its start
   waits twice as long each time (PRIV-9). */
static void
child_buried(struct child *c, int status)
{
	uint64_t now = loop_clock(), ran = now - c->since, wait;
	/* daemon_refuse: it would find the same again.  Not from one that has
	   begun: whoever took it over is not to end the others. */
	bool refused = !c->ready && WIFEXITED(status) &&
	    WEXITSTATUS(status) == EX_CONFIG;

	/* Who ends well because it was asked to has said so itself. */
	if (!master.stopping || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		LOG(child_died, .role = slice_str(role_rows[c->role].name),
		    .pid = (uint64_t)c->pid, .ms = ran,
		    .signal = WIFSIGNALED(status) ?
		    (uint64_t)WTERMSIG(status) : 0,
		    .code = WIFEXITED(status) ?
		    (uint64_t)WEXITSTATUS(status) : 0);
	c->pid = 0;
	c->deaths++;
	c->since = now;
	timer_stop(&c->ping);
	if (c->link != NULL)
		link_close(c->link);	/* calls child_hung_up no more */
	c->link = NULL;
	c->ready = c->pinged = false;
	if (refused) {
		master.exit = EX_CONFIG;
		stop_all();
	}
	if (master.stopping) {
		stop_next_stage();
		return;
	}
	c->quick = ran > STEADY ? 0 : c->quick + 1;
	wait = c->quick > 10 ? BACKOFF_MOST :
	    (uint64_t)BACKOFF_FIRST << (c->quick > 3 ? c->quick - 3 : 0);
	c->again.fire = child_again;
	timer_set(&c->again, now + (wait > BACKOFF_MOST ? BACKOFF_MOST : wait));
}

void
children_reaped(void)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		LIST_EACH(n, &children) {
			struct child *c = CONTAINER(n, struct child, node);

			if (c->pid == pid) {
				child_buried(c, status);
				break;
			}
		}
}
