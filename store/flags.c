/*
 * box_flags, box_expunge: changes of messages that are already seen.
 *
 * They read rows before they write them, so they run only when no such change
 * of this user is in flight (session_run), and others wait for them.  One
 * call has one MODSEQ (RFC 7162 3.1) and its txns go into one group.
 */
#include <stdlib.h>

#include "common/core/log.h"
#include "store/box.h"
#include "store/store.h"

enum {
	SLICE_ROWS = 4096,		/* messages changed by one txn */
	FLAGS_KNOWN = 2 * FLAG_DRAFT - 1,
};

/* Ranges must rise and not overlap: then the work is bounded by the mailbox. */
static bool
ranges_good(const struct wire_range *v, size_t n)
{
	uint64_t above = 0;

	for (size_t i = 0; i < n; i++) {
		if (v[i].from <= above || v[i].from > v[i].to)
			return false;
		above = v[i].to;
	}
	return n > 0;
}

/* ---- flags */

/* The rows of one range whose flags change, collected by a scan. */
struct found {
	uint32_t	 uid;
	uint64_t	 blob;
	struct message_row row;
};

/* One call: it may take several txns, and is answered when all landed. */
struct flagging {
	struct request	*request;
	const struct box_flags_in *in;
	struct user	*user;
	struct box	*box;
	uint64_t	 modseq;
	size_t		 left;		/* txns in flight, and one more */
	bool		 failed;

	struct arena	 heads;		/* of the rows found */
	struct found	*found;
	size_t		 n;
	uint32_t	 next;		/* 0: the range is done */
};

struct flags_change {
	struct change	 change;
	struct flagging	*of;
};

static uint64_t
flags_changed(uint64_t old, const struct box_flags_in *in)
{
	switch (in->change) {
	case FLAGS_ADD:
		return old | in->flags;
	case FLAGS_REMOVE:
		return old & ~in->flags;
	default:
		return in->flags;
	}
}

static bool
flags_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct flagging *f = arg;
	struct message_row row;

	if (f->n == SLICE_ROWS) {
		f->next = key_uid(key);
		return false;
	}
	if (!message_row_get(value, &row) ||
	    flags_changed(row.flags, f->in) == row.flags)
		return true;
	row.head = arena_slice(&f->heads, row.head);
	f->found[f->n++] = (struct found){ .uid = key_uid(key), .blob = blob,
		.row = row };
	return true;
}

/* Looks at the range from `from` on, until SLICE_ROWS are found. */
static void
flags_scan(struct flagging *f, uint32_t from, uint32_t to)
{
	uint32_t last = uid_last(f->box, to);
	struct key k, end;

	f->next = 0;
	if (from > last)
		return;
	k = key_message(f->user->id, f->box->number, from);
	end = key_message(f->user->id, f->box->number, last + 1);
	engine_scan(store.engine, ENGINE_ROWS, key_view(&k), key_view(&end),
	    flags_row, f);
}

static void
flags_answer(struct flagging *f)
{
	if (--f->left > 0)
		return;
	arena_free(&f->heads);
	answer(f->request, f->failed ? WIRE_AGAIN : WIRE_OK,
	    &(struct box_flags_out){ .modseq = f->modseq });
}

static void
flags_landed(struct change *c, enum engine_status status)
{
	struct flags_change *a = CONTAINER(c, struct flags_change, change);
	struct flagging *f = a->of;

	free(a);
	f->failed = f->failed || status != ENGINE_OK;
	flags_answer(f);
}

static void
flags_commit(struct flagging *f)
{
	struct flags_change *a;
	struct buf value = { 0 };

	if (f->n == 0)
		return;
	a = mem_zero(sizeof *a);
	a->of = f;
	change_begin(&a->change, f->user, f->box);
	a->change.alters = true;
	f->box->now.modseq = f->modseq;
	for (size_t i = 0; i < f->n; i++) {
		struct found *m = &f->found[i];
		struct key k = key_message(f->user->id, f->box->number,
		    m->uid);

		m->row.flags = flags_changed(m->row.flags, f->in);
		m->row.modseq = f->modseq;
		buf_clear(&value);
		message_row_put(&value, &m->row);
		txn_put(a->change.txn, ENGINE_ROWS, key_view(&k),
		    buf_view(&value), m->blob);
	}
	buf_free(&value);
	f->n = 0;
	arena_reset(&f->heads);
	f->left++;
	change_commit(&a->change, flags_landed);
}

