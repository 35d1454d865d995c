/*
 * home.h - the mailboxes that every user has.
 *
 * INBOX (RFC 9051 5.1) is made when a message or a session first needs it.  The
 * first session that may see all mailboxes makes one for each use that the
 * configuration names (RFC 6154 2), subscribed to, in one commit.
 *
 * Each use is seen to once in a user's life, and his row says for which that
 * was (rows.h): what he deletes or renames does not come back.  Nor does he
 * get a second one: a mailbox of his own for that use stays the only one, and
 * one that merely has the name is given the use.  So it is with accounts that
 * are older than this.
 */
#ifndef STORE_HOME_H
#define STORE_HOME_H

#include "store/session.h"

/* True: something was missing; it is being made, then fn is called again, or
   the request is answered AGAIN.  Only INBOX cannot be done without. */
bool		 home_make(struct request *, struct session *,
		    session_call *fn);

#endif
