/*
 * intake.h - a longer message: its bytes come over a socket of their own
 * between queue_begin and queue_commit.
 *
 * Up to HOLD_SIZE_MAX they are collected in memory, so that the message may
 * still be cut through; beyond, or where held memory is short, they go to a
 * blob as they come.  The socket is the back-pressure, and its end before the
 * answer to queue_commit is the abort.
 */
#ifndef QUEUE_INTAKE_H
#define QUEUE_INTAKE_H

#include "queue/message.h"

void		 intake_begin(struct request *);	/* queue_begin */
void		 intake_commit(struct request *);	/* queue_commit */
/* Nothing more is read; no-op if the message has no intake. */
void		 intake_end(struct message *);
size_t		 intake_count(void);

#endif
