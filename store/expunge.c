/* box_expunge: messages go, for good or into the undelete window (RFC 9051
   6.4.3, 6.4.9). */
#include <stdlib.h>

#include "common/core/log.h"
#include "store/message.h"
#include "store/session.h"
#include "store/store.h"
#include "store/undelete.h"

struct expunging {
	struct change	 change;
	struct request	*request;
	uint64_t	 session, modseq, removed;
	bool		 keep;
	struct ranges	 rest;		/* for another commit */
	size_t		 n;		/* in this one */
};

static void	 expunge_some(struct expunging *, struct user *, struct box *);
static void	 expunge_end(struct expunging *, const struct box *);

static void
expunge_landed(struct change *c, enum engine_status status)
{
	struct expunging *e = CONTAINER(c, struct expunging, change);
	struct box *b = c->parts[0].box;

	if (status != ENGINE_OK) {
		answer(e->request, WIRE_AGAIN, NULL);
		ranges_free(&e->rest);
		free(e);
		return;
	}
	e->removed += e->n;
	if (e->rest.n > 0)
		expunge_some(e, c->user, b);
	else
		expunge_end(e, b);
}

static bool
expunge_row(void *arg, uint32_t uid, const struct message_row *row,
    uint64_t blob)
{
	struct expunging *e = arg;
	struct part *p = &e->change.parts[0];

	part_remove(p, uid, row);
	e->n++;
	if (!e->keep)
		return true;
	/* What is damaged has no size: it goes. */
	if (row->size > 0)
		kept_put(&e->change, p, uid, row, blob);
	else {
		struct key from = key_message(e->change.user->id,
		    p->box->number, uid);
		struct key to = key_message(e->change.user->id,
		    p->box->number, uid + 1);

		txn_delrange(e->change.txn, key_view(&from), key_view(&to));
	}
	return e->n < store.kept_most;
}

static void
expunge_end(struct expunging *e, const struct box *b)
{
	store.expunged += e->removed;
	if (e->removed > 0)
		LOG(expunged, .user = b->user->id, .mailbox = b->number,
		    .messages = e->removed, .session = e->session);
	answer(e->request, WIRE_OK, &(struct box_expunge_out){
	    .modseq = e->removed > 0 ? e->modseq : b->seen.modseq,
	    .removed = (uint32_t)e->removed });
	ranges_free(&e->rest);
	free(e);
}

/* One commit; more only if it is very much that is kept. */
static void
expunge_some(struct expunging *e, struct user *u, struct box *b)
{
	struct part *p = &e->change.parts[0];

	e->n = 0;
	change_begin(&e->change, u, b);
	e->change.alters = true;
	messages_any(b, &e->rest, expunge_row, e);
	if (e->n == 0) {
		change_drop(&e->change);
		expunge_end(e, b);
		return;
	}
	if (!e->keep)
		change_remove(&e->change, p);
	if (e->keep && e->n == store.kept_most)
		ranges_del(&e->rest, 1, ranges_last(&p->vanished));
	else
		ranges_clear(&e->rest);
	e->modseq = ++b->now.modseq;
	change_commit(&e->change, expunge_landed);
}

/* Goes on when the disk is full: it is how room is made.  Takes the set. */
static void
expunge(struct request *r, struct session *s, struct box *b,
    struct ranges *set)
{
	struct expunging *e = mem_zero(sizeof *e);

	e->request = r;
	e->session = s->number;
	e->keep = undelete_keeps();
	e->rest = *set;
	*set = (struct ranges){ 0 };
	expunge_some(e, s->user, b);
}

static void
expunge_run(struct request *r, struct session *s)
{
	const struct box_expunge_in *in = REQUEST(box_expunge, r);
	struct box *b = session_box(r, s, in->mailbox);
	struct ranges set = { 0 }, marked = { 0 };

	if (b == NULL)
		return;
	if (!uids_take(&set, in->uids, in->n_uids) || in->deleted > 1)
		answer(r, WIRE_BAD, NULL);
	else if (in->deleted) {
		ranges_intersect(&marked, &set, box_marked(b));
		expunge(r, s, b, &marked);
	} else
		expunge(r, s, b, &set);
	ranges_free(&set);
	ranges_free(&marked);
}

static void
take_expunge(struct request *r)
{
	session_run(r, RIGHT_EXPUNGE, expunge_run);
}

void
expunge_serve(void)
{
	serve(WIRE_box_expunge, take_expunge);
}
