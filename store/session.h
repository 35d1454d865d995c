/*
 * session.h - the channels of sessions and what may be done over them.
 *
 * The capability is the descriptor: auth hands one end of a socket pair to
 * store_grant with user, rights and session number, the other to the session.
 * A call that comes over a channel is for that user and no other; without
 * RIGHT_MAILBOXES, for INBOX only.  store_revoke closes channels.
 */
#ifndef STORE_SESSION_H
#define STORE_SESSION_H

#include "common/core/link.h"
#include "store/change.h"

struct session {
	struct node	 node;		/* of all sessions */
	struct link	*link;
	struct user	*user;		/* held */
	uint64_t	 number;
	uint32_t	 rights;
	uint64_t	 limit;		/* quota, bytes; 0: none */
	uint32_t	 selected;	/* the mailbox it opened last, if not
					   just to look at it; 0: none */
	bool		 home;		/* home.h has done what it could */
	struct node	 streams;	/* fetch.c: bytes on their way out */
	struct bodies	*bodies;	/* body.c: on their way in, or NULL */
	struct watcher	*watcher;	/* sync.c: its one box_watch, or NULL */
};

typedef void session_call(struct request *, struct session *);

/* The common beginning of every box call.  Calls fn now, or when no change
   that it should see is in flight; or answers DENIED, GONE. */
void		 session_run(struct request *, uint32_t right, session_call *);
/* A mailbox by the number the client gave; NULL: answered, DENIED or NONE. */
struct box	*session_box(struct request *, struct session *,
		    uint32_t number);
/* Would so many bytes more be over the quota? */
bool		 session_full(const struct session *, uint64_t more);
/* Of one session, or all of a user, or (both 0) all.  How many. */
uint64_t	 sessions_revoke(uint64_t user, uint64_t number);
void		 sessions_close(void);
size_t		 sessions_count(void);
void		 sessions_who(void (*fn)(void *, const struct session *),
		    void *);

#endif
