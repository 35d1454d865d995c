/*
 * store_drop: a user who was removed, all at once.
 *
 * What remains is a row that says so: a delivery that auth sent on its way
 * before, or a session that was opened then, finds nobody.
 */
#include <stdlib.h>

#include "common/core/log.h"
#include "store/session.h"
#include "store/store.h"

struct drop {
	struct change	 change;
	struct request	*request;
	struct store_drop_out out;
};

static void
drop_landed(struct change *c, enum engine_status status)
{
	struct drop *d = CONTAINER(c, struct drop, change);

	if (status == ENGINE_OK) {
		user_forget_boxes(c->user);
		LOG(user_dropped, .user = c->user->id,
		    .messages = d->out.messages, .bytes = d->out.bytes);
	}
	answer(d->request, status == ENGINE_OK ? WIRE_OK : WIRE_AGAIN,
	    &d->out);
	free(d);
}

static void
drop_commit(struct request *r, struct user *u)
{
	struct drop *d = mem_zero(sizeof *d);
	struct key from = key_user(u->id), to = key_user(u->id + 1);

	to.n = 8;		/* all tables of this user */
	d->request = r;
	d->out.messages = u->now.messages;
	d->out.bytes = u->now.bytes;
	u->now = (struct user_row){ .next_box = INBOX + 1, .gone = true };
	change_begin(&d->change, u, NULL);
	d->change.alters = d->change.counts = d->change.fragile = true;
	txn_delrange(d->change.txn, key_view(&from), key_view(&to));
	txn_small(d->change.txn);
	change_commit(&d->change, drop_landed);
}

/* Sessions end first: what they have under way is committed before, and goes
   with the rest. */
static void
take_drop(struct request *r)
{
	uint64_t user = REQUEST(store_drop, r)->user;
	struct store_drop_out none = { 0 };
	struct user *u;

	if (!request_bare(r))
		return;
	if (user == 0 || user == UINT64_MAX) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	sessions_revoke(user, 0);
	if ((u = user_hold(user)) == NULL) {
		answer(r, WIRE_AGAIN, NULL);
		return;
	}
	if (user_busy(u))
		user_wait(u, r, take_drop);
	else if (u->now.gone)
		answer(r, WIRE_OK, &none);
	else
		drop_commit(r, u);
	user_release(u);
}

void
drop_serve(void)
{
	serve(WIRE_store_drop, take_drop);
}
