/*
 * shard.h - which store keeps whose mail.
 *
 * A user's shard stands in its row and never changes by itself: more stores
 * than before take new users, fewer are refused while somebody's mail lies
 * with one that would not run.
 */
#ifndef AUTH_SHARD_H
#define AUTH_SHARD_H

#include "auth/auth.h"

/* For a new user: the one with the fewest. */
uint32_t	 shard_emptiest(const struct directory *, uint32_t shards);
/* False, and logged: auth.shards are too few for the users there are, or for
   those removed whose mail is still to go. */
bool		 shards_suffice(void);

#endif
