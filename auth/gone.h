/*
 * gone.h - users that were removed, whose mail is still to go.
 *
 * A removed user is a row until its store has said that the mail is gone
 * (store_drop), however often one of us ends meanwhile.  The number is never
 * given to anybody else.
 */
#ifndef AUTH_GONE_H
#define AUTH_GONE_H

#include "auth/change.h"

enum { GONE_WAIT = 10000 };	/* ms until an admin is told "later" */

/* Goes on with those of the lives before. */
void		 gone_begin(void);
void		 gone_end(void);	/* of a test's process */
/* Has the mail dropped, and ends the change then, or after GONE_WAIT. */
void		 gone_drop(uint64_t user, uint32_t shard, struct change *);

#endif
