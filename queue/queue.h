/* queue.h - the process queue: put together and served. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "common/core/conf.h"
#include "common/engine/engine.h"

void		 queue_limits(const struct conf *);
/* Its place in the loop, and the calls it answers. */
void		 queue_setup(void);
/* Reads the spool.  Mail is taken once the new life is durable; requests that
   come before wait. */
void		 queue_open(struct engine *);
/* Drops all memory, as a crash does; no link may be up. */
void		 queue_forget(void);
/* Figures for `postino status`: calls fn for each. */
void		 queue_figures(void (*fn)(void *arg, const char *name,
		    uint64_t), void *arg);

#endif
