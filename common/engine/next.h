/*
 * next.h - files that are ready before a segment is made of them.
 *
 *	log/next	the next segment: allocated, and filled with zeros
 *	log/spare	allocated: for deletes and compaction on a full disk
 *	log/used	a segment that was removed, to be next: it is filled
 *
 * A sync after a write into blocks that are merely allocated changes the file
 * system's own books, on a journal at the price of a commit; into blocks that
 * were written before it does not.  So next is written with zeros, past the
 * page cache, while the segment before it is used.  What is not done in time
 * is only slower: half filled, or not at all, next is as good.
 *
 * A file that is used again still holds the records of its last use.  So it
 * must not be changed before it is sure that its old name is gone, or those
 * would be looked for in vain under it after a crash; and what it holds is told
 * from what is new by the generation in each record.  It is given back where
 * room is wanted.
 *
 * A crash may leave a file with two names, of before and after a rename: such
 * a one is never used.
 *
 * The lock `ahead` is held while a piece is written: whoever makes a segment of
 * next may be sure that no zeros come later.
 */
#ifndef ENGINE_NEXT_H
#define ENGINE_NEXT_H

#include "common/engine/segment.h"

/* Makes next, or spare if `name` says so, unless it is there. */
bool		 next_make(struct segments *, const char *name);
/* Fills at least so many bytes more of next; false: there is nothing left to
   fill, or it is not to be done here (no direct writes, no room). */
bool		 next_fill(struct segments *, uint64_t bytes);
/* The file that becomes a segment of at least `need` bytes, and its name so
   far: next, or another.  *size: how long it may become.  -1 with errno.  With
   the lock held. */
int		 next_take(struct segments *, uint64_t need, uint64_t *size,
		    const char **from);
/* Takes the file of a segment, that is removed, out of the log, to be next some
   time; false: it is not worth it, or there is one already. */
bool		 next_keep(struct segments *, const struct segment *);
/* Gives that one's room back; false: there was none. */
bool		 next_give(struct segments *);
/* Bytes that next and spare would still give; 0 if they are not there. */
uint64_t	 next_room(struct segments *);

#endif
