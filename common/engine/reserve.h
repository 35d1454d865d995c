/*
 * reserve.h - room for the index on a disk without a free block.
 *
 * Berkeley DB takes a write that fails for the end of the environment, and it
 * writes when it likes: when a buffer is full, a page must go, at a checkpoint
 * and in recovery.  So it writes through us.  Each engine keeps a file,
 * log/reserve, that holds nothing but blocks; a write that finds no room gives
 * a step of it back to the disk and is tried again at once.  In steps, since
 * on a full disk others wait for every block.
 *
 * Only when the reserve is used up does a write fail.  Well before that the
 * owner stops making the index write (room.c).
 *
 * The functions below belong to the loop; the writes come from any thread.
 */
#ifndef ENGINE_RESERVE_H
#define ENGINE_RESERVE_H

#include <sys/types.h>

#include "common/core/list.h"

struct reserve {
	struct node	 all;
	int		 fd;		/* -1: the file cannot be made */
	uint64_t	 whole;		/* bytes wanted */
	uint64_t	 left;		/* guarded */
};

/* Takes over what the life before left of it.  It is not made whole. */
void		 reserve_open(struct reserve *, int dir, uint64_t whole);
void		 reserve_close(struct reserve *);	/* the file stays */
uint64_t	 reserve_left(const struct reserve *);
bool		 reserve_is_whole(const struct reserve *);
/* Takes what is missing from the disk; false: there is no room for it. */
bool		 reserve_fill(struct reserve *);
/* Did a write fail because nothing was left, in this life of the process? */
bool		 reserve_failed(void);

/* For db_env_set_func_write and _open: as write and open, but all bytes are
   written or none may be, and a new name is durable. */
ssize_t		 reserve_write(int fd, const void *, size_t);
int		 reserve_create(const char *path, int flags, ...);

#endif
