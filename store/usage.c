#include "store/usage.h"

#include <stdlib.h>
#include <time.h>

#include "common/core/list.h"
#include "common/core/log.h"
#include "store/rows.h"
#include "store/store.h"

enum { ANSWER_USERS = 1000 };	/* in one answer */

/* One user, in the order of their latest changes. */
struct use {
	struct map_node	 by_user;
	struct node	 node;
	uint64_t	 bytes, position;
};

static struct map	 uses;
static struct node	 order;		/* oldest change first */
static uint64_t		 begun;		/* positions of this life are above */
static uint64_t		 newest;
static struct node	 asking;	/* struct asker */
static struct timer	 pause;
static bool		 paused;

struct asker {
	struct node	 node;
	struct request	*request;
};

static uint64_t
asked(const struct asker *a)
{
	return REQUEST(store_usage, a->request)->position;
}

/* ---- answering */

/* The oldest change above this position, or the head of the list. */
static struct node *
first_above(uint64_t position)
{
	struct node *n = &order;

	while (n->prev != &order &&
	    CONTAINER(n->prev, struct use, node)->position > position)
		n = n->prev;
	return n;
}

static void
usage_answer(struct request *r, uint64_t position)
{
	struct store_usage_out out = { .all = position < begun ||
		position > newest, .position = newest };
	struct node *n = out.all ? order.next : first_above(position);

	out.users = arena_array(&r->arena, ANSWER_USERS, sizeof *out.users);
	for (; n != &order && out.n_users < ANSWER_USERS; n = n->next) {
		struct use *u = CONTAINER(n, struct use, node);

		out.users[out.n_users++] = (struct wire_fullness){
			.user = u->by_user.key, .used = u->bytes };
		out.position = u->position;
	}
	answer(r, WIRE_OK, &out);
}

static void
answer_all(void)
{
	LIST_EACH(n, &asking) {
		struct asker *a = CONTAINER(n, struct asker, node);

		if (asked(a) != newest) {
			list_del(n);
			usage_answer(a->request, asked(a));
		}
	}
}

static void
pause_over(struct timer *t)
{
	(void)t;
	paused = false;
	answer_all();
}

static void
asker_lost(struct request *r)
{
	struct asker *a = r->owner;

	list_del(&a->node);
	answer(r, WIRE_GONE, NULL);
}

static void
take_usage(struct request *r)
{
	uint64_t position = REQUEST(store_usage, r)->position;
	struct asker *a;

	if (!request_bare(r))
		return;
	if (position != newest && !paused) {
		usage_answer(r, position);
		return;
	}
	a = arena_array(&r->arena, 1, sizeof *a);
	a->request = r;
	r->owner = a;
	r->lost = asker_lost;
	list_push(&asking, &a->node);
}

/* ---- what changes */

static void
use_set(uint64_t user, uint64_t bytes)
{
	struct map_node *n = map_get(&uses, user);
	struct use *u;

	if (n != NULL)
		u = CONTAINER(n, struct use, by_user);
	else {
		u = mem_zero(sizeof *u);
		map_put(&uses, &u->by_user, user);
	}
	list_del(&u->node);
	list_push(&order, &u->node);
	u->bytes = bytes;
	u->position = ++newest;
}

void
usage_changed(uint64_t user, uint64_t bytes)
{
	use_set(user, bytes);
	if (paused)
		return;
	paused = true;
	pause.fire = pause_over;
	timer_set(&pause, loop_now() + USAGE_PAUSE);
}

/* ---- birth and death */

struct first {
	uint64_t	 user;		/* 0: the end */
	struct user_row	 row;
	bool		 has_row;
};

static bool
first_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct first *f = arg;

	(void)blob;
	f->user = key_owner(key);
	f->has_row = key.n == 9 && key.p[8] == TABLE_USER &&
	    user_row_get(value, &f->row);
	return false;
}

/* One seek a user: the first of a user's rows is the one that knows. */
bool
usage_open(void)
{
	struct key from = key_user(1), end = key_user(UINT64_MAX);

	usage_close();
	list_init(&order);
	list_init(&asking);
	begun = newest = (uint64_t)time(NULL) << 32;
	for (;;) {
		struct first f = { 0 };
		enum engine_status s = engine_scan(store.engine, ENGINE_ROWS,
		    key_view(&from), key_view(&end), first_row, &f);

		if (s != ENGINE_OK && s != ENGINE_NONE)
			return false;
		if (f.user == 0)
			return true;
		if (f.has_row)
			use_set(f.user, f.row.bytes);
		from = key_user(f.user + 1);
	}
}

static void
use_free(struct map_node *n, void *arg)
{
	struct use *u = CONTAINER(n, struct use, by_user);

	(void)arg;
	map_del(&uses, n);
	free(u);
}

void
usage_close(void)
{
	map_each(&uses, use_free, NULL);
	map_free(&uses);
	timer_stop(&pause);
	paused = false;
}

void
usage_serve(void)
{
	serve(WIRE_store_usage, take_usage);
}
