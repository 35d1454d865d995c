/*
 * plan.h - the scenario: numbered steps, each one txn, the same in each run;
 * and a model of what rows there are after some of them.
 *
 * Step n works in unit n % 3 + 1.  Rows are (unit, 'm', number, part); the
 * value says which step wrote it and whose bytes the row's blob holds.  Each
 * step also puts a marker (unit, 'z', n): that shows which steps survived.
 * What a step depends on in an engine at work, the blob of a row that is
 * there, is noted at its BEGIN (event.offset): the step whose bytes it took,
 * or 0 if the row was not there and only the marker was put.
 */
#ifndef CRASH_PLAN_H
#define CRASH_PLAN_H

#include "common/core/buf.h"

enum { PLAN_MOST = 1200, PLAN_PARTS = 40, PLAN_LAST = PLAN_MOST - 1,
	PLAN_VALUE = 64, PLAN_KEY = 14 };

enum deed {
	DEED_APPEND,		/* a row with a blob, a row in the side space */
	DEED_LONG,		/* the blob is a file of its own */
	DEED_FLAGS,		/* another value for a row, the same blob */
	DEED_COPY,		/* another row for a blob */
	DEED_DELETE, DEED_RANGE,
	DEED_MANY,		/* PLAN_PARTS rows at once */
};

struct step {
	enum deed	 deed;
	uint64_t	 unit;		/* of the txn */
	uint32_t	 target, to;	/* rows it concerns; RANGE: up to `to` */
	size_t		 length;	/* of its blob */
};

struct step	 plan_step(uint32_t n);
/* The bytes of step n's blob. */
void		 plan_bytes(struct buf *, uint32_t n);
/* A key; kind is 'm' or 'z'. */
struct slice	 plan_key(char out[PLAN_KEY], uint64_t unit, char kind,
		    uint32_t n, unsigned part);
/* A value; body is 0 if the row has no blob. */
struct slice	 plan_value(char out[PLAN_VALUE], uint32_t step,
		    uint32_t body);
/* Which step and body a value names; false: it is none of ours. */
bool		 plan_parse(struct slice value, uint32_t *step,
		    uint32_t *body);

/* value: the step that wrote it, 0: no such row; body likewise. */
struct cell {
	uint32_t	 value, body;
};

struct model {
	struct cell	 rows[PLAN_MOST][PLAN_PARTS];
	struct cell	 side[PLAN_MOST];
	bool		 marks[PLAN_MOST];
};

/* body: as noted at the step's BEGIN. */
void		 model_apply(struct model *, uint32_t n, uint32_t body);

#endif
