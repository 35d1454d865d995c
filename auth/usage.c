#include "auth/usage.h"

#include <stdlib.h>

#include "auth/auth.h"

enum { PAUSE = 1000 };		/* ms, after a store could not answer */

struct watcher {
	struct timer	 timer;
	struct call	*call;		/* under way, or NULL */
	unsigned	 shard;
	uint64_t	 position;
};

static struct watcher	*watchers;
static unsigned		 n_watchers;

static void
forget_one(struct map_node *n, void *arg)
{
	struct user *u = CONTAINER(n, struct user, by_number);
	const struct watcher *w = arg;

	if (u->row.shard == w->shard)
		u->used = 0;
}

static void told(void *arg, enum wire_status, const void *out);

static void
ask(struct timer *t)
{
	struct watcher *w = CONTAINER(t, struct watcher, timer);
	struct store_usage_in in = { .position = w->position };

	w->call = link_call(auth.store(w->shard), WIRE_store_usage, &in, 0,
	    told, w);
}

static void
told(void *arg, enum wire_status status, const void *answered)
{
	const struct store_usage_out *out = answered;
	struct watcher *w = arg;

	w->call = NULL;
	if (status != WIRE_OK) {
		w->position = 0;	/* a new store counts anew */
		timer_set(&w->timer, loop_now() + PAUSE);
		return;
	}
	if (out->all)
		map_each(&auth.dir.numbers, forget_one, w);
	for (size_t i = 0; i < out->n_users; i++) {
		struct user *u = directory_number(&auth.dir,
		    out->users[i].user);

		if (u != NULL && u->row.shard == w->shard)
			u->used = out->users[i].used;
	}
	w->position = out->position;
	ask(&w->timer);
}

void
usage_begin(void)
{
	n_watchers = auth.shards;
	watchers = mem_array(n_watchers, sizeof *watchers);
	for (unsigned i = 0; i < n_watchers; i++) {
		watchers[i].shard = i;
		watchers[i].timer.fire = ask;
		ask(&watchers[i].timer);
	}
}

void
usage_end(void)
{
	for (unsigned i = 0; i < n_watchers; i++) {
		if (watchers[i].call != NULL)
			link_forget(watchers[i].call);
		timer_stop(&watchers[i].timer);
	}
	free(watchers);
	watchers = NULL;
	n_watchers = 0;
}
