/*
 * faults.h - the scenario on a real folder, and the n-th call that changes the
 * disk is the last one, or fails; then a recovery, which may be killed too.
 */
#ifndef CRASH_FAULTS_H
#define CRASH_FAULTS_H

#include "tests/crash/engine/scenario.h"

/* `calls` and `memory`: of a run of so many steps without faults.  Each kind
   of fault meets every so manyth of them; `stride` 1 is all. */
void		 faults_run(const struct scenario *, unsigned steps,
		    uint64_t calls, uint64_t memory, uint64_t stride);
/* Power cuts of a real file system with a journal: an ext4 image, mounted,
   that is shut down while the scenario runs.  False: not possible here. */
bool		 power_run(const struct scenario *, unsigned steps,
		    unsigned rounds);

#endif
