/*
 * destination.h - the domains and smarthosts (route.h) that remote mail waits
 * for: which can be tried now, how many sessions each may have, and what waits
 * for each.
 *
 *	parcel		the due recipients of one message at one destination
 *	destination	a domain or smarthost with its parcels, the oldest
 *			first
 *
 * Ready destinations take turns, a parcel each: a domain with 100,000
 * messages delays no other.
 *
 * One that nobody could reach is put off as a whole: it is one entry in
 * a heap, however much waits for it.  When its time has come one parcel tries;
 * any answer from there, and all flow.  Nothing of that is on disk: after a
 * restart one try tells.
 *
 * How many sessions one may have grows with success and is halved by
 * failure.  A failure while other sessions there succeed says "too many", not
 * "away".
 */
#ifndef QUEUE_DESTINATION_H
#define QUEUE_DESTINATION_H

#include "queue/message.h"

enum { DESTINATION_FIRST = 5 };		/* sessions at the beginning */

struct destination {
	struct map_node	 by_name;
	struct slice	 name;		/* its own copy */
	struct node	 parcels;
	struct node	 ready;		/* in the ring of those that may try */
	struct heap_node retry;		/* put off until then */
	size_t		 n_parcels;
	uint32_t	 tries;		/* 0: it could be reached */
	uint32_t	 active;	/* leases now */
	uint32_t	 most;		/* ... at most */
	uint32_t	 good;		/* successes since `most` changed */
	uint32_t	 streak;	/* parcels for sessions still open */
	bool		 smarthost;
	bool		 pinned;
	uint64_t	 answered;	/* when it last did, loop_now */
	struct slice	 why;		/* the words of the last failure */
};

struct parcel {
	struct node	 of_destination, of_message;
	struct destination *to;
	struct message	*m;
};

/* Sessions of each domain, of each smarthost. */
void		 destination_limits(uint32_t domain, uint32_t smarthost);

/* This recipient waits for its destination; no-op if it does already. */
void		 parcel_add(struct message *, struct rcpt *);
/* Ends it: its recipients wait no more. */
void		 parcel_end(struct parcel *);
/* All of a message. */
void		 parcels_end(struct message *);

struct destination *destination_find(struct slice name);	/* or NULL */
/* May another parcel be tried now? */
bool		 destination_open(const struct destination *);
/* Whose turn is it?  NULL: nothing may be tried. */
struct destination *destination_next(void);
/* Is there another that may be tried and has no session at all? */
bool		 destination_starves(const struct destination *);
struct parcel	*destination_parcel(struct destination *);	/* the oldest */
/* Pinned it stays, even if nothing waits for it. */
void		 destination_pin(struct destination *, bool);

/* A lease begins; the destination stays until it ends. */
void		 destination_begin(struct destination *);
enum destination_end {
	DESTINATION_UNTOLD,	/* nothing was learnt */
	DESTINATION_ANSWERED,
	DESTINATION_AWAY,
};
/* ... ends; began: loop_now at its beginning. */
void		 destination_end(struct destination *, enum destination_end,
		    uint64_t began, struct slice why);

/* Try it now, though it was put off. */
void		 destination_retry(struct slice name);
void		 destinations_retry(void);	/* all */
/* Looks whose time has come; returns ms since 1970 of the next, or
   UINT64_MAX. */
uint64_t	 destinations_look(void);
void		 destinations_forget(void);
size_t		 destination_count(void);
size_t		 destinations_away(void);

#endif
