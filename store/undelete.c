#include "store/undelete.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/core/log.h"
#include "common/core/terms.h"
#include "store/names.h"
#include "store/store.h"
#include "store/tree.h"

enum {
	PART = 500,			/* messages brought back in a call */
	PART_BYTES = 8 << 20,		/* of their digests */
	SYSTEM_FLAGS = (1 << FLAGS_SYSTEM) - 1,
	SWEEP_EVERY = 3600 * 1000,	/* ms */
	SWEEP_PAUSE = 20,
	SWEEP_USERS = 100,		/* looked at between two pauses */
	SWEEP_ROWS = 1000,		/* in one commit */
};

static uint32_t
now(void)
{
	return (uint32_t)time(NULL);
}

/* ---- keeping */

bool
undelete_keeps(void)
{
	return store.undelete > 0 && engine_room(store.engine, 0);
}

void
kept_put(struct change *c, const struct part *p, uint32_t uid,
    const struct message_row *row, uint64_t blob)
{
	struct key from = key_message(c->user->id, p->box->number, uid);
	struct key to = key_kept(c->user->id, now(), p->box->number, uid);
	struct message_row kept = *row;
	struct buf value = { 0 };

	message_row_put(&value, &kept);
	txn_put(c->txn, ENGINE_ROWS, key_view(&to), buf_view(&value), blob);
	txn_del(c->txn, ENGINE_ROWS, key_view(&from));
	buf_free(&value);
}

void
kept_box_put(struct change *c, const struct box *b)
{
	uint64_t user = c->user->id;
	struct key name = key_name(user, slice_str(b->name));
	struct key box = key_box(user, b->number);
	struct key kept = key_kept_box(user, now(), b->number);
	struct box_row row = b->now;
	struct buf value = { 0 };

	txn_del(c->txn, ENGINE_ROWS, key_view(&name));
	txn_del(c->txn, ENGINE_ROWS, key_view(&box));
	row.name = slice_str(b->name);
	box_row_put(&value, &row);
	change_put(c, &kept, &value);
}

/* ---- bringing back */

struct undeleting {
	struct change	 change;
	struct request	*request;
	uint64_t	 session;
	uint32_t	 mailbox, mailboxes, messages;
};

static void
undelete_landed(struct change *c, enum engine_status status)
{
	struct undeleting *d = CONTAINER(c, struct undeleting, change);

	if (status == ENGINE_OK)
		LOG(undeleted, .user = c->user->id, .mailbox = d->mailbox,
		    .messages = d->messages, .session = d->session);
	answer(d->request, status == ENGINE_OK ? WIRE_OK : WIRE_AGAIN,
	    &(struct box_undelete_out){ .mailboxes = d->mailboxes,
	    .messages = d->messages });
	free(d);
}

static struct undeleting *
undelete_begin(struct request *r, struct session *s, struct box *b)
{
	struct undeleting *d = mem_zero(sizeof *d);

	d->request = r;
	d->session = s->number;
	change_begin(&d->change, s->user, b);
	d->change.alters = d->change.fragile = true;
	return d;
}

/* ---- a mailbox */

struct lost_box {
	struct arena	*arena;
	struct slice	 wanted;	/* empty: any */
	bool		 found;
	struct slice	 key;
	struct box_row	 row;
};

static bool
lost_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct lost_box *l = arg;

	(void)blob;
	if (!box_row_get(value, &l->row) || key.n != 17 ||
	    (l->wanted.n > 0 && !slice_eq(l->wanted, l->row.name)))
		return true;
	l->row.name = arena_slice(l->arena, l->row.name);
	l->key = arena_slice(l->arena, key);
	l->found = true;
	return false;
}

/* Its own name, or, if that is another's now, one below Recovered. */
static struct slice
name_free(struct user *u, struct arena *a, struct slice name, uint32_t number)
{
	char *text;
	size_t size = name.n + 40;
	int n;

	if (!name_there(u, name))
		return name;
	text = arena_alloc(a, size);
	n = snprintf(text, size, "Recovered/%.*s", (int)name.n, name.p);
	if (n > NAME_MAX_BYTES || name_there(u, slice_of(text, (size_t)n)))
		n = snprintf(text, size, "Recovered/%u", number);
	return slice_of(text, (size_t)n);
}

/* True: one comes back, with its UIDs but a new UIDVALIDITY: since it was
   deleted clients may have seen another of this name (RFC 9051 2.3.1.1). */
static bool
box_restore(struct request *r, struct session *s, uint32_t since,
    struct slice name)
{
	struct user *u = s->user;
	struct lost_box l = { .arena = &r->arena, .wanted = name };
	struct key from = key_kept_box(u->id, since, 0);
	struct key to = key_table(u->id, TABLE_KEPT_BOXES + 1), k;
	struct undeleting *d;
	struct buf value = { 0 };

	engine_scan(store.engine, ENGINE_ROWS, key_view(&from), key_view(&to),
	    lost_row, &l);
	if (!l.found)
		return false;
	d = undelete_begin(r, s, NULL);
	d->mailbox = key_kept_mailbox(l.key);
	d->mailboxes = 1;
	d->messages = l.row.messages;
	d->change.counts = true;
	l.row.name = name_free(u, &r->arena, l.row.name, d->mailbox);
	l.row.uidvalidity = uidvalidity_next(u);
	u->now.boxes++;
	u->now.messages += l.row.messages;
	u->now.bytes += l.row.bytes;
	parents_put(&d->change, l.row.name);
	k = key_box(u->id, d->mailbox);
	box_row_put(&value, &l.row);
	change_put(&d->change, &k, &value);
	name_put(&d->change, l.row.name, d->mailbox);
	txn_del(d->change.txn, ENGINE_ROWS, l.key);
	change_commit(&d->change, undelete_landed);
	return true;
}

