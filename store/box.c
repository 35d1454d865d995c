#include "store/box.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "store/store.h"

/* ---- opening */

struct opening {
	struct change	 change;
	struct request	*request;
};

static void
open_answer(struct request *r, const struct box *b)
{
	answer(r, WIRE_OK, &(struct box_open_out){
	    .mailbox = b->number, .uidvalidity = b->seen.uidvalidity,
	    .uidnext = b->seen.uidnext, .modseq = b->seen.modseq,
	    .messages = b->seen.messages, .bytes = b->seen.bytes });
}

static void
open_landed(struct change *c, enum engine_status status)
{
	struct opening *o = CONTAINER(c, struct opening, change);

	if (status == ENGINE_OK)
		open_answer(o->request, c->box);
	else
		answer(o->request, WIRE_AGAIN, NULL);
	free(o);
}

/* INBOX exists for everybody (RFC 9051 5.1); it is made when first needed. */
static void
open_new(struct request *r, struct box *b)
{
	struct opening *o = mem_zero(sizeof *o);

	o->request = r;
	change_begin(&o->change, b->user, b);
	o->change.alters = true;
	change_commit(&o->change, open_landed);
}

static void
open_run(struct request *r, struct session *s)
{
	struct slice name = REQUEST(box_open, r)->name;
	bool inbox = box_is_inbox(name);
	struct box *b;

	if (!inbox && (s->rights & RIGHT_MAILBOXES) == 0)
		answer(r, WIRE_DENIED, NULL);
	else if ((b = inbox ? box_inbox(s->user) :
	    box_named(s->user, name)) == NULL)
		answer(r, inbox ? WIRE_AGAIN : WIRE_NONE, NULL);
	else if (b->seen.uidvalidity == 0)
		open_new(r, b);
	else
		open_answer(r, b);
}

/* ---- listing */

struct listing {
	struct box_list_out out;
	uint64_t	 since;
	size_t		 cap, rows;
	bool		 damaged;
};

static bool
list_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct listing *l = arg;
	struct message_row m;
	uint32_t uid = key_uid(key);

	(void)blob;
	if (l->out.n_entries == l->cap || l->rows++ == LIST_ROWS) {
		l->out.next = uid;
		return false;
	}
	if (!message_row_get(value, &m))
		l->damaged = true;
	else if (m.modseq > l->since)
		l->out.entries[l->out.n_entries++] = (struct wire_entry){
			.uid = uid, .flags = m.flags, .modseq = m.modseq,
			.size = m.size, .when = m.when };
	return true;
}

static void
list_run(struct request *r, struct session *s)
{
	const struct box_list_in *in = REQUEST(box_list, r);
	struct box *b = session_box(r, s, in->mailbox);
	struct listing l = { .since = in->since };

	if (b == NULL)
		return;
	l.cap = b->seen.messages < LIST_ENTRIES ? b->seen.messages :
	    LIST_ENTRIES;
	l.cap = l.cap < 16 ? 16 : l.cap;
	l.out.entries = arena_array(&r->arena, l.cap, sizeof *l.out.entries);
	for (size_t i = 0; i < in->n_uids && l.out.next == 0; i++) {
		uint32_t last = uid_last(b, in->uids[i].to);
		struct key from = key_message(s->user->id, b->number,
		    in->uids[i].from);
		struct key to = key_message(s->user->id, b->number, last + 1);

		if (in->uids[i].from <= last)
			engine_scan(store.engine, ENGINE_ROWS,
			    key_view(&from), key_view(&to), list_row, &l);
	}
	if (l.damaged)
		LOG(row_damaged, .user = s->user->id,
		    .what = SLICE("message"));
	answer(r, WIRE_OK, &l.out);
}

/* ---- one message */

