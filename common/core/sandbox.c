#include "common/core/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/core/drop.h"
#include "common/core/log.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { PORTS_MAX = 1024 };

static uint16_t	ports[PORTS_MAX];	/* a caller may connect to */
static unsigned	nports;
static bool	datagrams;
static int	landlock_level;		/* of this kernel; 0: none */

/* ---- Landlock: files.  Debian 12's headers know its first level only; the
   rest of the numbers are the kernel's (uapi/linux/landlock.h). */

enum {
	LANDLOCK_KEEP = LANDLOCK_ACCESS_FS_READ_FILE |
	    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
	    1 << 14,		/* truncate, from level 3 */
};

struct ruleset {
	uint64_t	fs, net, scope;
};

enum { RULE_NET_PORT = 2, NET_BIND = 1, NET_CONNECT = 2 };	/* level 4 */

struct rule_port {
	uint64_t	access, port;
};

int
sandbox_landlock(void)
{
	return landlock_level;
}

/* All rights this level of Landlock can take away. */
static uint64_t
rights_known(int level)
{
	return level >= 5 ? (1u << 16) - 1 : level >= 3 ? (1u << 15) - 1 :
	    level == 2 ? (1u << 14) - 1 : (1u << 13) - 1;
}

static void
landlock_allow(int ruleset, int folder, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = rights, .parent_fd = folder };

	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
	    &rule, 0) != 0)
		fatal("landlock rule");
}

static void
landlock_connect(int ruleset, uint16_t port)
{
	struct rule_port rule = { .access = NET_CONNECT, .port = port };

	if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule,
	    0) != 0)
		fatal("landlock port %u", port);
}

static void
landlock_enter(const struct sandbox *s)
{
	int level = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION), ruleset, own;
	struct ruleset r = { .fs = rights_known(level) };
	size_t size = sizeof r.fs;

	if (level <= 0)
		return;
	landlock_level = level;
	if (level >= 4) {
		r.net = NET_BIND | NET_CONNECT;	/* of TCP */
		size += sizeof r.net;
	}
	if (level >= 6) {
		r.scope = 3;		/* abstract sockets, signals */
		size += sizeof r.scope;
	}
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
	if (ruleset < 0)
		fatal("landlock ruleset");
	if (s->kind == KIND_KEEPER) {
		if ((own = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
			fatal("own folder");
		landlock_allow(ruleset, own, LANDLOCK_KEEP & r.fs);
		close(own);
	}
	for (unsigned i = 0; r.net != 0 && i < nports; i++)
		landlock_connect(ruleset, ports[i]);
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		fatal("landlock");
	close(ruleset);
}

void
sandbox_connects(uint16_t port)
{
	CHECK(nports < PORTS_MAX);
	ports[nports++] = port;
}

void
sandbox_datagrams(void)
{
	datagrams = true;
}

/* ---- entering */

void
sandbox_enter(const struct sandbox *s)
{
	pid_t parent = getppid();

	drop_limit(RLIMIT_CORE, 0);
	drop_limit(RLIMIT_NOFILE, s->files);
	if (s->drop)
		drop_root(s->root, s->uid, s->gid);
	else if (s->kind == KIND_KEEPER && chdir(s->root) != 0)
		fatal("%s", s->root);
	/* After the change of uid, which clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		fatal("the parent is gone");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		fatal("no_new_privs");
	landlock_enter(s);
}

/* ---- seccomp: everything else */

static const char *const common_calls[] = {
	/* waiting, time, memory */
	"epoll_wait", "epoll_pwait", "epoll_ctl", "poll", "ppoll", "futex",
	"clock_gettime", "clock_nanosleep", "gettimeofday", "time",
	"munmap", "mremap", "madvise", "mincore", "brk", "getrandom",
	"sched_yield",
	/* descriptors that are open already */
	"read", "write", "readv", "writev", "recvfrom", "sendto", "recvmsg",
	"sendmsg", "shutdown", "setsockopt", "getsockopt", "getsockname",
	"getpeername", "close", "fcntl", "dup", "fstat",
	/* ourselves */
	"getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getppid",
	"rt_sigreturn", "rt_sigprocmask", "rt_sigaction", "restart_syscall",
	"tgkill", "exit", "exit_group", "rseq", "set_robust_list",
	"getrusage", "sysinfo", "prlimit64", NULL
};

static const char *const talker_calls[] = { "accept4", NULL };

static const char *const keeper_calls[] = {
	"openat", "pread64", "pwrite64", "preadv", "pwritev", "preadv2",
	"pwritev2", "lseek", "fsync", "fdatasync", "sync_file_range",
	"ftruncate", "fallocate", "newfstatat", "statx", "fstatfs", "statfs",
	"getdents64", "unlink", "unlinkat", "rename", "renameat", "renameat2",
	"mkdir", "mkdirat", "rmdir", "flock", "fadvise64", "access",
	"faccessat2", "open", "stat", "lstat", "getcwd", "msync", "chmod",
	"fchmod", "umask", "select", "pselect6", NULL
};

/* A process that tries one of these is not confused but taken over. */
static const char *const never[] = {
	"execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv",
	"process_vm_writev", "mount", "umount2", "pivot_root", "chroot",
	"setuid", "setgid", "setresuid", "setresgid", "bpf", "init_module",
	"finit_module", "kexec_load", "perf_event_open", "userfaultfd",
	"keyctl", "add_key", "unshare", "setns", "open_by_handle_at",
	"io_uring_setup", NULL
};

static int
rules(scmp_filter_ctx c, uint32_t action, const char *const *names)
{
	int bad = 0;

	for (; *names != NULL; names++) {
		int number = seccomp_syscall_resolve_name(*names);

		if (number != __NR_SCMP_ERROR)
			bad |= seccomp_rule_add(c, action, number, 0);
	}
	return bad;
}

static int
allow_socket(scmp_filter_ctx c, int family, int type, int protocol)
{
	return seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3,
	    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family),
	    SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, (scmp_datum_t)type),
	    SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)protocol));
}

