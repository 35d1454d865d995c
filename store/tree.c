/*
 * box_create, box_delete, box_rename: the tree of mailboxes.
 *
 * Each is one commit.  If it fails the rows are read again (fragile), for more
 * than counters was changed in memory.
 */
#include <stdlib.h>
#include <string.h>

#include "common/core/log.h"
#include "store/copy.h"
#include "store/home.h"
#include "store/names.h"
#include "store/store.h"
#include "store/sync.h"
#include "store/tree.h"
#include "store/undelete.h"

enum {
	BOXES_MAX = 10000,		/* of a user */
	ATTRIBUTES = 2 * ATTRIBUTE_IMPORTANT - 1 - ATTRIBUTE_SUBSCRIBED,
};

struct tree_change {
	struct change	 change;
	struct request	*request;
	struct box	*deleted;
	uint32_t	 mailbox, uidvalidity;
	uint64_t	 session;	/* it may end before */
	struct slice	 name, to;	/* in the request's arena */
	unsigned	 renamed;
};

static struct tree_change *
tree_begin(struct request *r, struct session *s)
{
	struct tree_change *t = mem_zero(sizeof *t);

	t->request = r;
	t->session = s->number;
	change_begin(&t->change, s->user, NULL);
	t->change.alters = t->change.counts = t->change.fragile = true;
	return t;
}

bool
name_there(const struct user *u, struct slice name)
{
	struct key k = key_name(u->id, name);

	return engine_get(store.engine, ENGINE_ROWS, key_view(&k), NULL,
	    NULL) == ENGINE_OK;
}

void
name_put(struct change *c, struct slice name, uint32_t number)
{
	struct key k = key_name(c->user->id, name);
	struct buf value = { 0 };

	name_row_put(&value, number);
	change_put(c, &k, &value);
}

bool
name_has_room(const struct user *u, struct slice name)
{
	size_t levels = 1;

	for (size_t i = 0; i < name.n; i++)
		levels += name.p[i] == '/';
	return u->now.boxes + levels <= BOXES_MAX;
}

/* ---- create */

uint32_t
box_put(struct change *c, struct slice name, uint32_t attributes,
    uint32_t *uidvalidity)
{
	struct user *u = c->user;
	uint32_t number = u->now.next_box++;
	struct key k = key_box(u->id, number);
	struct box_row row = { .uidvalidity = uidvalidity_next(u),
		.uidnext = 1, .modseq = 1, .attributes = attributes,
		.name = name };
	struct buf value = { 0 };

	u->now.boxes++;
	*uidvalidity = row.uidvalidity;
	box_row_put(&value, &row);
	change_put(c, &k, &value);
	name_put(c, name, number);
	return number;
}

void
parents_put(struct change *c, struct slice name)
{
	uint32_t uidvalidity;

	for (size_t i = 1; i < name.n; i++) {
		struct slice parent = slice_take(name, i);

		if (name.p[i] == '/' && !name_there(c->user, parent))
			box_put(c, parent, 0, &uidvalidity);
	}
}

static void
create_landed(struct change *c, enum engine_status status)
{
	struct tree_change *t = CONTAINER(c, struct tree_change, change);

	if (status == ENGINE_OK)
		LOG(mailbox_created, .user = c->user->id,
		    .mailbox = t->mailbox, .name = t->name,
		    .session = t->session);
	answer(t->request, status == ENGINE_OK ? WIRE_OK : WIRE_AGAIN,
	    &(struct box_create_out){ .mailbox = t->mailbox,
	    .uidvalidity = t->uidvalidity });
	free(t);
}

static void
create_run(struct request *r, struct session *s)
{
	const struct box_create_in *in = REQUEST(box_create, r);
	struct tree_change *t;
	struct slice name;

	if (home_make(r, s, create_run))
		return;
	if (!name_take(&r->arena, in->name, &name) ||
	    (in->attributes & ~(uint32_t)ATTRIBUTES) != 0)
		answer(r, WIRE_BAD, NULL);
	else if (name_there(s->user, name))
		answer(r, WIRE_CLASH, NULL);
	else if (!name_has_room(s->user, name))
		answer(r, WIRE_AGAIN, NULL);
	else {
		t = tree_begin(r, s);
		t->name = name;
		parents_put(&t->change, name);
		t->mailbox = box_put(&t->change, name, in->attributes,
		    &t->uidvalidity);
		change_commit(&t->change, create_landed);
	}
}

/* ---- delete */

