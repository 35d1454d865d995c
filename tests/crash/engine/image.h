/*
 * image.h - what an honest disk may hold after a power cut.
 *
 * An image walks a trace.  For each file it knows what is durable and what was
 * done since; a state is a choice among the latter.  The disk is as bad as it
 * may be: no order between files, between a file and its name, or between the
 * pages of a file; a write is torn at 4 KiB, in one kind of state at 512
 * bytes.  What holds: a sync that returned; of one page, and of one name, what
 * is there was there at some moment since the last sync.
 */
#ifndef CRASH_IMAGE_H
#define CRASH_IMAGE_H

#include "tests/crash/engine/trace.h"

enum state {
	STATE_ALL,		/* nothing is lost, as after kill -9 */
	STATE_NOTHING,		/* all unsynced is lost */
	STATE_PAGES,		/* each 4 KiB as of another moment */
	STATE_TORN,		/* the last write to each file, by 512 bytes */
	STATE_LOG,		/* only the log loses: segments, blobs */
	STATE_INDEX,		/* only the index loses */
	STATE_NAMES,		/* folders lose names, files nothing */
	STATE_FILES,		/* the other way round */
	STATE_BOTH,		/* PAGES, and each name of another moment */
	STATES
};

extern const char *const	 state_names[STATES];

struct image;

struct image	*image_new(void);
void		 image_free(struct image *);
void		 image_feed(struct image *, const struct event *, size_t at);
/* Makes it below `root`, an empty folder. */
void		 image_build(const struct image *, enum state, uint64_t seed,
		    const char *root);

#endif
