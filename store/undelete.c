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
