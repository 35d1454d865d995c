/* Telling the client what changed in its mailbox (RFC 9051 7.5.1), and IDLE. */
#include "imapd/session.h"

#include "common/task/task.h"

void
set_print(struct buf *out, const struct ranges *set)
{
	for (size_t i = 0; i < set->n; i++) {
		if (i > 0)
			buf_char(out, ',');
		buf_u64(out, set->r[i].from);
		if (set->r[i].to > set->r[i].from) {
			buf_char(out, ':');
			buf_u64(out, set->r[i].to);
		}
	}
}

/* ---- what went */

/* From the last to the first: so a number is right when it is said, and
   the next one is not moved by it. */
static void
tell_expunges(struct session *s)
{
	struct view *v = &s->view;
	uint32_t uid = ranges_last(&v->gone);

	for (; uid != 0; uid = ranges_floor(&v->gone, uid - 1))
		buf_printf(session_out(s), "* %u EXPUNGE\r\n",
		    view_number(v, uid));
}

static void
tell_gone(struct session *s)
{
	struct view *v = &s->view;
	struct ranges left = { 0 };
	struct buf *out;

	if (ranges_count(&v->gone) == 0)
		return;
	if ((s->enabled & ENABLED_QRESYNC) != 0) {
		out = session_out(s);
		buf_str(out, "* VANISHED ");
		set_print(out, &v->gone);
		buf_str(out, "\r\n");
	} else
		tell_expunges(s);
	ranges_subtract(&left, &v->uids, &v->gone);
	ranges_free(&v->uids);
	v->uids = left;
	/* RFC 5182 2.1: the saved result forgets them too. */
	left = (struct ranges){ 0 };
	ranges_subtract(&left, &s->saved, &v->gone);
	ranges_free(&s->saved);
	s->saved = left;
	ranges_free(&v->gone);
}

static bool
take_vanished(struct view *v, struct slice vanished)
{
	struct ranges all = { 0 }, here = { 0 };
	bool good = ranges_get(&all, vanished);

	ranges_intersect(&here, &all, &v->uids);
	for (size_t i = 0; i < here.n; i++)
		ranges_add(&v->gone, here.r[i].from, here.r[i].to);
	ranges_free(&all);
	ranges_free(&here);
	return good;
}

/* ---- what changed */

/* A change that STORE made itself is answered there; but its MODSEQ is news
   (RFC 7162 3.1.3). */
static void
tell_change(struct session *s, const struct wire_entry *e)
{
	bool own = e->modseq == s->view.own;
	bool modseq = (s->enabled & ENABLED_CONDSTORE) != 0;
	uint32_t number = view_number(&s->view, e->uid);
	struct buf *out;

	if (number == 0 || (own && (!modseq || s->view.own_told)))
		return;
	out = session_out(s);
	buf_printf(out, "* %u FETCH (UID %u", number, e->uid);
	if (!own) {
		buf_str(out, " FLAGS (");
		view_flags(&s->view, out, e->flags);
		buf_char(out, ')');
	}
	if (modseq)
		buf_printf(out, " MODSEQ (%llu)",
		    (unsigned long long)e->modseq);
	buf_str(out, ")\r\n");
}

static void
take_changed(struct session *s, const struct box_sync_out *out)
{
	struct view *v = &s->view;

	for (size_t i = 0; i < out->n_changed; i++) {
		const struct wire_entry *e = &out->changed[i];

		if (ranges_has(&v->uids, e->uid))
			tell_change(s, e);
		else if (e->uid >= v->uidnext)
			ranges_add(&v->uids, e->uid, e->uid);
	}
}

/* The selected mailbox, or the way to it, is no more. */
static bool
deselected(struct session *s, enum wire_status status)
{
	if (!s->leaving)
		conn_write(s->conn, status == WIRE_NONE ?
		    SLICE("* BYE the mailbox was deleted\r\n") :
		    SLICE("* BYE [UNAVAILABLE] the mailbox cannot be read "
		    "now\r\n"));
	s->leaving = true;
	return false;
}

static void
tell_modseq(struct session *s, uint64_t modseq)
{
	if ((s->enabled & ENABLED_QRESYNC) != 0)
		buf_printf(session_out(s), "* OK [HIGHESTMODSEQ %llu] you know "
		    "all up to here\r\n", (unsigned long long)modseq);
}

void
view_tell_held(struct session *s)
{
	if (s->view.held != 0)
		tell_modseq(s, s->view.held);
}

/* What went is either told by now or stays held back. */
static void
synced(struct session *s, uint64_t modseq)
{
	struct view *v = &s->view;
	bool was_held = v->held != 0;

	if (ranges_count(&v->gone) == 0)
		v->held = 0;
	else if (!was_held)
		v->held = v->modseq;
	v->modseq = modseq;
	if (was_held && v->held == 0)
		tell_modseq(s, modseq);
}

bool
view_has_news(const struct view *v, bool expunge)
{
	return v->mailbox != 0 && (v->dirty ||
	    (expunge && ranges_count(&v->gone) > 0));
}

