/*
 * schedule.h - when each message is due: a heap in memory, made anew at each
 * start from the spool.
 *
 * A recipient that is put off is tried again after retry_first, then twice
 * that and so on up to retry_most.  After expire_after its time is over
 * (RFC 5321 4.5.4.1).  A local recipient is then offered once more with
 * `expired`, so that store settles it as refused: an old append for it may
 * still be on its way (hand-off rule 3).  One that waits for relay is
 * settled here.
 */
#ifndef QUEUE_SCHEDULE_H
#define QUEUE_SCHEDULE_H

#include "queue/message.h"

void		 schedule_limits(uint64_t first, uint64_t most,
		    uint64_t expire);	/* ms */
/* Puts the message where it belongs by its state and recipients: offered now,
   in the heap, or neither. */
void		 schedule(struct message *);
void		 schedule_del(struct message *);

/* Looks who is due: a timer's work, at least once a minute, since the clock
   may be set. */
void		 schedule_look(void);
void		 schedule_forget(void);

/* ms; tries from 1.  A local recipient waits for our own processes, which are
   back in a moment, so it begins with seconds. */
uint64_t	 schedule_backoff(uint32_t tries, bool local);
bool		 schedule_expired(const struct message *);

#endif
