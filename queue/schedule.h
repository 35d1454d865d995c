/*
 * schedule.h - when each message is due: a heap in memory, made anew at each
 * start from the spool.
 *
 * A recipient that is put off is tried again after retry_first, then twice
 * that and so on up to retry_most.  Where a whole domain cannot be reached,
 * that is kept for the domain (destination.h), and its recipients wait there.
 *
 * After warn_after the sender is told once that it is late; after expire_after
 * its time is over (RFC 5321 4.5.4.1).  A local recipient is then offered once
 * more with `expired`, so that store settles it as refused: an old append for
 * it may still be on its way (hand-off rule 3).  A remote one is settled here.
 * What is held by the admin waits, and its time starts anew when released.
 * What is only kept goes after KEPT_FOR.
 */
#ifndef QUEUE_SCHEDULE_H
#define QUEUE_SCHEDULE_H

#include "queue/message.h"

#define KEPT_FOR	((uint64_t)30 * 24 * 3600 * 1000)	/* ms */

/* ms; warn 0: never */
void		 schedule_limits(uint64_t first, uint64_t most, uint64_t warn,
		    uint64_t expire);
/* Puts the message where it belongs by its state and recipients: offered now,
   in the heap, or neither. */
void		 schedule(struct message *);
void		 schedule_del(struct message *);

/* Looks who is due: a timer's work, at least once a minute, since the clock
   may be set. */
void		 schedule_look(void);
/* Look at this time, in ms since 1970, at the latest. */
void		 schedule_wake(uint64_t at);
void		 schedule_forget(void);

/* ms; tries from 1.  A local recipient waits for our own processes, which are
   back in a moment, so it begins with seconds. */
uint64_t	 schedule_backoff(uint32_t tries, bool local);
/* When its time is over, in ms since 1970. */
uint64_t	 rcpt_expires(const struct message *, const struct rcpt *);
bool		 rcpt_expired(const struct message *, const struct rcpt *);
/* Is it to be tried now, if somebody can? */
bool		 rcpt_due(const struct rcpt *);

#endif
