/*
 * box_append: messages a client brings (RFC 9051 6.3.12), some at once in one
 * commit (RFC 3502: all of them or none).
 */
#include <stdlib.h>

#include "common/core/log.h"
#include "store/body.h"
#include "store/home.h"
#include "store/names.h"
#include "store/session.h"
#include "store/store.h"
#include "store/sync.h"

enum { TXN_BYTES = 32 * 1024 * 1024 };	/* digests of one call, far above */

struct appending {
	struct change	 change;
	struct request	*request;
	uint32_t	 first;
	uint64_t	 before;	/* MODSEQ */
	size_t		 n;
	uint64_t	 blobs[];	/* held until it has landed */
};

static void
appending_free(struct appending *a)
{
	for (size_t i = 0; i < a->n; i++)
		blob_release(store.engine, a->blobs[i]);
	free(a);
}

/* Who has the mailbox selected, and had seen all, needs no box_sync for what it
   brought. */
static void
own_change(const struct appending *a, struct box *b)
{
	struct session *s = a->request->from == NULL ? NULL :
	    link_owner(a->request->from);

	if (s == NULL)
		return;
	box_saw(b, s, a->before);
	if (s->selected == b->number && b->told == a->first)
		b->told += (uint32_t)a->n;
}

static void
append_landed(struct change *c, enum engine_status status)
{
	struct appending *a = CONTAINER(c, struct appending, change);
	struct part *p = &c->parts[0];

	if (status == ENGINE_OK) {
		own_change(a, p->box);
		store.stored += a->n;
		LOG(copy_stored, .user = c->user->id,
		    .mailbox = p->box->number, .uid = a->first,
		    .bytes = (uint64_t)p->bytes);
		answer(a->request, WIRE_OK, &(struct box_append_out){
		    .mailbox = p->box->number, .first = a->first,
		    .uidvalidity = p->seen.uidvalidity,
		    .before = a->before, .modseq = p->seen.modseq });
	} else
		answer(a->request, WIRE_AGAIN, NULL);
	appending_free(a);
}

/* Takes every body; the sum of their sizes.  False: answered. */
static bool
bodies_get(struct request *r, struct session *s, struct appending *a,
    uint64_t *sizes, uint64_t *sum)
{
	const struct box_append_in *in = REQUEST(box_append, r);

	for (size_t i = 0; i < in->n_messages; i++) {
		uint64_t number = in->messages[i].number, blob = 0;

		sizes[i] = in->body.n;
		if (number != 0)
			blob = body_take(s->bodies, number, &sizes[i]);
		else if (engine_room(store.engine, in->body.n))
			blob = blob_add(store.engine, &in->body, 1);
		if (blob == 0) {
			answer(r, number != 0 ? WIRE_NONE : WIRE_AGAIN, NULL);
			return false;
		}
		a->blobs[a->n++] = blob;
		*sum += sizes[i];
	}
	return true;
}

static void
append_commit(struct request *r, struct session *s, struct box *b,
    struct appending *a, const uint64_t *sizes)
{
	const struct box_append_in *in = REQUEST(box_append, r);

	change_begin(&a->change, s->user, b);
	a->before = b->now.modseq++;
	a->first = b->now.uidnext;
	for (size_t i = 0; i < in->n_messages; i++) {
		const struct wire_appended *m = &in->messages[i];
		struct message_row row = { .flags = m->flags,
			.modseq = b->now.modseq, .when = m->when,
			.size = sizes[i] };

		change_add(&a->change, &a->change.parts[0], &row, a->blobs[i],
		    m->digest);
	}
	change_commit(&a->change, append_landed);
}

static bool
append_good(const struct box_append_in *in, const struct box *b)
{
	size_t digests = 0;

	if (in->n_messages == 0 || in->n_messages > BODIES_MAX)
		return false;
	for (size_t i = 0; i < in->n_messages; i++) {
		const struct wire_appended *m = &in->messages[i];

		digests += m->digest.n;
		if ((m->flags & ~flags_known(b)) != 0 ||
		    m->digest.n > ENGINE_VALUE_MAX || digests > TXN_BYTES ||
		    (m->number == 0 && (in->n_messages > 1 ||
		    in->body.n == 0)))
			return false;
	}
	return true;
}

static void
append_run(struct request *r, struct session *s)
{
	const struct box_append_in *in = REQUEST(box_append, r);
	struct appending *a;
	uint64_t *sizes, sum = 0;
	struct slice name;
	struct box *b;

	if (in->mailbox == 0 && home_make(r, s, append_run))
		return;
	b = in->mailbox == 0 ? name_box(r, s, in->name, &name) :
	    session_box(r, s, in->mailbox);
	if (b == NULL)
		return;
	if (!append_good(in, b)) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	a = mem_zero(sizeof *a + in->n_messages * sizeof *a->blobs);
	a->request = r;
	sizes = arena_array(&r->arena, in->n_messages, sizeof *sizes);
	if (!bodies_get(r, s, a, sizes, &sum)) {
		appending_free(a);
		return;
	}
	if (session_full(s, sum))
		answer(r, WIRE_OK, &(struct box_append_out){ .full = 1 });
	else if (UINT32_MAX - b->now.uidnext <= in->n_messages)
		answer(r, WIRE_AGAIN, NULL);
	else {
		append_commit(r, s, b, a, sizes);
		return;
	}
	appending_free(a);
}

static void
take_append(struct request *r)
{
	session_run(r, RIGHT_APPEND, append_run);
}

void
box_append_serve(void)
{
	serve(WIRE_box_append, take_append);
}