static void
delete_landed(struct change *c, enum engine_status status)
{
	struct tree_change *t = CONTAINER(c, struct tree_change, change);

	if (status == ENGINE_OK) {
		LOG(mailbox_deleted, .user = c->user->id,
		    .mailbox = t->deleted->number, .name = t->name,
		    .messages = t->deleted->now.messages,
		    .session = t->session);
		box_notify(t->deleted);
		box_free(t->deleted);
	}
	answer(t->request, status == ENGINE_OK ? WIRE_OK : WIRE_AGAIN,
	    &(struct box_delete_out){ .fd = 0 });
	free(t);
}

static void
rows_delete(struct change *c, const struct box *b)
{
	uint64_t user = c->user->id;
	struct key name = key_name(user, slice_str(b->name));
	struct key box = key_box(user, b->number);
	struct key words = key_keywords(user, b->number);
	struct key from = key_message(user, b->number, 0);
	struct key to = key_message(user, b->number + 1, 0);

	txn_del(c->txn, ENGINE_ROWS, key_view(&name));
	txn_del(c->txn, ENGINE_ROWS, key_view(&box));
	txn_del(c->txn, ENGINE_ROWS, key_view(&words));
	txn_delrange(c->txn, key_view(&from), key_view(&to));
	from = key_expunged(user, b->number, 0);
	to = key_expunged(user, b->number + 1, 0);
	txn_delrange(c->txn, key_view(&from), key_view(&to));
}

static void
delete_run(struct request *r, struct session *s)
{
	struct user *u = s->user;
	struct tree_change *t;
	struct slice name;
	struct box *b;

	if (!name_take(&r->arena, REQUEST(box_delete, r)->name, &name))
		answer(r, WIRE_BAD, NULL);
	else if (box_is_inbox(name))
		answer(r, WIRE_DENIED, NULL);	/* RFC 9051 6.3.5 */
	else if ((b = box_named(u, name)) == NULL)
		answer(r, WIRE_NONE, NULL);
	else {
		t = tree_begin(r, s);
		t->name = name;
		t->deleted = b;
		b->gone = true;
		u->now.boxes--;
		u->now.messages -= b->now.messages;
		u->now.bytes -= b->now.bytes;
		if (undelete_keeps())
			kept_box_put(&t->change, b);
		else
			rows_delete(&t->change, b);
		change_commit(&t->change, delete_landed);
	}
}

/* ---- rename */

/* A mailbox that gets another name. */
struct moved {
	struct node	 node;
	struct box	*box;
	uint32_t	 number;
	struct slice	 old, new;
};

struct renaming {
	struct arena	*arena;
	struct slice	 from, to;
	struct node	 boxes;
};

static bool
rename_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct renaming *n = arg;
	struct slice old = arena_slice(n->arena, key_text(key));
	struct slice rest = slice_drop(old, n->from.n);
	struct moved *m = arena_array(n->arena, 1, sizeof *m);
	char *new = arena_alloc(n->arena, n->to.n + rest.n + 1);

	(void)blob;
	memcpy(new, n->to.p, n->to.n);
	if (rest.n > 0)
		memcpy(new + n->to.n, rest.p, rest.n);
	m->old = old;
	m->new = slice_of(new, n->to.n + rest.n);
	name_row_get(value, &m->number);
	list_push(&n->boxes, &m->node);
	return true;
}

/* The mailbox, if there is one, and all below it. */
static void
rename_scan(struct renaming *n, const struct user *u)
{
	struct key from = key_name(u->id, n->from), end = from;

	end.p[end.n++] = '\0';
	engine_scan(store.engine, ENGINE_ROWS, key_view(&from),
	    key_view(&end), rename_row, n);
	end = from;
	from.p[from.n++] = '/';
	end.p[end.n++] = '/' + 1;
	engine_scan(store.engine, ENGINE_ROWS, key_view(&from),
	    key_view(&end), rename_row, n);
}

/* Is it the old name of one that is moved? */
static bool
leaves(const struct renaming *n, struct slice name)
{
	return slice_starts(name, n->from) && (name.n == n->from.n ||
	    name.p[n->from.n] == '/');
}

static enum wire_status
rename_check(struct renaming *n, struct user *u)
{
	if (list_empty(&n->boxes))
		return WIRE_NONE;
	if (slice_eq(n->from, n->to))
		return WIRE_CLASH;
	if (leaves(n, n->to))
		return WIRE_BAD;	/* below itself */
	if (!name_has_room(u, n->to))
		return WIRE_AGAIN;
	LIST_EACH(node, &n->boxes) {
		struct moved *m = CONTAINER(node, struct moved, node);

		if (m->new.n > NAME_MAX_BYTES)
			return WIRE_BAD;
		if (!leaves(n, m->new) && name_there(u, m->new))
			return WIRE_CLASH;
		if ((m->box = box_get(u, m->number)) == NULL)
			return WIRE_AGAIN;
	}
	return name_there(u, n->to) && !leaves(n, n->to) ? WIRE_CLASH :
	    WIRE_OK;
}

