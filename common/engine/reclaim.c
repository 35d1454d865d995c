/*
 * When compaction runs, so that the room of what was deleted comes back.
 *
 *	beside the serving	what is a quarter dead or more, a little at a
 *				time, and not what was just written: that may
 *				soon be dead altogether
 *	without room for mail	what is a tenth dead or more, at once, until
 *				there is room or nothing is worth it
 *
 * A segment of which nothing is needed goes at once in both cases.  The timer
 * is set only after something died: an engine nobody deletes from does
 * nothing.
 */
#include "common/engine/file.h"

enum {
	REST = 1000,			/* ms from the first death to a look */
	AGE = 10 * 1000,		/* ms that a segment is left alone */
	SLICE = 1 << 20,		/* bytes looked at in a go */
	RATE = 10 << 10,		/* bytes a ms, pauses included */
	SLICE_PRESSED = 4 << 20, PAUSE_PRESSED = 10,
	LIVE = 750, LIVE_PRESSED = 900,	/* of a thousand */
};

static void
set(struct file *f, uint64_t wait)
{
	struct reclaim *r = &f->reclaim;

	if (!r->open || r->busy)
		return;
	r->set = true;
	timer_set(&r->timer, loop_now() + wait);
}

static void
sliced(void *arg, enum engine_status status)
{
	struct file *f = arg;
	struct reclaim *r = &f->reclaim;

	r->busy = false;
	switch (status) {
	case ENGINE_OK:
		set(f, r->pressed ? PAUSE_PRESSED :
		    f->compaction.looked_at / RATE);
		break;
	case ENGINE_NONE:
		/* Who is refused asks again, and presses again. */
		r->pressed = false;
		r->wanted = 0;
		if (r->died || f->compaction.young)
			set(f, REST);
		break;
	default:
		/* There is not even room for copies. */
		r->pressed = false;
		set(f, AGE);
	}
}

static void
fire(struct timer *t)
{
	struct file *f = CONTAINER(t, struct file, reclaim.timer);
	struct reclaim *r = &f->reclaim;

	r->set = r->died = false;
	r->busy = true;
	/* Another keeper may be the one that refuses. */
	r->pressed = !room_is_there(f, r->wanted);
	if (r->pressed)
		next_give(&f->segments);
	if (!r->pressed)
		r->wanted = 0;
	if (r->pressed)
		compact_slice(f, SLICE_PRESSED, LIVE_PRESSED, 0, sliced, f);
	else
		compact_slice(f, SLICE, LIVE, AGE, sliced, f);
}

void
reclaim_died(struct file *f)
{
	struct reclaim *r = &f->reclaim;

	r->died = true;
	if (!r->set)
		set(f, REST);
}

void
reclaim_press(struct file *f, uint64_t bytes)
{
	struct reclaim *r = &f->reclaim;

	if (bytes > r->wanted)
		r->wanted = bytes;
	if (r->pressed)
		return;
	r->pressed = true;
	set(f, PAUSE_PRESSED);
}

void
reclaim_open(struct file *f)
{
	f->reclaim = (struct reclaim){ .open = true, .timer.fire = fire };
	reclaim_died(f);	/* in the life before, perhaps */
}

void
reclaim_close(struct file *f)
{
	timer_stop(&f->reclaim.timer);
	f->reclaim.open = false;
}
