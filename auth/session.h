/*
 * session.h - who is logged in, where, and how that ends.
 *
 * A session belongs to the link of the process that asked for the login, and
 * is over when that says so (auth_logout) or dies.  A session of pop3d gets a
 * channel: one end goes to the store of the user's shard, with what it may do
 * there, the other to pop3d.  Submission gets none; it asks auth_watch, which
 * is answered when one of its own sessions was revoked.
 *
 * Numbers of sessions and positions of auth_watch come from one counter, and
 * are never repeated, also not after a restart.
 */
#ifndef AUTH_SESSION_H
#define AUTH_SESSION_H

#include "auth/auth.h"

enum { SESSIONS_MAX = 65536 };	/* of one link */

/* Opens a session of u on this link.  A process that needs a channel gets its
   end in *fd.  0: not now (the store is away, too many sessions). */
uint64_t	 session_open(struct link *, struct user *, int *fd);
/* Ends all sessions of this user, everywhere; how many we knew. */
unsigned	 session_revoke(struct user *);
/* A number that another password changes, and nothing else, not even a
   restart of ours: a session without a channel shows it with each question
   (auth_sender), so that it cannot outlive its login unnoticed. */
uint64_t	 session_stamp(const struct user *);
size_t		 session_count(void);
void		 session_end_all(void);		/* of a test's process */

#endif
