#include "store/change.h"

#include <stdlib.h>

#include "common/core/link.h"
#include "common/core/log.h"
#include "store/box.h"
#include "store/store.h"
#include "store/usage.h"

/* A request that waits until nothing alters its user; in its arena. */
struct waiter {
	struct node	 node;
	struct request	*request;
	void		(*run)(struct request *);
};

/* ---- waiting */

bool
user_busy(const struct user *u)
{
	return u->altering > 0 || (u->doubtful && u->flying > 0);
}

void
user_wait(struct user *u, struct request *r, void (*run)(struct request *))
{
	struct waiter *w = arena_array(&r->arena, 1, sizeof *w);

	w->request = r;
	w->run = run;
	list_push(&u->waiting, &w->node);
}

static void
run_waiting(struct user *u)
{
	while (!user_busy(u) && !list_empty(&u->waiting)) {
		struct waiter *w = CONTAINER(list_pop(&u->waiting),
		    struct waiter, node);

		w->run(w->request);
	}
}

/* ---- changes */

void
change_begin(struct change *c, struct user *u, struct box *b)
{
	*c = (struct change){ .user = u, .box = b,
		.txn = txn_begin(store.engine, u->id) };
}

void
change_drop(struct change *c)
{
	txn_drop(c->txn);
}

static void
count(struct change *c, int sign)
{
	uint64_t messages = (uint64_t)(sign * c->messages);
	uint64_t bytes = (uint64_t)(sign * c->bytes);

	c->box->now.messages += (uint32_t)messages;
	c->box->now.bytes += bytes;
	c->user->now.messages += messages;
	c->user->now.bytes += bytes;
}

static void
put(struct change *c, const struct key *k, struct buf *value)
{
	txn_put(c->txn, ENGINE_ROWS, key_view(k), buf_view(value), 0);
	buf_free(value);
}

static void
put_counters(struct change *c)
{
	struct box *b = c->box;
	struct key k = key_user(c->user->id);
	struct buf value = { 0 };

	user_row_put(&value, &c->user->now);
	put(c, &k, &value);
	box_row_put(&value, &b->now);
	k = key_box(c->user->id, b->number);
	put(c, &k, &value);
	if (b->seen.uidvalidity == 0) {
		name_row_put(&value, b->number);
		k = key_name(c->user->id, slice_str(b->name));
		put(c, &k, &value);
	}
}

static void
corrected(struct change *c, enum engine_status status)
{
	(void)status;	/* if there is no room now, the next change does it */
	free(c);
}

/* Nothing of c was written, but its counters may be in later changes. */
static void
take_back(struct change *c)
{
	struct change *again;

	count(c, -1);
	if (c->user->flying == 0 || c->user->doubtful)
		return;
	again = mem_zero(sizeof *again);
	change_begin(again, c->user, c->box);
	txn_small(again->txn);
	change_commit(again, corrected);
}

static void
landed(void *arg, enum engine_status status)
{
	struct change *c = arg;
	struct user *u = c->user;
	struct box *b = c->box;

	if (status == ENGINE_FENCED)
		fatal("this shard belongs to somebody else now");
	u->flying--;
	u->altering -= c->alters;
	if (status != ENGINE_OK && status != ENGINE_FULL)
		u->doubtful = true;
	if (b != NULL && status == ENGINE_OK) {
		b->seen = c->seen;
		usage_changed(u->id, c->used);
	} else if (b != NULL && status == ENGINE_FULL)
		take_back(c);
	if (u->doubtful && u->flying == 0)
		user_reload(u);
	c->done(c, status);	/* frees c */
	if (b != NULL)
		box_notify(b);
	run_waiting(u);
	user_release(u);
}

void
change_commit(struct change *c,
    void (*done)(struct change *, enum engine_status))
{
	c->done = done;
	if (c->box != NULL) {
		count(c, 1);
		put_counters(c);
		c->seen = c->box->now;
		c->used = c->user->now.bytes;
	}
	c->user->flying++;
	c->user->altering += c->alters;
	c->user->holds++;
	txn_commit(c->txn, landed, c);
}
