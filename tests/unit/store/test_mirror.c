/* Several sessions watch mailboxes that are changed at random in every way
   there is; each keeps a mirror by box_sync alone (RFC 7162 3.2), which must
   show what is there.  The store forgets everything, commits fail for want of
   room or with an unknown outcome, and counters stay right. */
#include "tests/unit/store/boxes.h"

enum { BOXES = 3, MIRRORS = 2, UIDS = 4000, STEPS = 700 };

static const char *const names[BOXES] = { "INBOX", "a", "a/b" };

/* What a session knows of a mailbox.  flags + 1; 0: no such message. */
struct mirror {
	struct link	*link;
	uint32_t	 mailbox;
	uint64_t	 modseq;
	uint64_t	 flags[UIDS];
	bool		 gone[UIDS];	/* was there: never again */
};

static struct mirror	 mirrors[BOXES][MIRRORS];
static uint32_t		 boxes[BOXES];
static uint64_t		 state, next_id;

static uint32_t
roll(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % below;
}

static void
mirror_take(struct mirror *m, const struct box_sync_out *o)
{
	struct ranges gone = { 0 };

	ck_assert(ranges_get(&gone, o->vanished));
	for (uint32_t uid = ranges_next(&gone, 1); uid != 0;
	    uid = ranges_next(&gone, uid + 1)) {
		m->gone[uid] |= m->flags[uid] != 0;
		m->flags[uid] = 0;
	}
	for (size_t i = 0; i < o->n_changed; i++) {
		ck_assert(!m->gone[o->changed[i].uid]);
		m->flags[o->changed[i].uid] = o->changed[i].flags + 1;
	}
	ranges_free(&gone);
}

static void
mirror_sync(struct mirror *m)
{
	struct box_sync_out o = sync_of(m->link, m->mailbox, m->modseq, 1);
	uint64_t modseq = o.modseq;

	ck_assert_uint_ge(modseq, m->modseq);
	mirror_take(m, &o);
	while (o.next != 0) {
		o = sync_of(m->link, m->mailbox, m->modseq, o.next);
		mirror_take(m, &o);
	}
	m->modseq = modseq;
}

static void
mirror_check(struct mirror *m)
{
	struct box_list_out all = list_all(m->link, m->mailbox, 0);
	size_t n = 0;

	for (uint32_t uid = 1; uid < UIDS; uid++) {
		if (m->flags[uid] == 0)
			continue;
		ck_assert_uint_lt(n, all.n_entries);
		ck_assert_uint_eq(uid, all.entries[n].uid);
		ck_assert(m->flags[uid] == all.entries[n].flags + 1);
		n++;
	}
	ck_assert_uint_eq(n, all.n_entries);
}

/* ---- steps.  A step may fail, if room was taken away. */

static void
step_append(struct link *l, uint32_t box)
{
	uint64_t flags = roll(32);

	if (roll(2) == 0)
		APPEND(.id = ++next_id, .mailbox = names[roll(BOXES)],
		    .digest = "d");
	else
		add_message(l, box, flags, "bytes\r\n");
}

static struct wire_range *
some(size_t *n)
{
	static struct wire_range r[8];
	uint32_t at = 1;

	*n = 1 + roll(8);
	for (size_t i = 0; i < *n; i++) {
		r[i].from = at + roll(30);
		r[i].to = r[i].from + roll(4);
		at = r[i].to + 1;
	}
	if (roll(6) == 0)
		r[*n - 1].to = UINT32_MAX;
	return r;
}

static void
step_flags(struct link *l, uint32_t box)
{
	struct box_flags_in in = { .mailbox = box, .change =
		(uint8_t)roll(3), .flags = roll(128), .unchanged = roll(3) ?
		UINT64_MAX : roll(400) };

	in.uids = some(&in.n_uids);
	box_flags(l, &in, NULL, NULL, WAIT);
}

static bool
in_some(const struct wire_range *r, size_t n, uint32_t uid)
{
	for (size_t i = 0; i < n; i++)
		if (r[i].from <= uid && uid <= r[i].to)
			return true;
	return false;
}

/* Of the mirror before and after: who went, and who stayed. */
static void
step_expunge(struct link *l, int b)
{
	static struct mirror before;
	struct mirror *m = &mirrors[b][0];
	struct box_expunge_in in = { .mailbox = boxes[b],
		.deleted = roll(4) > 0 };
	bool ok;

	mirror_sync(m);
	before = *m;
	in.uids = some(&in.n_uids);
	ok = box_expunge(l, &in, NULL, NULL, WAIT) == WIRE_OK;
	mirror_sync(m);
	for (uint32_t uid = 1; ok && uid < UIDS; uid++) {
		uint64_t flags = before.flags[uid];

		if (flags != 0 && in_some(in.uids, in.n_uids, uid) &&
		    (!in.deleted || ((flags - 1) & FLAG_DELETED) != 0))
			flags = 0;
		ck_assert(m->flags[uid] == flags);
	}
}

static void
step_copy(struct link *l, uint32_t box)
{
	struct box_copy_in in = { .mailbox = box, .to = boxes[roll(BOXES)],
		.move = roll(2) == 0 };

	in.uids = some(&in.n_uids);
	if (in.uids[in.n_uids - 1].to == UINT32_MAX && !in.move)
		in.uids[in.n_uids - 1].to = in.uids[in.n_uids - 1].from;
	box_copy(l, &in, NULL, NULL, WAIT);
}

