/*
 * scenario.h - what is recorded and checked; a program of the harness has one.
 */
#ifndef CRASH_SCENARIO_H
#define CRASH_SCENARIO_H

#include "tests/crash/engine/check.h"

enum size { SIZE_SHORT, SIZE_LONG, SIZES };

struct scenario {
	const char	*name;
	/* So many steps of it on an empty folder, from open to close. */
	void		(*drive)(const char *root, unsigned steps);
	check_fn	*check;
	/* Of each size. */
	unsigned	 steps[SIZES];
	unsigned	 cuts[SIZES];	/* all states at each */
	unsigned	 deep[SIZES];	/* see sweep.h */
	unsigned	 wrong_cuts[SIZES];
	unsigned	 fault_steps[SIZES];
	/* Faults meet every so manyth call; 1 is all. */
	unsigned	 stride[SIZES];
	unsigned	 memory_stride[SIZES];	/* ... or allocation */
	unsigned	 rounds[SIZES];	/* power cuts */
};

extern const struct scenario scenario;

#endif
