#include "tests/crash/store/mail.h"

#include <stdlib.h>

#include "tests/crash/engine/check.h"
#include "tests/crash/engine/drive.h"
#include "tests/crash/store/mail_world.h"

/* What is known of one copy, from the notes. */
struct copy {
	uint32_t	 m;		/* 0: no such UID was told */
	uint64_t	 flags;
	bool		 flags_told, flags_asked;	/* the last of both */
	bool		 gone_told, gone_asked;
	uint32_t	 there;		/* the message found */
};

struct noted {
	struct copy	 copies[MAIL_UIDS];
	uint32_t	 uid_told;	/* the highest one */
	uint64_t	 modseq_told;
	unsigned	 times[MAIL_MOST];	/* that a message was found */
};

struct world_notes {
	struct noted	 boxes[MAIL_USERS][MAIL_BOXES];
	bool		 begun[MAIL_USERS][MAIL_MOST];	/* for INBOX */
	uint32_t	 sent[MAIL_MOST];	/* UID of its copy there */
};

static void
note_begin(struct noted *b, enum mail_note what, uint32_t uid)
{
	struct copy *c = &b->copies[uid];

	c->gone_asked |= what == MAIL_GONE;
	c->flags_asked |= what == MAIL_FLAGS;
}

static void
note_told(struct noted *b, enum mail_note what, uint32_t uid, uint32_t m,
    uint64_t value)
{
	struct copy *c = &b->copies[uid];

	if (uid > b->uid_told)
		b->uid_told = uid;
	if (what == MAIL_MODSEQ && value > b->modseq_told)
		b->modseq_told = value;
	if (what == MAIL_STORED)
		c->m = m;
	c->gone_told |= what == MAIL_GONE;
	if (what != MAIL_FLAGS)
		return;
	/* Several may have been in flight: then any of them may be last. */
	c->flags_told = !c->flags_asked || c->flags == value;
	c->flags = value;
	c->flags_asked = false;
}

static void
notes_read(struct world_notes *w, const struct history *h)
{
	const struct event *e;

	for (int i = 0; i < LIVES && h->trace[i] != NULL; i++) {
		for (size_t at = 0; (e = trace_next(h->trace[i], &at,
		    h->end[i])) != NULL;) {
			enum mail_note what = e->number & 0xff;
			unsigned user = e->number >> 8 & 0xff;
			struct noted *b = w->boxes[user] +
			    (e->number >> 16) - 1;
			uint32_t m = (uint32_t)e->offset;
			uint32_t uid = (uint32_t)(e->offset >> 32);

			if (e->kind == EVENT_BEGIN)
				note_begin(b, what, uid);
			if (e->kind == EVENT_BEGIN && uid == 0)
				w->begun[user][m] = true;
			if (e->kind == EVENT_TOLD)
				note_told(b, what, uid, m, e->length);
		}
	}
	for (unsigned u = 0; u < MAIL_USERS; u++)
		w->begun[u][MAIL_LAST] = true;
}

/* ---- what is there */

/* The message that these bytes are; 0: none, or not whole. */
static uint32_t
message_of(struct slice bytes)
{
	unsigned m = 0;

	if (sscanf(bytes.p, "message %u", &m) != 1 || m >= MAIL_MOST ||
	    !slice_eq(bytes, slice_str(mail_text(m))))
		return 0;
	return m;
}

static struct slice
bytes_of(struct link *l, uint32_t box, uint32_t uid)
{
	struct box_fetch_in in = { .mailbox = box, .uid = uid,
		.length = UINT64_MAX };
	struct box_fetch_out out = { 0 };

	if (box_fetch(l, &in, &out, &world.arena, WAIT) != WIRE_OK)
		return SLICE("");
	return out.bytes;
}

static void
entry_check(struct verdict *v, struct world_notes *w, unsigned user,
    uint32_t box, const struct wire_entry *e)
{
	struct noted *b = &w->boxes[user][box - 1];
	struct copy *c = &b->copies[e->uid];
	uint32_t m = message_of(bytes_of(sessions[user], box, e->uid));

	c->there = m;
	if (m == 0) {
		verdict_lost(v, "UID %u in %u is no whole message", e->uid,
		    box);
		return;
	}
	b->times[m]++;
	if (box == INBOX && (b->times[m] > 1 || !w->begun[user][m]))
		verdict_doubled(v, "message %u, UID %u", m, e->uid);
	if (c->m != 0 && c->m != m)
		verdict_lost(v, "UID %u was message %u and is %u", e->uid,
		    c->m, m);
	if (c->gone_told)
		verdict_doubled(v, "UID %u in %u was expunged", e->uid, box);
	if (c->flags_told && !c->flags_asked && c->flags != e->flags)
		verdict_lost(v, "UID %u in %u has flags %llu, not %llu",
		    e->uid, box, (unsigned long long)e->flags,
		    (unsigned long long)c->flags);
	if (m == MAIL_LAST)	/* shown now: it must stay */
		mail_note(EVENT_TOLD, MAIL_STORED, user, box, e->uid, m, 0);
}

