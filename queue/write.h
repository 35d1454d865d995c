/*
 * write.h - a message goes to the spool: one commit with whatever was settled
 * while it was held, the reports that causes, and its retry token.  Then,
 * and not before, its session is answered (hand-off rules 2, 5).
 */
#ifndef QUEUE_WRITE_H
#define QUEUE_WRITE_H

#include "queue/message.h"

/* step: STEP_write or STEP_overdue.  Bytes in memory become a blob first; if
   m->blob is set they are one already, which is released afterwards.  Ends in
   SPOOLED or GONE. */
void		 write_begin(struct message *, enum message_step step);

#endif
