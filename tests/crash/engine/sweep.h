/*
 * sweep.h - many states of one trace, each recovered in a process of its own
 * and checked; and the sums of what came out.
 */
#ifndef CRASH_SWEEP_H
#define CRASH_SWEEP_H

#include "tests/crash/engine/check.h"

struct sums {
	uint64_t	 states, acked, lost, doubled, unrecovered, rebuilt;
};

struct sweep {
	const char	*name;		/* progress is said under; or NULL */
	check_fn	*check;
	const struct trace *trace;
	unsigned	 cuts;		/* places in it; all kinds at each */
	bool		 anew;		/* each time the index is made anew */
	enum event_kind	 after;		/* only behind such events; 0: all;
					   UNLINK: behind renames, too */
	bool		 torn;		/* only states that tear writes */
	unsigned	 deep;		/* every so many states, the power
					   fails again in the recovery; 0: no */
	bool		 quiet;		/* faults are wanted: say nothing, and
					   one is enough */
	unsigned	 seed;
};

void		 sweep_init(void);	/* once, before the first fork */
void		 sweep_child(void);	/* in a process that recovers */
void		 child_quiet(void);	/* its stderr is of no use */
extern struct sums *sums;		/* shared by all processes */
/* Runs in two processes; both are over when it returns. */
void		 sweep_run(const struct sweep *);
/* A folder of this process's own, empty.  NULL: removes them all. */
const char	*scratch(const char *name);
/* Recovers what lies below root, in a child.  With a tap whose fault it is to
   meet: the child may die, which is no verdict.  True: it lived. */
struct tap;
bool		 recover_once(check_fn *, const char *root,
		    const struct history *, enum then, const struct tap *,
		    struct verdict *);
/* Adds a verdict to the sums; `what` goes with a complaint. */
void		 verdict_add(const struct verdict *, bool quiet,
		    const char *what, ...)
		    __attribute__((format(printf, 3, 4)));

#endif
