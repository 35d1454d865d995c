/*
 * ranges.h - a sorted set of UIDs (1 .. 2^32-1), kept as ranges.
 *
 * A mailbox's UIDs, a search result, what vanished: a few bytes a range and
 * none a message.  `r` is in ascending order; no two ranges touch or overlap.
 * Read it freely, change it only through these functions.
 *
 * Sequence numbers (RFC 9051 2.3.1.2) are places in the set: rank leads from
 * UID to place, nth back.  Both are O(log n) at any time: the sum of every
 * BLOCK ranges is kept right by each change, which costs n/BLOCK additions
 * beside the memmove that an array needs.  Changes at the end cost nothing.
 *
 * A zeroed struct is the empty set.
 */
#ifndef CORE_RANGES_H
#define CORE_RANGES_H

#include "common/core/buf.h"

struct range {
	uint32_t	 from, to;	/* both included */
};

struct ranges {
	struct range	*r;
	size_t		 n, cap;
	uint32_t	 count;		/* UIDs in the set */
	uint32_t	*before;	/* private: [b]: before r[b * BLOCK] */
};

void		 ranges_free(struct ranges *);	/* and makes it empty */
void		 ranges_clear(struct ranges *);	/* keeps the memory */
void		 ranges_copy(struct ranges *to, const struct ranges *);

/* 1 <= from <= to; what is there already, or not, is no error. */
void		 ranges_add(struct ranges *, uint32_t from, uint32_t to);
void		 ranges_del(struct ranges *, uint32_t from, uint32_t to);
/* Whole sets; out must be another set than the two, and is replaced. */
void		 ranges_unite(struct ranges *out, const struct ranges *,
		    const struct ranges *);
void		 ranges_intersect(struct ranges *out, const struct ranges *,
		    const struct ranges *);
void		 ranges_subtract(struct ranges *out, const struct ranges *from,
		    const struct ranges *what);

bool		 ranges_has(const struct ranges *, uint32_t uid);
uint32_t	 ranges_count(const struct ranges *);
/* The first and the last UID; 0: the set is empty. */
uint32_t	 ranges_first(const struct ranges *);
uint32_t	 ranges_last(const struct ranges *);
/* The nearest UID of the set that is not below, not above this one; 0: none.
   The first is also how to walk: uid = ranges_next(s, uid + 1), from 1; of
   0, what follows the greatest UID, it makes 0. */
uint32_t	 ranges_next(const struct ranges *, uint32_t uid);
uint32_t	 ranges_floor(const struct ranges *, uint32_t uid);
/* The nth UID, counted from 1; 0: the set is shorter. */
uint32_t	 ranges_nth(const struct ranges *, uint32_t n);
/* The place of a UID, counted from 1; 0: it is not in the set. */
uint32_t	 ranges_rank(const struct ranges *, uint32_t uid);
/* How many UIDs are not above this one. */
uint32_t	 ranges_upto(const struct ranges *, uint32_t uid);
/* Where in r the first range lies that ends at uid or above; n: nowhere. */
size_t		 ranges_at(const struct ranges *, uint32_t uid);

/* As bytes, for wire.def and for rows: for each range two numbers, the gap
   since the one before and the length, less one each, seven bits a byte,
   least significant first, the eighth set if more follow.  Put appends what
   is not below `from`, at most `most` bytes (20 at least), and returns the
   UID to go on with, or 0.  Get appends to a set whose UIDs are all below;
   false: the bytes are no such thing, the set holds a part of it. */
uint32_t	 ranges_put(const struct ranges *, struct buf *, uint32_t from,
		    size_t most);
bool		 ranges_get(struct ranges *, struct slice);

#endif
