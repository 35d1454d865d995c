#include "ctl/ask.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/config.h"
#include "ctl/ctl.h"
#include "ctl/say.h"

static struct link	*master;
static int		 master_fd = -1;	/* the link's */

static void
no_master(const char *path, int error, unsigned wrong)
{
	if (error == EACCES || error == EPERM)
		fail(EX_NOPERM, text("%s: %s", path, strerror(error)),
		    "only root, or who runs the suite, may control it", NULL);
	if (wrong > 0)
		fail(EX_CONFIG, text("%s: %s", path, strerror(error)),
		    text("%s has faults, so this may be the wrong place",
		    ctl.file), "config check");
	if (error == ENOENT || error == ECONNREFUSED)
		fail(EX_UNAVAILABLE, "Postino does not run",
		    text("nobody answers at %s", path), NULL);
	fail(EX_UNAVAILABLE, text("%s: %s", path, strerror(error)), NULL,
	    "config check");
}

/* Where the control socket is, if the configuration has faults too: who
   broke the file can still look at what runs. */
static int
master_connect(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned wrong;
	const struct conf *conf = config_read(ctl.file, NULL, &wrong);
	const char *path = text("%s/control", conf->run_folder.p);

	if (strlen(path) >= sizeof a.sun_path)
		no_master(path, ENAMETOOLONG, wrong);
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
		no_master(path, errno, wrong);
	return fd;
}

struct link *
master_link(void)
{
	if (master == NULL) {
		master_fd = master_connect();
		link_identity(ROLE_CTL);
		master = link_new(ROLE_MASTER, 0, LINK_ONCE);
		link_attach(master, master_fd);
	}
	return master;
}

bool
master_gone(int ms)
{
	struct pollfd p = { .fd = master_fd };

	return poll(&p, 1, ms) == 1;
}

struct link *
role_try(enum role role, unsigned instance)
{
	struct master_dial_in in = { .role = (uint32_t)role,
		.instance = instance };
	struct master_dial_out out;
	enum wire_status status = master_dial(master_link(), &in, &out, NULL,
	    ASK_WAIT);
	struct link *l;

	if (status == WIRE_NONE || (status == WIRE_OK && out.fd <= 0))
		return NULL;
	ask_must(status, "cannot ask master");
	l = link_new(role, instance, LINK_ONCE);
	link_attach(l, out.fd);
	return l;
}

struct link *
role_dial(enum role role)
{
	struct link *l = role_try(role, 0);

	if (l == NULL)
		fail(EX_TEMPFAIL, text("cannot ask %s", role_name(role)),
		    "the process is not ready", "status");
	return l;
}

void
ask_failed(enum wire_status status, const char *what)
{
	static const struct {
		int		 code;
		const char	*why, *help;
	} ends[WIRE_STATUSES] = {
		[WIRE_OK] = { EX_SOFTWARE, "the answer makes no sense", NULL },
		[WIRE_AGAIN] = { EX_TEMPFAIL, "not now: the disk is full, or "
		    "the process is away, busy or ending; nothing was changed",
		    "status" },
		[WIRE_DENIED] = { EX_NOPERM, "it may not be asked for this",
		    NULL },
		[WIRE_NONE] = { EX_NOUSER, "it does not exist", NULL },
		[WIRE_CLASH] = { EX_CANTCREAT, "it exists already", NULL },
		[WIRE_BAD] = { EX_DATAERR, "the process refused it", NULL },
		[WIRE_STALE] = { EX_SOFTWARE, "it is too old", NULL },
		[WIRE_GONE] = { EX_TEMPFAIL, "the process ended before it "
		    "answered: what was asked may have been done or not",
		    "status" },
		[WIRE_TIMEOUT] = { EX_TEMPFAIL, "no answer in time: what was "
		    "asked may have been done or not", "status" },
	};

	fail(ends[status].code, what, ends[status].why, ends[status].help);
}

void
ask_must(enum wire_status status, const char *what)
{
	if (status != WIRE_OK)
		ask_failed(status, what);
}
