/*
 * accept.h - the road in: a message with its envelope arrives from smtpd,
 * gets its id, and its session is answered once it is safe (hand-off rules 2,
 * 5, 7, 10).
 *
 * Verdicts are in the order of the recipients asked for.  STORED: in the
 * mailbox; QUEUED: we are responsible, which includes reporting a failure;
 * else refused.  Only where every recipient was refused, or each is told by
 * itself (LMTP), is refused an answer; smtpd says 250 if any is not.
 */
#ifndef QUEUE_ACCEPT_H
#define QUEUE_ACCEPT_H

#include "queue/message.h"

enum {
	PREFIX_MAX = 64 * 1024,	/* bytes of before and after together */
	RCPT_ADDRESS_MAX = 512,	/* bytes; RFC 5321 4.5.3.1.3 allows 256 */
};

void		 accept_limit(uint64_t message_max);
uint64_t	 accept_max(void);

void		 accept_hello(struct request *);	/* queue_hello */
void		 accept_submit(struct request *);	/* queue_submit */
/* Requests that came before the first life was durable. */
void		 accept_ready(void);

/* A new message from what submit and begin have in common, given as submit's
   struct; its bytes and prefix are not looked at.  NULL: r was answered, or
   waits and comes again to redo. */
struct message	*accept_envelope(struct request *r,
		    const struct queue_submit_in *, enum message_state,
		    link_handler *redo);
/* Must this transaction wait until the one it repeats is written?  Then r
   comes again to redo. */
bool		 accept_parks(struct request *r, struct slice token,
		    link_handler *redo);
/* A WHOLE message with its token: takes the place of the one it repeats, or
   is answered at once, or is held, or is written; r waits for that. */
void		 accept_whole(struct message *, struct request *r);
/* The session is gone. */
void		 accept_lost(struct message *);

/* Answers the session, if it still waits; from the recipients' states. */
void		 accept_answer(struct message *);
void		 accept_refuse(struct message *, enum wire_status);
/* how it was made safe; NULL: all was refused. */
void		 accept_log(const struct message *, const char *how);

#endif
