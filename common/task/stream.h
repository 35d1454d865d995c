/*
 * stream.h - a long body on its way to store, from a task.
 *
 * A body that does not fit into a call (WIRE_BODY_MAX) goes over a socket of
 * its own, whose other end a call takes along; the call is answered, once all
 * is there, with the number store knows the body by.  So one call is under way
 * while the pieces are written:
 *
 *	static void
 *	arrived(void *arg, enum wire_status status, const void *out)
 *	{
 *		const struct box_body_out *answer = out;
 *
 *		stream_answered(arg, status == WIRE_OK ? answer->number : 0);
 *	}
 *	...
 *	if ((in.fd = stream_open(&st, ms)) > 0)
 *		st.call = link_call(store, WIRE_box_body, &in, wait, arrived,
 *		    &st);
 *	while (...)
 *		stream_write(&st, piece);
 *	stream_close(&st, whole);
 *	if (st.number != 0)
 *		...
 *
 * What goes wrong is remembered: a lost stream takes no more, and its number
 * is 0.  stream_close must follow stream_open, also if that failed.
 */
#ifndef TASK_STREAM_H
#define TASK_STREAM_H

#include "common/core/link.h"
#include "common/task/conn.h"

struct stream {
	struct call	*call;		/* set by who made it */
	uint64_t	 number;	/* 0: store does not have it */

	/* private */
	struct conn	*conn;
	struct task	*task;
	bool		 lost;
};

/* The end for the call, which takes it; 0: it is lost.  Store may take ms to
   make room for a piece; 0: it is known to be away, the stream is lost. */
int		 stream_open(struct stream *, uint64_t ms);
/* Waits until the socket has it. */
void		 stream_write(struct stream *, struct slice);
/* The call was answered; number 0: it failed. */
void		 stream_answered(struct stream *, uint64_t number);
/* Ends it.  whole: all of the body was written; waits for the answer, which
   the deadline of the call brings at the latest.  Else store hears the end too
   early, and forgets what it got. */
void		 stream_close(struct stream *, bool whole);

#endif
