/*
 * faults.h - the scenario on a real folder, and the n-th call that changes the
 * disk is the last one, or fails, or the n-th allocation is refused; then a
 * recovery, which meets the same.
 */
#ifndef CRASH_FAULTS_H
#define CRASH_FAULTS_H

#include "tests/crash/engine/scenario.h"

/* The trace is of a run of that size without faults: it says how many calls,
   and how many allocations, there are to meet. */
void		 faults_run(const struct scenario *, enum size,
		    const struct trace *);
/* No memory, with memory_told (wrong.h).  False: not caught. */
bool		 faults_told(const struct scenario *, enum size,
		    const struct trace *);
/* Power cuts of a real file system with a journal: an ext4 image, mounted,
   that is shut down while the scenario runs.  False: not possible here. */
bool		 power_run(const struct scenario *, unsigned steps,
		    unsigned rounds);

#endif
