/*
 * box_watch, box_sync: what other sessions, and mda, do to a mailbox.
 *
 * A session watches with the MODSEQ it has seen; once that rose it asks what
 * changed since.  While somebody watches, what changed is known (box_touched)
 * and only those rows are read; after a long absence all rows are looked at
 * for their MODSEQ (RFC 7162 3.2.5).
 */
#include "store/sync.h"

#include "common/core/log.h"
#include "store/history.h"
#include "store/list.h"
#include "store/message.h"
#include "store/session.h"
#include "store/store.h"

/* ---- watching */

struct watcher {
	struct node	 node;
	uint64_t	 modseq;	/* what the asker has seen */
	struct request	*request;
	struct session	*of;
};

static struct request *
watcher_end(struct watcher *w)
{
	list_del(&w->node);
	w->of->watcher = NULL;
	return w->request;
}

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

		if (b->gone)
			answer(watcher_end(w), WIRE_NONE, NULL);
		else if (b->seen.modseq > w->modseq)
			watch_answer(watcher_end(w), b);
	}
}

void
box_saw(struct box *b, struct session *s, uint64_t before)
{
	struct watcher *w = s->watcher;

	if (w != NULL && w->modseq == before &&
	    REQUEST(box_watch, w->request)->mailbox == b->number)
		w->modseq = b->seen.modseq;
}

static void
watch_lost(struct request *r)
{
	watcher_end(r->owner);
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
	/* Who watches another mailbox, or the same again, has left the first:
	   a session has one watcher, however often it selects. */
	if (s->watcher != NULL)
		answer(watcher_end(s->watcher), WIRE_AGAIN, NULL);
	box_follow(b);
	if (b->seen.modseq > in->modseq) {
		watch_answer(r, b);
		return;
	}
	w = arena_array(&r->arena, 1, sizeof *w);
	w->modseq = in->modseq;
	w->request = r;
	w->of = s;
	s->watcher = w;
	r->owner = w;
	r->lost = watch_lost;
	list_push(&b->watchers, &w->node);
}

/* ---- what changed */

struct syncing {
	struct box_sync_out out;
	uint64_t	 since;
	size_t		 cap;
	struct arena	*arena;
};

static bool
sync_row(void *arg, uint32_t uid, const struct message_row *row,
    uint64_t blob)
{
	struct syncing *s = arg;

	(void)blob;
	if (row->modseq <= s->since)
		return true;
	if (s->out.n_changed == LIST_ENTRIES) {
		s->out.next = uid;
		return false;
	}
	s->out.changed = entries_room(s->arena, s->out.changed,
	    s->out.n_changed, &s->cap);
	s->out.changed[s->out.n_changed++] = entry_of(uid, row);
	return true;
}

static void
sync_changed(struct box *b, struct syncing *s, uint32_t from)
{
	struct ranges touched = { 0 };

	if (s->since >= b->seen.modseq)
		return;
	if (box_touched(b, s->since, &touched))
		messages_scan(b, &touched, from, sync_row, s);
	else {
		ranges_add(&touched, 1, UINT32_MAX);
		messages_scan(b, &touched, from, sync_row, s);
	}
	ranges_free(&touched);
}

/* As much of it as the answer takes, and not above what it has of the rest. */
static void
sync_vanished(struct box *b, struct syncing *s, struct buf *bytes,
    uint32_t from)
{
	struct ranges set = { 0 };
	uint32_t next;

	history_vanished(b, s->since, &set);
	if (s->out.next != 0)
		ranges_del(&set, s->out.next, UINT32_MAX);
	next = ranges_put(&set, bytes, from, UIDS_BYTES);
	ranges_free(&set);
	if (next == 0)
		return;
	s->out.next = next;
	while (s->out.n_changed > 0 &&
	    s->out.changed[s->out.n_changed - 1].uid >= next)
		s->out.n_changed--;
}

static void
sync_run(struct request *r, struct session *session)
{
	const struct box_sync_in *in = REQUEST(box_sync, r);
	struct box *b = session_box(r, session, in->mailbox);
	struct syncing s = { .arena = &r->arena };
	struct buf vanished = { 0 };
	uint32_t from;

	if (b == NULL)
		return;
	from = in->from == 0 ? 1 : in->from;
	s.since = in->since;
	box_follow(b);
	sync_changed(b, &s, from);
	sync_vanished(b, &s, &vanished, from);
	if (session->selected == b->number && b->told < b->seen.uidnext)
		b->told = b->seen.uidnext;
	s.out.modseq = b->seen.modseq;
	s.out.uidnext = b->seen.uidnext;
	s.out.keywords = b->seen.keywords;
	s.out.vanished = buf_view(&vanished);
	answer(r, WIRE_OK, &s.out);
	buf_free(&vanished);
}

static void
take_watch(struct request *r)
{
	session_run(r, RIGHT_READ, watch_run);
}

static void
take_sync(struct request *r)
{
	session_run(r, RIGHT_READ, sync_run);
}

void
sync_serve(void)
{
	serve(WIRE_box_watch, take_watch);
	serve(WIRE_box_sync, take_sync);
}
