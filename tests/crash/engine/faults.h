/*
 * faults.h - the plan on a real folder, and the n-th call that changes the
 * disk is the last one, or fails; then a recovery, which may be killed too.
 */
#ifndef CRASH_FAULTS_H
#define CRASH_FAULTS_H

#include "tests/crash/engine/trace.h"

/* `calls` and `memory`: of a run without faults.  Each kind of fault meets
   every so manyth of them; `stride` 1 is all. */
void		 faults_run(uint32_t steps, uint64_t calls, uint64_t memory,
		    uint64_t stride);
/* Power cuts of a real file system with a journal: an ext4 image, mounted,
   that is shut down while the plan runs.  False: not possible here. */
bool		 power_run(uint32_t steps, unsigned rounds);

#endif
