/*
 * settle.h - outcomes become durable: of each SETTLED recipient the new state,
 * the recipients it became and the report about it are one commit (hand-off
 * rules 5 and 6).
 *
 * A report (RFC 3464) goes only to a sender that authenticated or was
 * verified, never to the null path (SMTP-8, RFC 5321 4.5.5), and if NOTIFY
 * asks for it (RFC 3461 4.1).  Where nobody may be told the recipient is kept
 * and shown.
 */
#ifndef QUEUE_SETTLE_H
#define QUEUE_SETTLE_H

#include "common/engine/engine.h"
#include "queue/message.h"

enum { FORWARDS_MAX = 10 };	/* generations of recipients, then a loop */

/* queue_done: results by (id, number), whoever leased it, also before a
   restart of queue.  The first outcome wins, repetitions are answered when
   what they repeat is durable. */
void		 settle_results(struct request *);

/* A final outcome of our own, of a recipient nobody has leased. */
void		 settle_rcpt(struct message *, uint32_t number, enum outcome,
		    struct slice code, struct slice why);
/* Commits what is SETTLED of a message in the spool, then answers r with OK,
   or AGAIN if there was no room; r may be NULL. */
void		 settle_commit(struct message *, struct request *r);

/* The steps of that, for a message that is being written anyway.  into: adds
   to the txn what belongs to other messages (reports); the recipients know in
   `then` what the commit will bring.  False: no room, nothing has changed.
   header: the beginning of the body, for reports. */
bool		 settle_into(struct txn *, struct message *,
		    struct slice header);
void		 settle_done(struct message *, bool durable);
void		 settle_forget(struct message *);

/* Is nothing of it left when its commit is durable? */
bool		 message_over(const struct message *);
bool		 rcpt_refused(const struct rcpt *);

#endif