static void
flags_run(struct request *r, struct session *s)
{
	const struct box_flags_in *in = REQUEST(box_flags, r);
	struct box *b = session_box(r, s, in->mailbox);
	struct flagging *f;

	if (b == NULL)
		return;
	if (!ranges_good(in->uids, in->n_uids) || in->change > FLAGS_REMOVE ||
	    (in->flags & ~(uint64_t)FLAGS_KNOWN) != 0) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	f = arena_array(&r->arena, 1, sizeof *f);
	*f = (struct flagging){ .request = r, .in = in, .user = s->user,
		.box = b, .modseq = b->now.modseq + 1, .left = 1,
		.found = arena_array(&r->arena, SLICE_ROWS,
		sizeof *f->found) };
	for (size_t i = 0; i < in->n_uids; i++) {
		uint32_t from = in->uids[i].from;

		do {
			if (f->n == SLICE_ROWS)
				flags_commit(f);
			flags_scan(f, from, in->uids[i].to);
		} while ((from = f->next) != 0);
	}
	if (f->n == 0 && f->left == 1)
		f->modseq = b->seen.modseq;
	flags_commit(f);
	flags_answer(f);
}

/* ---- expunge */

struct expunging {
	struct change	 change;
	struct request	*request;
	uint64_t	 session, modseq;
};

struct sum {
	int64_t		 messages, bytes;
};

static bool
expunge_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct sum *sum = arg;
	struct message_row row;

	(void)key;
	(void)blob;
	sum->messages++;
	if (message_row_get(value, &row))
		sum->bytes += (int64_t)row.size;
	return true;
}

static void
expunge_landed(struct change *c, enum engine_status status)
{
	struct expunging *e = CONTAINER(c, struct expunging, change);
	uint64_t removed = (uint64_t)-c->messages;

	if (status == ENGINE_OK) {
		store.expunged += removed;
		LOG(expunged, .user = c->user->id, .mailbox = c->box->number,
		    .messages = removed, .session = e->session);
		answer(e->request, WIRE_OK, &(struct box_expunge_out){
		    .modseq = e->modseq, .removed = (uint32_t)removed });
	} else
		answer(e->request, WIRE_AGAIN, NULL);
	free(e);
}

/* Rows and digests of the messages in the range, and how much that frees. */
static void
expunge_range(struct change *c, const struct wire_range *range)
{
	uint32_t last = uid_last(c->box, range->to);
	struct sum sum = { 0 };
	struct key from, to;

	if (range->from > last)
		return;
	from = key_message(c->user->id, c->box->number, range->from);
	to = key_message(c->user->id, c->box->number, last + 1);
	engine_scan(store.engine, ENGINE_ROWS, key_view(&from), key_view(&to),
	    expunge_row, &sum);
	if (sum.messages == 0)
		return;
	txn_delrange(c->txn, key_view(&from), key_view(&to));
	c->messages -= sum.messages;
	c->bytes -= sum.bytes;
}

/* Goes on when the disk is full: it is how room is made. */
static void
expunge_run(struct request *r, struct session *s)
{
	const struct box_expunge_in *in = REQUEST(box_expunge, r);
	struct box *b = session_box(r, s, in->mailbox);
	struct expunging *e;

	if (b == NULL)
		return;
	if (!ranges_good(in->uids, in->n_uids)) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	e = mem_zero(sizeof *e);
	e->request = r;
	e->session = s->number;
	change_begin(&e->change, s->user, b);
	e->change.alters = true;
	for (size_t i = 0; i < in->n_uids; i++)
		expunge_range(&e->change, &in->uids[i]);
	if (e->change.messages == 0) {
		change_drop(&e->change);
		free(e);
		answer(r, WIRE_OK, &(struct box_expunge_out){
		    .modseq = b->seen.modseq });
		return;
	}
	e->modseq = ++b->now.modseq;
	change_commit(&e->change, expunge_landed);
}

static void
take_flags(struct request *r)
{
	session_run(r, RIGHT_FLAGS, flags_run);
}

static void
take_expunge(struct request *r)
{
	session_run(r, RIGHT_EXPUNGE, expunge_run);
}

void
flags_serve(void)
{
	serve(WIRE_box_flags, take_flags);
	serve(WIRE_box_expunge, take_expunge);
}
