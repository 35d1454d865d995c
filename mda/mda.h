/*
 * mda.h - local delivery: a thinker.  It parses strangers' bytes, and has
 * neither a disk nor the network nor anything to lose.
 *
 *	mda.c		birth and death; the tasks, each with one message
 *	deliver.c	one message, top to bottom
 *	route.c		where each recipient leads, and in which batch it goes
 *	body.c		the bytes, once: to the digest and on to store
 *	away.c		stores that do not run
 *	loops.c		has it been here before?
 *
 * It decides what to ask of store, but not what happened: an outcome is what
 * store answered (architecture.md section 6, rule 3).  Whatever is unclear is
 * reported as LATER, the queue offers it again, and store knows what became of
 * the first try.
 */
#ifndef MDA_MDA_H
#define MDA_MDA_H

#include "common/core/terms.h"
#include "common/task/stream.h"

enum {
	MDA_TASKS = 256,		/* messages at once; a sleeping one
					   costs a page, a message that finds
					   none a second write (spool) */
	COPIES_MAX = 1000,		/* in one store_append */
	RESULTS_MAX = 500,		/* in one queue_done */
	AUTH_WAIT = 10 * 1000,		/* ms */
	STORE_WAIT = 60 * 1000,
	STORE_PAUSE = 30 * 1000,
	STORE_AWAY = 2 * 1000,		/* to come back, if it does not run */
	QUEUE_WAIT = 60 * 1000,
	STREAM_WAIT = 60 * 1000,	/* for the next piece of a body */
};

/* The other processes.  Tests put their own here. */
struct mda {
	struct link	*queue, *auth;
	struct link	*(*store)(uint32_t shard);

	/* for status */
	uint64_t	 messages, stored, refused, later, became;
};
extern struct mda mda;

/* One due recipient. */
struct target {
	const struct wire_due *due;
	struct wire_result result;	/* LATER until somebody decides */
	struct auth_route_out route;
	const char	*refuse;	/* code and text, for store to settle */
	struct target	*next;		/* in its batch */
};

/* Copies that go to one store in one call, with the body. */
struct batch {
	uint32_t	 shard;
	size_t		 n;
	struct target	*targets, **tail;
	struct batch	*next;

	struct stream	 stream;	/* of a long body: body.c */
};

/* One leased message. */
struct lease {
	struct arena	*arena;
	struct queue_next_out next;
	bool		 streamed;	/* the body comes over next.fd */
	struct target	*targets;	/* next.n_recipients of them */
	struct batch	*batches;
	struct buf	 digest;
	struct buf	 start;		/* of the message: its header */
	bool		 forwards;	/* aliases, of which no store hears */
};

void		 deliver(struct arena *, const struct queue_next_out *);

/* Asks auth about each recipient and makes the batches. */
void		 lease_route(struct lease *);
/* Aliases wait for the next try: what they would forward could not be read. */
void		 lease_put_off(struct lease *);
/* It became those auth named. */
void		 target_became(struct target *);
/* "5.4.6 why".  An alias is refused at once, a mailbox by its store. */
void		 target_refuse(struct target *, const char *why);
/* Makes the digest and keeps the header; a long body goes to the store of
   each batch on the way.  False: it did not come to its end. */
bool		 lease_body(struct lease *);
/* The header alone, if no store needs the body. */
bool		 lease_header(struct lease *);
/* Refuses the recipients at which the message has been before. */
void		 lease_loops(struct lease *);
/* ms that a store may have to begin with an answer; 0: it is away, and not
   only to be restarted.  Else the mail of its users would keep all tasks, and
   with them everybody else's mail, waiting. */
uint64_t	 store_patience(uint32_t shard);

#endif
