#include "common/engine/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/buf.h"
#include "common/engine/disk.h"

enum {
	STEP = 256 << 10,		/* bytes given back at once */
	ZEROS = 4096,			/* fewer are written as they are */
};

static pthread_mutex_t	 lock = PTHREAD_MUTEX_INITIALIZER;
static struct node	 all = { &all, &all };	/* one; in tests some */
static bool		 failed;

void
reserve_open(struct reserve *r, int dir, uint64_t whole)
{
	struct stat st;

	*r = (struct reserve){ .whole = whole };
	r->fd = openat(dir, "reserve", O_RDWR | O_CREAT | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	if (r->fd >= 0 && fstat(r->fd, &st) == 0)
		r->left = (uint64_t)st.st_size;
	pthread_mutex_lock(&lock);
	list_push(&all, &r->all);
	pthread_mutex_unlock(&lock);
}

void
reserve_close(struct reserve *r)
{
	pthread_mutex_lock(&lock);
	list_del(&r->all);
	pthread_mutex_unlock(&lock);
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

uint64_t
reserve_left(const struct reserve *r)
{
	uint64_t left;

	pthread_mutex_lock(&lock);
	left = r->left;
	pthread_mutex_unlock(&lock);
	return left;
}

bool
reserve_is_whole(const struct reserve *r)
{
	return reserve_left(r) >= r->whole;
}

bool
reserve_fill(struct reserve *r)
{
	int e = 0;

	pthread_mutex_lock(&lock);
	if (r->left < r->whole && r->fd >= 0) {
		e = disk.allocate(r->fd, r->whole);
		if (e != 0 && errno == EOPNOTSUPP)
			e = posix_fallocate(r->fd, 0, (off_t)r->whole);
		if (e == 0)
			r->left = r->whole;
		/* A part that was taken must not look like more. */
		else if (ftruncate(r->fd, (off_t)r->left) != 0)
			r->left = 0;
	}
	pthread_mutex_unlock(&lock);
	return e == 0 && r->fd >= 0;
}

bool
reserve_failed(void)
{
	bool has;

	pthread_mutex_lock(&lock);
	has = failed;
	pthread_mutex_unlock(&lock);
	return has;
}

/* With the lock held.  The sync is for file systems that free blocks only
   when their journal is written. */
static bool
shorten(struct reserve *r)
{
	uint64_t left = r->left > STEP ? r->left - STEP : 0;

	if (r->left == 0 || ftruncate(r->fd, (off_t)left) != 0)
		return false;
	r->left = left;
	fsync(r->fd);
	return true;
}

static bool
step_give(void)
{
	bool given = false;

	pthread_mutex_lock(&lock);
	LIST_EACH(n, &all)
		given = given || shorten(CONTAINER(n, struct reserve, all));
	failed = failed || !given;
	pthread_mutex_unlock(&lock);
	return given;
}

/* The recovery of Berkeley DB writes zeros up to the length of its log file,
   64 MB: where the file is that long they need no blocks. */
static bool
leaves_hole(int fd, const char *p, size_t n)
{
	struct stat st;
	off_t at;

	if (n < ZEROS || p[0] != 0 || memcmp(p, p + 1, n - 1) != 0)
		return false;
	at = lseek(fd, 0, SEEK_CUR);
	return at >= 0 && fstat(fd, &st) == 0 &&
	    (uint64_t)at + n <= (uint64_t)st.st_size &&
	    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
	    (off_t)n) == 0 && lseek(fd, (off_t)n, SEEK_CUR) >= 0;
}

ssize_t
reserve_write(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;
	size_t done = leaves_hole(fd, p, n) ? n : 0;

	while (done < n) {
		ssize_t got = disk.write(fd, p + done, n - done);

		if (got > 0) {
			done += (size_t)got;
			continue;
		}
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && !error_is_full(errno))
			return -1;
		if (!step_give()) {
			errno = ENOSPC;
			return -1;
		}
	}
	return (ssize_t)n;
}

static int
open_patiently(const char *path, int flags, int mode)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC, mode);
	while (fd < 0 && (errno == EINTR ||
	    (error_is_full(errno) && step_give())));
	return fd;
}

static bool
folder_sync(const char *path)
{
	const char *end = strrchr(path, '/');
	char *folder = end == NULL ? mem_str(SLICE(".")) :
	    mem_str(slice_of(path, (size_t)(end - path) + 1));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	free(folder);
	return ok;
}

/* Berkeley DB syncs its files, and never their names: a log that is gone
   though pages of its later time are there leaves an index that looks sound
   and is not. */
int
reserve_create(const char *path, int flags, ...)
{
	va_list ap;
	int fd, mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	fd = open_patiently(path, flags & ~O_CREAT, mode);
	if (fd >= 0 || errno != ENOENT || (flags & O_CREAT) == 0)
		return fd;
	fd = open_patiently(path, flags, mode);
	if (fd >= 0 && !folder_sync(path)) {
		close(fd);
		fd = -1;
	}
	return fd;
}
