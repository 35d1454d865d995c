/*
 * change.h - changes of a user's mail in flight.
 *
 * A change is one txn of one user.  The rows of the user and of the mailboxes
 * it touches go with it, so counters are right after every crash; so does the
 * history of what was removed.  Changes become durable in the order of
 * change_commit, and are seen from then on.
 *
 * Who reads rows in order to write them anew, or promised a session that it
 * sees its own changes, first waits until none is in flight that alters what
 * was seen before (user_wait).  New messages alter nothing.
 */
#ifndef STORE_CHANGE_H
#define STORE_CHANGE_H

#include "store/mailbox.h"

struct request;

/* What happens in one mailbox: by how much it grows, and which UIDs. */
struct part {
	struct box	*box;
	int64_t		 messages, bytes, unseen, deleted;
	struct range	 added;		/* from 0: none; else consecutive */
	struct ranges	 changed, vanished;
	struct ranges	 marked, unmarked;	/* \Deleted came, went */
	unsigned	 keywords;	/* new ones */
	struct box_row	 seen;		/* private */
};

enum { PARTS = 2 };		/* where from, where to */

struct change {
	struct user	*user;
	struct part	 parts[PARTS];
	unsigned	 n;		/* of them; 0: no counters change */
	struct txn	*txn;
	bool		 alters;	/* readers and changers wait for it */
	bool		 counts;	/* the user's row changes in any case */
	bool		 fragile;	/* if it does not happen, all is read
					   again: more than counters changed */
	struct user_row	 seen;		/* private */
	void		(*done)(struct change *, enum engine_status);
};

/* The struct is the caller's, until done returned; all of it is set here.
   box may be NULL. */
void		 change_begin(struct change *, struct user *, struct box *);
struct part	*change_also(struct change *, struct box *);
/* done gets OK or FULL or, if it cannot be known, UNKNOWN. */
void		 change_commit(struct change *,
		    void (*done)(struct change *, enum engine_status));
void		 change_drop(struct change *);
void		 change_put(struct change *, const struct key *, struct buf *);

/* A message comes, under the next UID, which is returned, with its rows.  head
   and digest are copied, the blob is shared with whoever has it. */
uint32_t	 change_add(struct change *, struct part *,
		    struct message_row *, uint64_t blob, struct slice digest);
/* Counts a message that goes; when all are named, their rows go. */
void		 part_remove(struct part *, uint32_t uid,
		    const struct message_row *);
void		 change_remove(struct change *, struct part *);
/* Counts a message that gets other flags; its row is the caller's. */
void		 part_flags(struct part *, uint32_t uid, uint64_t old,
		    uint64_t new);

/* Does anything alter what was seen of this user?  Then a request may wait,
   after those that wait already, and run is called with it. */
bool		 user_busy(const struct user *);
void		 user_wait(struct user *, struct request *,
		    void (*run)(struct request *));

#endif
