/*
 * trace.h - what a run did to the disk and what it promised, in order.
 *
 * It lies in memory that a child shares with its parent, so that it outlives
 * a kill -9 of the child.  Files are named by number: 1 is the root folder of
 * the run, each other got its number when it was created; a folder is a file.
 */
#ifndef CRASH_TRACE_H
#define CRASH_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRACE_ROOT = 1, TRACE_NAME = 32 };

enum event_kind {
	EVENT_NOTHING,
	/* the disk */
	EVENT_FOLDER,		/* `file` is new, called `name` in `dir` */
	EVENT_CREATE,
	EVENT_WRITE,		/* length bytes at offset; they follow */
	EVENT_SIZE,		/* is `length` long now */
	EVENT_ZERO,		/* length bytes at offset are zeros now */
	EVENT_SYNC,		/* what came before `since` is durable */
	EVENT_RENAME,		/* name in `dir` is `other` now */
	EVENT_UNLINK,
	/* the run */
	EVENT_BEGIN,		/* number is asked for; see plan.h, mail.h */
	EVENT_ACK,		/* and answered: length is the status */
	EVENT_TOLD,		/* something was shown to somebody */
};

struct event {
	uint32_t	 kind, file, dir, number;
	uint64_t	 offset, length;
	uint64_t	 since;		/* a place in the trace */
	char		 name[TRACE_NAME], other[TRACE_NAME];
	char		 bytes[];
};

struct trace {
	size_t		 start;		/* behind what was there before */
	size_t		 end, cap;
	uint64_t	 calls;		/* that change the disk */
	uint64_t	 memory;	/* allocations */
	bool		 full;		/* does not hold all */
	char		 events[];
};

struct trace	*trace_new(size_t cap);
void		 trace_free(struct trace *);
void		 trace_clear(struct trace *);
/* `bytes` holds e->length if it is a write with bytes. */
void		 trace_add(struct trace *, const struct event *e,
		    const void *bytes);
/* The event at *at, which moves behind it; NULL at `end`. */
const struct event *trace_next(const struct trace *, size_t *at, size_t end);

#endif
