#include "common/engine/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/core/codec.h"
#include "common/core/log.h"
#include "common/engine/next.h"

enum { HEAD = 64, SECOND = 4096 };

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
segment_remove(struct segments *l, struct segment *s, bool keep)
{
	char name[32];
	size_t i = 0;

	segment_name(name, s->number);
	/* An open file stays until it is closed, also without its name. */
	if (s->pins > 0 && segment_fd(l, s) < 0)
		return false;
	keep = keep && s->pins == 0 && s->users == 0 && next_keep(l, s);
	if (!keep && unlinkat(l->dir, name, 0) != 0 && errno != ENOENT)
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

uint32_t
segment_generation(void)
{
	uint32_t n = 0;

	while (n == 0) {
		if (getrandom(&n, sizeof n, 0) != sizeof n)
			fatal("getrandom");
	}
	return n;
}

/* What is allocated behind the records goes back to the file system, and what
   they were written over with it. */
static bool
end_cut(const struct segment_end *end)
{
	if (end->fd < 0)
		return true;
	if (ftruncate(end->fd, (off_t)end->at) != 0)
		return false;
	if (fdatasync(end->fd) == 0)
		return true;
	errno = EIO;		/* it is cut: no answer of FULL */
	return false;
}

int
segment_create(struct segments *l, const struct segment_start *start,
    const struct segment_end *before, uint64_t need, uint64_t *size)
{
	const char *from;
	char name[32];
	int fd, error;

	segment_name(name, start->number);
	pthread_mutex_lock(&l->ahead);
	fd = next_take(l, need + SEGMENT_HEAD, size, &from);
	if (fd >= 0 && !(write_head(fd, start) && end_cut(before) &&
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
