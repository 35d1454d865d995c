#include "store/copy.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "store/list.h"
#include "store/message.h"
#include "store/session.h"
#include "store/store.h"

enum {
	TXN_ROWS = 4096,		/* messages in one commit */
	TXN_BYTES = 8 * 1024 * 1024,	/* of their rows and digests */
	ROW_BYTES = 256,		/* a row and two keys, about */
	FROM_BYTES = WIRE_FRAME_MAX / 2,	/* ranges in the answer */
	FIRST = 16,
};

/* ---- many messages */

/* A message on its way. */
struct sent {
	uint32_t	 uid;
	uint64_t	 blob;
	struct message_row row;
};

struct transfer_change {
	struct change	 change;
	struct transfer	*of;
};

static bool
source_row(void *arg, uint32_t uid, const struct message_row *row,
    uint64_t blob)
{
	struct transfer *t = arg;

	if (t->n == TXN_ROWS) {
		t->next = uid;
		return false;
	}
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? FIRST : 2 * t->cap;
		t->rows = mem_grow(t->rows, t->cap * sizeof *t->rows);
	}
	t->rows[t->n] = (struct sent){ .uid = uid, .blob = blob, .row = *row };
	t->rows[t->n++].row.head = arena_slice(&t->heads, row->head);
	return true;
}

/* Keywords keep their names, which may have other bits there.  What the other
   mailbox has no place for is lost. */
static uint64_t
flags_there(struct transfer *t, uint64_t flags)
{
	uint64_t there = flags & ((1u << FLAGS_SYSTEM) - 1);
	struct slice rest = buf_view(&t->from->keywords), name;

	if (t->from == t->to || there == flags)
		return flags;
	for (unsigned k = 0; keyword_next(&rest, &name); k++) {
		if ((flags >> (FLAGS_SYSTEM + k) & 1) == 0)
			continue;
		if (t->keyword[k] == 0)
			t->keyword[k] = keyword_bit(t->to, name);
		if (t->keyword[k] == 0 &&
		    (t->keyword[k] = keyword_new(t->to, name)) != 0)
			t->in->keywords++;
		there |= t->keyword[k];
	}
	return there;
}

/* side: what SIDE has of it. */
static void
send(struct transfer *t, struct sent *m, struct slice side)
{
	struct message_row row = m->row;
	uint32_t uid;

	if (row.side) {
		row.head = slice_take(side, row.head_n);
		side = slice_drop(side, row.head_n);
		if (row.head.n < row.head_n)
			return;		/* damaged: it stays where it is */
	}
	row.flags = flags_there(t, row.flags);
	row.modseq = t->to->now.modseq;
	uid = change_add(t->change, t->in, &row, m->blob, side);
	if (t->first == 0)
		t->first = uid;
	ranges_add(&t->sources, m->uid, m->uid);
	if (t->out != NULL)
		part_remove(t->out, m->uid, &m->row);
	t->bytes += ROW_BYTES + side.n;
}

/* Those before this UID have nothing there. */
static void
send_until(struct transfer *t, uint32_t uid)
{
	while (t->at < t->n && t->rows[t->at].uid < uid)
		send(t, &t->rows[t->at++], slice_of(NULL, 0));
}

static bool
source_side(void *arg, uint32_t uid, struct slice value)
{
	struct transfer *t = arg;

	send_until(t, uid);
	if (t->at < t->n && t->rows[t->at].uid == uid)
		send(t, &t->rows[t->at++], value);
	if (t->at == t->n)
		return false;
	if (t->bytes < TXN_BYTES)
		return true;
	t->next = t->rows[t->at].uid;
	t->n = t->at;
	return false;
}

static void
transfer_end(struct transfer *t)
{
	if (--t->left == 0)
		t->done(t, t->status);
}

static void
transfer_landed(struct change *c, enum engine_status status)
{
	struct transfer_change *a = CONTAINER(c, struct transfer_change,
	    change);
	struct transfer *t = a->of;

	if (status != ENGINE_OK)
		t->status = status;
	free(a);
	transfer_end(t);
}

static void
transfer_change(struct transfer *t)
{
	struct transfer_change *a = mem_zero(sizeof *a);

	a->of = t;
	t->change = &a->change;
	change_begin(t->change, t->user, t->to);
	t->change->alters = true;
	t->in = &t->change->parts[0];
	t->out = !t->move ? NULL : t->from == t->to ? t->in :
	    change_also(t->change, t->from);
	t->to->now.modseq++;
	if (t->out != NULL && t->from != t->to)
		t->from->now.modseq++;
	t->at = t->bytes = 0;
}

