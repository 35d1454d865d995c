/*
 * decide.h - what the outcome of a recipient means: the state its commit will
 * bring, whom it becomes, and what its sender is told.
 *
 * A report (RFC 3461 6) goes only to a sender that authenticated or was
 * verified, never to the null path (SMTP-8, RFC 5321 4.5.5), and only if
 * NOTIFY asks for it (RFC 3461 4.1).  A failure that nobody may be told of is
 * kept and shown.
 */
#ifndef QUEUE_DECIDE_H
#define QUEUE_DECIDE_H

#include "queue/message.h"

enum { FORWARDS_MAX = 10 };	/* generations of recipients, then a loop */

/* Of a SETTLED recipient: sets `then` and `report`, adds those it became.
   They are FINISHED until the commit. */
void		 decide(struct message *, uint32_t number);
bool		 rcpt_refused(const struct rcpt *);

#endif
