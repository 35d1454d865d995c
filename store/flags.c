/*
 * box_flags: other flags for messages that are already seen.
 *
 * It reads rows before it writes them, so it runs only when no such change
 * of this user is in flight (session_run), and others wait for it.  One call
 * has one MODSEQ (RFC 7162 3.1) and is one txn, unless it is very large: then
 * several in one group.
 */
#include <stdlib.h>
#include <string.h>

#include "common/core/log.h"
#include "store/list.h"
#include "store/message.h"
#include "store/session.h"
#include "store/store.h"

enum { TXN_ROWS = 50000, FIRST = 16 };

/* A row whose flags change. */
struct found {
	uint32_t	 uid;
	uint64_t	 blob;
	struct message_row row;
};

struct flagging {
	struct request	*request;
	const struct box_flags_in *in;
	struct user	*user;
	struct box	*box;
	uint64_t	 modseq;
	struct ranges	 modified;	/* left alone (RFC 7162 3.1.3) */
	uint32_t	 changed;
	size_t		 left;		/* txns in flight, and one more */
	bool		 failed;

	struct arena	 heads;		/* of the rows found */
	struct found	*found;
	size_t		 n, cap;
	uint32_t	 next;		/* 0: all of them are found */
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

static struct found *
found_new(struct flagging *f)
{
	if (f->n == f->cap) {
		f->cap = f->cap == 0 ? FIRST : 2 * f->cap;
		f->found = mem_grow(f->found, f->cap * sizeof *f->found);
	}
	return &f->found[f->n++];
}

static bool
flags_row(void *arg, uint32_t uid, const struct message_row *row,
    uint64_t blob)
{
	struct flagging *f = arg;
	struct found *m;

	if (f->n == TXN_ROWS) {
		f->next = uid;
		return false;
	}
	if (row->modseq > f->in->unchanged)
		ranges_add(&f->modified, uid, uid);
	else if (flags_changed(row->flags, f->in) != row->flags) {
		m = found_new(f);
		*m = (struct found){ .uid = uid, .blob = blob, .row = *row };
		m->row.head = arena_slice(&f->heads, row->head);
	}
	return true;
}

static void
flags_answer(struct flagging *f)
{
	struct box_flags_out out = { .modseq = f->changed > 0 ? f->modseq : 0,
		.changed = f->changed };
	struct buf modified = { 0 };

	if (--f->left > 0)
		return;
	ranges_put(&f->modified, &modified, 1, UIDS_BYTES);
	out.modified = buf_view(&modified);
	ranges_free(&f->modified);
	answer(f->request, f->failed ? WIRE_AGAIN : WIRE_OK, &out);
	buf_free(&modified);
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
flags_put(struct flagging *f, struct change *c, struct found *m,
    struct buf *value)
{
	struct key k = key_message(f->user->id, f->box->number, m->uid);
	uint64_t flags = flags_changed(m->row.flags, f->in);

	part_flags(&c->parts[0], m->uid, m->row.flags, flags);
	m->row.flags = flags;
	m->row.modseq = f->modseq;
	buf_clear(value);
	message_row_put(value, &m->row);
	txn_put(c->txn, ENGINE_ROWS, key_view(&k), buf_view(value), m->blob);
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
	for (size_t i = 0; i < f->n; i++)
		flags_put(f, &a->change, &f->found[i], &value);
	buf_free(&value);
	f->changed += (uint32_t)f->n;
	f->n = 0;
	arena_reset(&f->heads);
	f->left++;
	change_commit(&a->change, flags_landed);
}

static void
flags_each(struct flagging *f, const struct ranges *set)
{
	uint32_t from = 1;

	do {
		f->next = 0;
		messages_scan(f->box, set, from, flags_row, f);
		flags_commit(f);
	} while ((from = f->next) != 0);
	arena_free(&f->heads);
	free(f->found);
}

static void
flags_run(struct request *r, struct session *s)
{
	const struct box_flags_in *in = REQUEST(box_flags, r);
	struct box *b = session_box(r, s, in->mailbox);
	struct ranges set = { 0 };
	struct flagging *f;

	if (b == NULL)
		return;
	if (!uids_take(&set, in->uids, in->n_uids) ||
	    in->change > FLAGS_REMOVE || (in->flags & ~flags_known(b)) != 0) {
		ranges_free(&set);
		answer(r, WIRE_BAD, NULL);
		return;
	}
	f = arena_array(&r->arena, 1, sizeof *f);
	*f = (struct flagging){ .request = r, .in = in, .user = s->user,
		.box = b, .modseq = b->now.modseq + 1, .left = 1 };
	flags_each(f, &set);
	ranges_free(&set);
	flags_answer(f);
}

static void
take_flags(struct request *r)
{
	session_run(r, RIGHT_FLAGS, flags_run);
}

void
flags_serve(void)
{
	serve(WIRE_box_flags, take_flags);
}
