/*
 * hold.h - cut-through: a message is offered from memory while its session
 * waits, and the answer says what became of it (hand-off rule 5).
 *
 * Only if every recipient is local and none wants to hear of success, it has
 * at most 1 MiB, an mda is waiting, all that is held stays below the
 * configured memory, and there is room in the spool for all that is held: so
 * that no message that was offered is ever refused for want of room.
 */
#ifndef QUEUE_HOLD_H
#define QUEUE_HOLD_H

#include "queue/message.h"

enum { HOLD_SIZE_MAX = 1024 * 1024 };	/* bytes of a body */

/* hold_time 0: everything goes to the spool first. */
void		 hold_limits(uint64_t time_ms, uint64_t memory);
uint64_t	 hold_bytes(void);		/* counted now */
/* Counts the bytes of a message as held; false: over the limit. */
bool		 hold_count(struct message *, uint64_t bytes);
void		 hold_release(struct message *);

/* A message in state WHOLE goes to HELD, or is written. */
void		 hold_or_write(struct message *);
/* Outcomes of a HELD message have come. */
void		 hold_check(struct message *);

#endif
