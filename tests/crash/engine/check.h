/*
 * check.h - is what recovery made of a folder what was promised?
 */
#ifndef CRASH_CHECK_H
#define CRASH_CHECK_H

#include "tests/crash/engine/trace.h"

/* Lies in memory shared with the parent, which fills in nothing if the child
   dies: then it was not recovered. */
struct verdict {
	unsigned	 acked;		/* operations that were looked for */
	unsigned	 lost;		/* not there, or not as promised */
	unsigned	 doubled;	/* there, though deleted or never begun */
	bool		 recovered, rebuilt;
	char		 why[200];	/* the first thing that is wrong */
	char		 words[600];	/* the last lines of the log */
};

enum then {
	THEN_NOTHING,
	THEN_AGAIN,		/* closed and opened */
	THEN_REBUILD,		/* the index deleted, then opened */
};

/* What happened before: a trace up to `end`; then, if there were crashes in
   the recoveries from that, what those did. */
enum { LIVES = 3 };

struct history {
	const struct trace *trace[LIVES];	/* NULL: that was all */
	size_t		 end[LIVES];
};

/* Opens what is below `root`, compares it with what was promised, and goes on
   using it. */
typedef void check_fn(const char *root, const struct history *, enum then,
    struct verdict *);
check_fn	 check_engine;
void		 verdict_lost(struct verdict *, const char *, ...)
		    __attribute__((format(printf, 2, 3)));
void		 verdict_doubled(struct verdict *, const char *, ...)
		    __attribute__((format(printf, 2, 3)));
/* Removes what lies below a folder; the folder itself too if `all`. */
void		 folder_clear(const char *path, bool all);

#endif