static bool
read_side(const struct key *k, struct message *m)
{
	enum engine_status s = engine_get(store.engine, ENGINE_SIDE,
	    key_view(k), &m->side, NULL);
	size_t head_n = m->row.side ? m->row.head_n : 0;

	if (s != ENGINE_OK && (s != ENGINE_NONE || m->row.side))
		return false;
	if (m->side.n < head_n)
		return false;
	if (m->row.side)
		m->head = slice_take(buf_view(&m->side), head_n);
	m->digest = slice_drop(buf_view(&m->side), head_n);
	return true;
}

bool
message_read(struct request *r, struct session *s, uint32_t box, uint32_t uid,
    bool want_side, struct message *m)
{
	struct key k = key_message(s->user->id, box, uid);
	enum engine_status status;

	*m = (struct message){ .blob = 0 };
	status = engine_get(store.engine, ENGINE_ROWS, key_view(&k),
	    &m->bytes, &m->blob);
	if (status == ENGINE_NONE) {
		answer(r, WIRE_NONE, NULL);
		return false;
	}
	if (status == ENGINE_OK &&
	    message_row_get(buf_view(&m->bytes), &m->row)) {
		m->head = m->row.head;
		if ((!want_side && !m->row.side) || read_side(&k, m))
			return true;
	}
	LOG(row_damaged, .user = s->user->id, .what = SLICE("message"),
	    .mailbox = box, .uid = uid);
	message_free(m);
	answer(r, WIRE_AGAIN, NULL);
	return false;
}

void
message_free(struct message *m)
{
	buf_free(&m->bytes);
	buf_free(&m->side);
}

static void
digest_run(struct request *r, struct session *s)
{
	const struct box_digest_in *in = REQUEST(box_digest, r);
	struct message m;

	if (session_box(r, s, in->mailbox) == NULL ||
	    !message_read(r, s, in->mailbox, in->uid, true, &m))
		return;
	answer(r, WIRE_OK, &(struct box_digest_out){
	    .head = m.row.head_n, .digest = m.digest });
	message_free(&m);
}

/* ---- watching */

struct watcher {
	struct node	 node;
	uint64_t	 modseq;	/* what the asker has seen */
	struct request	*request;
};

static void
watch_answer(struct request *r, const struct box *b)
{
	answer(r, WIRE_OK, &(struct box_watch_out){
	    .modseq = b->seen.modseq, .uidnext = b->seen.uidnext });
}

void
box_notify(struct box *b)
{
	LIST_EACH(n, &b->watchers) {
		struct watcher *w = CONTAINER(n, struct watcher, node);

		if (b->seen.modseq > w->modseq) {
			list_del(n);
			watch_answer(w->request, b);
		}
	}
}

static void
watch_lost(struct request *r)
{
	struct watcher *w = r->owner;

	list_del(&w->node);
	answer(r, WIRE_GONE, NULL);
}

static void
watch_run(struct request *r, struct session *s)
{
	const struct box_watch_in *in = REQUEST(box_watch, r);
	struct box *b = session_box(r, s, in->mailbox);
	struct watcher *w;

	if (b == NULL)
		return;
	if (b->seen.modseq > in->modseq) {
		watch_answer(r, b);
		return;
	}
	w = arena_array(&r->arena, 1, sizeof *w);
	w->modseq = in->modseq;
	w->request = r;
	r->owner = w;
	r->lost = watch_lost;
	list_push(&b->watchers, &w->node);
}

/* ---- who comes here */

static void
take_open(struct request *r)
{
	session_run(r, RIGHT_READ, open_run);
}

static void
take_list(struct request *r)
{
	session_run(r, RIGHT_READ, list_run);
}

static void
take_digest(struct request *r)
{
	session_run(r, RIGHT_READ, digest_run);
}

static void
take_watch(struct request *r)
{
	session_run(r, RIGHT_READ, watch_run);
}

void
box_serve(void)
{
	serve(WIRE_box_open, take_open);
	serve(WIRE_box_list, take_list);
	serve(WIRE_box_digest, take_digest);
	serve(WIRE_box_watch, take_watch);
}
