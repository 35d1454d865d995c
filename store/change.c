#include "store/change.h"

#include <stdlib.h>

#include "common/core/link.h"
#include "common/core/log.h"
#include "store/history.h"
#include "store/store.h"
#include "store/sync.h"
#include "store/usage.h"

enum { TOUCHES = 64 };	/* ranges dealt with one by one */

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

/* ---- making one */

void
change_begin(struct change *c, struct user *u, struct box *b)
{
	*c = (struct change){ .user = u,
		.txn = txn_begin(store.engine, u->id) };
	if (b != NULL)
		change_also(c, b);
}

struct part *
change_also(struct change *c, struct box *b)
{
	struct part *p = &c->parts[c->n++];

	CHECK(c->n <= PARTS);
	p->box = b;
	return p;
}

static void
part_free(struct part *p)
{
	ranges_free(&p->changed);
	ranges_free(&p->vanished);
	ranges_free(&p->marked);
	ranges_free(&p->unmarked);
}

void
change_drop(struct change *c)
{
	for (unsigned i = 0; i < c->n; i++)
		part_free(&c->parts[i]);
	txn_drop(c->txn);
}

void
change_put(struct change *c, const struct key *k, struct buf *value)
{
	txn_put(c->txn, ENGINE_ROWS, key_view(k), buf_view(value), 0);
	buf_free(value);
}

static void
part_count(struct part *p, int sign, const struct message_row *row)
{
	p->messages += sign;
	p->bytes += sign * (int64_t)row->size;
	p->unseen += (row->flags & FLAG_SEEN) == 0 ? sign : 0;
	p->deleted += (row->flags & FLAG_DELETED) != 0 ? sign : 0;
}

uint32_t
change_add(struct change *c, struct part *p, struct message_row *row,
    uint64_t blob, struct slice digest)
{
	uint32_t uid = p->box->now.uidnext++;
	struct key k = key_message(c->user->id, p->box->number, uid);
	struct buf value = { 0 };

	part_count(p, 1, row);
	if (p->added.from == 0)
		p->added.from = uid;
	p->added.to = uid;
	if ((row->flags & FLAG_DELETED) != 0)
		ranges_add(&p->marked, uid, uid);
	message_row_put(&value, row);
	txn_put(c->txn, ENGINE_ROWS, key_view(&k), buf_view(&value), blob);
	buf_clear(&value);
	if (row->side)
		buf_slice(&value, row->head);
	buf_slice(&value, digest);
	if (value.n > 0)
		txn_put(c->txn, ENGINE_SIDE, key_view(&k), buf_view(&value),
		    0);
	buf_free(&value);
	return uid;
}

void
part_remove(struct part *p, uint32_t uid, const struct message_row *row)
{
	part_count(p, -1, row);
	ranges_add(&p->vanished, uid, uid);
}

void
change_remove(struct change *c, struct part *p)
{
	for (size_t i = 0; i < p->vanished.n; i++) {
		struct range r = p->vanished.r[i];
		struct key from = key_message(c->user->id, p->box->number,
		    r.from);
		struct key to = key_message(c->user->id, p->box->number,
		    r.to + 1);

		txn_delrange(c->txn, key_view(&from), key_view(&to));
	}
}

void
part_flags(struct part *p, uint32_t uid, uint64_t old, uint64_t new)
{
	uint64_t gone = old & ~new, come = new & ~old;

	p->unseen += (gone & FLAG_SEEN) != 0;
	p->unseen -= (come & FLAG_SEEN) != 0;
	ranges_add(&p->changed, uid, uid);
	if ((come & FLAG_DELETED) != 0) {
		p->deleted++;
		ranges_add(&p->marked, uid, uid);
	} else if ((gone & FLAG_DELETED) != 0) {
		p->deleted--;
		ranges_add(&p->unmarked, uid, uid);
	}
}

/* ---- committing */

/* Who deletes a mailbox takes all its messages off the user's counters. */
static void
count(struct change *c, int sign)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct part *p = &c->parts[i];
		struct box_row *now = &p->box->now;

		if (p->box->gone)
			continue;
		now->messages += (uint32_t)(sign * p->messages);
		now->unseen += (uint32_t)(sign * p->unseen);
		now->deleted += (uint32_t)(sign * p->deleted);
		now->bytes += (uint64_t)(sign * p->bytes);
		c->user->now.messages += (uint64_t)(sign * p->messages);
		c->user->now.bytes += (uint64_t)(sign * p->bytes);
	}
}

static void
put_keywords(struct change *c, struct box *b)
{
	struct key k = key_keywords(c->user->id, b->number);

	txn_put(c->txn, ENGINE_ROWS, key_view(&k), buf_view(&b->keywords), 0);
}

