/*
 * tap.h - stands before each system call that changes a disk.
 *
 * The functions of the C library that the engine and Berkeley DB use for that
 * (open, write, fdatasync, rename ...) are defined anew in tap_calls.c, and the
 * linker gives ours to both.  While a tap is open, what they do below its
 * root goes into a trace; without one they only do it.
 *
 * A sync is recorded but not done unless the tap is `real`: what a power cut
 * leaves is built from the trace, and the page cache is enough for a kill.
 */
#ifndef CRASH_TAP_H
#define CRASH_TAP_H

#include "tests/crash/engine/trace.h"

enum fault {
	FAULT_NONE,
	FAULT_KILL,		/* kill -9 before the call */
	FAULT_HALF,		/* half of a write, then kill -9 */
	FAULT_EIO,
	FAULT_FULL,		/* ENOSPC, of calls that may say so */
	FAULT_SHORT,		/* half of a write */
	FAULT_MEMORY,		/* an allocation is refused */
	FAULTS
};

struct tap {
	const char	*root;		/* absolute */
	struct trace	*trace;		/* NULL: only faults */
	bool		 notes;		/* nothing else goes into it */
	bool		 real;
	bool		 slow;		/* a sync takes a little */
	enum fault	 fault;
	uint64_t	 at;		/* meets the call (allocation) of that
					   number; the first is 1 */
};

/* Files that are there already are recorded as durable. */
void		 tap_open(const struct tap *);
void		 tap_close(void);
/* Can something fail here? */
bool		 tap_may_fail(void);
/* Between what happens on the disk. */
void		 tap_note(enum event_kind, uint32_t number, uint64_t offset,
		    uint64_t status);

#endif
