/*
 * body.h - bodies on their way in (store_body, box_body).
 *
 * Long ones come over a socket of their own and go straight into a blob, so a
 * slow sender stops nobody and what is in memory is one read.  When all bytes
 * are there the body has a number, which is good on that link only, until one
 * store_append or box_append takes it or the link ends.
 */
#ifndef STORE_BODY_H
#define STORE_BODY_H

#include "common/core/link.h"

enum { BODIES_MAX = 256 };	/* of one link, under way and held */

/* The bodies of one link; NULL: it has none yet. */
struct bodies;

/* The blob of the body of this number, which the caller then holds, and its
   size; 0: there is none. */
uint64_t	 body_take(struct bodies *, uint64_t number, uint64_t *size);
/* The link is gone: what it sent is of no use to anybody. */
void		 bodies_end(struct bodies *);
/* Bodies under way or held, of all links. */
size_t		 bodies_count(void);

#endif
