/*
 * Is there room?  Asked before anything is written that mail brings, so that
 * a full disk is a refusal and never a failed write.
 *
 *	free bytes	mail	deletes		the index
 *	above the floor	yes	yes		yes
 *	below it	452	yes		yes
 *	none		452	as far as segments made ahead reach
 *						out of the reserve
 *	none, and half	452	no		out of the reserve
 *	the reserve gone
 *
 * store, queue and auth share a disk with each other and the world, so the
 * file system is asked again and again (twice in a ms only if it is nearly
 * full: disk.c), and a disk may be full though it was not a moment ago: then a
 * new segment cannot be made (group.c) and the index writes into its reserve
 * (reserve.h).  Once a part of that is gone mail waits until it is whole
 * again, or what a full disk left to us would be taken for room.
 */
#include "common/engine/file.h"

#include "common/engine/disk.h"

enum {
	DELETE_ROOM = 1 << 20,		/* bytes a delete leaves free */
	KEEPERS = 3,			/* that may share a disk */
	RESERVE_LEAST = 4 << 20, RESERVE_MOST = 32 << 20,
};

static uint64_t
room_free(const struct file *f)
{
	return disk.free(f->segments.dir);
}

/* What was committed and is not yet written. */
static uint64_t
pending(const struct file *f)
{
	return (f->filling != NULL ? f->filling->bytes.n : 0) +
	    (f->flying != NULL ? f->flying->bytes.n : 0);
}

/* What can be written without taking anything from the file system. */
static uint64_t
room_here(const struct file *f)
{
	const struct segment *s = segment_last(&f->segments);

	/* One that is just being made has no size yet. */
	return s == NULL || s->size < s->end ? 0 : s->size - s->end;
}

/* Deletes may use what mail may not, and what is allocated already.  What
   they make the index write must still fit into its reserve, with all the
   pages that are not yet written. */
static bool
deletes_fit(struct file *f, uint64_t bytes)
{
	uint64_t need = bytes + RECORD_HEAD + pending(f);

	if (reserve_left(&f->reserve) < f->reserve.whole / 2 &&
	    !room_reserve(f))
		return false;
	return room_free(f) >= need + DELETE_ROOM || room_here(f) >= need ||
	    next_room(&f->segments) >= need + SEGMENT_HEAD;
}

bool
room_to_delete(struct file *f, uint64_t bytes)
{
	return deletes_fit(f, bytes) ||
	    (next_give(&f->segments) && deletes_fit(f, bytes));
}

/* What compaction may write at once: all there is, since more comes back. */
uint64_t
room_to_move(struct file *f)
{
	uint64_t none = pending(f) + SEGMENT_HEAD, room = room_free(f);

	if (reserve_left(&f->reserve) < f->reserve.whole / 2)
		return 0;
	if (room < next_room(&f->segments))
		room = next_room(&f->segments);
	if (room < room_here(f) + SEGMENT_HEAD)
		room = room_here(f) + SEGMENT_HEAD;
	return room > none ? room - none : 0;
}

/* Makes the reserve whole, if there is plenty: the other keepers do the same
   now, and mail must then still have room, or it would go at once. */
bool
room_reserve(struct file *f)
{
	if (reserve_is_whole(&f->reserve))
		return true;
	return room_free(f) >= KEEPERS * f->reserve.whole + f->conf.floor +
	    DELETE_ROOM && reserve_fill(&f->reserve);
}

bool
room_is_there(struct file *f, uint64_t bytes)
{
	uint64_t need = pending(f) + bytes;

	if (!room_reserve(f))
		return false;
	/* A new segment is taken whole. */
	if (need > room_here(f))
		need += f->segments.size;
	return room_free(f) >= need + f->conf.floor;
}

bool
file_room(struct engine *e, uint64_t bytes)
{
	struct file *f = FILE_OF(e);

	if (room_is_there(f, bytes) ||
	    (next_give(&f->segments) && room_is_there(f, bytes)))
		return true;
	reclaim_press(f, bytes);
	return false;
}

void
file_floor(struct engine *e, uint64_t bytes)
{
	FILE_OF(e)->conf.floor = bytes;
}

/* Twice what the index may have in memory, at most: half of it for that. */
void
room_open(struct file *f)
{
	uint64_t whole = 2 * f->conf.cache;

	whole = whole < RESERVE_LEAST ? RESERVE_LEAST :
	    whole > RESERVE_MOST ? RESERVE_MOST : whole;
	reserve_open(&f->reserve, f->segments.dir, whole);
	room_reserve(f);
}
