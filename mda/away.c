/* Stores that do not run. */
#include "mda/mda.h"

/* By the loop's clock; since 0: it runs. */
struct away {
	uint64_t	 since, seen;
};
static struct away	shards[SHARDS_MAX];

/* Who finds it away waits for the rest of the time that it gets to come back;
   after a pause nobody knows how often it went and came, and it gets all of
   it anew. */
uint64_t
store_patience(uint32_t shard)
{
	struct away *a = &shards[shard];
	uint64_t now = loop_now();

	if (link_up(mda.store(shard))) {
		a->since = 0;
		return STORE_WAIT;
	}
	if (a->since == 0 || now - a->seen > STORE_PAUSE)
		a->since = now;
	a->seen = now;
	return now - a->since < STORE_AWAY ? a->since + STORE_AWAY - now : 0;
}
