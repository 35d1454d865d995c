/*
 * user.h - users in memory.
 *
 * UID and MODSEQ are given out here, before the commit that makes them last:
 * `now` is what the next commit builds on.  `seen` is what the last durable
 * commit left, and all that is ever shown (engine.h, promise 2).
 *
 * A user is loaded from its rows when first needed and stays while somebody
 * holds it: a session, a change in flight.  Others go, oldest first, when there
 * are more than store.users_max.
 */
#ifndef STORE_USER_H
#define STORE_USER_H

#include "common/core/list.h"
#include "common/engine/engine.h"
#include "store/rows.h"

struct user {
	struct map_node	 by_id;
	struct node	 idle;		/* while nobody holds it */
	uint64_t	 id;
	struct user_row	 now, seen;
	struct map	 boxes;		/* those in use since it was loaded */
	unsigned	 holds;
	unsigned	 flying;	/* changes not yet durable */
	unsigned	 altering;	/* ... that change what was shown */
	bool		 doubtful;	/* a commit's outcome is unknown:
					   nothing is changed until all have
					   landed and the rows are read again */
	struct node	 waiting;	/* requests: they read after them */
	struct node	 ops;		/* outcomes being written: known.c */
	uint64_t	 oldest_op;	/* no id below has a row; 0: unknown */
	uint32_t	 oldest_token;	/* likewise a half day */
};

/* NULL: its rows are damaged (logged) or in doubt: not now. */
struct user	*user_hold(uint64_t id);
void		 user_release(struct user *);
/* After a commit whose outcome is unknown: what do the rows say? */
void		 user_reload(struct user *);
/* Its mailboxes in memory go; no session and no change may have one. */
void		 user_forget_boxes(struct user *);
void		 users_forget(void);	/* all of them; tests and the end */
size_t		 users_count(void);

/* Reads one row.  0: none, 1: there, -1: damaged. */
int		 row_read(const struct key *, struct buf *out);
/* A new mailbox's UIDVALIDITY.  It rises with every mailbox of the user,
   whatever the clock does: a name that is used again never shows old UIDs as
   new (RFC 9051 2.3.1.1). */
uint32_t	 uidvalidity_next(struct user *);

#endif
