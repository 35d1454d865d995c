/* queue.h - the process queue: put together and served. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "common/core/conf.h"
#include "common/engine/engine.h"

void		 queue_limits(const struct conf *);
/* Reads the spool and serves the calls.  Mail is taken once the new life is
   durable; requests that come before wait. */
void		 queue_serve(struct engine *);
/* Figures for `postino status`: calls fn for each. */
void		 queue_figures(void (*fn)(void *arg, const char *name,
		    uint64_t), void *arg);

#endif