bool
view_sync(struct session *s, bool expunge)
{
	struct view *v = &s->view;
	struct box_sync_in in = { .mailbox = v->mailbox, .since = v->modseq };
	uint32_t count = ranges_count(&v->uids), gone, uidnext = v->uidnext;
	uint64_t modseq = 0;
	struct box_sync_out out;

	do {
		struct arena arena = { 0 };
		enum wire_status status = box_sync(s->store, &in, &out, &arena,
		    LINK_WAIT);

		if (status == WIRE_OK && (!take_vanished(v, out.vanished) ||
		    !view_keywords(s, out.keywords)))
			status = WIRE_AGAIN;
		if (status != WIRE_OK) {
			arena_free(&arena);
			return deselected(s, status);
		}
		gone = ranges_count(&v->gone);
		if (expunge) {
			count -= gone;
			tell_gone(s);
		}
		take_changed(s, &out);
		if (modseq == 0) {
			modseq = out.modseq;
			uidnext = out.uidnext;
		}
		in.from = out.next;
		arena_free(&arena);
	} while (in.from != 0);
	synced(s, modseq);
	v->uidnext = uidnext > v->uidnext ? uidnext : v->uidnext;
	if (ranges_count(&v->uids) != count)
		buf_printf(session_out(s), "* %u EXISTS\r\n",
		    ranges_count(&v->uids));
	view_watch(s);
	return true;
}

void
view_added(struct session *s, const struct box_append_out *out, uint32_t n)
{
	struct view *v = &s->view;

	if (out->mailbox != v->mailbox)
		return;
	if (v->dirty || out->before != v->modseq || out->first < v->uidnext) {
		v->dirty = true;
		return;
	}
	ranges_add(&v->uids, out->first, out->first + n - 1);
	v->uidnext = out->first + n;
	v->modseq = out->modseq;
	buf_printf(session_out(s), "* %u EXISTS\r\n",
	    ranges_count(&v->uids));
}

/* ---- what changed before (QRESYNC) */

/* What is still in the view went after it was opened: that is told later. */
static bool
tell_earlier(struct session *s, const struct ranges *known,
    struct slice vanished)
{
	struct ranges all = { 0 }, went = { 0 }, told = { 0 };
	bool good = ranges_get(&all, vanished);
	struct buf *out = session_out(s);

	ranges_subtract(&went, &all, &s->view.uids);
	if (known != NULL)
		ranges_intersect(&told, &went, known);
	else
		ranges_copy(&told, &went);
	if (ranges_count(&told) > 0) {
		buf_str(out, "* VANISHED (EARLIER) ");
		set_print(out, &told);
		buf_str(out, "\r\n");
	}
	ranges_free(&all);
	ranges_free(&went);
	ranges_free(&told);
	return good;
}

/* In as many answers as it takes; changed: not only what went. */
static bool
tell_since(struct session *s, uint64_t since, const struct ranges *known,
    bool changed)
{
	struct box_sync_in in = { .mailbox = s->view.mailbox, .since = since };
	struct box_sync_out out;
	bool good;

	do {
		struct arena arena = { 0 };

		good = box_sync(s->store, &in, &out, &arena, LINK_WAIT) ==
		    WIRE_OK && view_keywords(s, out.keywords) &&
		    tell_earlier(s, known, out.vanished);
		for (size_t i = 0; good && changed && i < out.n_changed; i++)
			if (known == NULL ||
			    ranges_has(known, out.changed[i].uid))
				tell_change(s, &out.changed[i]);
		in.from = good ? out.next : 0;
		arena_free(&arena);
	} while (in.from != 0);
	return good;
}

bool
view_tell_since(struct session *s, uint64_t since, const struct ranges *known)
{
	return tell_since(s, since, known, true);
}

bool
view_tell_vanished(struct session *s, uint64_t since, const struct ranges *of)
{
	return tell_since(s, since, of, false);
}

/* ---- commands that only listen */

void
cmd_noop(struct session *s, struct scan *a)
{
	if (!scan_end(a)) {
		session_misread(s, a);
		return;
	}
	if (s->view.mailbox == 0 || view_sync(s, true))
		session_ok(s, "done");
}

/* Everything is always on disk: the same (RFC 3501 6.4.1). */
void
cmd_check(struct session *s, struct scan *a)
{
	cmd_noop(s, a);
}

/* Until the client says DONE.  False: the session is over. */
static bool
idle(struct session *s)
{
	struct slice line;

	for (;;) {
		if (view_has_news(&s->view, true) && !view_sync(s, true))
			return false;
		if (s->lost || !conn_await(s->conn, "news or the client"))
			return false;
		if (!conn_has_input(s->conn))
			continue;
		switch (conn_read_line(s->conn, 1024, &line)) {
		case LINE_END:
			return false;
		case LINE_OK:
			if (slice_ieq(line, SLICE("DONE")))
				return true;
			/* FALLTHROUGH */
		default:
			session_bad(s, "say DONE first");
			return true;
		}
	}
}

void
cmd_idle(struct session *s, struct scan *a)
{
	bool done;

	if (!scan_end(a)) {
		session_misread(s, a);
		return;
	}
	conn_write(s->conn, SLICE("+ idling\r\n"));
	s->view.idler = task_self();
	door_prompt(s->visit, true);
	done = idle(s);
	door_prompt(s->visit, false);
	s->view.idler = NULL;
	if (done)
		session_ok(s, "done");
}
