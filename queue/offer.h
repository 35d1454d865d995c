/*
 * offer.h - local mail is offered to mdas.
 *
 * A waiting queue_next is a credit.  Offers are made once a turn of the loop,
 * before the commit group starts.
 *
 * Poison: once two mdas have died holding a message, it is offered alone, to an
 * mda that holds nothing else; if that one dies too, the third, it is set
 * aside.
 */
#ifndef QUEUE_OFFER_H
#define QUEUE_OFFER_H

#include "queue/message.h"

enum { OFFER_DEATHS = 2 };	/* from then on it is tried alone */

void		 offer_setup(void);		/* its place in the loop */
void		 offer_next(struct request *);	/* queue_next, WORK_LOCAL */
bool		 offer_waits(void);		/* is there a credit? */
size_t		 offer_credits(void);

/* This message has local recipients that are due now. */
void		 offer(struct message *);
/* Nothing happens if it is not offered. */
void		 offer_withdraw(struct message *);
/* The lease of a message that was alone has ended. */
void		 offer_alone_ended(struct message *);

#endif
