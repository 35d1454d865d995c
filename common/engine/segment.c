#include "common/engine/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/codec.h"
#include "common/engine/disk.h"

enum { HEAD = 64, SECOND = 4096, SMALL = 64 << 10 };

static const char magic[8] = { 'P', 'o', 's', 't', 'i', 'S', 'e', '1' };

void
segments_init(struct segments *l, int dir, uint64_t size)
{
	*l = (struct segments){ .dir = dir, .size = size };
	pthread_mutex_init(&l->ahead, NULL);
}

void
segments_free(struct segments *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i]->fd >= 0)
			close(l->v[i]->fd);
		free(l->v[i]);
	}
	free(l->v);
	pthread_mutex_destroy(&l->ahead);
}

void
segment_name(char out[32], uint32_t number)
{
	snprintf(out, 32, "s%08x", number);
}

void
blob_name(char out[32], char kind, uint64_t number)
{
	snprintf(out, 32, "%c%016llx", kind, (unsigned long long)number);
}

struct segment *
segment_add(struct segments *l, uint32_t number)
{
	struct segment *s = mem_zero(sizeof *s);

	s->number = number;
	s->fd = -1;
	s->end = SEGMENT_HEAD;
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 16 : l->cap * 2;
		l->v = mem_grow(l->v, l->cap * sizeof *l->v);
	}
	l->v[l->n++] = s;
	return s;
}

void
segment_drop(struct segments *l)
{
	free(l->v[--l->n]);
}

struct segment *
segment_find(const struct segments *l, uint32_t number)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (l->v[mid]->number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->n && l->v[low]->number == number ? l->v[low] : NULL;
}

struct segment *
segment_last(const struct segments *l)
{
	return l->n > 0 ? l->v[l->n - 1] : NULL;
}

/* Closes the descriptor used longest ago, unless all are in use. */
static void
close_oldest(struct segments *l)
{
	struct segment *old = NULL;

	for (size_t i = 0; i + 1 < l->n; i++) {
		struct segment *s = l->v[i];

		if (s->fd >= 0 && s->users == 0 &&
		    (old == NULL || s->used < old->used))
			old = s;
	}
	if (old == NULL)
		return;
	close(old->fd);
	old->fd = -1;
	l->open--;
}

int
segment_fd(struct segments *l, struct segment *s)
{
	char name[32];

	s->used = ++l->tick;
	if (s->fd >= 0)
		return s->fd;
	if (l->open >= SEGMENT_OPEN)
		close_oldest(l);
	segment_name(name, s->number);
	s->fd = openat(l->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (s->fd >= 0)
		l->open++;
	return s->fd;
}

void
segment_use(struct segment *s)
{
	s->users++;
}

static void
free_if_over(struct segment *s)
{
	if (s->users > 0 || s->pins > 0 || !s->gone)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

void
segment_unuse(struct segment *s)
{
	s->users--;
	free_if_over(s);
}

void
segment_pin(struct segment *s)
{
	s->pins++;
}

void
segment_unpin(struct segment *s)
{
	s->pins--;
	free_if_over(s);
}

bool
segment_remove(struct segments *l, struct segment *s)
{
	char name[32];
	size_t i = 0;

	segment_name(name, s->number);
	/* An open file stays until it is closed, also without its name. */
	if (s->pins > 0 && segment_fd(l, s) < 0)
		return false;
	if (unlinkat(l->dir, name, 0) != 0 && errno != ENOENT)
		return false;
	while (l->v[i] != s)
		i++;
	memmove(l->v + i, l->v + i + 1, (l->n - i - 1) * sizeof *l->v);
	l->n--;
	if (s->fd >= 0)
		l->open--;
	s->gone = true;
	free_if_over(s);
	return true;
}

/* A file of that name with `size` bytes allocated; -1 with errno. */
static int
allocate(int dir, const char *name, uint64_t size)
{
	int fd = openat(dir, name,
	    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int error;

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
	if (fstat(fd, &st) == 0 && (uint64_t)st.st_size >= size)
		return fd;
	close(fd);
	return -1;
}

/* Which file becomes the segment: *from is its name so far.  A disk that has
   no room for a whole one may have it for what there is to write. */
static int
obtain(struct segments *l, uint64_t need, uint64_t *size, const char **from)
{
	uint64_t least = (need + SMALL - 1) / SMALL * SMALL;
	int fd;

	*size = need > l->size ? need : l->size;
	if ((fd = take_ahead(l, *from = "next", *size)) >= 0 ||
	    (fd = allocate(l->dir, *from = "new", *size)) >= 0 ||
	    !error_is_full(errno) ||
	    (fd = take_ahead(l, *from = "spare", *size)) >= 0)
		return fd;
	*size = least;
	return allocate(l->dir, *from = "new", *size);
}

static bool
write_head(int fd, const struct segment_start *start)
{
	char h[HEAD] = { 0 };

	memcpy(h, magic, 8);
	be32_put(h + 12, start->number);
	be64_put(h + 16, start->floor);
	be64_put(h + 24, start->blob);
	be32_put(h + 32, start->generation);
	be32_put(h + 8, crc32c(0, h + 12, HEAD - 12));
	return pwrite(fd, h, HEAD, 0) == HEAD &&
	    pwrite(fd, h, HEAD, SECOND) == HEAD && fsync(fd) == 0;
}

int
segment_create(struct segments *l, const struct segment_start *start,
    uint64_t need, uint64_t *size)
{
	const char *from;
	char name[32];
	int fd, error;

	segment_name(name, start->number);
	pthread_mutex_lock(&l->ahead);
	fd = obtain(l, need + SEGMENT_HEAD, size, &from);
	if (fd >= 0 && !(write_head(fd, start) &&
	    renameat(l->dir, from, l->dir, name) == 0 && fsync(l->dir) == 0)) {
		error = errno;
		close(fd);
		fd = -1;
		errno = error;
	}
	pthread_mutex_unlock(&l->ahead);
	return fd;
}

static bool
load(int fd, off_t at, struct segment_start *start)
{
	char h[HEAD];

	if (pread(fd, h, HEAD, at) != HEAD || memcmp(h, magic, 8) != 0 ||
	    be32_get(h + 8) != crc32c(0, h + 12, HEAD - 12))
		return false;
	start->number = be32_get(h + 12);
	start->floor = be64_get(h + 16);
	start->blob = be64_get(h + 24);
	start->generation = be32_get(h + 32);
	return true;
}

bool
segment_load(int fd, struct segment_start *start)
{
	return load(fd, 0, start) || load(fd, SECOND, start);
}

bool
next_make(struct segments *l, const char *name)
{
	bool ok = true;
	int fd;

	pthread_mutex_lock(&l->ahead);
	fd = take_ahead(l, name, l->size);
	if (fd < 0) {
		fd = allocate(l->dir, name, l->size);
		ok = fd >= 0 && fsync(fd) == 0;
	}
	if (fd >= 0)
		close(fd);
	pthread_mutex_unlock(&l->ahead);
	return ok;
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
