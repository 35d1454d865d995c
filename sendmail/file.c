/*
 * The file: made under a name that drop does not look at, filled, synced, and
 * only then given its name.
 */
#include "sendmail/sendmail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

static bool
write_all(int fd, struct slice s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno != EINTR)
			return false;
		s = slice_drop(s, n > 0 ? (size_t)n : 0);
	}
	return true;
}

/* Nobody but drop can enter the folder's list, so all may read the file:
   that is how drop, who has no right to others' files, can. */
static bool
fill(int fd, const struct dropped *d, struct slice message)
{
	struct buf head = { 0 };
	bool good;

	dropped_write(d, &head);
	good = write_all(fd, buf_view(&head)) && write_all(fd, message) &&
	    fchmod(fd, 0444) == 0 && fsync(fd) == 0;
	buf_free(&head);
	return good;
}

/* Whoever reads it is told, if he is there. */
static void
wake(int folder)
{
	int fd = openat(folder, DROPPED_WAKE,
	    O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	ssize_t ignored;

	if (fd < 0)
		return;
	ignored = write(fd, "", 1);
	(void)ignored;
	close(fd);
}

static int
put(int folder, const struct dropped *d, struct slice message)
{
	struct timespec now;
	char name[64];
	int fd;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(name, sizeof name, ".%llx.%09ld.%d",
	    (unsigned long long)now.tv_sec, now.tv_nsec, getpid());
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (!fill(fd, d, message) ||
	    renameat(folder, name, folder, name + 1) != 0) {
		int error = errno;

		unlinkat(folder, name, 0);
		close(fd);
		errno = error;
		return -1;
	}
	close(fd);
	wake(folder);
	return 0;
}

int
file_put(struct dropped *d, struct slice message, const char **why)
{
	const char *path = arena_printf(&front.arena, "%s/%s",
	    front.conf.data_folder.p, DROPPED_FOLDER);
	int folder = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int done;

	d->size = message.n;
	done = folder < 0 ? -1 : put(folder, d, message);
	if (done != 0)
		*why = arena_printf(&front.arena, "%s: %s", path,
		    strerror(errno));
	if (folder >= 0)
		close(folder);
	return done == 0 ? EX_OK : errno == ENOSPC ? EX_TEMPFAIL :
	    EX_CANTCREAT;
}
