/*
 * lease.h - messages are lent to mdas.
 *
 * A waiting queue_next is a credit.  A lease is one message with all its due
 * local recipients; it ends with the results, with the worker's connection,
 * or at a limit, when that connection is closed and master restarts what
 * stands still (hand-off rule 8).  Then the message is offered again at once:
 * two mdas with one message are harmless, since store decides.
 *
 * Poison: once two mdas have died holding a message, it is offered alone, to an
 * mda that holds nothing else; if that one dies too, the third, it is set aside.
 *
 * Offers are made once a turn of the loop, before the commit group starts.
 */
#ifndef QUEUE_LEASE_H
#define QUEUE_LEASE_H

#include "queue/message.h"

enum { LEASE_DEATHS = 2 };	/* from then on it is tried alone */

/* ms; a variable so that tests need not wait ten minutes. */
extern uint64_t	 lease_limit;

void		 lease_setup(void);		/* its place in the loop */
void		 lease_next(struct request *);	/* queue_next */
bool		 lease_waits(void);		/* is there a credit? */
size_t		 lease_credits(void);

/* This message has recipients that are due now: offer it. */
void		 lease_offer(struct message *);
void		 lease_withdraw(struct message *);	/* no-op if not offered */
/* A result has come for a leased recipient. */
void		 lease_take(struct rcpt *);
bool		 lease_is_from(const struct lease *, const struct link *);
/* The message goes; what runs runs out, and its report finds no message
   (hand-off rule 7). */
void		 lease_orphan(struct message *);

#endif
