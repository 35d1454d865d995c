/* box_calls.h - how that store answers each call (box.h). */
#ifndef UNIT_IMAPD_BOX_CALLS_H
#define UNIT_IMAPD_BOX_CALLS_H

#include "tests/unit/imapd/box.h"

static inline void
take_open(struct request *r)
{
	struct box_open_out out = {
		.mailbox = mailbox_named(REQUEST(box_open, r)->name),
		.uidvalidity = 99, .uidnext = box.uidnext,
		.modseq = box.modseq };
	struct ranges uids = { 0 };

	if (trouble(r))
		return;
	for (size_t i = 0; i < box.n && out.mailbox == INBOX; i++)
		if (!box.letters[i].gone) {
			ranges_add(&uids, box.letters[i].uid,
			    box.letters[i].uid);
			out.messages++;
		}
	out.uids = ranges_slice(r, &uids);
	out.keywords = keywords_list(r);
	out.n_keywords = box.nkeywords;
	answer(r, out.mailbox == 0 ? WIRE_NONE : WIRE_OK, &out);
}

static inline struct wire_entry
entry_of(const struct letter *l, unsigned want)
{
	struct wire_entry e = { .uid = l->uid, .flags = l->flags,
		.modseq = l->modseq, .size = l->text.n, .when = 86400000 };

	if ((want & WANT_DIGEST) != 0 && !box.no_digest)
		e.digest = buf_view(&l->digest);
	if ((want & WANT_BYTES) != 0 && l->text.n <= WIRE_BODY_MAX &&
	    !box.no_bytes)
		e.bytes = l->text;
	else if ((want & WANT_START) != 0 && !box.no_bytes)
		e.bytes = slice_take(l->text, START_OCTETS);
	return e;
}

static inline void
take_list(struct request *r)
{
	const struct box_list_in *in = REQUEST(box_list, r);
	struct box_list_out out = { 0 };

	box.lists++;
	box.wanted |= in->want;
	if (trouble(r))
		return;
	out.entries = arena_array(&r->arena, box.page, sizeof *out.entries);
	for (size_t i = 0; i < box.n && in->mailbox == INBOX; i++) {
		const struct letter *l = &box.letters[i];

		if (l->gone || l->modseq <= in->since ||
		    !in_ranges(in->uids, in->n_uids, l->uid))
			continue;
		if (out.n_entries == box.page) {
			out.next = l->uid;
			break;
		}
		out.entries[out.n_entries++] = entry_of(l, in->want);
	}
	answer(r, WIRE_OK, &out);
}

static inline void
take_sync(struct request *r)
{
	const struct box_sync_in *in = REQUEST(box_sync, r);
	struct box_sync_out out = { .modseq = box.modseq,
		.uidnext = box.uidnext, .keywords = (uint32_t)box.nkeywords };
	struct ranges gone = { 0 };

	if (trouble(r))
		return;
	box.syncs++;
	out.changed = arena_array(&r->arena, box.n, sizeof *out.changed);
	for (size_t i = 0; i < box.n && in->mailbox == INBOX; i++) {
		const struct letter *l = &box.letters[i];

		if (l->modseq <= in->since || l->uid < in->from)
			continue;
		if (l->gone)
			ranges_add(&gone, l->uid, l->uid);
		else
			out.changed[out.n_changed++] = entry_of(l, 0);
	}
	out.vanished = ranges_slice(r, &gone);
	answer(r, WIRE_OK, &out);
}

static inline void
take_flags(struct request *r)
{
	const struct box_flags_in *in = REQUEST(box_flags, r);
	struct box_flags_out out = { 0 };
	struct ranges modified = { 0 };

	if (trouble(r))
		return;
	for (size_t i = 0; i < box.n && in->mailbox == INBOX; i++) {
		struct letter *l = &box.letters[i];
		uint64_t flags = in->change == FLAGS_SET ? in->flags :
		    in->change == FLAGS_ADD ? l->flags | in->flags :
		    l->flags & ~in->flags;

		if (l->gone || !in_ranges(in->uids, in->n_uids, l->uid))
			continue;
		if (l->modseq > in->unchanged)
			ranges_add(&modified, l->uid, l->uid);
		else if (flags != l->flags) {
			out.modseq = box.modseq + 1;
			out.changed++;
			l->flags = flags;
			l->modseq = out.modseq;
		}
	}
	if (out.changed > 0)
		box.modseq++;
	out.modified = ranges_slice(r, &modified);
	answer(r, WIRE_OK, &out);
	if (out.changed > 0)
		changed();
}

