/*
 * store_append: one body, a copy for each user named.
 *
 * Each copy ends in an outcome that is durable together with what it tells of:
 * message, counters, outcome and retry token are one txn of the user.  Copies
 * of several users are several txns in the same group.  The call is answered
 * when the last of them has landed.
 */
#include <stdlib.h>

#include "common/core/log.h"
#include "store/body.h"
#include "store/known.h"
#include "store/store.h"

struct append {
	struct request	*request;
	const struct store_append_in *in;
	uint64_t	 blob;		/* held; 0: none yet */
	uint64_t	 size;		/* of the body */
	struct wire_copied *results;
	size_t		 left;		/* copies without a result */
};

/* One copy whose outcome another append is writing. */
struct joiner {
	struct node	 node;
	struct append	*append;
	size_t		 i;
};

/* One copy whose outcome we are writing. */
struct copying {
	struct op	 op;
	struct append	*append;
	size_t		 i;
};

static const char no_room[] = "4.3.1 no room on the disk of the mail store";

static void	copy_settle(struct append *, size_t);

static void
append_answer(struct append *a)
{
	struct store_append_out out = { .results = a->results,
		.n_results = a->in->n_copies };

	if (a->blob != 0)
		blob_release(store.engine, a->blob);
	answer(a->request, WIRE_OK, &out);
}

static void
copy_result(struct append *a, size_t i, const struct op_row *row)
{
	a->results[i] = (struct wire_copied){ .outcome = row->outcome,
		.uid = row->uid,
		.text = arena_slice(&a->request->arena, row->text) };
	if (--a->left == 0)
		append_answer(a);
}

static void
copy_later(struct append *a, size_t i, const char *why)
{
	copy_result(a, i, &(struct op_row){ .outcome = OUTCOME_LATER,
	    .text = slice_str(why) });
}

/* As often as it is asked for: nothing was written, nothing will be. */
static void
copy_gone(struct append *a, size_t i)
{
	struct op_row row = { .outcome = OUTCOME_REFUSED,
		.text = SLICE("5.1.1 the mailbox was removed") };

	store.refused++;
	LOG(copy_refused, .id = a->in->id, .user = a->in->copies[i].user,
	    .why = row.text);
	copy_result(a, i, &row);
}

/* ---- the commit */

static void
copy_log(const struct op *op)
{
	const struct op_row *row = &op->row;

	if (row->outcome == OUTCOME_STORED && op->change.n == 0) {
		store.known++;
		LOG(copy_known, .id = op->id, .user = op->change.user->id,
		    .mailbox = row->mailbox, .uid = row->uid);
	} else if (row->outcome == OUTCOME_STORED) {
		store.stored++;
		LOG(copy_stored, .id = op->id, .user = op->change.user->id,
		    .mailbox = row->mailbox, .uid = row->uid,
		    .bytes = (uint64_t)op->change.parts[0].bytes);
	} else {
		store.refused++;
		LOG(copy_refused, .id = op->id, .user = op->change.user->id,
		    .why = row->text);
	}
}

static void
copy_landed(struct change *change, enum engine_status status)
{
	struct copying *c = CONTAINER(change, struct copying, op.change);
	struct append *a = c->append;
	struct node joiners, *n;

	op_end(&c->op);
	list_init(&joiners);
	while ((n = list_pop(&c->op.joiners)) != NULL)
		list_push(&joiners, n);
	if (status == ENGINE_OK) {
		copy_log(&c->op);
		copy_result(a, c->i, &c->op.row);
	} else
		copy_later(a, c->i, no_room);
	free(c);
	while ((n = list_pop(&joiners)) != NULL) {
		struct joiner *j = CONTAINER(n, struct joiner, node);

		copy_settle(j->append, j->i);
	}
}

/* The number of the shared body; 0: there is no room for it. */
static uint64_t
append_blob(struct append *a)
{
	if (a->blob == 0 && engine_room(store.engine, a->size))
		a->blob = blob_add(store.engine, &a->in->body, 1);
	return a->blob;
}

static void
put_message(struct append *a, size_t i, struct op *op)
{
	const struct wire_copy *copy = &a->in->copies[i];
	struct part *p = &op->change.parts[0];
	struct message_row row = { .head = copy->head,
		.head_n = (uint32_t)copy->head.n,
		.modseq = ++p->box->now.modseq, .when = a->in->when,
		.size = a->size + copy->head.n, .id = a->in->id };

	op->row.mailbox = p->box->number;
	op->row.uid = change_add(&op->change, p, &row, a->blob, a->in->digest);
}

/* Commits one outcome: with the message if box is not NULL. */
static void
copy_commit(struct append *a, size_t i, struct user *u, struct box *box,
    const struct op_row *row)
{
	struct copying *c = mem_zero(sizeof *c);

	c->append = a;
	c->i = i;
	change_begin(&c->op.change, u, box);
	c->op.id = a->in->id;
	c->op.row = *row;
	if (box != NULL) {
		c->op.token = a->in->token;
		c->op.change.alters = box->seen.uidvalidity == 0;
		put_message(a, i, &c->op);
	}
	op_begin(&c->op);
	change_commit(&c->op.change, copy_landed);
}

