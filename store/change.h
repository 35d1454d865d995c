/*
 * change.h - changes of a user's mail in flight.
 *
 * A change is one txn of one user.  The rows of the user and the mailbox go
 * with it, so counters are right after every crash.  Changes become durable in
 * the order of change_commit, and are seen from then on.
 *
 * Who reads rows in order to write them anew, or promised a session that it
 * sees its own changes, first waits until none is in flight that alters what
 * was seen before (user_wait).  New messages alter nothing.
 */
#ifndef STORE_CHANGE_H
#define STORE_CHANGE_H

#include "store/user.h"

struct request;

struct change {
	struct user	*user;
	struct box	*box;		/* or NULL: no counters change */
	struct txn	*txn;
	int64_t		 messages, bytes;	/* by how much it grows */
	bool		 alters;	/* readers and changers wait for it */
	struct box_row	 seen;		/* private */
	uint64_t	 used;		/* private */
	void		(*done)(struct change *, enum engine_status);
};

/* The struct is the caller's, until done returned; all of it is set here. */
void		 change_begin(struct change *, struct user *, struct box *);
/* done gets OK or FULL or, if it cannot be known, UNKNOWN. */
void		 change_commit(struct change *,
		    void (*done)(struct change *, enum engine_status));
void		 change_drop(struct change *);

/* Does anything alter what was seen of this user?  Then a request may wait,
   after those that wait already, and run is called with it. */
bool		 user_busy(const struct user *);
void		 user_wait(struct user *, struct request *,
		    void (*run)(struct request *));

#endif