static inline void
take_keywords(struct request *r)
{
	const struct box_keywords_in *in = REQUEST(box_keywords, r);
	struct box_keywords_out out = { 0 };

	if (trouble(r))
		return;
	for (size_t i = 0; i < in->n_names; i++) {
		size_t k = 0;

		while (k < box.nkeywords && !slice_ieq(in->names[i].name,
		    slice_str(box.keywords[k])))
			k++;
		if (k < box.nkeywords)
			continue;
		if (k == KEYWORDS_MAX || in->names[i].name.n > 31)
			out.full = true;
		else
			memcpy(box.keywords[box.nkeywords++],
			    in->names[i].name.p, in->names[i].name.n);
	}
	out.keywords = keywords_list(r);
	out.n_keywords = box.nkeywords;
	answer(r, WIRE_OK, &out);
}

static inline void
take_expunge(struct request *r)
{
	const struct box_expunge_in *in = REQUEST(box_expunge, r);
	struct box_expunge_out out = { 0 };

	if (trouble(r))
		return;
	for (size_t i = 0; i < box.n && in->mailbox == INBOX; i++) {
		struct letter *l = &box.letters[i];

		if (l->gone || !in_ranges(in->uids, in->n_uids, l->uid) ||
		    (in->deleted && (l->flags & FLAG_DELETED) == 0))
			continue;
		out.removed++;
		l->gone = true;
		l->modseq = box.modseq + 1;
	}
	if (out.removed > 0)
		out.modseq = ++box.modseq;
	answer(r, WIRE_OK, &out);
	if (out.removed > 0)
		changed();
}

static inline void
take_copy(struct request *r)
{
	const struct box_copy_in *in = REQUEST(box_copy, r);
	struct box_copy_out out = { .uidvalidity = 99, .first = in->to == INBOX ?
		box.uidnext : box.copies + 1, .full = box.full };
	struct ranges from = { 0 };
	size_t n = box.n;

	if (trouble(r))
		return;
	for (size_t i = 0; i < n && in->mailbox == INBOX && !box.full; i++) {
		struct letter *l = &box.letters[i];

		if (l->gone || box.n == LETTERS_MAX ||
		    !in_ranges(in->uids, in->n_uids, l->uid))
			continue;
		ranges_add(&from, l->uid, l->uid);
		if (in->to == INBOX)
			letter_keep(l->text, l->flags);
		else
			box.copies++;
		if (in->move)
			letter_remove(l->uid);
	}
	out.from = ranges_slice(r, &from);
	out.modseq = box.modseq;
	answer(r, WIRE_OK, &out);
	changed();
}

/* ---- bodies */

static inline void
body_readable(struct watch *w, unsigned events)
{
	struct incoming *i = CONTAINER(w, struct incoming, watch);
	struct box_body_out out = { .number = 7 };
	char bytes[4096];
	ssize_t n = recv(w->fd, bytes, sizeof bytes, MSG_DONTWAIT);

	(void)events;
	world_stir();
	if (n > 0)
		buf_add(&box.body, bytes, (size_t)n);
	if ((n < 0 && errno == EAGAIN) || (n > 0 && box.body.n < i->want))
		return;
	answer(i->request, box.body.n == i->want ? WIRE_OK : WIRE_AGAIN, &out);
	body_end(w);
}

static inline void
take_fetch(struct request *r)
{
	const struct box_fetch_in *in = REQUEST(box_fetch, r);
	const struct letter *l = letter_of(in->uid);
	struct box_fetch_out out = { 0 };
	struct slice s;

	if (trouble(r))
		return;
	if (l == NULL || box.no_bytes) {
		answer(r, WIRE_NONE, NULL);
		return;
	}
	out.size = l->text.n;
	s = slice_take(slice_drop(l->text, in->offset), in->length);
	if (s.n <= WIRE_BODY_MAX)
		out.bytes = slice_take(s, box.cut_short ? s.n / 2 : s.n);
	else
		out.fd = body_send(slice_take(s,
		    box.cut_short ? s.n / 2 : s.n));
	answer(r, WIRE_OK, &out);
}

