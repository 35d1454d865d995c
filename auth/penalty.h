/*
 * penalty.h - how long somebody who guesses passwords waits (LOGIN-3).
 *
 * Failed logins are counted per network (IPv4 /24, IPv6 /64) and per account,
 * and the answer to the next one is kept back 2, 4, 8, then 15 seconds.  The
 * same wrong password again, as from a forgotten phone, is not counted.  A
 * success forgets the failures of the account, not those of the network: who
 * has one account must not be able to guess at others for free.
 *
 * A good password waits as well, else the delay would tell the guesser
 * nothing; but never from a network where this account has logged in before
 * (a day), so an attack from elsewhere does not lock anybody out.
 *
 * The memory is a table of fixed size: under attack from very many networks
 * the oldest entries are lost.  Times are those of the loop, given by the
 * caller.
 */
#ifndef AUTH_PENALTY_H
#define AUTH_PENALTY_H

#include "common/core/buf.h"

struct penalties;

/* Who tries: keyed hashes, so that nobody can aim at an entry. */
struct attempt {
	uint64_t	 network, account, both;
	uint64_t	 password;	/* of account and password */
};

/* second: how many ms it has; 1000, unless a test has no time. */
struct penalties *penalties_new(size_t entries, unsigned second);
void		 penalties_free(struct penalties *);

/* client is the text of an address; anything else is a network of its own. */
struct attempt	 attempt_make(struct slice client, struct slice account,
		    struct slice password);
/* The text of the client's network. */
void		 network_print(struct buf *, struct slice client);

/* Has this network or account failed lately? */
bool		 penalty_due(struct penalties *, const struct attempt *,
		    uint64_t now);
/* A login failed, succeeded: how many ms to keep the answer back. */
uint64_t	 penalty_failed(struct penalties *, const struct attempt *,
		    uint64_t now);
uint64_t	 penalty_passed(struct penalties *, const struct attempt *,
		    uint64_t now);

#endif
