/* What was removed, and kept for long enough, goes. */
#include "store/undelete.h"

#include <stdlib.h>
#include <time.h>

#include "common/core/log.h"
#include "store/store.h"

enum {
	SWEEP_EVERY = 3600 * 1000,	/* ms */
	SWEEP_PAUSE = 20,
	SWEEP_USERS = 100,		/* looked at between two pauses */
	SWEEP_ROWS = 1000,		/* in one commit */
};

static struct {
	struct timer	 timer;
	uint64_t	 user;		/* where to go on */
	bool		 open;
} sweep;

struct sweeping {
	struct change	 change;
	uint32_t	 mailboxes, messages;
};

static void
sweep_wait(uint64_t ms)
{
	if (sweep.open)
		timer_set(&sweep.timer, loop_now() + ms);
}

static void
sweep_landed(struct change *c, enum engine_status status)
{
	struct sweeping *w = CONTAINER(c, struct sweeping, change);

	if (status == ENGINE_OK)
		LOG(swept, .user = c->user->id, .messages = w->messages,
		    .mailboxes = w->mailboxes);
	else
		sweep.user = c->user->id + 1;	/* the next time */
	free(w);
	sweep_wait(SWEEP_PAUSE);
}

static bool
sweep_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct sweeping *w = arg;
	struct key side = key_message(w->change.user->id,
	    key_kept_mailbox(key), key_kept_uid(key));

	(void)value;
	(void)blob;
	txn_del(w->change.txn, ENGINE_ROWS, key);
	txn_del(w->change.txn, ENGINE_SIDE, key_view(&side));
	return ++w->messages < SWEEP_ROWS;
}

static bool
sweep_box(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct sweeping *w = arg;
	uint64_t user = w->change.user->id;
	uint32_t number = key_kept_mailbox(key);
	struct key words = key_keywords(user, number);
	struct key from = key_message(user, number, 0);
	struct key to = key_message(user, number + 1, 0);

	(void)value;
	(void)blob;
	txn_del(w->change.txn, ENGINE_ROWS, key);
	txn_del(w->change.txn, ENGINE_ROWS, key_view(&words));
	txn_delrange(w->change.txn, key_view(&from), key_view(&to));
	from = key_expunged(user, number, 0);
	to = key_expunged(user, number + 1, 0);
	txn_delrange(w->change.txn, key_view(&from), key_view(&to));
	return ++w->mailboxes < SWEEP_ROWS;
}

/* What this user lost before then goes.  True: a commit is under way. */
static bool
sweep_user(uint64_t id, uint32_t before)
{
	struct key rows = key_kept(id, 0, 0, 0);
	struct key rows_end = key_kept(id, before, 0, 0);
	struct key boxes = key_kept_box(id, 0, 0);
	struct key boxes_end = key_kept_box(id, before, 0);
	struct user *u = user_hold(id);
	struct sweeping *w;

	if (u == NULL)
		return false;
	if (user_busy(u)) {
		user_release(u);
		return false;
	}
	w = mem_zero(sizeof *w);
	change_begin(&w->change, u, NULL);
	w->change.alters = true;
	engine_scan(store.engine, ENGINE_ROWS, key_view(&rows),
	    key_view(&rows_end), sweep_row, w);
	engine_scan(store.engine, ENGINE_ROWS, key_view(&boxes),
	    key_view(&boxes_end), sweep_box, w);
	if (w->messages + w->mailboxes > 0) {
		change_commit(&w->change, sweep_landed);
		user_release(u);
		return true;
	}
	change_drop(&w->change);
	free(w);
	user_release(u);
	return false;
}

static bool
first_owner(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	(void)value;
	(void)blob;
	*(uint64_t *)arg = key_owner(key);
	return false;
}

/* The first one that has anything in these ranges; 0: nobody. */
static uint64_t
owner_in(struct key from, struct key to)
{
	uint64_t user = 0;

	engine_scan(store.engine, ENGINE_ROWS, key_view(&from), key_view(&to),
	    first_owner, &user);
	return user;
}

/* Seeks only: a user of whom nothing is too old is not loaded. */
static bool
has_old(uint64_t id, uint32_t before)
{
	return owner_in(key_kept(id, 0, 0, 0), key_kept(id, before, 0, 0)) !=
	    0 || owner_in(key_kept_box(id, 0, 0),
	    key_kept_box(id, before, 0)) != 0;
}

static void
sweep_some(struct timer *t)
{
	uint64_t window = store.undelete / 1000;
	uint64_t time_now = (uint64_t)time(NULL);
	uint32_t before = store.undelete == 0 ? UINT32_MAX :
	    window >= time_now ? 0 : (uint32_t)(time_now - window);

	(void)t;
	for (int i = 0; i < SWEEP_USERS; i++) {
		uint64_t id = owner_in(key_user(sweep.user),
		    key_user(UINT64_MAX));

		if (id == 0) {
			sweep.user = 1;
			sweep_wait(SWEEP_EVERY);
			return;
		}
		sweep.user = id;
		if (has_old(id, before) && sweep_user(id, before))
			return;		/* and this user again */
		sweep.user = id + 1;
	}
	sweep_wait(SWEEP_PAUSE);
}

void
sweep_now(void)
{
	sweep.open = true;
	sweep.user = 1;
	sweep.timer.fire = sweep_some;
	sweep_some(&sweep.timer);
}

void
sweep_open(void)
{
	sweep.open = true;
	sweep.user = 1;
	sweep.timer.fire = sweep_some;
	sweep_wait(SWEEP_EVERY / 60);
}

void
sweep_close(void)
{
	timer_stop(&sweep.timer);
	sweep.open = false;
}