static void
rename_put(struct change *c, struct moved *m)
{
	struct key k = key_box(c->user->id, m->number);
	struct box_row row = m->box->now;
	struct buf value = { 0 };

	free(m->box->name);
	m->box->name = mem_str(m->new);
	row.name = m->new;
	box_row_put(&value, &row);
	change_put(c, &k, &value);
	name_put(c, m->new, m->number);
}

static void
rename_landed(struct change *c, enum engine_status status)
{
	struct tree_change *t = CONTAINER(c, struct tree_change, change);

	if (status == ENGINE_OK)
		LOG(mailbox_renamed, .user = c->user->id, .name = t->name,
		    .to = t->to, .mailboxes = t->renamed,
		    .session = t->session);
	answer(t->request, status == ENGINE_OK ? WIRE_OK : WIRE_AGAIN,
	    &(struct box_rename_out){ .fd = 0 });
	free(t);
}

static void
rename_tree(struct request *r, struct session *s, struct slice from,
    struct slice to)
{
	struct renaming n = { .arena = &r->arena, .from = from, .to = to };
	enum wire_status status;
	struct tree_change *t;

	list_init(&n.boxes);
	rename_scan(&n, s->user);
	if ((status = rename_check(&n, s->user)) != WIRE_OK) {
		answer(r, status, NULL);
		return;
	}
	t = tree_begin(r, s);
	t->name = from;
	t->to = to;
	LIST_EACH(node, &n.boxes) {
		struct moved *m = CONTAINER(node, struct moved, node);
		struct key k = key_name(s->user->id, m->old);

		t->renamed++;
		txn_del(t->change.txn, ENGINE_ROWS, key_view(&k));
	}
	parents_put(&t->change, to);
	LIST_EACH(node, &n.boxes)
		rename_put(&t->change, CONTAINER(node, struct moved, node));
	change_commit(&t->change, rename_landed);
}

/* ---- INBOX is renamed: its messages move (RFC 9051 6.3.6) */

struct emptying {
	struct transfer	 transfer;
	struct request	*request;
	uint64_t	 session;
};

static void
emptying_more(struct transfer *t, struct change *c)
{
	c->fragile = true;
	parents_put(c, slice_str(t->to->name));
}

static void
emptying_done(struct transfer *t, enum engine_status status)
{
	struct emptying *e = CONTAINER(t, struct emptying, transfer);

	if (status == ENGINE_OK)
		LOG(mailbox_renamed, .user = t->user->id,
		    .name = SLICE("INBOX"), .to = slice_str(t->to->name),
		    .mailboxes = 1,
		    .messages = ranges_count(&t->sources),
		    .session = e->session);
	answer(e->request, status == ENGINE_OK ? WIRE_OK : WIRE_AGAIN,
	    &(struct box_rename_out){ .fd = 0 });
	transfer_free(t);
	free(e);
}

static void
rename_inbox(struct request *r, struct session *s, struct slice to)
{
	struct user *u = s->user;
	struct emptying *e;
	struct range all = { 1, UINT32_MAX };
	struct ranges set = { .r = &all, .n = 1 };

	if (name_there(u, to))
		answer(r, WIRE_CLASH, NULL);
	else if (!name_has_room(u, to) || !engine_room(store.engine, 0))
		answer(r, WIRE_AGAIN, NULL);
	else {
		e = mem_zero(sizeof *e);
		e->request = r;
		e->session = s->number;
		e->transfer = (struct transfer){ .user = u,
			.from = box_inbox(u), .move = true,
			.to = box_new(u, u->now.next_box++, to),
			.more = emptying_more, .done = emptying_done };
		transfer_begin(&e->transfer, &set);
	}
}

static void
rename_run(struct request *r, struct session *s)
{
	const struct box_rename_in *in = REQUEST(box_rename, r);
	struct slice from, to;

	if (home_make(r, s, rename_run))
		return;
	if (!name_take(&r->arena, in->from, &from) ||
	    !name_take(&r->arena, in->to, &to))
		answer(r, WIRE_BAD, NULL);
	else if (box_is_inbox(from))
		rename_inbox(r, s, to);
	else
		rename_tree(r, s, from, to);
}

/* ---- who comes here */

static void
take_create(struct request *r)
{
	session_run(r, RIGHT_MAILBOXES, create_run);
}

static void
take_delete(struct request *r)
{
	session_run(r, RIGHT_MAILBOXES, delete_run);
}

static void
take_rename(struct request *r)
{
	session_run(r, RIGHT_MAILBOXES, rename_run);
}

void
tree_serve(void)
{
	serve(WIRE_box_create, take_create);
	serve(WIRE_box_delete, take_delete);
	serve(WIRE_box_rename, take_rename);
}
