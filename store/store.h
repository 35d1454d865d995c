/*
 * store.h - the process that owns the mailboxes: a keeper.
 *
 * It answers and never asks, opens no mail and knows no names of users: a
 * user is a number from auth.  Message bytes and digests are opaque.
 *
 *	store.c		birth and death, status
 *	rows.c		the formats of everything on disk
 *	user.c		users and mailboxes in memory
 *	change.c	changes in flight, and who waits for them
 *	known.c		message ids: outcomes, retry tokens, low-water mark
 *	append.c	store_append	body.c	store_body
 *	session.c	store_grant, store_revoke; rights of a session
 *	box.c		box_open, box_list, box_digest, box_watch
 *	flags.c		box_flags, box_expunge
 *	fetch.c		box_fetch	usage.c	store_usage
 *
 * Everything runs on the loop; a handler ends in answer() or keeps the
 * request until a commit is durable (RFC 5321 6.1: then it is ours).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "common/core/link.h"
#include "common/core/terms.h"
#include "common/engine/engine.h"

/* Process-wide: there is one shard in a process. */
struct store {
	struct engine	*engine;
	uint64_t	 message_max;	/* bytes; one may go over the quota */
	size_t		 users_max;	/* kept in memory while nothing needs
					   them */

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
void		 box_serve(void);
void		 flags_serve(void);
void		 fetch_serve(void);
void		 usage_serve(void);

#endif
