/* box_open, box_uids: a mailbox is selected. */
#include <stdlib.h>

#include "common/core/log.h"
#include "store/home.h"
#include "store/list.h"
#include "store/names.h"
#include "store/session.h"
#include "store/store.h"

static void
open_answer(struct request *r, struct session *s, struct box *b)
{
	bool writes = !REQUEST(box_open, r)->examine;
	struct box_open_out out = { .mailbox = b->number,
		.uidvalidity = b->seen.uidvalidity,
		.uidnext = b->seen.uidnext, .modseq = b->seen.modseq,
		.messages = b->seen.messages, .bytes = b->seen.bytes,
		.unseen = b->seen.unseen };
	struct buf uids = { 0 };

	if ((s->rights & RIGHT_FLAGS) != 0)
		box_follow(b);
	s->selected = writes ? b->number : 0;
	out.recent = box_recent(b, writes);
	out.next = ranges_put(box_present(b), &uids, 1, UIDS_BYTES);
	out.uids = buf_view(&uids);
	out.keywords = keywords_list(b, &r->arena, &out.n_keywords);
	answer(r, WIRE_OK, &out);
	buf_free(&uids);
}

static void
open_run(struct request *r, struct session *s)
{
	struct slice name = REQUEST(box_open, r)->name;
	struct box *b;

	if (home_make(r, s, open_run))
		return;
	if (!box_is_inbox(name) && (s->rights & RIGHT_MAILBOXES) == 0)
		answer(r, WIRE_DENIED, NULL);
	else if ((b = box_named(s->user, name)) == NULL)
		answer(r, WIRE_NONE, NULL);
	else
		open_answer(r, s, b);
}

static void
uids_run(struct request *r, struct session *s)
{
	const struct box_uids_in *in = REQUEST(box_uids, r);
	struct box *b = session_box(r, s, in->mailbox);
	struct box_uids_out out = { 0 };
	struct buf uids = { 0 };

	if (b == NULL)
		return;
	out.next = ranges_put(box_present(b), &uids, in->from, UIDS_BYTES);
	out.uids = buf_view(&uids);
	answer(r, WIRE_OK, &out);
	buf_free(&uids);
}

static void
take_open(struct request *r)
{
	session_run(r, RIGHT_READ, open_run);
}

static void
take_uids(struct request *r)
{
	session_run(r, RIGHT_READ, uids_run);
}

void
open_serve(void)
{
	serve(WIRE_box_open, take_open);
	serve(WIRE_box_uids, take_uids);
}
