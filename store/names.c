/* box_status, box_names, box_subscribe, box_quota: what a user has. */
#include "store/names.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/log.h"
#include "common/core/utf8.h"
#include "store/home.h"
#include "store/mailbox.h"
#include "store/store.h"

enum {
	ANSWER_NAMES = 500,
	SUBSCRIPTIONS_MAX = 10000,	/* of a user */
};

/* ---- names */

bool
name_take(struct arena *a, struct slice s, struct slice *name)
{
	struct slice rest = s, level;
	char *copy;

	if (s.n == 0 || s.n > NAME_MAX_BYTES || s.p[s.n - 1] == '/' ||
	    !utf8_is_text(s))
		return false;
	while (rest.n > 0)
		if ((level = slice_cut(&rest, '/')).n == 0)
			return false;
	copy = arena_str(a, s);
	rest = s;
	if (box_is_inbox(slice_cut(&rest, '/')))
		memcpy(copy, "INBOX", 5);
	*name = slice_of(copy, s.n);
	return true;
}

/* ---- one mailbox */

static void
box_say(struct box *b, struct wire_box *w)
{
	w->mailbox = b->number;
	w->attributes |= b->seen.attributes;
	w->uidvalidity = b->seen.uidvalidity;
	w->uidnext = b->seen.uidnext;
	w->messages = b->seen.messages;
	w->unseen = b->seen.unseen;
	w->deleted = b->seen.deleted;
	w->recent = box_recent(b, false);
	w->bytes = b->seen.bytes;
	w->modseq = b->seen.modseq;
}

bool
name_subscribed(const struct user *u, struct slice name)
{
	struct key k = key_subscribed(u->id, name);

	return engine_get(store.engine, ENGINE_ROWS, key_view(&k), NULL,
	    NULL) == ENGINE_OK;
}

static void
status_answer(struct request *r, const struct wire_box *w)
{
	answer(r, WIRE_OK, &(struct box_status_out){ .name = w->name,
	    .mailbox = w->mailbox, .attributes = w->attributes,
	    .uidvalidity = w->uidvalidity, .uidnext = w->uidnext,
	    .messages = w->messages, .unseen = w->unseen,
	    .deleted = w->deleted, .recent = w->recent, .bytes = w->bytes,
	    .modseq = w->modseq });
}

struct box *
name_box(struct request *r, struct session *s, struct slice said,
    struct slice *name)
{
	struct box *b = NULL;

	if (!name_take(&r->arena, said, name))
		answer(r, WIRE_BAD, NULL);
	else if (!box_is_inbox(*name) && (s->rights & RIGHT_MAILBOXES) == 0)
		answer(r, WIRE_DENIED, NULL);
	else if ((b = box_named(s->user, *name)) == NULL)
		answer(r, WIRE_NONE, NULL);
	return b;
}

static void
status_run(struct request *r, struct session *s)
{
	struct wire_box w = { .mailbox = 0 };
	struct box *b;

	if (home_make(r, s, status_run) || (b = name_box(r, s,
	    REQUEST(box_status, r)->name, &w.name)) == NULL)
		return;
	if (name_subscribed(s->user, w.name))
		w.attributes = ATTRIBUTE_SUBSCRIBED;
	box_say(b, &w);
	status_answer(r, &w);
}

/* ---- all of them */

/* The next names of one table, in order. */
struct names {
	struct arena	*arena;
	struct slice	 v[ANSWER_NAMES + 1];
	uint32_t	 number[ANSWER_NAMES + 1];
	size_t		 n, at;
};

static bool
names_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct names *l = arg;
	struct slice name = key_text(key);

	(void)blob;
	if (box_is_inbox(name))
		return true;	/* it was the first */
	l->number[l->n] = 0;
	if (value.n == 4)
		name_row_get(value, &l->number[l->n]);
	l->v[l->n++] = arena_slice(l->arena, name);
	return l->n <= ANSWER_NAMES;
}

static struct names *
names_scan(struct arena *a, const struct user *u, enum table t,
    struct slice after)
{
	struct names *l = arena_alloc(a, sizeof *l);
	struct key from = t == TABLE_NAMES ? key_name(u->id, after) :
	    key_subscribed(u->id, after);
	struct key end = key_table(u->id, t + 1);

	l->arena = a;
	l->n = l->at = 0;
	from.p[from.n++] = '\0';	/* the first key above */
	engine_scan(store.engine, ENGINE_ROWS, key_view(&from),
	    key_view(&end), names_row, l);
	return l;
}

