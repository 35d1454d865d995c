/*
 * undelete.h - removed mail stays for a while (`keep expunged messages for`),
 * out of everybody's sight, and an admin can bring it back.
 *
 * A message that is expunged gets a KEPT row in place of its row; its bytes
 * live on by that, and what SIDE has of it stays where it is, since UIDs are
 * never used again.  A mailbox that is deleted leaves its names and its
 * counters, and all else of it stays in place: nobody looks there, since
 * numbers of mailboxes are not used again either.  Counters and quota do not
 * know of any of it.
 *
 * A slow walk over the users, once an hour, removes what is too old.  While
 * there is no room on the disk nothing is kept: a deletion is what makes room.
 * Messages that moved were not removed.
 */
#ifndef STORE_UNDELETE_H
#define STORE_UNDELETE_H

#include "store/change.h"

/* Is what is removed now to be kept? */
bool		 undelete_keeps(void);
/* In the change that removes it: a message of this part ... */
void		 kept_put(struct change *, const struct part *, uint32_t uid,
		    const struct message_row *, uint64_t blob);
/* ... or a whole mailbox. */
void		 kept_box_put(struct change *, const struct box *);

/* From now on what is too old goes, by and by; and no more. */
void		 sweep_open(void);
void		 sweep_close(void);
/* One walk over all users, at once (tests). */
void		 sweep_now(void);

#endif
