/*
 * entries.h - the listings of large mailboxes, kept in memory.
 *
 * "All flags of all messages" is what clients ask most and what costs most to
 * read: a hundred thousand rows; a search through all digests would read them
 * too.  So a mailbox of which many messages (store.entries_least) were listed
 * at once keeps them as an array, 48 bytes each, which is brought up to date
 * from what changed since (box_touched).
 * All arrays together take ENTRIES_BYTES at most; the longest unused goes
 * first.
 */
#ifndef STORE_ENTRIES_H
#define STORE_ENTRIES_H

#include "store/mailbox.h"

enum { ENTRIES_BYTES = 64 * 1024 * 1024 };

struct entry {
	uint32_t	 uid;
	uint32_t	 head : 31, side : 1;	/* as in struct message_row */
	uint64_t	 flags, modseq, size, when, id;
};

/* All messages as seen, in order; good until the loop turns.  NULL: there are
   too many. */
const struct entry *entries_get(struct box *, size_t *n);
/* Of a mailbox whose rows may be others than was thought, or that goes. */
void		 entries_drop(struct box *);

#endif
