/*
 * store.h - the process that owns the mailboxes: a keeper.
 *
 * It answers and never asks, opens no mail and knows no names of users: a
 * user is a number from auth.  Message bytes and digests are opaque.
 *
 *	store.c		birth and death, status
 *	rows.c		the formats of everything on disk
 *	user.c		users in memory		mailbox.c  their mailboxes
 *	change.c	changes in flight, and who waits for them
 *	history.c	what was expunged
 *	known.c		message ids: outcomes, retry tokens, low-water mark
 *	append.c	store_append	body.c	store_body, box_body
 *	session.c	store_grant, store_revoke; rights of a session
 *	message.c	reading the rows of messages
 *	open.c		box_open, box_uids	list.c	box_list, box_digest
 *	entries.c	listings of large mailboxes
 *	sync.c		box_sync, box_watch	fetch.c	box_fetch
 *	flags.c		box_flags		keywords.c  box_keywords
 *	expunge.c	box_expunge		copy.c	box_copy
 *	box_append.c	box_append		usage.c	store_usage
 *	undelete.c	box_undelete, and what was removed
 *	sweep.c		... until it is too old
 *	home.c		the mailboxes that every user has
 *	mend.c		what rot in the log, or a restore, has left
 *	names.c		box_status, box_names, box_subscribe, box_quota
 *	tree.c		box_create, box_delete, box_rename
 *	drop.c		store_drop
 *
 * Everything runs on the loop; a handler ends in answer() or keeps the
 * request until a commit is durable (RFC 5321 6.1: then it is ours).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "common/core/link.h"
#include "common/core/terms.h"
#include "common/engine/engine.h"

/* A mailbox for a use, as an ATTRIBUTE_ bit (RFC 6154 2). */
struct home {
	uint32_t	 use;
	struct slice	 name;
};
enum { HOMES = 5 };

/* Process-wide: there is one shard in a process. */
struct store {
	struct engine	*engine;
	uint64_t	 message_max;	/* bytes; one may go over the quota */
	size_t		 users_max;	/* kept in memory while nothing needs
					   them */
	uint64_t	 undelete;	/* ms to keep removed mail; 0: no */
	struct home	 homes[HOMES];	/* what to make for a user; without a
					   name: nothing */
	size_t		 kept_most;	/* messages expunged in one commit,
					   if they are kept */
	uint32_t	 entries_least;	/* messages listed at once that are
					   worth keeping (entries.h) */

	/* for status */
	uint64_t	 stored, refused, known, stale, expunged, fetched;
};
extern struct store store;

/* Serves all calls from this engine; open() reads what must be known first. */
void		 store_open(struct engine *);
/* Forgets everything in memory; the engine stays its owner's. */
void		 store_close(void);

/* Every call may carry a descriptor; most must not.  False: one came, it was
   closed and the call answered BAD. */
bool		 request_bare(struct request *);

/* Each file's handlers. */
void		 append_serve(void);
void		 body_serve(void);
void		 session_serve(void);
void		 open_serve(void);
void		 list_serve(void);
void		 sync_serve(void);
void		 flags_serve(void);
void		 keywords_serve(void);
void		 expunge_serve(void);
void		 fetch_serve(void);
void		 copy_serve(void);
void		 box_append_serve(void);
void		 names_serve(void);
void		 tree_serve(void);
void		 usage_serve(void);
void		 undelete_serve(void);
void		 drop_serve(void);

#endif
