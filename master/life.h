/*
 * life.h - signs of life of a child that is not ready yet (alive.h): whoever
 * gives none for long enough is reported, once.
 */
#ifndef MASTER_LIFE_H
#define MASTER_LIFE_H

#include "common/core/loop.h"

struct life {
	struct watch	 watch;
	struct timer	 timer;
	uint64_t	 wait;		/* ms without a sign */
	void		(*still)(struct life *);
};

/* Returns the end that the child is to have.  still may be called until
   life_end. */
int		 life_begin(struct life *, uint64_t wait,
		    void (*still)(struct life *));
/* May be called for one that never began, or twice. */
void		 life_end(struct life *);

#endif
