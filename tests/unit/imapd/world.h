/*
 * world.h - imapd between a client and an auth and a store of ours.
 *
 * The store has two mailboxes: INBOX, number 1, is box.letters; Other, number
 * 2, takes copies and has none.  A name is anybody's, the password is "secret".
 * Any call can be made to fail, to be answered late, or to be the last one.
 */
#ifndef UNIT_IMAPD_WORLD_H
#define UNIT_IMAPD_WORLD_H

#include <stdio.h>

#include "common/core/ranges.h"
#include "common/core/terms.h"
#include "common/mail/digest.h"
#include "imapd/view.h"
#include "tests/session.h"

enum { LETTERS_MAX = 2000, STREAMS_MAX = 4, PAGE = 3, INBOX = 1, OTHER = 2 };

struct letter {
	uint32_t	 uid;
	uint64_t	 flags, modseq;
	struct slice	 text;
	struct buf	 own, digest;	/* own: what text lies in, or empty */
	bool		 gone;		/* modseq says when */
};

/* A body on its way, to the session or from it. */
struct stream {
	struct watch	 watch;		/* fd 0: free */
	struct slice	 left;		/* to it */
	struct request	*to;		/* from it: box_body */
	uint64_t	 want;
};

static struct {
	struct letter	 letters[LETTERS_MAX];
	size_t		 n;
	uint32_t	 uidnext, copies;	/* copies: those in Other */
	uint64_t	 modseq;
	char		 keywords[KEYWORDS_MAX][32];
	size_t		 nkeywords;
	struct request	*watch;
	uint64_t	 watched;	/* modseq it waits for more than */
	struct link	*channel;
	struct buf	 body;		/* box_body's last one, number 7 */
	struct stream	 streams[STREAMS_MAX];
	size_t		 page;		/* entries in an answer */
	/* what is to go wrong: numbers of calls; 0: none */
	unsigned	 fails, dies, late;
	struct request	*held;		/* the late one */
	bool		 login_later, full, cut_short, no_digest;
	bool		 no_bytes;	/* box_fetch says NONE */
	/* what was seen */
	unsigned	 logins, logouts, calls, lists, syncs;
	unsigned	 wanted;	/* enum want, of all box_list */
} box;

/* ---- the channel */

static inline void
channel_lost(struct link *l)
{
	(void)l;
	box.channel = NULL;
	world_stir();
}

static inline int
channel_new(void)
{
	int fds[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	CHECK(box.channel == NULL);
	box.channel = link_new(ROLE_IMAPD, 0, LINK_CHANNEL);
	link_serve(box.channel);
	link_on_end(box.channel, channel_lost);
	link_attach(box.channel, fds[0]);
	return fds[1];
}

/* As store does when it dies, or auth has revoked the login. */
static inline void
channel_cut(void)
{
	struct link *l = box.channel;

	box.channel = NULL;
	if (l != NULL)
		link_close(l);
}

/* ---- letters */

static inline struct letter *
letter_of(uint32_t uid)
{
	for (size_t i = 0; i < box.n; i++)
		if (box.letters[i].uid == uid && !box.letters[i].gone)
			return &box.letters[i];
	return NULL;
}

static inline void
changed(void)
{
	struct box_watch_out out = { .modseq = box.modseq,
		.uidnext = box.uidnext };
	struct request *r = box.watch;

	world_stir();
	box.watch = NULL;
	if (r != NULL)
		answer(r, WIRE_OK, &out);
}

static inline void
letter_add(struct slice text, uint64_t flags)
{
	struct letter *l = &box.letters[box.n++];

	CHECK(box.n <= LETTERS_MAX);
	*l = (struct letter){ .uid = box.uidnext++, .flags = flags,
		.modseq = ++box.modseq, .text = text };
	digest_make(&l->digest, text);
}

static inline void
letter_keep(struct slice text, uint64_t flags)
{
	letter_add(text, flags);
	buf_slice(&box.letters[box.n - 1].own, text);
	box.letters[box.n - 1].text = buf_view(&box.letters[box.n - 1].own);
}

static inline void
letter_remove(uint32_t uid)
{
	struct letter *l = letter_of(uid);

	CHECK(l != NULL);
	l->gone = true;
	l->modseq = ++box.modseq;
}

/* ---- calls */

/* True: the call was dealt with here. */
static inline bool
trouble(struct request *r)
{
	world_stir();
	CHECK(box.logins > 0);
	box.calls++;
	if (box.late == r->call && box.held == NULL) {
		box.held = r;
		return true;
	}
	if (box.dies == r->call)
		channel_cut();
	if (box.dies == r->call || box.fails == r->call) {
		answer(r, WIRE_AGAIN, NULL);
		return true;
	}
	return false;
}

static inline bool
in_ranges(const struct wire_range *v, size_t n, uint32_t uid)
{
	for (size_t i = 0; i < n; i++)
		if (uid >= v[i].from && uid <= v[i].to)
			return true;
	return false;
}

static inline struct slice
ranges_slice(struct request *r, struct ranges *set)
{
	struct buf b = { 0 };
	struct slice s;

	ranges_put(set, &b, 1, 256 * 1024);
	s = arena_slice(&r->arena, buf_view(&b));
	buf_free(&b);
	ranges_free(set);
	return s;
}

static inline uint32_t
mailbox_named(struct slice name)
{
	return slice_eq(name, SLICE("INBOX")) ? INBOX :
	    slice_eq(name, SLICE("Other")) ? OTHER : 0;
}

static inline struct wire_keyword *
keywords_list(struct request *r)
{
	struct wire_keyword *v = arena_array(&r->arena, KEYWORDS_MAX,
	    sizeof *v);

	for (size_t i = 0; i < box.nkeywords; i++)
		v[i].name = slice_str(box.keywords[i]);
	return v;
}

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
stream_end(struct stream *s)
{
	loop_del(&s->watch);
	close(s->watch.fd);
	s->watch.fd = 0;
	world_stir();
}

static inline void
stream_read(struct stream *s)
{
	struct box_body_out out = { .number = 7 };
	char bytes[4096];
	ssize_t n = recv(s->watch.fd, bytes, sizeof bytes, MSG_DONTWAIT);

	if (n > 0)
		buf_add(&box.body, bytes, (size_t)n);
	if ((n < 0 && errno == EAGAIN) || (n > 0 && box.body.n < s->want))
		return;
	answer(s->to, box.body.n == s->want ? WIRE_OK : WIRE_AGAIN, &out);
	stream_end(s);
}

static inline void
stream_ready(struct watch *w, unsigned events)
{
	struct stream *s = CONTAINER(w, struct stream, watch);
	ssize_t n;

	world_stir();
	if (s->to != NULL) {
		stream_read(s);
		return;
	}
	if ((events & LOOP_HUP) != 0) {
		stream_end(s);
		return;
	}
	n = send(w->fd, s->left.p, s->left.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		s->left = slice_drop(s->left, (size_t)n);
	if (n < 0 || s->left.n == 0)
		stream_end(s);
}

static inline struct stream *
stream_new(int fd, unsigned events)
{
	struct stream *s = box.streams;

	while (s->watch.fd > 0)
		CHECK(++s < box.streams + STREAMS_MAX);
	*s = (struct stream){ .watch = { .fd = fd, .ready = stream_ready } };
	CHECK(loop_add(&s->watch, events | LOOP_HUP, false));
	return s;
}

static inline void
take_fetch(struct request *r)
{
	const struct box_fetch_in *in = REQUEST(box_fetch, r);
	const struct letter *l = letter_of(in->uid);
	struct box_fetch_out out = { 0 };
	struct slice s;
	int fds[2];

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
	else {
		CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
		    fds) == 0);
		stream_new(fds[0], LOOP_OUT)->left = slice_take(s,
		    box.cut_short ? s.n / 2 : s.n);
		out.fd = fds[1];
	}
	answer(r, WIRE_OK, &out);
}

