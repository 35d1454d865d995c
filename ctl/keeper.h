/*
 * keeper.h - the processes that have an engine: queue, store with its shards,
 * auth.
 */
#ifndef CTL_KEEPER_H
#define CTL_KEEPER_H

#include "common/core/link.h"

struct keeper {
	enum role	 role;
	unsigned	 instance;
	uint32_t	 pid;
	const char	*name;		/* "store", "store-1" */
};

/* Its name, which is also that of its folder. */
const char	*keeper_name(enum role, unsigned instance);
/* Calls fn for each process of the role; the largest of its answers. */
int		 keepers_each(enum role, int (*fn)(const struct keeper *));
/* The command ends if it is not ready. */
struct link	*keeper_dial(const struct keeper *);

#endif
