/*
 * post.h - a queue on the engine in one process with those it works with: a
 * peer that submits, two mdas, a relay and an admin, over real links.
 */
#ifndef CRASH_POST_H
#define CRASH_POST_H

#include "queue/message.h"
#include "tests/crash/queue/ledger.h"

/* Opens what lies below root, at the ledger's time, and connects all. */
void		 post_open(const char *root);
/* All links end, and the engine is closed. */
void		 post_close(void);
/* Message m is sent; its answers go into the ledger. */
void		 post_submit(uint32_t m);
/* hold, release, remove, bounce: message m, or all of them if m is 0. */
void		 post_act(enum note, uint32_t m);
/* Everybody works once, and all that was committed before is durable. */
void		 post_turn(void);
/* Until nothing happens any more at this time. */
void		 post_settle(void);
void		 post_clock(uint64_t ms);	/* so much later */
void		 post_compact(void);
void		 post_checkpoint(void);

/* Which message and recipient this is; false: none of ours. */
bool		 address_parse(struct slice, uint32_t *m, unsigned *k);

extern unsigned	 post_sent, post_answered;	/* submissions */
extern unsigned	 post_events;			/* whatever happened */
/* Mdas are killed by poison. */
extern bool	 post_deadly;
/* Where what is offered against a promise is said; NULL while recording. */
extern struct verdict *post_verdict;

#endif
