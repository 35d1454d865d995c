/*
 * accounts.h - the scenario of auth: accounts that an admin changes, one
 * change of each at a time, and what he and the store were told.
 *
 * A thing is a domain, a user or an alias of a fixed name; its state is a
 * number, 0 if it does not exist.  A note says of thing i:
 *
 *	event.number	enum note | i << 8
 *	event.offset	the state asked for or answered, or a user's number
 *	event.length	answered: 1 if it was done
 */
#ifndef CRASH_ACCOUNTS_H
#define CRASH_ACCOUNTS_H

#include "tests/crash/engine/check.h"

enum {
	DOMAINS = 4,		/* the last one has nobody in it */
	USERS = 10, ALIASES = 10,
	FIRST_USER = DOMAINS, FIRST_ALIAS = DOMAINS + USERS,
	THINGS = DOMAINS + USERS + ALIASES,
	NUMBERS = 2000,
};

/* States: of a domain EXISTS; of an alias EXISTS | variant << 8; of a user
   also DISABLED, and a variant of its password << 8, of its limit << 32. */
enum { EXISTS = 1, DISABLED = 2, VARIANTS = 200 };

enum note {
	NOTE_CHANGE,		/* begin, told */
	NOTE_NUMBER,		/* told: of a new user */
	NOTE_DROPPED,		/* told: the store has dropped a number */
};

struct thing {
	uint64_t	 state;		/* as last answered */
	uint64_t	 wanted;	/* asked for, if changing */
	uint64_t	 number;	/* of a user, as last told; 0: not known */
	bool		 changing;
};

extern struct accounts {
	struct thing	 things[THINGS];
	uint64_t	 number_most;	/* of all that anybody was told */
	/* Of numbers: removed and answered; and known to be dropped. */
	bool		 removed[NUMBERS], dropped[NUMBERS];
} accounts;

void		 note(enum event_kind, enum note, unsigned i, uint64_t offset,
		    uint64_t value);
void		 notes_read(const struct history *);
/* "d1.example", "u3@d0.example"; it lives until the next call. */
const char	*thing_name(unsigned i);
/* The password of a user in this state; likewise. */
const char	*thing_password(uint64_t state);
uint64_t	 thing_limit(uint64_t state);	/* of a user, in bytes */
/* An alias in this state has so many targets; and the names of them. */
unsigned	 thing_targets(uint64_t state);
const char	*target_name(uint64_t state, unsigned n);

#endif