/* Takes the smaller of the two next names; false: there is none. */
static bool
names_next(struct names *boxes, struct names *subscribed, struct wire_box *w,
    uint32_t *number)
{
	int order;

	if (boxes->at == boxes->n && subscribed->at == subscribed->n)
		return false;
	order = boxes->at == boxes->n ? 1 : subscribed->at == subscribed->n ?
	    -1 : slice_cmp(boxes->v[boxes->at], subscribed->v[subscribed->at]);
	*w = (struct wire_box){ .attributes = order >= 0 ?
		ATTRIBUTE_SUBSCRIBED : 0, .name = order <= 0 ?
		boxes->v[boxes->at] : subscribed->v[subscribed->at] };
	*number = order <= 0 ? boxes->number[boxes->at] : 0;
	boxes->at += order <= 0;
	subscribed->at += order >= 0;
	return true;
}

static void
names_say_inbox(struct session *s, struct box_names_out *out)
{
	struct wire_box *w = &out->boxes[out->n_boxes++];

	w->name = SLICE("INBOX");
	if (name_subscribed(s->user, w->name))
		w->attributes = ATTRIBUTE_SUBSCRIBED;
	box_say(box_inbox(s->user), w);
}

static void
names_run(struct request *r, struct session *s)
{
	struct slice after = REQUEST(box_names, r)->after;
	struct box_names_out out = { 0 };
	struct names *boxes, *subscribed;
	struct wire_box w;
	uint32_t number;

	if (home_make(r, s, names_run))
		return;
	if (after.n > NAME_MAX_BYTES) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	out.boxes = arena_array(&r->arena, ANSWER_NAMES + 1,
	    sizeof *out.boxes);
	if (after.n == 0)
		names_say_inbox(s, &out);
	if (box_is_inbox(after))
		after = slice_of(NULL, 0);
	boxes = names_scan(&r->arena, s->user, TABLE_NAMES, after);
	subscribed = names_scan(&r->arena, s->user, TABLE_SUBSCRIBED, after);
	while (names_next(boxes, subscribed, &w, &number)) {
		struct box *b = number == 0 ? NULL : box_get(s->user, number);

		if (out.n_boxes == ANSWER_NAMES) {
			out.more = 1;
			break;
		}
		if (b != NULL)
			box_say(b, &w);
		out.boxes[out.n_boxes++] = w;
	}
	answer(r, WIRE_OK, &out);
}

/* ---- subscriptions */

struct subscribing {
	struct change	 change;
	struct request	*request;
};

static void
subscribe_landed(struct change *c, enum engine_status status)
{
	struct subscribing *a = CONTAINER(c, struct subscribing, change);

	answer(a->request, status == ENGINE_OK ? WIRE_OK : WIRE_AGAIN,
	    &(struct box_subscribe_out){ .fd = 0 });
	free(a);
}

void
subscription_put(struct change *c, struct slice name, bool on)
{
	struct key k = key_subscribed(c->user->id, name);

	if (on) {
		c->user->now.subscriptions++;
		txn_put(c->txn, ENGINE_ROWS, key_view(&k),
		    slice_of(NULL, 0), 0);
	} else {
		c->user->now.subscriptions--;
		txn_del(c->txn, ENGINE_ROWS, key_view(&k));
	}
}

static void
subscribe(struct request *r, struct session *s, struct slice name, bool on)
{
	struct subscribing *a = mem_zero(sizeof *a);

	a->request = r;
	change_begin(&a->change, s->user, NULL);
	a->change.alters = a->change.counts = a->change.fragile = true;
	subscription_put(&a->change, name, on);
	change_commit(&a->change, subscribe_landed);
}

static void
subscribe_run(struct request *r, struct session *s)
{
	const struct box_subscribe_in *in = REQUEST(box_subscribe, r);
	struct slice name;

	if (!name_take(&r->arena, in->name, &name) || in->on > 1)
		answer(r, WIRE_BAD, NULL);
	else if (name_subscribed(s->user, name) == in->on)
		answer(r, WIRE_OK, &(struct box_subscribe_out){ .fd = 0 });
	else if (in->on && s->user->now.subscriptions >= SUBSCRIPTIONS_MAX)
		answer(r, WIRE_AGAIN, NULL);
	else
		subscribe(r, s, name, in->on);
}

/* ---- quota */

static void
quota_run(struct request *r, struct session *s)
{
	answer(r, WIRE_OK, &(struct box_quota_out){
	    .used = s->user->seen.bytes, .limit = s->limit,
	    .messages = s->user->seen.messages });
}

/* ---- who comes here */

static void
take_status(struct request *r)
{
	session_run(r, RIGHT_READ, status_run);
}

static void
take_names(struct request *r)
{
	session_run(r, RIGHT_READ | RIGHT_MAILBOXES, names_run);
}

static void
take_subscribe(struct request *r)
{
	session_run(r, RIGHT_MAILBOXES, subscribe_run);
}

static void
take_quota(struct request *r)
{
	session_run(r, RIGHT_READ, quota_run);
}

void
names_serve(void)
{
	serve(WIRE_box_status, take_status);
	serve(WIRE_box_names, take_names);
	serve(WIRE_box_subscribe, take_subscribe);
	serve(WIRE_box_quota, take_quota);
}