static void
transfer_commit(struct transfer *t)
{
	if (t->out != NULL)
		change_remove(t->change, t->out);
	if (t->more != NULL)
		t->more(t, t->change);
	t->more = NULL;
	t->left++;
	change_commit(t->change, transfer_landed);
	t->n = 0;
	arena_reset(&t->heads);
}

void
transfer_begin(struct transfer *t, const struct ranges *set)
{
	uint32_t from = 1;

	t->left = 1;
	t->status = ENGINE_OK;
	do {
		t->next = 0;
		messages_scan(t->from, set, from, source_row, t);
		if (t->n == 0 && t->more == NULL)
			break;
		transfer_change(t);
		if (t->n > 0)
			sides_scan(t->from, set, t->rows[0].uid, source_side,
			    t);
		send_until(t, t->n > 0 ? UINT32_MAX : 0);
		transfer_commit(t);
	} while ((from = t->next) != 0);
	transfer_end(t);
}

void
transfer_free(struct transfer *t)
{
	ranges_free(&t->sources);
	arena_free(&t->heads);
	free(t->rows);
}

/* ---- box_copy */

struct copy {
	struct transfer	 transfer;
	struct request	*request;
	uint64_t	 session;
};

static void
copy_tell(const struct copy *c)
{
	const struct transfer *t = &c->transfer;
	uint64_t n = ranges_count(&t->sources);

	if (n > 0 && t->move)
		LOG(messages_moved, .user = t->user->id,
		    .from = t->from->number, .mailbox = t->to->number,
		    .uid = t->first, .messages = n, .session = c->session);
	else if (n > 0)
		LOG(messages_copied, .user = t->user->id,
		    .from = t->from->number, .mailbox = t->to->number,
		    .uid = t->first, .messages = n, .session = c->session);
}

static void
copy_done(struct transfer *t, enum engine_status status)
{
	struct copy *c = CONTAINER(t, struct copy, transfer);
	struct box_copy_out out = { .uidvalidity = t->to->seen.uidvalidity,
		.first = t->first,
		.modseq = t->move ? t->from->seen.modseq : 0 };
	struct buf from = { 0 };

	if (status == ENGINE_OK)
		copy_tell(c);
	ranges_put(&t->sources, &from, 1, FROM_BYTES);
	out.from = buf_view(&from);
	answer(c->request, status == ENGINE_OK ? WIRE_OK : WIRE_AGAIN, &out);
	buf_free(&from);
	transfer_free(t);
	free(c);
}

static bool
sum_row(void *arg, uint32_t uid, const struct message_row *row, uint64_t blob)
{
	uint64_t *sum = arg;

	(void)uid;
	(void)blob;
	*sum += row->size;
	return true;
}

static void
copy(struct request *r, struct session *s, struct box *from, struct box *to,
    const struct ranges *set)
{
	bool move = REQUEST(box_copy, r)->move;
	uint64_t bytes = 0;
	struct copy *c;

	if (!move && s->limit > 0)
		messages_scan(from, set, 1, sum_row, &bytes);
	if (!move && session_full(s, bytes)) {
		answer(r, WIRE_OK, &(struct box_copy_out){ .full = 1 });
		return;
	}
	c = mem_zero(sizeof *c);
	c->request = r;
	c->session = s->number;
	c->transfer = (struct transfer){ .user = s->user, .from = from,
		.to = to, .move = move, .done = copy_done };
	transfer_begin(&c->transfer, set);
}

static void
copy_run(struct request *r, struct session *s)
{
	const struct box_copy_in *in = REQUEST(box_copy, r);
	struct box *from = session_box(r, s, in->mailbox), *to;
	struct ranges set = { 0 };

	if (from == NULL || (to = session_box(r, s, in->to)) == NULL)
		return;
	if (!uids_take(&set, in->uids, in->n_uids) || in->move > 1)
		answer(r, WIRE_BAD, NULL);
	else if (in->move && (s->rights & RIGHT_EXPUNGE) == 0)
		answer(r, WIRE_DENIED, NULL);
	else if (from->seen.messages >= UINT32_MAX - to->now.uidnext ||
	    !engine_room(store.engine, 0))
		answer(r, WIRE_AGAIN, NULL);
	else
		copy(r, s, from, to, &set);
	ranges_free(&set);
}

static void
take_copy(struct request *r)
{
	session_run(r, RIGHT_READ | RIGHT_APPEND, copy_run);
}

void
copy_serve(void)
{
	serve(WIRE_box_copy, take_copy);
}
