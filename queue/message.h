/*
 * message.h - one message in the queue: its state, its recipients, and the
 * table of all of them.
 *
 * The states and steps are states.def:
 *
 *	queue_begin			queue_submit
 *	     |				     |
 *	 RECEIVING --arrived--------------> WHOLE --refused--> GONE
 *	     |				    |	|
 *	   aborted			   hold	write
 *	     v				    v	|
 *	    GONE <--settled, lost--------- HELD	|
 *					    |	|
 *				     overdue|	|
 *					    v	v
 *	    GONE <--reported, full-------- WRITING
 *					     |
 *					  durable	(250 is said here)
 *					     v
 *	    GONE <--finished------------- SPOOLED --aside--> SET_ASIDE
 *	     ^				     ^		      |   |
 *	     |				     +---released-----+   |
 *	     +-------------finished_aside-------------------------+
 *
 * A recipient has its own, smaller life.  Its number is its place in `rcpts`
 * and never changes nor comes back, since (id, number) is the operation id by
 * which store decides (hand-off rule 3):
 *
 *	DUE --lease--> LEASED --queue_done--> SETTLED --commit--> FINISHED
 *	 ^		 |			 |		  or KEPT
 *	 +---lease ends--+	    later -------+--> DUE
 *	 +---the admin tries it again---------------------- KEPT
 *
 * Ownership: a message owns its arena and one block, in which all its texts
 * lie; those that wait have only the block (pack.h).  While
 * its session waits, `body` may point into the session's request.
 */
#ifndef QUEUE_MESSAGE_H
#define QUEUE_MESSAGE_H

#include "common/core/link.h"
#include "common/core/terms.h"
#include "queue/rows.h"

enum message_state {
#define STATE(name, meaning, crash)	MESSAGE_##name,
#include "queue/states.def"
	MESSAGE_STATES
};

enum message_step {
#define STEP(name, from, to, when)	STEP_##name,
#include "queue/states.def"
	MESSAGE_STEPS
};

struct state_row {
	const char	*name, *meaning, *crash;
};
struct step_row {
	const char	*name;
	enum message_state from, to;
	const char	*when;
};
extern const struct state_row state_rows[MESSAGE_STATES];
extern const struct step_row step_rows[MESSAGE_STEPS];

enum rcpt_state {		/* on disk: only append */
	RCPT_DUE,
	RCPT_LEASED,		/* never on disk */
	RCPT_SETTLED,		/* outcome known, not yet durable here */
	RCPT_FINISHED,
	RCPT_KEPT,		/* refused, and nobody may be told */
	RCPT_STATES
};

/* What the report of the next commit says of a recipient (RFC 3464 2.3.3). */
enum report { REPORT_NONE, REPORT_FAILED, REPORT_DELAYED, REPORT_DELIVERED,
	REPORT_RELAYED, REPORT_EXPANDED };

struct lease;
struct parcel;

struct rcpt {
	struct recipient_row row;
	uint64_t	 hash;		/* of the address (token.h) */
	uint8_t		 state;		/* enum rcpt_state */
	uint8_t		 then;		/* the state its commit will bring */
	uint8_t		 outcome;	/* enum outcome, once SETTLED */
	uint8_t		 report;	/* enum report */
	uint8_t		 scope;		/* enum scope, if OUTCOME_LATER */
	bool		 relayed;	/* the next hop reports success */
	bool		 removed;	/* by the admin: nobody is told */
	bool		 insist;	/* the admin has a stranger told */
	bool		 changed;	/* its row waits for a commit */
	struct lease	*lease;
	struct parcel	*parcel;	/* where it waits (destination.h) */
	struct wire_forward *became;	/* if OUTCOME_BECAME */
	size_t		 n_became;
	struct slice	 became_path;	/* of the remote ones among them */
};

struct intake;
struct settlement;

struct message {
	uint64_t	 id;
	enum message_state state;
	struct envelope_row env;
	struct rcpt	*rcpts;
	uint32_t	 n_rcpts, cap_rcpts;
	struct arena	 arena;
	char		*packed;	/* texts from before (pack.h) */
	uint32_t	 prefix_n;	/* bytes of the prefix, if slim */
	bool		 slim;		/* env.before and after are on disk */

