#include "auth/gone.h"

#include <stdlib.h>

#include "common/core/log.h"

enum { PAUSE = 10000 };		/* ms between two tries */

struct gone {
	struct node	 node;
	struct timer	 timer;		/* the next try */
	struct call	*call;		/* under way, or NULL */
	struct change	*change;	/* to be answered, or NULL */
	uint64_t	 user;
	uint32_t	 shard;
};

static struct node	 all;

static void
answer_admin(struct gone *g, const struct store_drop_out *dropped)
{
	struct user_rm_out out = { .later = dropped == NULL };
	struct change *c = g->change;

	g->change = NULL;
	if (c == NULL)
		return;
	if (dropped != NULL) {
		out.messages = dropped->messages;
		out.bytes = dropped->bytes;
	}
	out.n_aliases = aliases_of(&c->r->arena, name_view(&c->name),
	    &out.aliases);
	change_end(c, WIRE_OK, &out);
}

static void
gone_free(struct gone *g)
{
	if (g->call != NULL)
		link_forget(g->call);
	timer_stop(&g->timer);
	list_del(&g->node);
	free(g);
}

/* ---- the row goes */

/* Without room it goes at the next start: dropping again does no harm. */
static void
row_gone(void *arg, enum engine_status status)
{
	(void)arg;
	change_durable(status);
}

static void
forget(const struct gone *g)
{
	struct txn *t = change_txn();
	struct buf key = { 0 };

	row_gone_key(&key, g->user);
	change_del(t, &key);
	buf_free(&key);
	txn_commit(t, row_gone, NULL);
}

/* ---- the call */

static void
told(void *arg, enum wire_status status, const void *out)
{
	struct gone *g = arg;

	g->call = NULL;
	answer_admin(g, status == WIRE_OK ? out : NULL);
	if (status == WIRE_OK) {
		forget(g);
		gone_free(g);
		return;
	}
	LOG(drop_waits, .user = g->user,
	    .status = slice_str(wire_status_name(status)));
	timer_set(&g->timer, loop_now() + PAUSE);
}

static void
ask(struct timer *t)
{
	struct gone *g = CONTAINER(t, struct gone, timer);
	struct store_drop_in in = { .user = g->user };

	g->call = link_call(auth.store(g->shard), WIRE_store_drop, &in,
	    GONE_WAIT, told, g);
}

void
gone_drop(uint64_t user, uint32_t shard, struct change *c)
{
	struct gone *g = mem_zero(sizeof *g);

	g->user = user;
	g->shard = shard;
	g->change = c;
	g->timer.fire = ask;
	list_push(&all, &g->node);
	ask(&g->timer);
}

/* ---- life */

static bool
found(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	uint64_t user;
	uint32_t shard;

	(void)arg;
	(void)blob;
	if (row_gone_about(key, &user) && row_gone_get(value, &shard) &&
	    shard < auth.shards)
		gone_drop(user, shard, NULL);
	else
		LOG(account_unreadable, .row = slice_drop(key, 8));
	return true;
}

void
gone_begin(void)
{
	struct buf from = { 0 }, to = { 0 };
	enum engine_status status;

	list_init(&all);
	row_range(&from, &to, ROW_GONE, slice_of("", 0));
	status = engine_scan(auth.engine, ENGINE_ROWS, buf_view(&from),
	    buf_view(&to), found, NULL);
	if (status != ENGINE_OK && status != ENGINE_NONE)
		fatal("the accounts cannot be read");
	buf_free(&from);
	buf_free(&to);
}

void
gone_end(void)
{
	LIST_EACH(n, &all) {
		struct gone *g = CONTAINER(n, struct gone, node);

		answer_admin(g, NULL);
		gone_free(g);
	}
}
