/*
 * What runs beside the serving, on the keeper's thread, started by a timer
 * that is only set while there is something to do: an engine nobody writes to
 * does nothing, one minute after its last commit.
 *
 * The index needs no sync for safety.  It is flushed so that a file that it
 * no longer names may be unlinked, and checkpointed so that the next start
 * has little to replay.
 */
#include "common/engine/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/log.h"

enum {
	TICK = 200,			/* ms */
	CHECKPOINT_TIME = 60 * 1000,	/* ms */
	CHECKPOINT_BYTES = 64 << 20,
	FILL = 1 << 20,			/* bytes of zeros at a time */
	/* Who writes so much at once has the disk at its full speed, and to fill
	   for that costs what it gains. */
	BULK = 32 << 10,
};

/* The regular job. */

static void
work(struct job *j)
{
	struct upkeep *u = CONTAINER(j, struct upkeep, job);
	struct file *f = CONTAINER(u, struct file, upkeep);
	char name[32];

	u->failed = index_trickle(f->index) == INDEX_BAD ||
	    index_flush(f->index) == INDEX_BAD ||
	    (u->checkpoint && index_checkpoint(f->index) == INDEX_BAD);
	for (size_t i = 0; !u->failed && i < u->doomed.n; i += 8) {
		uint64_t number;

		memcpy(&number, u->doomed.p + i, sizeof number);
		blob_name(name, 'b', number);
		unlinkat(f->segments.dir, name, 0);
	}
}

void
answers_give(struct buf *answers, enum engine_status status)
{
	struct buf all = *answers;
	struct answer a;

	*answers = (struct buf){ 0 };
	for (size_t i = 0; i < all.n; i += sizeof a) {
		memcpy(&a, all.p + i, sizeof a);
		a.done(a.arg, status);
	}
	buf_free(&all);
}

static void	upkeep_start(struct file *, bool checkpoint);

static void
worked(struct job *j)
{
	struct upkeep *u = CONTAINER(j, struct upkeep, job);
	struct file *f = CONTAINER(u, struct file, upkeep);

	if (u->failed)
		index_broken(f);
	u->out = false;
	buf_clear(&u->doomed);
	answers_give(&u->answers, ENGINE_OK);
	if (f->waiting.n > 0)
		upkeep_start(f, true);
}

static void
upkeep_start(struct file *f, bool checkpoint)
{
	struct upkeep *u = &f->upkeep;
	struct buf swap = u->doomed;

	room_reserve(f);
	u->out = true;
	u->checkpoint = checkpoint;
	/* Those that die while a backup runs may belong to it. */
	if (list_empty(&f->cuts)) {
		u->doomed = f->doomed;
		f->doomed = swap;
	}
	if (checkpoint) {
		u->answers = f->waiting;
		f->waiting = (struct buf){ 0 };
		f->dirty_bytes = f->dirty_since = 0;
	}
	u->job = (struct job){ .work = work, .done = worked };
	pool_add(f->keeper, &u->job);
}

/* Busy: every tick a little.  Quiet: one flush, then sleep until the
   checkpoint is due; after it there is nothing more to do. */
static void
fire(struct timer *t)
{
	struct file *f = CONTAINER(t, struct file, tick);
	uint64_t now = loop_now();
	bool due = f->dirty_bytes >= CHECKPOINT_BYTES ||
	    now >= f->dirty_since + CHECKPOINT_TIME;

	if (f->dirty_since == 0)
		return;
	if (f->upkeep.out) {
		timer_set(t, now + TICK);
		return;
	}
	if (!due)
		timer_set(t, f->active ? now + TICK :
		    f->dirty_since + CHECKPOINT_TIME);
	f->active = false;
	upkeep_start(f, due);
}

/* Files ahead of their use. */

static void
ahead_work(struct job *j)
{
	struct ahead *a = CONTAINER(j, struct ahead, job);
	struct file *f = CONTAINER(a, struct file, ahead);

	if (a->wanted > 0) {
		a->filled = !next_fill(&f->segments, a->wanted);
		return;
	}
	/* Without room there is none; whoever needs it says FULL. */
	a->made = next_make(&f->segments, "next");
	if (a->made)
		next_make(&f->segments, "spare");
}

static void
ahead_reset(struct ahead *a)
{
	if (a->out)
		a->stale = true;
	else
		a->made = a->filled = a->stale = false;
	a->owed = 0;
}

static void
ahead_done(struct job *j)
{
	struct ahead *a = CONTAINER(j, struct ahead, job);

	a->out = false;
	if (a->stale)
		ahead_reset(a);
}

static void
ahead_start(struct file *f, uint64_t wanted)
{
	struct ahead *a = &f->ahead;

	a->out = true;
	a->wanted = wanted;
	a->owed -= wanted;
	a->job = (struct job){ .work = ahead_work, .done = ahead_done };
	pool_add(f->keeper, &a->job);
}

/* From a quarter of a segment on the next one is made, and two bytes of it
   filled for each that is written: so nothing is when nobody writes, and it is
   done before it is needed. */
static void
ahead_look(struct file *f, uint64_t bytes)
{
	const struct segment *s = segment_last(&f->segments);
	uint64_t least = f->segments.size / 8;
	struct ahead *a = &f->ahead;

	if (s == NULL || s->end < s->size / 4)
		return;
	if (bytes < BULK)
		a->owed += 2 * bytes;
	if (a->out)
		return;
	/* Not out of what is kept free: other keepers share the disk. */
	if (!a->made && room_is_there(f, 2 * f->segments.size))
		ahead_start(f, 0);
	else if (a->made && !a->filled &&
	    a->owed >= (least < FILL ? least : FILL))
		ahead_start(f, a->owed);
}

void
maintain_wrote(struct file *f, uint64_t bytes)
{
	f->dirty_bytes += bytes;
	if (f->dirty_since == 0)
		f->dirty_since = loop_now() | 1;
	if (!f->active)
		timer_set(&f->tick, loop_now() + TICK);
	f->active = true;
	ahead_look(f, bytes);
}

void
maintain_rotated(struct file *f, struct segment *old)
{
	ahead_reset(&f->ahead);
	if (old == NULL)
		return;
	old->sealed = loop_now();
	old->size = old->end;
	segment_unuse(old);
}

void
file_checkpoint(struct engine *e, engine_done *done, void *arg)
{
	struct file *f = FILE_OF(e);
	const struct answer a = { .done = done, .arg = arg };

	if (done != NULL)
		buf_add(&f->waiting, &a, sizeof a);
	if (!f->upkeep.out)
		upkeep_start(f, true);
}

void
maintain_open(struct file *f)
{
	f->tick.fire = fire;
	f->readers = pool_new(f->conf.readers > 0 ? f->conf.readers : 2);
	f->keeper = pool_new(1);
	if (room_is_there(f, f->segments.size))
		next_make(&f->segments, "spare");
	room_reserve(f);
}

void
maintain_close(struct file *f)
{
	timer_stop(&f->tick);
	pool_free(f->readers);
	pool_free(f->keeper);
	if (index_checkpoint(f->index) != INDEX_OK)
		index_broken(f);
	buf_free(&f->upkeep.doomed);
	buf_free(&f->upkeep.answers);
	buf_free(&f->doomed);
	buf_free(&f->waiting);
	buf_free(&f->compaction.records);
	buf_free(&f->compaction.answers);
}
