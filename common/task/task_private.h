/*
 * task_private.h - how conn.c and the calls of links suspend; nobody else.
 *
 * They wait for conditions of their own and look again after each resume, so
 * they leave the wake that task_wait waits for alone: a wake that comes while
 * the task reads from its peer is there when it asks for it.
 */
#ifndef TASK_TASK_PRIVATE_H
#define TASK_TASK_PRIVATE_H

#include "common/task/task.h"

/* Suspends until task_resume, maybe for nothing: so it is called in a loop,
 *	while (!condition && task_doze(...))
 *		;
 * after which the condition decides.  False: deadline or cancelled. */
bool		 task_doze(const char *what, uint64_t deadline);
void		 task_resume(struct task *);
/* Was this task woken (task_wake)?  Takes the wake. */
bool		 task_woken(void);

#endif
