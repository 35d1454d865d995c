/*
 * drill.c - a program that was taken over, in the place of one without files.
 *
 * master runs it as if it were smtpd, pop3d or mda (drill.py).  It sends every
 * call of wire.def, with and without a descriptor, on every link it was given,
 * and pop3d's also on the store channel that a right password gets it; then
 * what is no frame at all.  It tries what a process under foreign control
 * would try of the kernel.  What became of each it writes to the log:
 *
 *	drill ROLE call TARGET CALL fd|- STATUS
 *	drill ROLE garbage TARGET NAME STATUS
 *	drill ROLE syscall NAME done|ERROR
 *	drill ROLE finished
 *
 * gone means that the other side dropped the link.  Workers of a role share
 * the list: each link that was dropped comes back only with master's next
 * ping.  On SIGUSR1 it does what must end it at once, on SIGUSR2 it asks
 * master, whom it may ask nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/core/daemon.h"
#include "common/core/link_private.h"
#include "common/core/log.h"
#include "common/core/sandbox.h"

enum {
	MASTER_FD = 3,
	TARGETS = 4,		/* links of one role, and the channel */
	LATE = 700,		/* ms; some calls are answered late by design */
	STEP = 20,
};

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

struct target {
	struct link	*link;		/* NULL: a channel, not there now */
	const char	*name;
	bool		 channel, finished;
	unsigned	 next;		/* index of what is tried next */
	char		 what[64];	/* under way; empty: nothing */
};

static struct target	 targets[TARGETS];
static unsigned		 ntargets, workers;
static struct timer	 step;

/* One write; dprintf would seek, which it may not. */
static void
say(const char *kind, const char *a, const char *b, const char *c)
{
	char line[256];
	int n = snprintf(line, sizeof line, "drill %s %s %s %s %s\n",
	    role_name(daemon_self()), kind, a, b, c);

	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) != n)
		_exit(1);
}

/* ---- the kernel */

static int
spare_socket(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	close(pair[1]);
	return pair[0];
}

/* Nobody may call a port that is not a server of its own kind.  Landlock
   refuses before the network is asked; else the drill says so and it counts
   as done. */
static int
connect_tcp(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), r;

	if (fd < 0)
		return -1;
	r = connect(fd, (struct sockaddr *)&to, sizeof to);
	if (r != 0 && errno == ECONNREFUSED && sandbox_landlock() >= 4)
		r = 0;
	close(fd);
	return r;
}

static int
listen_tcp(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0), r;

	if (fd < 0)
		return -1;
	r = bind(fd, (struct sockaddr *)&at, sizeof at) == 0 ||
	    listen(fd, 1) == 0 ? 0 : -1;
	close(fd);
	return r;
}

static int
make_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int
map_executable(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int
more_descriptors(void)
{
	struct rlimit r = { .rlim_cur = 1000000, .rlim_max = 1000000 };

	return setrlimit(RLIMIT_NOFILE, &r);
}

static int
datagrams(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair);
}

/* Without seccomp, so under sanitizers, files must be out of reach still
   (empty root folder, Landlock); the rest is left out there, as it would be
   done: the log would lose what was said. */
#define FILES								\
	TRY(file_root, openat(AT_FDCWD, "/", O_RDONLY))			\
	TRY(file_here, openat(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY))	\
	TRY(file_above, openat(AT_FDCWD, "../../..", O_RDONLY))		\
	TRY(file_known, openat(AT_FDCWD, "/etc/passwd", O_RDONLY))	\
	TRY(file_self, openat(AT_FDCWD, "/proc/self/maps", O_RDONLY))	\
	TRY(file_new, openat(AT_FDCWD, "new", O_WRONLY | O_CREAT, 0600)) \
	TRY(file_folder, mkdirat(AT_FDCWD, "new", 0700))		\
	TRY(file_remove, unlinkat(AT_FDCWD, "/etc/passwd", 0))

