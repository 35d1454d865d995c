/* box_expunge: messages go for good (RFC 9051 6.4.3, 6.4.9). */
#include <stdlib.h>

#include "common/core/log.h"
#include "store/message.h"
#include "store/session.h"
#include "store/store.h"

struct expunging {
	struct change	 change;
	struct request	*request;
	uint64_t	 session, modseq;
};

static void
expunge_landed(struct change *c, enum engine_status status)
{
	struct expunging *e = CONTAINER(c, struct expunging, change);
	uint64_t removed = (uint64_t)-c->parts[0].messages;

	if (status == ENGINE_OK) {
		store.expunged += removed;
		LOG(expunged, .user = c->user->id,
		    .mailbox = c->parts[0].box->number, .messages = removed,
		    .session = e->session);
		answer(e->request, WIRE_OK, &(struct box_expunge_out){
		    .modseq = e->modseq, .removed = (uint32_t)removed });
	} else
		answer(e->request, WIRE_AGAIN, NULL);
	free(e);
}

static bool
expunge_row(void *arg, uint32_t uid, const struct message_row *row,
    uint64_t blob)
{
	(void)blob;
	part_remove(arg, uid, row);
	return true;
}

/* Goes on when the disk is full: it is how room is made. */
static void
expunge(struct request *r, struct session *s, struct box *b,
    const struct ranges *set)
{
	struct expunging *e = mem_zero(sizeof *e);

	e->request = r;
	e->session = s->number;
	change_begin(&e->change, s->user, b);
	e->change.alters = true;
	messages_any(b, set, expunge_row, &e->change.parts[0]);
	change_remove(&e->change, &e->change.parts[0]);
	if (e->change.parts[0].messages == 0) {
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
