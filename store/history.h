/*
 * history.h - which UIDs a mailbox lost at which MODSEQ (RFC 7162 3.2).
 *
 * One EXPUNGED row a commit.  The oldest go when there are too many; the row of
 * the mailbox says from which MODSEQ on they are complete.
 */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include "store/change.h"

enum {
	HISTORY_ROWS = 1000,		/* kept of a mailbox, or some more */
	HISTORY_BYTES = 1024 * 1024,	/* of them together */
};

/* Adds what vanished in this part to its change. */
void		 history_put(struct change *, struct part *);
/* The UIDs removed since, and maybe some more that are not there.  Only what
   is below uidnext. */
void		 history_vanished(struct box *, uint64_t since,
		    struct ranges *);

#endif
