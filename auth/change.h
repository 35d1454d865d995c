/*
 * change.h - what ctl changes.
 *
 * Each change is one txn, answered when it is durable; many may be under way at
 * once, and share a sync (the engine's groups).  A refusal that is the admin's
 * to mend is a reason in words, `why`.
 */
#ifndef AUTH_CHANGE_H
#define AUTH_CHANGE_H

#include "auth/auth.h"
#include "auth/password.h"

struct change {
	struct password_job job;
	struct request	*r;
	struct name	 name;
	uint64_t	 number;	/* user_passwd: whose */
	struct domain	*domain;	/* what is entered, or changes */
	struct user	*user;
	struct alias	*alias;
	struct row_user	 row;		/* user_set: its new one */
	struct slice	*targets;	/* alias_add, set: its new ones */
	size_t		 n;
	bool		 itself;	/* alias_add: among its targets */
};

struct change	*change_new(struct request *, const struct name *);
/* Answers and frees it. */
void		 change_end(struct change *, enum wire_status,
		    const void *out);
/* True if it is durable.  If there was no room nothing changed; anything
   else leaves us not knowing what the rows say, so we read them again. */
bool		 change_durable(enum engine_status);
/* Counts and logs it: "user added". */
void		 change_note(const struct change *, const char *what);
/* A txn of ours, and a row in it. */
struct txn	*change_txn(void);
void		 change_put(struct txn *, const struct buf *key,
		    const struct buf *value);
void		 change_del(struct txn *, const struct buf *key);

/* Some of the aliases that have it among their targets (into the arena). */
size_t		 aliases_of(struct arena *, struct slice name,
		    struct wire_target **);
/* Why there can be no new user or alias of this name; NULL: there can. */
const char	*name_refused(const struct name *, bool alias,
		    struct domain **);
bool		 is_mailbox(const struct name *);
/* Is it that the name is taken?  mailbox_hidden: by a mailbox that an alias
   would keep mail from. */
bool		 is_taken(const char *why);
extern const char mailbox_hidden[];

#endif
