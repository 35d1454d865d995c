/*
 * body.h - long bodies on their way in (store_body).
 *
 * The bytes come over a socket of their own and go straight into a blob, so a
 * slow sender stops nobody and what is in memory is one read.  When all are
 * there the body has a number, which is good on that link only, until one
 * store_append takes it or the link ends.
 */
#ifndef STORE_BODY_H
#define STORE_BODY_H

#include "common/core/link.h"

enum { BODIES_MAX = 256 };	/* of one link, under way and held */

/* The blob of a body of this link, which the caller then holds, and its
   size; 0: it has none of that number. */
uint64_t	 body_take(struct link *, uint64_t number, uint64_t *size);
/* Bodies under way or held, of all links. */
size_t		 bodies_count(void);

#endif
