/*
 * lease.h - messages are lent to workers: mdas (offer.h) and relays
 * (remote.h).
 *
 * A lease is one message with its due recipients of one kind: all local ones,
 * or those of one destination; and of one return path, since forwarded copies
 * have their own.  It ends with the results, with the worker, or at a
 * limit, when the connection is closed and master restarts what stands still
 * (hand-off rule 8).
 *
 * A local message is then offered again at once: two mdas with one message are
 * harmless, since store decides.  A remote one only when its relay has said
 * that it does not hold it any more (rule 9).
 */
#ifndef QUEUE_LEASE_H
#define QUEUE_LEASE_H

#include "queue/message.h"

struct destination;

enum { LEASE_REMOTE_RCPTS = 100 };	/* RFC 5321 4.5.3.1.8: all take that */

/* An mda, as long as its connection lasts; or a relay for ever. */
struct worker {
	struct link	*link;		/* NULL: a relay that is away */
	struct node	 leases;
	size_t		 n_leases;
	uint64_t	 number;	/* for the log */
	/* A request that got no message after all. */
	void		(*give_back)(struct request *, struct worker *);
	/* It holds something too long: its link is about to be closed. */
	void		(*end)(struct worker *);
};

void		 worker_new(struct worker *, struct link *);

struct lease {
	struct node	 of_worker, of_message;
	struct worker	*worker;	/* NULL: it has ended, a read has not */
	struct message	*m;		/* NULL likewise */
	struct destination *to;		/* NULL: local */
	struct timer	 limit;
	struct request	*filling;	/* the answer waits for the body */
	bool		 reading;
	/* of the results so far */
	bool		 answered, away;
	uint64_t	 began;		/* loop_now */
	struct slice	 why;		/* in the message's arena */
};

/* ms; variables so that tests need not wait. */
extern uint64_t	 lease_limit, lease_limit_remote;

/* Lends what is due, of one domain if `to` is given, and answers r with it.
   False: nothing was due; r still waits. */
bool		 lease_lend(struct request *, struct worker *,
		    struct message *, struct destination *to);
/* This recipient is with that worker, and was before we knew. */
void		 lease_resume(struct worker *, struct message *,
		    uint32_t number);
/* A result has come for a leased recipient: outcome and scope are set. */
void		 lease_take(struct message *, struct rcpt *, struct slice why);
/* The admin ends it: its worker's result will be late. */
void		 lease_let_go(struct message *, struct rcpt *);
bool		 lease_is_from(const struct lease *, const struct link *);
/* The message goes; what runs runs out, and its report finds no message
   (hand-off rule 7). */
void		 lease_orphan(struct message *);
/* Ends it; recipients without a result are due again. */
void		 lease_end(struct lease *);

#endif