static void
box_check(struct verdict *v, struct world_notes *w, unsigned user,
    uint32_t box)
{
	struct link *l = sessions[user];
	const char *name = box == INBOX ? "INBOX" : "Copies";
	struct noted *b = &w->boxes[user][box - 1];
	struct box_status_out s = status_of(l, name);
	struct box_list_out all = list_all(l, box, 0);

	check_box(l, name);
	ck_assert_uint_eq(box, s.mailbox);
	memset(b->times, 0, sizeof b->times);
	for (uint32_t uid = 0; uid < MAIL_UIDS; uid++)
		b->copies[uid].there = 0;
	for (size_t i = 0; i < all.n_entries; i++)
		entry_check(v, w, user, box, &all.entries[i]);
	for (uint32_t uid = 1; uid < MAIL_UIDS; uid++) {
		const struct copy *c = &b->copies[uid];

		v->acked += c->m != 0;
		if (c->m != 0 && c->there == 0 && !c->gone_asked)
			verdict_lost(v, "message %u, UID %u in %u", c->m, uid,
			    box);
	}
	if (s.uidnext <= b->uid_told)
		verdict_lost(v, "UIDNEXT is %u, UID %u was told", s.uidnext,
		    b->uid_told);
	if (s.modseq < b->modseq_told)
		verdict_lost(v, "MODSEQ went back to %llu",
		    (unsigned long long)s.modseq);
}

/* ---- going on */

/* The same operation again gives the same answer (architecture.md section 6,
   rule 3), and a new message the next UID. */
static void
again(struct verdict *v, struct world_notes *w, uint32_t m, unsigned user)
{
	struct noted *b = &w->boxes[user][INBOX - 1];
	uint32_t had = 0;
	struct wire_copied c;

	for (uint32_t uid = 1; uid < MAIL_UIDS; uid++) {
		if (b->copies[uid].m == m || b->copies[uid].there == m)
			had = uid;
	}
	c = APPEND(.id = m, .body = mail_text(m), .digest = "digest",
	    .user = MAIL_FIRST_USER + user);
	if (c.outcome != OUTCOME_STORED)
		verdict_lost(v, "message %u again: outcome %u", m, c.outcome);
	else if (had != 0 ? c.uid != had : c.uid <= b->uid_told)
		verdict_doubled(v, "message %u again: UID %u, had %u", m,
		    c.uid, had);
}

/* Is it one that came by store_append? */
static bool
is_delivery(const struct world_notes *w, unsigned user, uint32_t m)
{
	return w->begun[user][m] && m % 10 < 6;
}

static void
go_on(struct verdict *v, struct world_notes *w)
{
	for (unsigned user = 0; user < MAIL_USERS; user++) {
		uint32_t newest = MAIL_LAST - 1;
		unsigned n = 0;

		while (newest > 0 && !w->begun[user][newest])
			newest--;
		for (uint32_t m = newest; m > 0 && m + 20 > newest && n < 6;
		    m--) {
			if (is_delivery(w, user, m) && ++n > 0)
				again(v, w, m, user);
		}
		again(v, w, MAIL_LAST, user);
	}
}

static void
all_check(struct verdict *v, struct world_notes *w)
{
	v->acked = 0;
	for (unsigned user = 0; user < MAIL_USERS; user++) {
		uint64_t bytes = status_of(sessions[user], "INBOX").bytes +
		    status_of(sessions[user], "Copies").bytes;

		for (uint32_t box = 1; box <= MAIL_BOXES; box++)
			box_check(v, w, user, box);
		if (quota_used(sessions[user]) != bytes)
			verdict_lost(v, "the quota of user %u", user);
	}
	arena_reset(&world.arena);
}

void
check_store(const char *root, const struct history *h, enum then then,
    struct verdict *v)
{
	struct world_notes *w = mem_zero(sizeof *w);
	struct engine_figures figures;
	char path[256];

	log_init("crash", LOG_WARN);
	log_divert(last_words_add);
	notes_read(w, h);
	mail_open(root);
	engine_figures(store.engine, &figures);
	v->rebuilt = figures.rebuilt;
	all_check(v, w);
	go_on(v, w);
	all_check(v, w);
	if (then != THEN_NOTHING) {
		mail_close();
		snprintf(path, sizeof path, "%s/index", root);
		if (then == THEN_REBUILD)
			folder_clear(path, true);
		mail_open(root);
		all_check(v, w);
	}
	v->recovered = true;
	free(w);
}