static inline void
take_body(struct request *r)
{
	const struct box_body_in *in = REQUEST(box_body, r);
	struct box_body_out out = { .number = 7 };
	struct incoming *i = box.incoming;

	if (in->fd > 0 && (box.fails == r->call || box.dies == r->call))
		close(in->fd);
	if (trouble(r))
		return;
	buf_clear(&box.body);
	if (in->fd <= 0) {
		buf_slice(&box.body, in->body);
		answer(r, WIRE_OK, &out);
		return;
	}
	while (i->watch.fd > 0)
		CHECK(++i < box.incoming + STREAMS_MAX);
	*i = (struct incoming){ .watch = { .fd = in->fd,
		.ready = body_readable }, .request = r, .want = in->size };
	CHECK(loop_add(&i->watch, LOOP_IN | LOOP_HUP, false));
}

static inline void
take_append(struct request *r)
{
	const struct box_append_in *in = REQUEST(box_append, r);
	struct box_append_out out = { .uidvalidity = 99,
		.mailbox = in->mailbox != 0 ? in->mailbox :
		    mailbox_named(in->name),
		.first = box.uidnext, .before = box.modseq, .full = box.full };

	if (trouble(r))
		return;
	for (size_t i = 0; i < in->n_messages && !box.full; i++)
		if (out.mailbox == INBOX && box.n < LETTERS_MAX)
			letter_keep(in->messages[i].number == 0 ? in->body :
			    buf_view(&box.body), in->messages[i].flags);
		else
			box.copies++;
	out.modseq = box.modseq;
	answer(r, out.mailbox == 0 ? WIRE_NONE : WIRE_OK, &out);
	world_stir();
	if (box.watched == out.before)
		box.watched = box.modseq;
	else
		changed();
}

/* ---- mailboxes */

static inline void
take_status(struct request *r)
{
	uint32_t mailbox = mailbox_named(REQUEST(box_status, r)->name);
	struct box_status_out out = { .mailbox = mailbox, .uidvalidity = 99,
		.uidnext = box.uidnext, .modseq = box.modseq };

	if (!trouble(r))
		answer(r, mailbox == 0 ? WIRE_NONE : WIRE_OK, &out);
}

static inline void
take_names(struct request *r)
{
	struct wire_box boxes[] = {
		{ .name = SLICE("INBOX"), .mailbox = INBOX },
		{ .name = SLICE("Other"), .mailbox = OTHER,
		    .attributes = ATTRIBUTE_SUBSCRIBED | ATTRIBUTE_SENT },
	};
	bool all = REQUEST(box_names, r)->after.n == 0;
	struct box_names_out out = { .boxes = boxes, .n_boxes = all ? 2 : 0 };

	if (!trouble(r))
		answer(r, WIRE_OK, &out);
}

/* What is said of names is store's own test: here nothing is done. */
static inline void
take_change(struct request *r)
{
	static const union {
		struct box_create_out create;
		struct box_quota_out quota;
	} nothing;

	if (!trouble(r))
		answer(r, WIRE_OK, &nothing);
}

static inline void
watch_lost(struct request *r)
{
	box.watch = NULL;
	answer(r, WIRE_GONE, NULL);
}

static inline void
take_watch(struct request *r)
{
	if (trouble(r))
		return;
	if (box.watch != NULL)
		answer(box.watch, WIRE_AGAIN, NULL);
	box.watch = r;
	box.watched = REQUEST(box_watch, r)->modseq;
	r->lost = watch_lost;
	if (REQUEST(box_watch, r)->mailbox == INBOX &&
	    box.modseq > REQUEST(box_watch, r)->modseq)
		changed();
}

static const struct {
	enum wire_call	 call;
	link_handler	*take;
} calls[] = {
	{ WIRE_box_open, take_open }, { WIRE_box_list, take_list },
	{ WIRE_box_sync, take_sync }, { WIRE_box_flags, take_flags },
	{ WIRE_box_keywords, take_keywords },
	{ WIRE_box_expunge, take_expunge }, { WIRE_box_copy, take_copy },
	{ WIRE_box_fetch, take_fetch }, { WIRE_box_body, take_body },
	{ WIRE_box_append, take_append }, { WIRE_box_status, take_status },
	{ WIRE_box_names, take_names }, { WIRE_box_create, take_change },
	{ WIRE_box_delete, take_change }, { WIRE_box_rename, take_change },
	{ WIRE_box_subscribe, take_change }, { WIRE_box_quota, take_change },
	{ WIRE_box_watch, take_watch },
};
enum { CALLS = sizeof calls / sizeof *calls };

/* The late answer comes now. */
static inline void
answer_held(void)
{
	struct request *r = box.held;
	size_t i = 0;

	CHECK(r != NULL);
	box.late = 0;
	box.held = NULL;
	while (calls[i].call != r->call)
		i++;
	calls[i].take(r);
	world_run();
}

#endif
