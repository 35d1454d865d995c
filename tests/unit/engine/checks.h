/*
 * checks.h - engine_check from its beginning to its end.
 */
#ifndef TESTS_ENGINE_CHECKS_H
#define TESTS_ENGINE_CHECKS_H

#include "unit/engine/bench.h"

static struct engine_check	 check_part;
static unsigned			 check_parts;
static size_t			 check_faults;
static struct engine_fault	 check_first;	/* the first fault */
static uint64_t			 check_rows, check_bytes;

static inline void
check_done(struct engine_check *c)
{
	if (check_faults == 0 && c->n > 0)
		check_first = c->faults[0];
	check_faults += c->n;
	check_rows += c->rows;
	check_bytes += c->bytes;
	check_parts++;
}

static inline void
check_all(struct engine *e, bool full)
{
	unsigned n = 0;

	check_faults = 0;
	check_rows = check_bytes = 0;
	check_parts = 0;
	check_part.full = full;
	check_part.done = check_done;
	buf_clear(&check_part.at);
	do {
		engine_check(e, &check_part);
		run_until(&check_parts, ++n);
	} while (check_part.at.n > 0);
	buf_free(&check_part.at);
}

#endif
