/*
 * tree.h - names of mailboxes in a change that makes or moves some.
 */
#ifndef STORE_TREE_H
#define STORE_TREE_H

#include "store/change.h"

bool		 name_there(const struct user *, struct slice name);
/* Is there room for this name and all above it? */
bool		 name_has_room(const struct user *, struct slice name);
void		 name_put(struct change *, struct slice name, uint32_t number);
/* The rows of a new mailbox; its number. */
uint32_t	 box_put(struct change *, struct slice name,
		    uint32_t attributes, uint32_t *uidvalidity);
/* The levels above that are not there (RFC 9051 6.3.4). */
void		 parents_put(struct change *, struct slice name);

#endif
