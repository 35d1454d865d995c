/*
 * body.h - long bodies leave over a socketpair of their own (architecture.md
 * section 3): many at once, none waits for another, and whoever closes his
 * end ends it.
 */
#ifndef QUEUE_BODY_H
#define QUEUE_BODY_H

#include "queue/message.h"

/* Starts to send prefix, which it takes, and body; returns the end to give
   away, or 0 if no descriptor was to be had.  The message may go meanwhile. */
int		 body_over_fd(const struct message *, struct buf *prefix);
size_t		 body_count(void);		/* under way now */
void		 body_forget(void);		/* ends them all */

#endif