static void
step(struct link *l)
{
	int b = (int)roll(BOXES);
	uint32_t box = boxes[b];

	switch (roll(10)) {
	case 0:
	case 1:
	case 2:
		step_append(l, box);
		break;
	case 3:
	case 4:
	case 5:
		step_flags(l, box);
		break;
	case 6:
	case 7:
		step_expunge(l, b);
		break;
	default:
		step_copy(l, box);
	}
}

/* ---- the whole */

static void
links_open(void)
{
	for (int b = 0; b < BOXES; b++)
		for (int i = 0; i < MIRRORS; i++)
			mirrors[b][i].link = grant(7, (uint64_t)(1 + i),
			    RIGHT_IMAP);
}

static void
links_close(void)
{
	for (int b = 0; b < BOXES; b++)
		for (int i = 0; i < MIRRORS; i++)
			link_close(mirrors[b][i].link);
}

static void
begin(bool file)
{
	struct wire_keyword words[] = { { SLICE("$Junk") }, { SLICE("x") } };
	struct box_keywords_in in = { .names = words, .n_names = 2 };
	struct link *l;

	state = 1;
	next_id = 0;
	memset(mirrors, 0, sizeof mirrors);
	world_open(file);
	store.entries_least = file ? 2000 : 1;	/* read rows, or keep them */
	l = grant(7, 1, RIGHT_IMAP);
	ck_assert_int_eq(WIRE_OK, create(l, "a/b"));
	for (int b = 0; b < BOXES; b++) {
		in.mailbox = boxes[b] = open_box(l, names[b]).mailbox;
		ck_assert_int_eq(WIRE_OK, box_keywords(l, &in, NULL, NULL,
		    WAIT));
		for (int i = 0; i < MIRRORS; i++)
			mirrors[b][i].mailbox = boxes[b];
	}
	link_close(l);
	links_open();
}

static void
check_all(void)
{
	uint64_t used = 0;

	for (int b = 0; b < BOXES; b++) {
		for (int i = 0; i < MIRRORS; i++) {
			mirror_sync(&mirrors[b][i]);
			mirror_check(&mirrors[b][i]);
		}
		check_box(mirrors[0][0].link, names[b]);
		used += status_of(mirrors[0][0].link, names[b]).bytes;
	}
	ck_assert_uint_eq(used, quota_used(mirrors[0][0].link));
	arena_reset(&world.arena);
}

static void
forget_all(void)
{
	links_close();
	world_restart();
	links_open();
}

/* Faults of the mem engine: none, no room, outcome unknown. */
START_TEST(mirrored)
{
	enum engine_status fault = _i == 2 ? ENGINE_FULL : _i == 3 ?
	    ENGINE_UNKNOWN : ENGINE_OK;

	begin(_i == 1);
	for (int i = 0; i < STEPS / (_i == 1 ? 3 : 1); i++) {
		if (fault != ENGINE_OK && roll(5) == 0)
			engine_mem_fault(store.engine, fault, roll(2),
			    1 + roll(2));
		step(mirrors[roll(BOXES)][roll(MIRRORS)].link);
		if (fault != ENGINE_OK)
			engine_mem_fault(store.engine, ENGINE_OK, 0, 0);
		if (roll(3) == 0)
			mirror_sync(&mirrors[roll(BOXES)][0]);
		if (roll(20) == 0)
			check_all();
		if (roll(100) == 0)
			forget_all();
	}
	check_all();
	links_close();
	world_close();
}
END_TEST

/* Calls sent all at once, with appends in between: they are done in an order
   that every mirror can follow. */
START_TEST(at_once)
{
	struct wire_range r = { 1, 20 };
	struct sent sent = { .mailbox = "a" };
	struct soon s[5];
	struct wire_copy copy;

	begin(_i);
	for (int round = 0; round < 40; round++) {
		struct box_flags_in flags = { .mailbox = boxes[1], .uids = &r,
			.n_uids = 1, .change = (uint8_t)roll(3),
			.flags = roll(32), .unchanged = UINT64_MAX };
		struct box_copy_in move = { .mailbox = boxes[1], .uids = &r,
			.n_uids = 1, .to = boxes[roll(BOXES)],
			.move = roll(2) == 0 };
		struct box_expunge_in gone = { .mailbox = boxes[1],
			.uids = &r, .n_uids = 1, .deleted = 1 };
		struct store_append_in in;

		memset(s, 0, sizeof s);
		sent.id = ++next_id;
		in = append_in(&sent, &copy);
		link_call(world.mda, WIRE_store_append, &in, WAIT, soon_done,
		    &s[0]);
		link_call(mirrors[1][0].link, WIRE_box_flags, &flags, WAIT,
		    soon_done, &s[1]);
		link_call(mirrors[1][1].link, WIRE_box_copy, &move, WAIT,
		    soon_done, &s[2]);
		link_call(mirrors[0][0].link, WIRE_box_expunge, &gone, WAIT,
		    soon_done, &s[3]);
		sent.id = ++next_id;
		in = append_in(&sent, &copy);
		link_call(world.mda, WIRE_store_append, &in, WAIT, soon_done,
		    &s[4]);
		r.from = 1 + roll(30);
		r.to = r.from + roll(30);
		for (int i = 0; i < 5; i++) {
			while (!s[i].done)
				world_run(1);
			ck_assert_int_eq(WIRE_OK, s[i].status);
		}
		check_all();
	}
	links_close();
	world_close();
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, mirrored, 0, 4);
	tcase_add_loop_test(t, at_once, 0, 2);
}

int
main(void)
{
	return suite_run("store mirrors", add);
}
