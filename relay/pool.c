/*
 * Sessions that wait for another message to the same place.
 *
 * A server may end one whenever it likes, so whoever takes one finds out at
 * MAIL.  Most would rather be left than kept waiting; the time is short.
 */
#include <string.h>

#include "relay/relay.h"

enum { KEEP = 5 * 1000 };	/* ms */

static struct node	 pool;

static struct node *
sessions(void)
{
	if (pool.next == NULL)
		list_init(&pool);
	return &pool;
}

/* The one that waits for the shortest time is the likeliest to be alive. */
struct session *
pool_take(struct slice key)
{
	LIST_EACH(n, sessions()) {
		struct session *s = CONTAINER(n, struct session, node);

		if (!slice_eq(key, slice_str(s->key)))
			continue;
		timer_stop(&s->idle);
		list_del(&s->node);
		return s;
	}
	return NULL;
}

static void
over(struct timer *t)
{
	struct session *s = CONTAINER(t, struct session, idle);

	list_del(&s->node);
	session_end(s);
}

void
pool_put(struct session *s)
{
	s->idle.fire = over;
	timer_set(&s->idle, loop_now() + KEEP);
	list_unshift(sessions(), &s->node);
}

void
pool_end(void)
{
	LIST_EACH(n, sessions())
		over(&CONTAINER(n, struct session, node)->idle);
}
