/*
 * settle.h - outcomes become durable: of each SETTLED recipient the new state,
 * the recipients it became and the report about it are one commit (hand-off
 * rules 5 and 6).  Rows that changed for another reason go with it.
 *
 * What was settled is not forgotten for want of room: the commit is made again
 * until there is some.  Only a local recipient is offered again, since store
 * repeats what it decided.
 */
#ifndef QUEUE_SETTLE_H
#define QUEUE_SETTLE_H

#include "common/engine/engine.h"
#include "queue/decide.h"

/* queue_done: results by (id, number), whoever leased it, also before a
   restart of queue.  The first outcome wins, repetitions are answered when
   what they repeat is durable (done.c). */
void		 settle_results(struct request *);

/* The outcome of a recipient that is not in a lease; for a refusal the code
   is made one of a failure. */
void		 settle_rcpt(struct message *, uint32_t number, enum outcome,
		    struct slice code, struct slice why);
/* It goes, and nobody is told. */
void		 settle_remove(struct message *, uint32_t number);
/* Commits what has changed of a message in the spool, then answers r with OK,
   or AGAIN if there was no room; r may be NULL. */
void		 settle_commit(struct message *, struct request *r);
/* Is something to be committed, and since when (ms since 1970)? */
bool		 settle_pending(const struct message *);

/* The steps of that, for a message that is being written anyway.  into: adds
   to the txn what belongs to other messages (reports); the recipients know in
   `then` what the commit will bring.  False: no room, nothing has changed.
   body: at least its beginning, for reports. */
bool		 settle_into(struct txn *, struct message *,
		    struct slice body);
void		 settle_done(struct message *, bool durable);
void		 settle_forget(struct message *);

/* Logs the outcome of a SETTLED recipient. */
void		 settle_tell(const struct message *, const struct rcpt *);
/* Is nothing of it left when its commit is durable? */
bool		 message_over(const struct message *);

#endif