/* The filter sees the size of an address, not what is in it: a size that is
   not of these families goes nowhere. */
static int
allow_address(scmp_filter_ctx c, int call, int family)
{
	size_t size = family == AF_INET ? sizeof(struct sockaddr_in) :
	    sizeof(struct sockaddr_in6);

	return seccomp_rule_add(c, SCMP_ACT_ALLOW, call, 1,
	    SCMP_A2(SCMP_CMP_EQ, size));
}

/* Bind is for UDP, whose ports are drawn by lot (RFC 5452 9.2). */
static int
rules_calling(scmp_filter_ctx c)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int bad = 0;

	for (unsigned i = 0; i < 2; i++) {
		bad |= allow_socket(c, families[i], SOCK_STREAM, 0);
		bad |= allow_socket(c, families[i], SOCK_STREAM, IPPROTO_TCP);
		bad |= allow_address(c, SCMP_SYS(connect), families[i]);
		if (!datagrams)
			continue;
		bad |= allow_socket(c, families[i], SOCK_DGRAM, 0);
		bad |= allow_socket(c, families[i], SOCK_DGRAM, IPPROTO_UDP);
		bad |= allow_address(c, SCMP_SYS(bind), families[i]);
	}
	return bad;
}

void
sandbox_seal(const struct sandbox *s)
{
	scmp_filter_ctx c;
	int bad = 0;

	if (SANITIZED)
		return;
	if (s->drop)
		drop_limit(RLIMIT_NPROC, 0);
	if ((c = seccomp_init(SCMP_ACT_ERRNO(EPERM))) == NULL)
		fatal("seccomp");
	bad |= seccomp_attr_set(c, SCMP_FLTATR_CTL_TSYNC, 1);
	bad |= rules(c, SCMP_ACT_ALLOW, common_calls);
	if (s->kind == KIND_TALKER)
		bad |= rules(c, SCMP_ACT_ALLOW, talker_calls);
	if (s->kind == KIND_CALLER)
		bad |= rules_calling(c);
	if (s->kind == KIND_KEEPER)
		bad |= rules(c, SCMP_ACT_ALLOW, keeper_calls);
	bad |= rules(c, SCMP_ACT_KILL_PROCESS, never);
	bad |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	bad |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* Streams only: one end of a datagram pair could send to any socket
	   that has a name. */
	bad |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 2,
	    SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
	    SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM));
	bad |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
	    SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
	if (bad != 0 || seccomp_load(c) != 0)
		fatal("seccomp");
	seccomp_release(c);
}