#define SYSCALLS							\
	TRY(socket_tcp, socket(AF_INET, SOCK_STREAM, 0))		\
	TRY(socket_tcp6, socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP))	\
	TRY(socket_mptcp, socket(AF_INET, SOCK_STREAM, 262))		\
	TRY(socket_udp, socket(AF_INET, SOCK_DGRAM, 0))			\
	TRY(socket_udp6, socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP))	\
	TRY(socket_ping, socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP))	\
	TRY(socket_raw, socket(AF_INET, SOCK_RAW, IPPROTO_RAW))		\
	TRY(socket_packet, socket(AF_PACKET, SOCK_RAW, 0))		\
	TRY(socket_vsock, socket(AF_VSOCK, SOCK_STREAM, 0))		\
	TRY(socket_port, connect_tcp(1))				\
	TRY(socket_server, listen_tcp())				\
	TRY(socket_unix, socket(AF_UNIX, SOCK_STREAM, 0))		\
	TRY(socket_netlink, socket(AF_NETLINK, SOCK_RAW, 0))		\
	TRY(socket_datagrams, datagrams())				\
	TRY(socket_connect, connect(spare_socket(),			\
	    &(struct sockaddr){ .sa_family = AF_UNIX }, 2))		\
	TRY(socket_bind, bind(spare_socket(),				\
	    &(struct sockaddr){ .sa_family = AF_UNIX }, 2))		\
	TRY(socket_listen, listen(spare_socket(), 1))			\
	TRY(log_cut, ftruncate(STDERR_FILENO, 0))			\
	TRY(log_seek, (int)lseek(STDERR_FILENO, 0, SEEK_SET))		\
	TRY(log_pwrite, (int)pwrite(STDERR_FILENO, "", 0, 0))		\
	TRY(process_clone, (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) \
	TRY(process_kill, kill(getppid(), 0))				\
	TRY(process_tgkill, (int)syscall(SYS_tgkill, getppid(),		\
	    getppid(), 0))						\
	TRY(process_thread, (int)syscall(SYS_clone3, NULL, 0))		\
	TRY(process_pidfd, (int)syscall(SYS_pidfd_open, getppid(), 0))	\
	TRY(process_priority, setpriority(PRIO_PROCESS, 0, 0))		\
	TRY(process_limit, more_descriptors())				\
	TRY(process_dumpable, prctl(PR_SET_DUMPABLE, 1))		\
	TRY(memory_map, map_executable())				\
	TRY(memory_protect, make_executable())				\
	TRY(memory_file, (int)syscall(SYS_memfd_create, "x", 0))	\
	TRY(memory_shared, (int)syscall(SYS_shmget, 0, 4096, 0600))	\
	TRY(kernel_personality, (int)syscall(SYS_personality, 0x400000)) \
	TRY(kernel_seccomp, (int)syscall(SYS_seccomp, 1, 0, NULL))	\
	TRY(kernel_inotify, (int)syscall(SYS_inotify_init1, 0))

static void
said(const char *name, int result)
{
	/* A copy of ours that should not be goes no further. */
	if (result == 0 && strcmp(name, "process_clone") == 0)
		_exit(0);
	say("syscall", name, result >= 0 ? "done" : strerrorname_np(errno),
	    "");
}

static void
try_kernel(void)
{
#define TRY(name, call)		said(#name, call);
	FILES
	if (!SANITIZED) {
		SYSCALLS
	}
#undef TRY
}

/* What none of ours would ever do: the kernel ends who does. */
static void
be_killed(int signal_number)
{
	static const long lethal[] = { SYS_execve, SYS_fork, SYS_ptrace,
		SYS_chroot, SYS_setresuid, SYS_unshare, SYS_process_vm_readv,
		SYS_mount };

	(void)signal_number;
	syscall(lethal[daemon_instance() % 8], 0, 0, 0, 0, 0, 0);
	say("survived", "", "", "");
}

static void
head_put(char *p, uint32_t length, unsigned call, unsigned has_fd)
{
	memset(p, 0, WIRE_HEAD);
	memcpy(p, &length, sizeof length);
	p[8] = (char)call;
	p[12] = (char)has_fd;
}

static void
ask_master(int signal_number)
{
	char frame[WIRE_HEAD];

	(void)signal_number;
	head_put(frame, sizeof frame, WIRE_master_status, 0);
	if (write(MASTER_FD, frame, sizeof frame) < 0)
		say("survived", "", "", "");
}

/* ---- garbage */

struct garbage {
	const char	*name;
	uint32_t	 length;	/* as the head says */
	unsigned	 call, has_fd;
	int		 place;		/* of an octet of the head; 0: none */
	char		 octet;
	size_t		 n;		/* octets really sent */
};

static const struct garbage garbage[] = {
	{ "empty", 0, 0, 0, 0, 0, 16 },
	{ "shorter_than_a_head", 15, 0, 0, 0, 0, 16 },
	{ "one_more_than_the_most", WIRE_FRAME_MAX + 1, 0, 0, 0, 0, 16 },
	{ "four_gigabytes", 0xffffffff, 0, 0, 0, 0, 16 },
	{ "no_such_call", 16, WIRE_CALLS, 0, 0, 0, 16 },
	{ "call_65535", 16, 255, 0, 9, -1, 16 },
	{ "an_answer", 16, 0, 0, 10, 1, 16 },
	{ "kind_255", 16, 0, 0, 10, -1, 16 },
	{ "a_status", 16, 0, 0, 11, (char)WIRE_STATUSES, 16 },
	{ "descriptor_missing", 16, 0, 1, 0, 0, 16 },
	{ "two_descriptors", 16, 0, 2, 0, 0, 16 },
	{ "noise", 0x55555555, 0x55, 0x55, 10, 0x55, 4096 },
};
enum { GARBAGE = sizeof garbage / sizeof *garbage };

/* More of a frame than was promised is the next frame's head: also wrong. */
static bool
garbage_send(struct target *t, const struct garbage *g)
{
	char bytes[4096];

	memset(bytes, 0x55, sizeof bytes);
	head_put(bytes, g->length, g->call, g->has_fd);
	if (g->place > 0)
		bytes[g->place] = g->octet;
	return write(t->link->watch.fd, bytes, g->n) == (ssize_t)g->n;
}

/* ---- calls */

enum { PER_CALL = 2, ALL = PER_CALL * WIRE_CALLS + GARBAGE };

static void
answered(void *arg, enum wire_status status, const void *out)
{
	struct target *t = arg;
	int fd = 0;

	if (status == WIRE_OK)
		memcpy(&fd, out, sizeof fd);	/* first in each _out */
	if (fd > 0)
		close(fd);
	say("call", t->name, t->what, wire_status_name(status));
	*t->what = '\0';
}

static void
try_call(struct target *t, unsigned i)
{
	static uint64_t zeroes[64];
	enum wire_call call = (enum wire_call)(i / PER_CALL);
	int fd = i % PER_CALL == 1 ? spare_socket() : 0;

	memset(zeroes, 0, sizeof zeroes);
	memcpy(zeroes, &fd, sizeof fd);		/* first in each _in */
	snprintf(t->what, sizeof t->what, "%s %s", wire_rows[call].name,
	    fd > 0 ? "fd" : "-");
	link_call(t->link, call, zeroes, LATE, answered, t);
}

/* The link must end; nothing else is tried before it has. */
static void
try_garbage(struct target *t, unsigned i)
{
	snprintf(t->what, sizeof t->what, "%s", garbage[i].name);
	if (!garbage_send(t, &garbage[i]))
		say("garbage", t->name, t->what, "unsent");
}

static void
link_ended(struct link *l)
{
	struct target *t = link_owner(l);

	/* Calls have been told that they are gone before. */
	if (*t->what != '\0')
		say("garbage", t->name, t->what, "gone");
	*t->what = '\0';
	if (t->channel)
		t->link = NULL;		/* freed when we return */
}

/* ---- the channel of a session */

static void
logged_in(void *arg, enum wire_status status, const void *out)
{
	struct target *t = arg;
	const struct auth_login_out *o = out;

	*t->what = '\0';
	if (status != WIRE_OK || o->fd <= 0)
		return;
	t->link = link_new(ROLE_STORE, 0, LINK_CHANNEL);
	link_own(t->link, t);
	link_on_end(t->link, link_ended);
	link_attach(t->link, o->fd);
}

static void
login(struct target *t)
{
	struct auth_login_in in = { .name = SLICE("ann@example.org"),
		.password = SLICE("ann's password"),
		.client = SLICE("127.0.0.1") };

	strcpy(t->what, "login");
	link_call(daemon_link(ROLE_AUTH, 0), WIRE_auth_login, &in, 5000,
	    logged_in, t);
}

/* ---- all of it */

static bool
may_go_on(struct target *t)
{
	if (*t->what != '\0' || t->finished)
		return false;
	if (t->channel && t->link == NULL) {
		if (link_up(daemon_link(ROLE_AUTH, 0)))
			login(t);
		return false;
	}
	return link_up(t->link);
}

static void
target_step(struct target *t)
{
	unsigned i;

	if (!may_go_on(t))
		return;
	while (t->next < ALL && t->next % workers != daemon_instance())
		t->next++;
	if (t->next >= ALL) {
		t->finished = true;
		return;
	}
	i = t->next++;
	if (i < PER_CALL * WIRE_CALLS)
		try_call(t, i);
	else
		try_garbage(t, i - PER_CALL * WIRE_CALLS);
}

static void
steps(struct timer *timer)
{
	unsigned done = 0;

	for (unsigned i = 0; i < ntargets; i++) {
		target_step(&targets[i]);
		done += targets[i].finished;
	}
	if (done < ntargets)
		timer_set(timer, loop_now() + STEP);
	else
		say("finished", "", "", "");
}

static void
target_add(enum role role, bool channel)
{
	struct target *t = &targets[ntargets++];

	t->channel = channel;
	t->name = channel ? "channel" : role_name(role);
	if (channel)
		return;
	t->link = daemon_link(role, 0);
	link_own(t->link, t);
	link_on_end(t->link, link_ended);
}

/* As the callers do. */
static void
load(const struct conf *conf)
{
	(void)conf;
	if (daemon_self() == ROLE_RESOLVER)
		sandbox_datagrams();
	sandbox_connects(daemon_self() == ROLE_RESOLVER ? 53 : 25);
}

static void
start(const struct conf *conf)
{
	workers = conf->workers[daemon_self()];
	for (int role = 0; role < ROLES; role++)
		if (role != ROLE_MASTER &&
		    wire_connected(daemon_self(), (enum role)role))
			target_add((enum role)role, false);
	if (daemon_self() == ROLE_POP3D)
		target_add(ROLE_STORE, true);
	signal(SIGUSR1, be_killed);
	signal(SIGUSR2, ask_master);
	if (daemon_instance() == 0)
		try_kernel();
	step.fire = steps;
	timer_set(&step, loop_now() + STEP);
}

const struct daemon daemon_role = { .name = "drill", .load = load,
	.start = start };
