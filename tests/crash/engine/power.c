#include "tests/crash/engine/faults.h"

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/engine/sweep.h"
#include "tests/crash/engine/tap.h"

/* <linux/ext4.h> of newer headers. */
#define SHUTDOWN	_IOR('X', 125, uint32_t)
enum { WITHOUT_JOURNAL = 2, TRACE = 128 << 20 };

static char	 image[160], point[160];

static bool
command(const char *what, const char *where)
{
	char line[512];

	snprintf(line, sizeof line, "%s %s %s 2>/dev/null", what, image,
	    where);
	return system(line) == 0;
}

static bool
mount_image(void)
{
	return command("mount -t ext4 -o loop", point);
}

static bool
prepare(void)
{
	const char *root = scratch("power");

	snprintf(image, sizeof image, "%s/image", root);
	snprintf(point, sizeof point, "%s/mnt", root);
	return geteuid() == 0 && mkdir(point, 0700) == 0 &&
	    command("truncate -s 192M", "") &&
	    command("mkfs.ext4 -q -F", "") && mount_image();
}

/* All threads stand still, so that none of them gets an answer from a file
   system that is on its way down; then it forgets what it did not write. */
static void
cut(pid_t pid)
{
	uint32_t how = WITHOUT_JOURNAL;
	int fd = open(point, O_RDONLY | O_DIRECTORY), status;

	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	if (fd < 0 || ioctl(fd, SHUTDOWN, &how) != 0)
		err(1, "shutdown of %s", point);
	close(fd);
	if (WIFSTOPPED(status)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	if (umount(point) != 0 || !mount_image())
		err(1, "mount %s again", point);
}

static void
round_run(const struct scenario *s, unsigned steps, unsigned n,
    struct trace *t)
{
	char root[176];
	struct tap tap = { .root = root, .trace = t, .real = true };
	struct history h = { .trace = { t } };
	struct verdict v;
	pid_t pid;

	snprintf(root, sizeof root, "%s/e", point);
	folder_clear(root, true);
	if (mkdir(root, 0700) != 0)
		err(1, "%s", root);
	sync();
	trace_clear(t);
	if ((pid = fork()) == 0) {
		tap_open(&tap);
		s->drive(root, steps);
		pause();
	}
	while (t->calls < 30 + n * 97 % 1200)
		usleep(300);
	cut(pid);
	h.end[0] = t->end;
	recover_once(s->check, root, &h, n % 3, NULL, &v);
	verdict_add(&v, false, "power cut %u", n);
}

bool
power_run(const struct scenario *s, unsigned steps, unsigned rounds)
{
	struct trace *t;

	if (!prepare())
		return false;
	t = trace_new(TRACE);
	for (unsigned n = 0; n < rounds; n++)
		round_run(s, steps, n, t);
	umount(point);
	unlink(image);
	trace_free(t);
	return true;
}