static void
put_box(struct change *c, struct part *p)
{
	struct box *b = p->box;
	struct key k = key_box(c->user->id, b->number);
	struct box_row row;
	struct buf value = { 0 };

	if (p->vanished.n > 0)
		history_put(c, p);
	row = b->now;
	row.name = slice_str(b->name);
	box_row_put(&value, &row);
	change_put(c, &k, &value);
	if (p->keywords > 0)
		put_keywords(c, b);
	if (b->seen.uidvalidity == 0) {
		name_row_put(&value, b->number);
		k = key_name(c->user->id, row.name);
		change_put(c, &k, &value);
	}
	p->seen = b->now;
}

static void
put_user(struct change *c)
{
	struct key k = key_user(c->user->id);
	struct buf value = { 0 };

	user_row_put(&value, &c->user->now);
	change_put(c, &k, &value);
	c->seen = c->user->now;
}

/* ---- landing */

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
	for (unsigned i = 0; i < c->n; i++)
		keywords_cut(c->parts[i].box, c->parts[i].keywords);
	if (c->user->flying == 0 || c->user->doubtful)
		return;
	again = mem_zero(sizeof *again);
	change_begin(again, c->user, NULL);
	for (unsigned i = 0; i < c->n; i++)
		if (!c->parts[i].box->gone)
			change_also(again, c->parts[i].box);
	change_commit(again, corrected);
}

/* One by one, or, if they are many, in one pass over the set. */
static void
set_change(struct ranges *set, const struct ranges *what,
    void (*one)(struct ranges *, uint32_t, uint32_t),
    void (*all)(struct ranges *, const struct ranges *, const struct ranges *))
{
	struct ranges new = { 0 };

	if (what->n > TOUCHES) {
		all(&new, set, what);
		ranges_free(set);
		*set = new;
		return;
	}
	for (size_t i = 0; i < what->n; i++)
		one(set, what->r[i].from, what->r[i].to);
}

static void
set_add(struct ranges *set, const struct ranges *what)
{
	set_change(set, what, ranges_add, ranges_unite);
}

static void
set_del(struct ranges *set, const struct ranges *what)
{
	set_change(set, what, ranges_del, ranges_subtract);
}

/* The sets and what is noted of changes, as of what is seen now. */
static void
part_landed(struct part *p)
{
	struct box *b = p->box;

	b->seen = p->seen;
	if (b->present_known) {
		if (p->added.from != 0)
			ranges_add(&b->present, p->added.from, p->added.to);
		set_del(&b->present, &p->vanished);
	}
	if (b->marked_known) {
		set_add(&b->marked, &p->marked);
		set_del(&b->marked, &p->unmarked);
		set_del(&b->marked, &p->vanished);
	}
	if (p->added.from != 0)
		box_touch(b, p->added);
	if (p->changed.n > TOUCHES)
		box_touch(b, (struct range){ ranges_first(&p->changed),
		    ranges_last(&p->changed) });
	else
		for (size_t i = 0; i < p->changed.n; i++)
			box_touch(b, p->changed.r[i]);
}

static void
change_landed(struct change *c)
{
	for (unsigned i = 0; i < c->n; i++)
		part_landed(&c->parts[i]);
	if (c->n > 0 || c->counts) {
		c->user->seen = c->seen;
		usage_changed(c->user->id, c->seen.bytes);
	}
}

static void
landed(void *arg, enum engine_status status)
{
	struct change *c = arg;
	struct user *u = c->user;
	struct box *boxes[PARTS];
	unsigned n = c->n;

	if (status == ENGINE_FENCED)
		fatal("this shard belongs to somebody else now");
	u->flying--;
	u->altering -= c->alters;
	if (status == ENGINE_OK)
		change_landed(c);
	else if (status == ENGINE_FULL && !c->fragile)
		take_back(c);
	else
		u->doubtful = true;
	if (u->doubtful && u->flying == 0)
		user_reload(u);
	for (unsigned i = 0; i < n; i++) {
		boxes[i] = c->parts[i].box;
		part_free(&c->parts[i]);
	}
	c->done(c, status);	/* frees c */
	for (unsigned i = 0; i < n; i++)
		box_notify(boxes[i]);
	run_waiting(u);
	user_release(u);
}

void
change_commit(struct change *c,
    void (*done)(struct change *, enum engine_status))
{
	c->done = done;
	count(c, 1);
	for (unsigned i = 0; i < c->n; i++)
		put_box(c, &c->parts[i]);
	if (c->n > 0 || c->counts)
		put_user(c);
	c->user->flying++;
	c->user->altering += c->alters;
	c->user->holds++;
	txn_commit(c->txn, landed, c);
}
