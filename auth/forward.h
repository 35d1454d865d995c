/*
 * forward.h - the return path of what we forward to other domains (srs.h).
 *
 * The secret is made at the first start and is a row like the accounts.  It is
 * not used before it is durable: what was signed with a lost one would never
 * come back to its sender.
 */
#ifndef AUTH_FORWARD_H
#define AUTH_FORWARD_H

#include "auth/resolve.h"

/* Sees to it that there is a secret. */
void		 forward_begin(void);
/* The return path of what came from this one to `to`, an address of ours, and
   goes on.  Empty: it stays, since it is null, of a domain of ours, or would
   get too long.  False: there is no secret yet. */
bool		 forward_path(const struct directory *, const struct rules *,
		    struct arena *, struct slice return_path,
		    const struct addr *to, struct slice *path);
/* The other way: whose mail was it? */
enum srs	 forward_sender(const struct directory *, struct arena *,
		    const struct addr *, struct slice *sender);

#endif
