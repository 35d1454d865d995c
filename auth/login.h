/*
 * login.h - auth_login: from a name and a password to a session.
 *
 *	name -> user or nobody
 *	     -> remembered: no hash.  Else one hash, whoever it is (LOGIN-1)
 *	     -> penalty: the answer waits, nothing else does (LOGIN-3)
 *	     -> the account again: is it still what was verified?
 *	     -> session
 *
 * A failure is answered at a fixed time after it came in, so the time the
 * hash took does not show.  The asker's deadline must be above LOGIN_LONGEST.
 */
#ifndef AUTH_LOGIN_H
#define AUTH_LOGIN_H

#include "auth/auth.h"

enum {
	LOGIN_QUEUE = 100,	/* hashes waiting; beyond: LOGIN_LATER */
	LOGINS_MAX = 20000,	/* under way, most of them under a penalty */
	LOGIN_LONGEST = 20000,	/* ms: the greatest penalty and the queue */
};

/* Answers LOGIN_LATER to all that only wait for their time. */
void		 login_stop(void);

#endif
