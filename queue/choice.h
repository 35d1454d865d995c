/*
 * choice.h - which messages and recipients the admin means: those that match
 * everything that was said (queue_list, queue_act).
 */
#ifndef QUEUE_CHOICE_H
#define QUEUE_CHOICE_H

#include "queue/message.h"

struct choice {
	uint64_t	 id;		/* 0: any */
	struct slice	 recipient;	/* an address, or @ and a domain; empty:
					   any */
	struct slice	 sender;	/* "<>": the null path; empty: any */
};

/* Only what is in the spool can be chosen. */
bool		 choice_message(const struct choice *, const struct message *);
bool		 choice_rcpt(const struct choice *, const struct rcpt *);

#endif
