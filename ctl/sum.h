/*
 * sum.h - SHA-256 (FIPS 180-4), as sha256sum(1) prints it.
 */
#ifndef CTL_SUM_H
#define CTL_SUM_H

#include "common/core/buf.h"

enum { SUM_TEXT = 64 };			/* hex digits */

struct sum {
	void		*state;
};

void		 sum_begin(struct sum *);
void		 sum_add(struct sum *, struct slice);
/* Frees it.  out gets a NUL too. */
void		 sum_end(struct sum *, char out[SUM_TEXT + 1]);
/* What it would be if this was the end. */
void		 sum_so_far(const struct sum *, char out[SUM_TEXT + 1]);
/* Of these bytes. */
void		 sum_of(struct slice, char out[SUM_TEXT + 1]);

#endif
