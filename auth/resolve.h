/*
 * resolve.h - where an address leads.
 *
 * One step, place_find, in this order: a user or alias of just this name; of
 * the name without its subaddress (RFC 5233); postmaster, abuse and root,
 * which always lead to somebody (RFC 5321 4.5.1, RFC 2142 4); a return path of
 * what we forwarded, which leads to the sender (srs.h); the catch-all of the
 * domain.
 *
 * An alias of a mailbox's own name does not hide it: the mailbox it is, and
 * what it holds goes to the targets as well.  What it refuses (full, disabled)
 * nobody gets: the sender hears of it, as of any other mailbox.
 *
 * place_spread takes all steps, through aliases of aliases, to the end.
 * Each address is looked at once, so loops end, and at most SPREAD_MAX are.
 */
#ifndef AUTH_RESOLVE_H
#define AUTH_RESOLVE_H

#include "auth/directory.h"

enum { SPREAD_MAX = 2000 };	/* addresses one address may lead to */

/* What beside the directory decides; slices belong to the configuration. */
struct rules {
	char		 separator;	/* 0: no subaddresses */
	struct slice	 postmaster;	/* an address, or empty */
	struct slice	 server_name;
};

enum place_kind { PLACE_NOWHERE, PLACE_REMOTE, PLACE_MAILBOX, PLACE_LIST };

struct place {
	enum place_kind	 kind;
	struct user	*user;		/* of a MAILBOX */
	struct slice	 detail;	/* likewise: the subaddress */
	const struct slice *targets;	/* of a LIST; of a MAILBOX: also to
					   these, itself among them */
	size_t		 n;
};

struct place	 place_find(const struct directory *, const struct rules *,
		    struct arena *, const struct addr *);

/* One of the places an address leads to in the end. */
struct final {
	struct slice	 address;
	struct place	 place;		/* REMOTE or MAILBOX */
};

/* Follows a place to its end.  finals lie in the arena.  False: it leads
   to too many (and then to nobody). */
bool		 place_spread(const struct directory *, const struct rules *,
		    struct arena *, const struct place *, struct final **,
		    size_t *n);

#endif