/* ---- the decision */

/* RCPT asked earlier whether the mailbox is full; what it let in is taken as
   long as one message, the largest there may be, goes over the limit. */
static bool
over_quota(const struct append *a, const struct wire_copy *copy,
    const struct user *u)
{
	uint64_t used = u->now.bytes, size = a->size + copy->head.n;

	return copy->limit > 0 && used > copy->limit &&
	    (size > store.message_max ||
	    used - copy->limit > store.message_max - size);
}

static void
copy_new(struct append *a, size_t i, struct user *u)
{
	const struct wire_copy *copy = &a->in->copies[i];
	struct op_row row = { .outcome = OUTCOME_STORED };
	struct box *b = NULL;

	if (copy->refuse) {
		row.outcome = OUTCOME_REFUSED;
		row.text = slice_take(copy->text, TEXT_MAX);
	} else if ((b = box_named(u, copy->mailbox)) == NULL &&
	    (b = box_inbox(u)) == NULL) {
		copy_later(a, i, "4.3.0 the mailbox is damaged");
		return;
	} else if (b->now.uidnext == UINT32_MAX || over_quota(a, copy, u)) {
		row.outcome = OUTCOME_FULL;
		row.text = SLICE("5.2.2 the mailbox is full");
		b = NULL;
	} else if (append_blob(a) == 0) {
		copy_later(a, i, no_room);
		return;
	}
	copy_commit(a, i, u, b, &row);
}

/* Waits until the outcome another append is writing has landed, then looks
   again: it may have failed. */
static void
copy_join(struct append *a, size_t i, struct op *op)
{
	struct joiner *j = arena_array(&a->request->arena, 1, sizeof *j);

	j->append = a;
	j->i = i;
	list_push(&op->joiners, &j->node);
}

static void
copy_known(struct append *a, size_t i, const struct op_row *row)
{
	store.known++;
	LOG(copy_known, .id = a->in->id, .user = a->in->copies[i].user,
	    .mailbox = row->mailbox, .uid = row->uid, .why = row->text);
	copy_result(a, i, row);
}

/* Rule 3: the first outcome wins, every repetition gets it. */
static void
copy_settle(struct append *a, size_t i)
{
	struct user *u = user_hold(a->in->copies[i].user);
	struct buf text = { 0 };
	struct op_row row;
	struct op *op;

	if (u == NULL) {
		copy_later(a, i, "4.3.0 the mailbox cannot be read now");
		return;
	}
	if (u->now.gone) {
		user_release(u);
		copy_gone(a, i);
		return;
	}
	switch (known_find(u, a->in->id, a->in->token, &row, &text, &op)) {
	case KNOWN_NOT:
		copy_new(a, i, u);
		break;
	case KNOWN_OUTCOME:
		copy_known(a, i, &row);
		break;
	case KNOWN_TOKEN:
		copy_commit(a, i, u, NULL, &row);
		break;
	case KNOWN_SOON:
		copy_join(a, i, op);
		break;
	case KNOWN_DAMAGED:
		copy_later(a, i, "4.3.0 the mailbox is damaged");
		break;
	}
	buf_free(&text);
	user_release(u);
}

/* ---- the call */

static bool
append_good(const struct store_append_in *in)
{
	if (in->n_copies == 0 || in->token.n > TOKEN_MAX)
		return false;
	for (size_t i = 0; i < in->n_copies; i++) {
		const struct wire_copy *c = &in->copies[i];

		if (c->user == 0 || c->user == UINT64_MAX ||
		    c->head.n > HEAD_MAX)
			return false;
		if (!c->refuse && in->number == 0 && in->body.n == 0)
			return false;
	}
	return in->digest.n <= ENGINE_VALUE_MAX - HEAD_MAX;
}

static void
take_append(struct request *r)
{
	const struct store_append_in *in = REQUEST(store_append, r);
	struct append *a = arena_array(&r->arena, 1, sizeof *a);

	*a = (struct append){ .request = r, .in = in, .size = in->body.n };
	if (!request_bare(r))
		return;
	if (!append_good(in)) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	if (in->number != 0 &&
	    (a->blob = body_take(link_owner(r->from), in->number,
	    &a->size)) == 0) {
		answer(r, WIRE_NONE, NULL);
		return;
	}
	if (known_stale(in->id, in->low_water)) {
		store.stale++;
		LOG(append_stale, .id = in->id, .copies = in->n_copies);
		if (a->blob != 0)
			blob_release(store.engine, a->blob);
		answer(r, WIRE_STALE, NULL);
		return;
	}
	a->results = arena_array(&r->arena, in->n_copies, sizeof *a->results);
	/* One more, so that it is not answered before all were looked at. */
	a->left = in->n_copies + 1;
	for (size_t i = 0; i < in->n_copies; i++)
		copy_settle(a, i);
	if (--a->left == 0)
		append_answer(a);
}

void
append_serve(void)
{
	serve(WIRE_store_append, take_append);
}