/* ---- messages */

struct lost {
	uint32_t	 uid;
	uint64_t	 blob;
	struct slice	 key;
	struct message_row row;
};

struct losses {
	struct arena	*arena;
	uint32_t	 mailbox;	/* whose they are; 0: any, until one is
					   found */
	struct lost	*v;
	size_t		 n;
};

static bool
loss_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct losses *l = arg;
	struct lost *m = &l->v[l->n];
	uint32_t mailbox = key_kept_mailbox(key);

	if ((l->mailbox != 0 && mailbox != l->mailbox) ||
	    !message_row_get(value, &m->row))
		return true;
	l->mailbox = mailbox;
	m->uid = key_kept_uid(key);
	m->blob = blob;
	m->key = arena_slice(l->arena, key);
	m->row.head = arena_slice(l->arena, m->row.head);
	return ++l->n < PART;
}

/* Where they were, or Recovered, which is made if it must be. */
static struct box *
box_for(struct user *u, uint32_t mailbox)
{
	const struct slice name = SLICE("Recovered");
	struct box *b = box_get(u, mailbox);

	if (b == NULL)
		b = box_named(u, name);
	return b != NULL ? b : box_new(u, u->now.next_box++, name);
}

/* Its row is in the change; the bytes of its digest. */
static size_t
message_restore(struct undeleting *d, uint32_t mailbox, struct lost *m)
{
	struct part *p = &d->change.parts[0];
	struct key old = key_message(d->change.user->id, mailbox, m->uid);
	struct buf side = { 0 };
	struct slice digest;
	size_t n;

	engine_get(store.engine, ENGINE_SIDE, key_view(&old), &side, NULL);
	digest = buf_view(&side);
	if (m->row.side) {
		m->row.head = slice_take(digest, m->row.head_n);
		digest = slice_drop(digest, m->row.head.n);
		m->row.size -= m->row.head_n - m->row.head.n;
		m->row.head_n = (uint32_t)m->row.head.n;
	}
	/* Keywords are bits of one mailbox; and nobody wants it to go with
	   the next EXPUNGE. */
	if (p->box->number != mailbox)
		m->row.flags &= SYSTEM_FLAGS;
	m->row.flags &= ~(uint64_t)FLAG_DELETED;
	m->row.modseq = p->box->now.modseq;
	change_add(&d->change, p, &m->row, m->blob, digest);
	txn_del(d->change.txn, ENGINE_ROWS, m->key);
	txn_del(d->change.txn, ENGINE_SIDE, key_view(&old));
	d->messages++;
	n = side.n;
	buf_free(&side);
	return n;
}

static void
messages_restore(struct request *r, struct session *s, uint32_t since,
    uint32_t mailbox)
{
	struct user *u = s->user;
	struct losses l = { .arena = &r->arena, .mailbox = mailbox,
		.v = arena_array(&r->arena, PART, sizeof *l.v) };
	struct key from = key_kept(u->id, since, 0, 0);
	struct key to = key_table(u->id, TABLE_KEPT + 1);
	struct undeleting *d;
	struct box *b;
	size_t bytes = 0;

	engine_scan(store.engine, ENGINE_ROWS, key_view(&from), key_view(&to),
	    loss_row, &l);
	if (l.n == 0) {
		answer(r, WIRE_OK, &(struct box_undelete_out){ 0 });
		return;
	}
	b = box_for(u, l.mailbox);
	if (UINT32_MAX - b->now.uidnext <= PART) {
		answer(r, WIRE_AGAIN, NULL);
		return;
	}
	d = undelete_begin(r, s, b);
	d->mailbox = b->number;
	b->now.modseq++;
	for (size_t i = 0; i < l.n && bytes < PART_BYTES; i++)
		bytes += message_restore(d, l.mailbox, &l.v[i]);
	change_commit(&d->change, undelete_landed);
}

static void
undelete_run(struct request *r, struct session *s)
{
	const struct box_undelete_in *in = REQUEST(box_undelete, r);
	uint64_t since = in->since / 1000;
	struct slice name = { 0 };
	struct box *b = NULL;

	if (since > UINT32_MAX || (in->name.n > 0 &&
	    !name_take(&r->arena, in->name, &name)))
		answer(r, WIRE_BAD, NULL);
	else if (!engine_room(store.engine, 0))
		answer(r, WIRE_AGAIN, NULL);
	else if (box_restore(r, s, (uint32_t)since, name))
		return;
	else if (name.n > 0 && (b = box_named(s->user, name)) == NULL)
		answer(r, WIRE_NONE, NULL);
	else
		messages_restore(r, s, (uint32_t)since,
		    b != NULL ? b->number : 0);
}

static void
take_undelete(struct request *r)
{
	session_run(r, RIGHT_MAILBOXES | RIGHT_APPEND, undelete_run);
}

void
undelete_serve(void)
{
	serve(WIRE_box_undelete, take_undelete);
}

/* ---- the sweep */

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
	uint64_t window = store.undelete / 1000, time_now = now();
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
