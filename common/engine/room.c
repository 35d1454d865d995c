/*
 * Is there room?  Asked before anything is written that mail brings, so that
 * a full disk is a refusal and never a failed write.
 *
 * store, queue and auth share a disk with each other and the world, so the
 * file system is asked each time (a microsecond).  Three things still have to
 * work when others have taken the last block: deletes, for which segments are
 * set apart (next, spare); and the index's own writes, for which each engine
 * keeps a file, `reserve`, that is given up when free space runs out and made
 * again when there is plenty.
 */
#include "common/engine/file.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
	DELETE_ROOM = 1 << 20,		/* bytes a delete leaves free */
	RESERVE_LOW = 2 << 20,		/* less free than this: give it up */
	KEEPERS = 4,			/* that may share a disk, and one more */
	RESERVE_LEAST = 2 << 20, RESERVE_MOST = 32 << 20,
};

static void
look(struct file *f)
{
	struct statvfs v;

	if (fstatvfs(f->segments.dir, &v) == 0)
		f->free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
	/* Here too: the next commit may make the index write. */
	if (f->free_bytes < RESERVE_LOW && f->reserved) {
		unlinkat(f->segments.dir, "reserve", 0);
		f->reserved = false;
	}
}

/* What was committed and is not yet written. */
static uint64_t
pending(const struct file *f)
{
	return (f->filling != NULL ? f->filling->bytes.n : 0) +
	    (f->flying != NULL ? f->flying->bytes.n : 0);
}

/* What can be written without taking anything from the file system: the rest
   of the segment, and those made ahead of their use. */
static uint64_t
room_here(struct file *f)
{
	const struct segment *s = segment_last(&f->segments);

	/* One that is just being made has no size yet. */
	return s == NULL || s->size < s->end ? 0 : s->size - s->end;
}

/* Deletes may use what mail may not, and what is allocated already. */
bool
room_to_delete(struct file *f, uint64_t bytes)
{
	uint64_t need = bytes + RECORD_HEAD + pending(f);

	look(f);
	if (f->free_bytes >= need + DELETE_ROOM)
		return true;
	return room_here(f) >= need ||
	    next_room(&f->segments) >= need + SEGMENT_HEAD;
}

/* As much as the index may have to write before it is asked again: two of
   its log buffers. */
static uint64_t
reserve_size(const struct file *f)
{
	uint64_t size = f->conf.cache / 4;

	return size < RESERVE_LEAST ? RESERVE_LEAST :
	    size > RESERVE_MOST ? RESERVE_MOST : size;
}

void
room_reserve(struct file *f)
{
	uint64_t size = reserve_size(f);
	int fd;

	look(f);
	/* More than the others' reserves, if they have just been given up. */
	if (f->reserved || f->free_bytes < KEEPERS * size ||
	    f->free_bytes - KEEPERS * size < f->conf.floor + RESERVE_LOW)
		return;
	fd = openat(f->segments.dir, "reserve", O_WRONLY | O_CREAT | O_CLOEXEC,
	    0600);
	f->reserved = fd >= 0 && posix_fallocate(fd, 0, (off_t)size) == 0;
	if (fd >= 0)
		close(fd);
	if (!f->reserved)
		unlinkat(f->segments.dir, "reserve", 0);
}

/* Mail is for when the reserve is there: what it left behind when it was given
   up is not room. */
bool
file_room(struct engine *e, uint64_t bytes)
{
	struct file *f = FILE_OF(e);
	uint64_t need = pending(f) + bytes;

	look(f);
	if (!f->reserved)
		room_reserve(f);
	if (!f->reserved)
		return false;
	/* A new segment is taken whole. */
	if (need > room_here(f))
		need += f->segments.size;
	return f->free_bytes >= need && f->free_bytes - need >= f->conf.floor;
}

void
room_open(struct file *f)
{
	f->reserved = faccessat(f->segments.dir, "reserve", F_OK, 0) == 0;
	look(f);
}
