/*
 * act.h - queue_act: the admin holds, releases, retries, removes or bounces.
 *
 * It acts at once, also on what a worker has: that one's later result is only
 * logged.  A local recipient is bounced by store, like one that has expired,
 * so that nothing is returned that is delivered all the same (hand-off rule
 * 3).  What was only kept for want of somebody to tell can be bounced too:
 * the admin has decided; but never to the null path.
 *
 *		due	in a lease	held	set aside	kept
 *	hold	held	held after	-	-		-
 *	release	-	-		due	due		-
 *	retry	now	-		-	due		due, if remote
 *	remove	gone	gone		gone	gone		gone
 *	bounce	gone	gone, or	gone	gone		gone
 *			stored
 */
#ifndef QUEUE_ACT_H
#define QUEUE_ACT_H

#include "queue/message.h"

/* Looks at some messages, answers when what was done is durable. */
void		 act(struct request *);
/* A crash: nothing that waits will be answered. */
void		 act_forget(void);

#endif
