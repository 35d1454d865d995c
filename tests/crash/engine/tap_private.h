/*
 * tap_private.h - between the tap and the calls it stands before.
 *
 * All is guarded by tap_lock.
 */
#ifndef CRASH_TAP_PRIVATE_H
#define CRASH_TAP_PRIVATE_H

#include <pthread.h>
#include <sys/types.h>

#include "tests/crash/engine/tap.h"

enum { TAP_FDS = 4096 };

/* What a call can answer besides. */
enum { MAY_FILL = 1, IS_WRITE = 2 };

struct tap_entry {
	uint32_t	 dir, file;
	char		 name[TRACE_NAME];
};

struct tap_where {
	uint32_t	 dir;
	char		 leaf[TRACE_NAME];
	struct tap_entry *entry;	/* NULL: not there */
};

extern pthread_mutex_t	 tap_lock;
extern struct tap	 tap_now;
extern bool		 tap_is_open;
extern uint32_t		 tap_files[TAP_FDS];	/* by descriptor; 0: not
						   below the root */
extern uint32_t		 tap_n_files;

/* False: it does not lie below the root, or is the root. */
bool		 tap_find(struct tap_where *, int at, const char *path);
struct tap_entry *tap_enter(uint32_t dir, const char *name, uint32_t file);
void		 tap_leave(struct tap_entry *);

void		 tap_record(const struct event *, const void *bytes);
void		 tap_name(enum event_kind, uint32_t dir, const char *name,
		    const char *other, uint32_t file);
void		 tap_sync(uint32_t file, uint64_t since);
uint64_t	 tap_place(void);	/* the end of the trace */

/* A call that changes the disk is about to be made.  True: it fails, with
   errno; *half: only a part of it is done. */
bool		 tap_hits(unsigned can, bool *half);
bool		 tap_refuses_memory(void);

#endif
