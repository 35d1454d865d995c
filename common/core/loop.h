/*
 * loop.h - the one epoll loop of a process.
 *
 * Every process has exactly one loop and one thread that runs it; all
 * functions here belong to that thread.  Keepers put
 * their request handlers on it directly, talkers run tasks on it.
 *
 * One turn of the loop, always in this order:
 *	wait -> handlers of ready descriptors -> timers -> LOOP_TASKS ->
 *	LOOP_COMMIT -> LOOP_FLUSH -> LOOP_AFTER
 * so that everything that came in together is answered together: a link
 * is written once per turn (LOOP_FLUSH) and a commit group is started
 * once per turn (LOOP_COMMIT).  A phase that makes new work for an earlier
 * one calls loop_again, and the next wait does not sleep.
 *
 * Times are milliseconds of the monotonic clock; 0 means "never".
 */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

#include "common/core/list.h"

enum loop_event { LOOP_IN = 1, LOOP_OUT = 2, LOOP_HUP = 4,
	LOOP_ALONE = 8 };	/* loop_add only: of several processes that wait
				   for the same socket, wake one */
enum loop_phase { LOOP_TASKS, LOOP_COMMIT, LOOP_FLUSH, LOOP_AFTER,
	LOOP_PHASES };

/* A descriptor that is watched.  The owner keeps the struct and closes the
   descriptor itself, after loop_del. */
struct watch {
	int		 fd;
	uint32_t	 epoll;		/* what is registered; private */
	void		(*ready)(struct watch *, unsigned events);
};

struct timer {
	struct heap_node node;		/* private */
	void		(*fire)(struct timer *);
};

void		 loop_init(void);	/* before confinement */
/* Level-triggered for `events`.  edge: report LOOP_IN and LOOP_OUT once per
   change, never ask again (sessions).  False: the kernel refused (errno). */
bool		 loop_add(struct watch *, unsigned events, bool edge);
void		 loop_mod(struct watch *, unsigned events);
/* A watch that was deleted is not called again, not even for an event
   already read in this turn. */
void		 loop_del(struct watch *);

void		 timer_set(struct timer *, uint64_t at);	/* or move */
void		 timer_stop(struct timer *);
uint64_t	 loop_now(void);	/* ms, read once per turn */
uint64_t	 loop_clock(void);	/* ms, read now */

/* fn runs in each turn at its phase, for ever; asking twice is once. */
void		 loop_hook(enum loop_phase, void (*fn)(void));
void		 loop_again(void);	/* do not sleep in the next wait */
void		 loop_run(void);	/* until loop_stop */
void		 loop_stop(void);

/* A pool of threads for what may block (hashing, cold reads, syncs).
   work runs on a thread, then done on the loop's thread, both with the same
   job; jobs finish in any order. */
struct pool;

struct job {
	struct job	*next;		/* private */
	void		(*work)(struct job *);
	void		(*done)(struct job *);
};

struct pool	*pool_new(unsigned threads);	/* before confinement */
void		 pool_add(struct pool *, struct job *);
size_t		 pool_waiting(const struct pool *);	/* not yet begun */
void		 pool_free(struct pool *);	/* waits for the running ones */

#endif
