/*
 * remote.h - remote mail is lent to relays (hand-off rule 9).
 *
 * A relay is known by its instance, not by its connection.  First of all on
 * each connection it says what it still holds (queue_relay): that stays with
 * it, and what it does not name is due again.  So a job is never offered while
 * a relay may be sending it; and a new queue offers none before each relay
 * that is configured has spoken.
 *
 * A request for any destination waits: it is a credit.  One for the
 * destination it is connected to is answered at once: with more, or NONE, also
 * where another domain has nobody at all.
 */
#ifndef QUEUE_REMOTE_H
#define QUEUE_REMOTE_H

#include "queue/message.h"

void		 remote_setup(void);		/* its place in the loop */
void		 remote_relays(unsigned configured);	/* how many */
void		 remote_hello(struct request *);	/* queue_relay */
void		 remote_next(struct request *);	/* queue_next, WORK_REMOTE */
/* Have all relays spoken? */
bool		 remote_known(void);
size_t		 remote_credits(void);
/* No relay has spoken: a new life of the queue. */
void		 remote_forget(void);

#endif
