/*
 * resolver.h - the role: a name and a type come in, records go out.
 *
 * libunbound does the DNS: from the root or through forwarders, with a cache,
 * checking signatures.  We bound it: how many questions an asker may have
 * under way, and how long one may take.
 *
 *	resolver.c  the role
 *	query.c	    one question
 *	context.c   libunbound, its options, anchors, and names known already
 *	events.c    our loop as libunbound sees it
 *	packet.c    its answer, read
 *	zone.c	    the files of anchors and names, read
 */
#ifndef RESOLVER_RESOLVER_H
#define RESOLVER_RESOLVER_H

#include "common/core/conf.h"
#include "common/core/link.h"

enum {
	QUERIES_MOST = 1000,	/* of one asker, under way; more: AGAIN */
};
extern uint64_t	query_wait;	/* ms; then FAILED.  Tests have less time */

struct counts {
	uint64_t	 queries, refused;
	uint64_t	 results[DNS_FAILED + 1];
	uint64_t	 secure;
	uint64_t	 ms;		/* all of them waited together */
};
extern struct counts counts;

/* Answers dns_query. */
void		 query_take(struct request *);
/* The context to ask: the first, or instead of the one before, which is
   deleted; what was asked there is asked again here. */
void		 query_use(const struct conf *);
uint64_t	 queries_under_way(void);
/* The name asked for, and since how many ms. */
void		 queries_each(void (*)(void *, struct slice name, uint64_t ms),
		    void *);

#endif
