/*
 * user.h - users and their mailboxes in memory.
 *
 * UID and MODSEQ are given out here, before the commit that makes them last:
 * `now` is what the next commit builds on.  `seen` is the mailbox as of its
 * last durable commit, and all that is ever shown (engine.h, promise 2).
 *
 * A user is loaded from its rows when first needed and stays while somebody
 * holds it: a session, a change in flight.  Others go, oldest first, when there
 * are more than store.users_max.
 * */
#ifndef STORE_USER_H
#define STORE_USER_H

#include "common/core/list.h"
#include "common/engine/engine.h"
#include "store/rows.h"

struct box {
	struct node	 node;		/* in its user's list */
	struct user	*user;
	uint32_t	 number;
	struct box_row	 now, seen;	/* seen.uidvalidity 0: not durable */
	char		*name;		/* both rows' name points here */
	struct node	 watchers;	/* box.c */
};

struct user {
	struct map_node	 by_id;
	struct node	 idle;		/* while nobody holds it */
	uint64_t	 id;
	struct user_row	 now;
	struct node	 boxes;		/* those in use since it was loaded */
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
void		 users_forget(void);	/* all of them; tests and the end */
size_t		 users_count(void);

/* NULL: there is none (or its row is damaged). */
struct box	*box_get(struct user *, uint32_t number);
struct box	*box_named(struct user *, struct slice name);
/* Made in memory if it is not there yet; the first change of it creates it.
   NULL only if it is damaged. */
struct box	*box_inbox(struct user *);
/* The last UID that may be shown of a range that ends at `to`. */
uint32_t	 uid_last(const struct box *, uint32_t to);
/* Is this how INBOX may be written (RFC 9051 5.1)? */
bool		 box_is_inbox(struct slice name);

#endif
