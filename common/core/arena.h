/*
 * arena.h - memory that is given back all at once.
 *
 * Three lifetimes, one arena each: the process (never freed), the session
 * and the command.  Nothing taken from an arena is freed by itself; the
 * owner of the lifetime calls arena_reset (the arena goes on) or arena_free.
 *
 * A zeroed struct arena is an empty arena.  Blocks start small and double
 * up to 64 KiB; a larger wish gets a block of its own.
 */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include "common/core/buf.h"

struct arena_block;

struct arena {
	struct arena_block	*blocks;	/* newest first */
	char			*at, *end;	/* free part of the newest */
};

/* Aligned, not zeroed; of an array the elements are zeroed. */
void		*arena_alloc(struct arena *, size_t);
void		*arena_array(struct arena *, size_t n, size_t size);
struct slice	 arena_slice(struct arena *, struct slice);	/* a copy */
char		*arena_str(struct arena *, struct slice); /* copy and a NUL */
char		*arena_printf(struct arena *, const char *, ...)
		    __attribute__((format(printf, 2, 3)));
size_t		 arena_size(const struct arena *);	/* bytes held */
void		 arena_reset(struct arena *);	/* keeps one block */
void		 arena_free(struct arena *);

#endif
