/*
 * password.h - passwords and crypt(5), in threads of their own.
 *
 * A hash is made to be slow (yescrypt: 20 ms), so it is computed in a pool:
 * one for logins, and a small one for new passwords, so that an import does
 * not delay logins (LOGIN-2).
 *
 * Whoever has a job fills in password and (to verify) hash, starts it, gets
 * it back in `done`, on the loop's thread, and wipes the password then.
 */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include "common/core/buf.h"
#include "common/core/loop.h"

enum {
	PASSWORD_MAX = 511,	/* bytes: as much as crypt(3) takes */
	HASH_MAX = 255,		/* bytes of crypt(5) text we keep */
	PASSWORD_THREADS = 2,
};

struct password_job {
	struct job	 job;		/* private */
	char		 password[PASSWORD_MAX + 1];
	char		 hash[HASH_MAX + 1];	/* verify: with this; make:
						   the result */
	bool		 good;		/* it is the password; it was made */
	void		(*done)(struct password_job *);
};

/* Starts the threads; cost as in crypt_gensalt(3), 0: the default of
   yescrypt.  Before confinement. */
void		 password_init(unsigned long cost);
void		 password_end(void);	/* waits for the threads */

/* What can be a password: not empty, not too long, no NUL. */
bool		 password_is_possible(struct slice);
/* Copies what can be verified of it: up to PASSWORD_MAX bytes. */
void		 password_copy(struct password_job *, struct slice);
/* Can crypt(3) verify against this? */
bool		 hash_is_known(struct slice);
/* A setting of today's method and cost, that no password fits: for names that
   have no hash, so that they cost as much (LOGIN-1). */
void		 hash_of_nobody(struct password_job *);

void		 password_verify(struct password_job *);
void		 password_make(struct password_job *);
/* Jobs to verify that no thread has taken yet. */
size_t		 password_waiting(void);
/* Hashes computed to verify, since the start. */
uint64_t	 password_hashes(void);

#endif
