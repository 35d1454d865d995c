#include "store/home.h"

#include <stdlib.h>

#include "store/mailbox.h"
#include "store/names.h"
#include "store/store.h"
#include "store/tree.h"

struct making {
	struct change	 change;
	struct request	*request;
	session_call	*fn;
	uint32_t	 uses;		/* seen to by this change */
};

/* ---- what is missing */

/* The uses nobody has seen to yet, as ATTRIBUTE_ bits. */
static uint32_t
uses_missing(const struct session *s)
{
	uint32_t uses = 0;

	if (s->home || (s->rights & RIGHT_MAILBOXES) == 0)
		return 0;
	for (size_t i = 0; i < HOMES; i++)
		if (store.homes[i].name.n > 0)
			uses |= store.homes[i].use;
	return uses & ~s->user->seen.made;
}

static bool
use_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	uint32_t *uses = arg;
	struct box_row row;

	(void)key;
	(void)blob;
	if (box_row_get(value, &row))
		*uses |= row.attributes;
	return true;
}

/* The uses that mailboxes of this user are for already. */
static uint32_t
uses_there(const struct user *u)
{
	struct key from = key_box(u->id, 0);
	struct key end = key_table(u->id, TABLE_BOXES + 1);
	uint32_t uses = 0;

	engine_scan(store.engine, ENGINE_ROWS, key_view(&from),
	    key_view(&end), use_row, &uses);
	return uses;
}

/* ---- making it */

static void
use_add(struct change *c, struct box *b, uint32_t uses)
{
	struct key k = key_box(c->user->id, b->number);
	struct buf value = { 0 };
	struct box_row row;

	b->now.attributes |= uses;
	row = b->now;
	row.name = slice_str(b->name);
	box_row_put(&value, &row);
	change_put(c, &k, &value);
}

static void
home_put(struct change *c, struct slice name, uint32_t uses)
{
	struct box *b = box_named(c->user, name);
	uint32_t uidvalidity;

	if (b != NULL) {
		use_add(c, b, uses);
		return;
	}
	if (!name_has_room(c->user, name))
		return;
	box_put(c, name, uses, &uidvalidity);
	if (!name_subscribed(c->user, name))
		subscription_put(c, name, true);
}

/* One mailbox may be for several uses. */
static void
homes_put(struct change *c, uint32_t uses)
{
	for (size_t i = 0; i < HOMES; i++) {
		const struct home *h = &store.homes[i];
		uint32_t all = 0;

		for (size_t k = i; k < HOMES; k++)
			if (slice_eq(store.homes[k].name, h->name))
				all |= store.homes[k].use & uses;
		if (all != 0)
			home_put(c, h->name, all);
		uses &= ~all;
	}
}

/* What use_add changed in memory is durable. */
static void
uses_landed(struct user *u, uint32_t uses)
{
	for (size_t i = 0; i < HOMES; i++) {
		const struct home *h = &store.homes[i];
		struct box *b = (h->use & uses) == 0 ? NULL :
		    box_named(u, h->name);

		if (b != NULL)
			b->seen.attributes = b->now.attributes;
	}
}

static bool
box_missing(const struct box *b)
{
	return b == NULL || b->seen.uidvalidity == 0;
}

/* Without room on the disk a session goes on with what is there. */
static void
home_landed(struct change *c, enum engine_status status)
{
	struct making *m = CONTAINER(c, struct making, change);
	struct request *r = m->request;
	struct session *s = r->from == NULL ? NULL : link_owner(r->from);
	session_call *fn = m->fn;

	if (status == ENGINE_OK)
		uses_landed(c->user, m->uses);
	free(m);
	if (s != NULL)
		s->home = true;
	if (s == NULL || s->user->doubtful ||
	    box_missing(box_inbox(s->user)))
		answer(r, WIRE_AGAIN, NULL);
	else
		fn(r, s);
}

bool
home_make(struct request *r, struct session *s, session_call *fn)
{
	struct box *inbox = box_inbox(s->user);
	uint32_t uses = uses_missing(s);
	struct making *m;

	if (!box_missing(inbox) && uses == 0)
		return false;
	if (inbox == NULL) {
		answer(r, WIRE_AGAIN, NULL);
		return true;
	}
	m = mem_zero(sizeof *m);
	m->request = r;
	m->fn = fn;
	m->uses = uses;
	change_begin(&m->change, s->user, box_missing(inbox) ? inbox : NULL);
	m->change.alters = true;
	if (uses != 0) {
		m->change.counts = m->change.fragile = true;
		homes_put(&m->change, uses & ~uses_there(s->user));
		s->user->now.made |= uses;
	}
	change_commit(&m->change, home_landed);
	return true;
}
