/*
 * task.h - straight-line sessions: stackful tasks on the loop.
 *
 * A task is a function with a stack of its own.  While it waits, others run;
 * one thread, no preemption.  Only these functions suspend: task_wait,
 * task_sleep, those of conn.h and stream.h, and link_ask (every call of
 * wire.def).  What was read before a suspension may be stale after it.
 *
 * Cancellation is an I/O error: task_cancel makes the present wait and all
 * later ones return false, and the session unwinds through its own returns.
 * No stack is ever thrown away.  Only link_ask is not cut short: a call in
 * flight may have been done already, so its answer is waited for, up to its
 * own deadline.
 *
 * The loop runs, at LOOP_TASKS, each task that was ready when that phase began
 * once; whoever becomes ready meanwhile has the next turn.
 *
 * Stacks are 256 KiB of address space with a guard page; only touched pages
 * cost, and pages below the stack pointer are given back after 5 s asleep.
 * Every switch is annotated for ASan, LSan and valgrind.
 */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include "common/core/loop.h"

struct task;

void		 task_init(void);	/* after loop_init; once */
/* False: too many (limit, memory, map entries): tell the peer "busy".  name
   is kept, not copied; it starts in the next turn of the loop. */
bool		 task_spawn(const char *name, void (*fn)(void *), void *arg);
void		 task_limit(unsigned most);
unsigned	 task_count(void);

/* The running task, NULL outside of tasks. */
struct task	*task_self(void);
/* What `who` prints of this task; text is copied (at most 63 bytes). */
void		 task_name(const char *fmt, ...)
		    __attribute__((format(printf, 1, 2)));
void		 task_session(uint64_t number);

/* Suspends until task_wake, or false: deadline (absolute ms, 0: none) or
   cancelled.  A wake before the wait is not lost, also not one that comes
   while the task waits for its peer or in link_ask; two are one.  `what` is
   kept, not copied. */
bool		 task_wait(const char *what, uint64_t deadline);
/* Wakes do not end it.  False: cancelled. */
bool		 task_sleep(const char *what, uint64_t ms);
void		 task_wake(struct task *);	/* not from threads */
void		 task_cancel(struct task *);
void		 task_cancel_all(void);
bool		 task_cancelled(void);
/* Lets others run if this task has run for 5 ms since it last waited; for
   loops over much data.  Nothing outside of tasks. */
void		 task_breathe(void);

/* Each live task, for `who` and `kick`. */
void		 task_each(void (*fn)(void *arg, struct task *,
		    const char *name, const char *waits, uint64_t ms,
		    uint64_t session), void *arg);
/* The deepest use of any stack so far, bytes in whole pages (mincore(2); 0
   where a sandbox forbids that). */
size_t		 task_stack_peak(void);

#endif
