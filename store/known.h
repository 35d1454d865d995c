/*
 * known.h - what is known of message ids (architecture.md section 6, rules
 * 3, 4 and 10): the outcome of each recipient, the first of which wins; retry
 * tokens; the low-water mark.
 *
 * An outcome is an OPS row of the user, in the txn of the message it tells of,
 * and outlives that message.  It is forgotten when the queue's low-water mark
 * has passed the id: then nobody can ask again.  The mark is a row of unit 0,
 * committed before anything is forgotten because of it.  An id below the mark
 * is stale: its outcome may be forgotten, so nothing is taken under it.
 *
 * A token row tells of a message stored within 24 hours.  It counts only for
 * an id from another life of the queue (the upper half of an id): within one
 * life the queue itself knows what it left unanswered.
 *
 * mda, which parses strangers' bytes, names ids and marks.  A mark from a life
 * that has not begun by our clock is not believed, or one lie would refuse
 * all mail for good.
 */
#ifndef STORE_KNOWN_H
#define STORE_KNOWN_H

#include "store/change.h"

/* An outcome being written.  In its user's list from op_begin to op_end. */
struct op {
	struct change	 change;
	struct node	 node;
	uint64_t	 id;
	struct op_row	 row;
	struct slice	 token;		/* empty unless it is stored */
	struct node	 joiners;	/* append.c: who waits for it */
};

/* Reads the mark.  False: its row is damaged. */
bool		 known_open(void);
void		 known_close(void);
/* No id is stale any more; the txn is of unit 0. */
void		 known_forget(struct txn *);
/* Takes note of a low-water mark; true if the id is stale. */
bool		 known_stale(uint64_t id, uint64_t low_water);

enum known {
	KNOWN_NOT,
	KNOWN_OUTCOME,		/* of this id: *row, its text in *bytes */
	KNOWN_TOKEN,		/* stored under another id: *row */
	KNOWN_SOON,		/* *op tells when it is durable: ask again */
	KNOWN_DAMAGED,		/* a row cannot be read */
};
enum known	 known_find(struct user *, uint64_t id, struct slice token,
		    struct op_row *row, struct buf *bytes, struct op **op);

/* Puts the rows of op into its change, and forgets what may be forgotten. */
void		 op_begin(struct op *);
void		 op_end(struct op *);

#endif
