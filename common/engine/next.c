#include "common/engine/next.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/engine/disk.h"

enum {
	SMALL = 64 << 10,
	PIECE = 1 << 20,		/* filled while others wait for next */
	BLOCK = 4096,			/* of direct writes */
};

/* A file of that name with `size` bytes allocated; -1 with errno. */
static int
allocate(int dir, const char *name, uint64_t size)
{
	int fd, error;

	unlinkat(dir, name, 0);
	fd = openat(dir, name,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	/* Never the emulation of posix_fallocate, which writes a byte into
	   each block; a file system without it gets a growing file. */
	if (disk.allocate(fd, size) == 0 || errno == EOPNOTSUPP)
		return fd;
	error = errno;
	close(fd);
	unlinkat(dir, name, 0);
	errno = error;
	return -1;
}

/* Opens one that was made ahead, if it is large enough. */
static int
take_ahead(struct segments *l, const char *name, uint64_t size)
{
	struct stat st;
	int fd = openat(l->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_nlink == 1 &&
	    (uint64_t)st.st_size >= size)
		return fd;
	close(fd);
	return -1;
}

/* The one that was removed becomes next: -1: there is none, or no room for what
   it lacks. */
static int
take_used(struct segments *l)
{
	int fd = take_ahead(l, "used", 0);

	/* The sync is for its old name; only then it may change. */
	if (fd >= 0 && fsync(l->dir) == 0 && disk.allocate(fd, l->size) == 0 &&
	    renameat(l->dir, "used", l->dir, "next") == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	unlinkat(l->dir, "used", 0);
	return -1;
}

/* A disk that has no room for a whole one may have it for what there is to
   write. */
int
next_take(struct segments *l, uint64_t need, uint64_t *size, const char **from)
{
	uint64_t least = (need + SMALL - 1) / SMALL * SMALL;
	int fd;

	*size = need > l->size ? need : l->size;
	l->filled = 0;
	if ((fd = take_ahead(l, *from = "next", *size)) >= 0 ||
	    (fd = allocate(l->dir, *from = "new", *size)) >= 0 ||
	    !error_is_full(errno) ||
	    (fd = take_ahead(l, *from = "spare", *size)) >= 0)
		return fd;
	*size = least;
	return allocate(l->dir, *from = "new", *size);
}

bool
next_make(struct segments *l, const char *name)
{
	bool ok = true;
	int fd;

	pthread_mutex_lock(&l->ahead);
	fd = take_ahead(l, name, l->size);
	if (fd < 0 && strcmp(name, "next") == 0)
		fd = take_used(l);
	if (fd < 0) {
		fd = allocate(l->dir, name, l->size);
		ok = fd >= 0 && fsync(fd) == 0;
	}
	if (fd >= 0)
		close(fd);
	pthread_mutex_unlock(&l->ahead);
	return ok;
}

/* Of what was never written, as the file system tells: a life before this one
   may have filled some. */
static bool
piece_fill(struct segments *l, int fd)
{
	static _Alignas(BLOCK) char zeros[PIECE];
	off_t end = (off_t)l->size & ~(off_t)(BLOCK - 1), at;
	struct stat st;
	size_t n;

	if (fstat(fd, &st) != 0 || st.st_size < end ||
	    (at = lseek(fd, (off_t)l->filled, SEEK_HOLE)) < 0)
		return false;
	at &= ~(off_t)(BLOCK - 1);
	if (at >= end)
		return false;
	n = end - at < PIECE ? (size_t)(end - at) : PIECE;
	if (disk.zero(fd, zeros, n, at) != (ssize_t)n)
		return false;
	l->filled = (uint64_t)at + n;
	return true;
}

bool
next_fill(struct segments *l, uint64_t bytes)
{
	bool more = true;

	for (uint64_t done = 0; more && done < bytes; done += PIECE) {
		int fd;

		pthread_mutex_lock(&l->ahead);
		fd = openat(l->dir, "next",
		    O_RDWR | O_DIRECT | O_CLOEXEC | O_NOFOLLOW);
		more = fd >= 0 && piece_fill(l, fd);
		if (fd >= 0)
			close(fd);
		pthread_mutex_unlock(&l->ahead);
	}
	return more;
}

bool
next_keep(struct segments *l, const struct segment *s)
{
	char name[32];

	segment_name(name, s->number);
	return s->size <= l->size && s->size >= l->size / 2 &&
	    renameat2(l->dir, name, l->dir, "used", RENAME_NOREPLACE) == 0;
}

bool
next_give(struct segments *l)
{
	return unlinkat(l->dir, "used", 0) == 0;
}

uint64_t
next_room(struct segments *l)
{
	struct stat st;
	uint64_t room = 0;

	if (fstatat(l->dir, "next", &st, 0) == 0)
		room += (uint64_t)st.st_size;
	if (fstatat(l->dir, "spare", &st, 0) == 0)
		room += (uint64_t)st.st_size;
	return room;
}