	/* its place in the world */
	struct map_node	 by_id;
	struct heap_node live;		/* key: id, for the low-water mark */
	struct heap_node due;		/* key: ms since 1970 */
	struct node	 ready;		/* in a list of lease.c */
	struct node	 leases;	/* of struct lease */
	struct node	 parcels;	/* of struct parcel (destination.h) */
	struct node	 waiters;	/* requests that wait for a commit */

	/* its bytes: in memory until they are in the spool */
	struct slice	 body;		/* into the request or `kept` */
	struct buf	 kept;
	uint64_t	 blob;
	uint64_t	 held;		/* bytes counted in hold.c */

	/* its session, until it is answered */
	struct request	*request;
	uint32_t	*asked;		/* in the order of its recipients: the
					   number, or RCPT_COVERED */
	uint32_t	 n_asked;
	bool		 each;		/* a verdict for each (LMTP) */
	bool		 once;		/* its token is no other message's */
	struct intake	*intake;
	struct timer	 limit;		/* of the hold */

	bool		 committing;	/* one commit of its rows at a time */
	bool		 changed;	/* its envelope waits for a commit */
	uint64_t	 commit_after;	/* ms since 1970: not before */
	struct settlement *settling;	/* what that will bring */
	unsigned	 deaths;	/* mdas that died holding it */
	bool		 alone;		/* is being tried by one mda alone */
};

enum {
	RCPT_COVERED = UINT32_MAX,	/* the spool has it from before */
	WHY_MAX = 512,			/* bytes of a peer's words */
};

/* A new message in state WHOLE, RECEIVING, WRITING (a report), SPOOLED or
   SET_ASIDE (from the spool); texts of *env are copied. */
struct message	*message_new(uint64_t id, enum message_state,
		    const struct envelope_row *env);
/* Another id, before anybody has seen the first (hand-off rule 10). */
void		 message_rename(struct message *, uint64_t id);
/* Adds recipients up to this number; those left out are FINISHED.  Texts of
   the row are copied. */
struct rcpt	*message_rcpt(struct message *, uint32_t number,
		    const struct recipient_row *);
/* Makes the first n recipients FINISHED ones with these addresses' hashes. */
void		 message_void(struct message *, const uint64_t *hashes,
		    uint32_t n);
/* Takes the step; the state must be the one the step starts from.  A step to
   GONE frees the message; its waiters are looked at again. */
void		 message_step(struct message *, enum message_step);
struct message	*message_find(uint64_t id);	/* or NULL */
size_t		 message_count(void);
/* All of them go, as in a crash: nothing is answered or written. */
void		 message_forget(void);
void		 message_each(void (*)(struct message *, void *), void *);

/* Everything a reader will see: before, id, after, body. */
uint64_t	 message_size(const struct message *);
/* Appends what stands in front of the body; false: its row is damaged. */
bool		 message_prefix(const struct message *, struct buf *);
/* Is there a recipient in this state? */
bool		 message_has(const struct message *, enum rcpt_state);
/* May its sender be sent a report?  Never the null path, and no stranger
   (RFC 5321 4.5.5, SMTP-8). */
bool		 message_tellable(const struct message *);
/* The return path of this recipient's copy. */
struct slice	 rcpt_path(const struct message *, const struct rcpt *);
/* Did both come from the same recipient? */
bool		 rcpt_siblings(const struct message *, const struct rcpt *,
		    const struct rcpt *);
/* Appends what its copy alone has in front: who forwarded it.  When it comes
   back it is known there (RFC 9228 2). */
void		 rcpt_trace(const struct message *, const struct rcpt *,
		    struct buf *);
/* The part behind the last @; empty if there is none. */
struct slice	 address_domain(struct slice address);

/* The smallest id that is still live (hand-off rule 4): of a message, or of a
   remembered transaction, which puts its own node in. */
uint64_t	 live_low(void);	/* 0: none */
void		 live_add(struct heap_node *, uint64_t id);
void		 live_del(struct heap_node *);

/* A request that waits until it makes sense to look at it again. */
void		 request_park(struct node *list, struct request *,
		    link_handler *redo);
void		 requests_redo(struct node *list);
/* Answers without having used the descriptor that may have come with it. */
void		 request_turn_away(struct request *, enum wire_status);

/* ms since 1970; a variable so that tests can live through five days. */
extern uint64_t	(*queue_clock)(void);

#endif