static inline void
take_body(struct request *r)
{
	const struct box_body_in *in = REQUEST(box_body, r);
	struct box_body_out out = { .number = 7 };
	struct stream *s;

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
	s = stream_new(in->fd, LOOP_IN);
	s->to = r;
	s->want = in->size;
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

/* ---- auth */

static inline void
take_login(struct request *r)
{
	const struct auth_login_in *in = REQUEST(auth_login, r);
	struct auth_login_out out = { .login = LOGIN_DENIED };

	world_stir();
	CHECK(world.tls_starts > 0 && in->name.n > 0);
	if (box.login_later)
		out.login = LOGIN_LATER;
	else if (slice_eq(in->password, SLICE("secret"))) {
		out = (struct auth_login_out){ .fd = channel_new(),
			.login = LOGIN_OK, .user = 7, .session = 70,
			.address = SLICE("ann@example.org") };
		box.logins++;
	}
	answer(r, WIRE_OK, &out);
}

static inline void
take_logout(struct request *r)
{
	world_stir();
	box.logouts++;
	answer(r, WIRE_OK, NULL);
}

/* ---- a session */

static inline void
imap_start(void)
{
	world_start(ROLE_IMAPD, "server name mail.example.org\n"
	    "privileges none\n"
	    "end sessions after 30 errors\n"
	    "allow 500 sessions per imapd process\n");
	serve(WIRE_auth_login, take_login);
	serve(WIRE_auth_logout, take_logout);
	for (size_t i = 0; i < CALLS; i++)
		serve(calls[i].call, calls[i].take);
}

/* An empty INBOX, and all in order. */
static inline void
imap_reset(void)
{
	static bool started;

	if (!started)
		imap_start();
	started = true;
	for (size_t i = 0; i < box.n; i++) {
		buf_free(&box.letters[i].own);
		buf_free(&box.letters[i].digest);
	}
	buf_free(&box.body);
	memset(&box, 0, sizeof box);
	box.page = PAGE;
	box.uidnext = 1;
	box.modseq = 1;
	world.no_tls = false;
}

static inline void
imap_begin(enum service service)
{
	world_answer(ROLE_AUTH, ROLE_IMAPD);
	world_connect(service);
}

static inline void
imap_end(void)
{
	world_disconnect();
	world_run();
	if (box.held != NULL)
		answer(box.held, WIRE_GONE, NULL);
	box.held = NULL;
	CHECK(box.channel == NULL && box.watch == NULL);
	CHECK(box.logouts == box.logins);
	for (int i = 0; i < STREAMS_MAX; i++)
		CHECK(box.streams[i].watch.fd == 0);
}

#endif
