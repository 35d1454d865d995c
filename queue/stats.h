/* stats.h - what the queue counts since its start, for `postino status`. */
#ifndef QUEUE_STATS_H
#define QUEUE_STATS_H

#include <stdint.h>

struct queue_stats {
	uint64_t held;		/* messages answered without the spool */
	uint64_t spooled;	/* messages answered from the spool */
	uint64_t declined;	/* messages refused before their 250 */
	uint64_t again;		/* messages put off for want of room */
	uint64_t retried;	/* recognised by their token */
	/* recipients */
	uint64_t delivered, sent, refused, deferred, forwarded, kept, removed;
	uint64_t bounced, aside;	/* messages */
	uint64_t leases, lease_limits;
};
extern struct queue_stats stats;

#endif
