/*
 * remember.h - passwords that were verified in the last 10 minutes.
 *
 * Clients log in again and again, and a hash costs 20 ms.  So for each user
 * the keyed hash (secret.h) of the last good password is kept, made of user,
 * stored hash and password: a new password never matches an old entry.
 */
#ifndef AUTH_REMEMBER_H
#define AUTH_REMEMBER_H

#include "auth/directory.h"

enum {
	REMEMBER_MS = 10 * 60 * 1000,
	REMEMBER_MAX = 65536,		/* users; the oldest goes first */
};

bool		 remember_knows(struct user *, struct slice password,
		    uint64_t now);
void		 remember_add(struct user *, struct slice password,
		    uint64_t now);
/* Whatever changed with this user: nothing is remembered. */
void		 remember_drop(struct user *);
void		 remember_drop_all(void);

#endif
