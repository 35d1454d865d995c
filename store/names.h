/*
 * names.h - names of mailboxes.
 *
 * UTF-8, levels parted by "/", at most NAME_MAX_BYTES.  The first level INBOX
 * is kept in capitals, however it was written (RFC 9051 5.1).
 */
#ifndef STORE_NAMES_H
#define STORE_NAMES_H

#include "store/session.h"

/* Copies the name as it is kept; false: it is not a name. */
bool		 name_take(struct arena *, struct slice, struct slice *);
bool		 name_subscribed(const struct user *, struct slice);
/* In a change that counts; it was the other way before. */
void		 subscription_put(struct change *, struct slice name,
		    bool on);
/* The mailbox that a client names, and how that is kept; NULL: answered, BAD,
   DENIED or NONE. */
struct box	*name_box(struct request *, struct session *,
		    struct slice said, struct slice *name);

#endif
