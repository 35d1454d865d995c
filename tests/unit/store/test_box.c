/* box_open, box_list, box_expunge, box_watch: what a session sees, and that
   UIDs and MODSEQs keep their promises (RFC 9051 2.3.1.1, RFC 7162 3.1). */
#include "tests/unit/store/world.h"

#include "store/list.h"

enum { MANY = 2 * LIST_ENTRIES + 100 };

static uint64_t
watch_modseq(const void *out)
{
	const struct box_watch_out *o = out;

	return o->modseq;
}

static void
watch_soon(struct soon *s, struct link *l, uint64_t modseq)
{
	struct box_watch_in in = { .mailbox = INBOX, .modseq = modseq };

	*s = (struct soon){ .keep = watch_modseq };
	link_call(l, WIRE_box_watch, &in, WAIT, soon_done, s);
}

static void
append_many(uint64_t first, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		ck_assert_uint_eq(OUTCOME_STORED,
		    APPEND(.id = first + i).outcome);
}

/* Any range, any change since: RFC 7162 3.1.4 asks for just these. */
START_TEST(listing)
{
	struct box_list_out o;
	struct link *l;

	world_open(_i);
	append_many(1, 10);
	l = grant(7, 1, RIGHT_IMAP);
	open_box(l, "INBOX");
	o = list_box(l, 3, 5, 0);
	ck_assert_uint_eq(3, o.n_entries);
	ck_assert_uint_eq(3, o.entries[0].uid);
	ck_assert_uint_eq(5, o.entries[2].uid);
	ck_assert_uint_eq(0, list_box(l, 11, UINT32_MAX, 0).n_entries);
	ck_assert_uint_eq(10, list_box(l, 1, UINT32_MAX, 0).n_entries);
	o = list_box(l, 1, 10, 0);
	o = list_box(l, 1, 10, o.entries[7].modseq);
	ck_assert_uint_eq(2, o.n_entries);
	ck_assert_uint_eq(9, o.entries[0].uid);
	link_close(l);
	world_close();
}
END_TEST

static void
landed(struct change *c, enum engine_status status)
{
	(void)c;
	ck_assert_int_eq(ENGINE_OK, status);
}

/* Many messages without bytes at once, to be quick. */
static void
write_rows(uint32_t n)
{
	struct user *u = user_hold(7);
	struct box *b = box_inbox(u);
	struct change c;

	change_begin(&c, u, b);
	for (uint32_t i = 0; i < n; i++) {
		struct message_row row = { .modseq = 1, .size = 1 };

		change_add(&c, &c.parts[0], &row, 0, slice_of(NULL, 0));
	}
	change_commit(&c, landed);
	world_run(50);
	user_release(u);
}

/* More messages than fit in an answer come in several. */
START_TEST(listing_in_parts)
{
	struct box_list_out o;
	uint32_t from = 1, seen = 0;
	struct link *l;

	world_open(false);
	write_rows(MANY);
	l = grant(7, 1, RIGHT_IMAP);
	open_box(l, "INBOX");
	do {
		o = list_box(l, from, UINT32_MAX, 0);
		for (size_t i = 0; i < o.n_entries; i++)
			ck_assert_uint_eq(++seen, o.entries[i].uid);
		from = o.next;
	} while (from != 0);
	ck_assert_uint_eq(MANY, seen);
	/* All flags of all of them are one command, and one MODSEQ. */
	{
		struct box_flags_out f;
		uint64_t before = open_box(l, "INBOX").modseq;

		ck_assert_int_eq(WIRE_OK, flag(l, 1, UINT32_MAX, FLAGS_ADD,
		    FLAG_SEEN, &f));
		ck_assert_uint_eq(before + 1, f.modseq);
		o = list_box(l, MANY, UINT32_MAX, before);
		ck_assert_uint_eq(1, o.n_entries);
		ck_assert_uint_eq(FLAG_SEEN, o.entries[0].flags);
		ck_assert_uint_eq(before + 1, o.entries[0].modseq);
		ck_assert_uint_eq(FLAG_SEEN,
		    list_box(l, 1, 1, before).entries[0].flags);
	}
	ck_assert_int_eq(WIRE_OK, expunge(l, 1, UINT32_MAX, NULL));
	ck_assert_uint_eq(0, open_box(l, "INBOX").messages);
	ck_assert_uint_eq(0, open_box(l, "INBOX").bytes);
	link_close(l);
	world_close();
}
END_TEST

/* Nothing is seen before it is durable. */
START_TEST(durable_then_seen)
{
	struct sent sent = { .id = 2 };
	struct wire_copy copy;
	struct store_append_in in = append_in(&sent, &copy);
	struct soon appended = { 0 };
	struct box_open_out before, held;
	struct link *l;

	world_open(false);
	append_many(1, 1);
	l = grant(7, 1, RIGHT_IMAP);
	before = open_box(l, "INBOX");
	engine_mem_hold(store.engine, true);
	link_call(world.mda, WIRE_store_append, &in, WAIT, soon_done,
	    &appended);
	world_run(10);
	held = open_box(l, "INBOX");
	ck_assert_uint_eq(before.uidnext, held.uidnext);
	ck_assert_uint_eq(before.modseq, held.modseq);
	ck_assert_uint_eq(1, list_box(l, 1, UINT32_MAX, 0).n_entries);
	ck_assert(!appended.done);
	engine_mem_hold(store.engine, false);
	world_run(10);
	ck_assert(appended.done);
	ck_assert_uint_eq(2, list_box(l, 1, UINT32_MAX, 0).n_entries);
	link_close(l);
	world_close();
}
END_TEST

/* A UID once given is not given again: not after an expunge, a restart, or a
   crash in the middle of a commit that was shown to nobody. */
START_TEST(uid_never_again)
{
	struct box_open_out a, b;
	struct link *l;

	world_open(_i);
	append_many(1, 3);
	l = grant(7, 1, RIGHT_POP3);
	a = open_box(l, "INBOX");
	ck_assert_int_eq(WIRE_OK, expunge(l, 2, 3, NULL));
	link_close(l);
	world_restart();
	l = grant(7, 1, RIGHT_POP3);
	b = open_box(l, "INBOX");
	ck_assert_uint_eq(a.uidvalidity, b.uidvalidity);
	ck_assert_uint_eq(a.uidnext, b.uidnext);
	ck_assert_uint_gt(b.modseq, a.modseq);
	ck_assert_uint_eq(4, APPEND(.id = 9).uid);
	link_close(l);
	world_close();
}
END_TEST

START_TEST(uid_after_crash)
{
	struct sent sent = { .id = 2 };
	struct wire_copy copy;
	struct store_append_in in = append_in(&sent, &copy);
	struct engine *e;
	struct link *l;

	world_open(false);
	e = store.engine;
	append_many(1, 1);
	engine_mem_hold(e, true);
	link_call(world.mda, WIRE_store_append, &in, WAIT, NULL, NULL);
	world_run(10);
	engine_mem_crash(e);
	engine_mem_hold(e, false);
	world_restart();
	/* Nobody saw 2, so it may be given; what was acknowledged stays. */
	ck_assert_uint_eq(1, APPEND(.id = 1).uid);
	ck_assert_uint_eq(2, APPEND(.id = 3).uid);
	l = grant(7, 1, RIGHT_POP3);
	ck_assert_uint_eq(2, open_box(l, "INBOX").messages);
	ck_assert_uint_eq(2, list_box(l, 1, UINT32_MAX, 0).n_entries);
	link_close(l);
	world_close();
}
END_TEST

/* Messages go for good with their digests, others stay. */
START_TEST(expunging)
{
	struct wire_range some[] = { { 1, 2 }, { 4, 4 }, { 9, UINT32_MAX } };
	struct box_expunge_in in = { .mailbox = INBOX, .uids = some,
		.n_uids = 3 };
	struct box_fetch_in gone = { .mailbox = INBOX, .uid = 2,
		.length = 10 };
	struct box_digest_in digest = { .mailbox = INBOX, .uid = 2 };
	struct box_expunge_out out;
	struct box_list_out o;
	struct link *l;

	world_open(_i);
	for (uint64_t i = 1; i <= 5; i++)
		APPEND(.id = i, .digest = "d");
	l = grant(7, 1, RIGHT_IMAP);
	open_box(l, "INBOX");
	ck_assert_int_eq(WIRE_OK, box_expunge(l, &in, &out, &world.arena,
	    WAIT));
	ck_assert_uint_eq(3, out.removed);
	ck_assert_uint_eq(out.modseq, open_box(l, "INBOX").modseq);
	o = list_box(l, 1, UINT32_MAX, 0);
	ck_assert_uint_eq(2, o.n_entries);
	ck_assert_uint_eq(3, o.entries[0].uid);
	ck_assert_uint_eq(5, o.entries[1].uid);
	ck_assert_int_eq(WIRE_NONE, box_fetch(l, &gone, NULL, NULL, WAIT));
	ck_assert_int_eq(WIRE_NONE, box_digest(l, &digest, NULL, NULL, WAIT));
	ck_text(fetch(l, 5), "body\r\n");
	/* Again: nothing to remove is fine. */
	ck_assert_int_eq(WIRE_OK, box_expunge(l, &in, &out, &world.arena,
	    WAIT));
	ck_assert_uint_eq(0, out.removed);
	link_close(l);
	world_close();
}
END_TEST

/* box_watch is answered when something changed, at once if it did before, and
   not by what happens in others' mailboxes. */
START_TEST(watching)
{
	struct box_open_out box;
	struct soon a, b;
	struct link *l, *m;

	world_open(_i);
	append_many(1, 1);
	l = grant(7, 1, RIGHT_IMAP);
	m = grant(7, 2, RIGHT_IMAP);
	box = open_box(l, "INBOX");
	watch_soon(&a, l, box.modseq);
	watch_soon(&b, m, box.modseq);
	world_run(20);
	APPEND(.id = 2, .user = 8);
	ck_assert(!a.done && !b.done);
	APPEND(.id = 2);
	world_run(20);
	ck_assert(a.done && b.done);
	ck_assert_uint_eq(box.modseq + 1, a.number);
	ck_assert_uint_eq(box.modseq + 1, b.number);
	watch_soon(&a, l, box.modseq);
	world_run(20);
	ck_assert(a.done);
	/* One of two goes while it watches. */
	watch_soon(&b, m, a.number);
	watch_soon(&a, l, a.number);
	world_run(20);
	ck_assert(!a.done && !b.done);
	link_close(m);
	world_run(20);
	ck_assert_int_eq(WIRE_GONE, b.status);
	ck_assert_int_eq(WIRE_OK, flag(l, 1, 1, FLAGS_ADD, FLAG_SEEN, NULL));
	world_run(20);
	ck_assert_int_eq(WIRE_OK, a.status);
	link_close(l);
	world_close();
}
END_TEST

/* A session that selects again and again has one watch, not one for each. */
START_TEST(one_watch)
{
	struct box_open_out box;
	struct soon a, b, c;
	struct link *l, *m;

	world_open(_i);
	append_many(1, 1);
	l = grant(7, 1, RIGHT_IMAP);
	m = grant(7, 2, RIGHT_IMAP);
	box = open_box(l, "INBOX");
	watch_soon(&a, l, box.modseq);
	watch_soon(&c, m, box.modseq);
	world_run(20);
	watch_soon(&b, l, box.modseq);
	world_run(20);
	ck_assert(a.done && !b.done && !c.done);
	ck_assert_int_eq(WIRE_AGAIN, a.status);
	APPEND(.id = 2);
	world_run(20);
	ck_assert_int_eq(WIRE_OK, b.status);
	ck_assert_int_eq(WIRE_OK, c.status);
	watch_soon(&a, l, b.number);
	world_run(20);
	link_close(l);
	link_close(m);
	world_close();
}
END_TEST

/* On a full disk reading and deleting work, and mail comes in again after. */
START_TEST(full_disk)
{
	struct link *l;

	world_open(false);
	append_many(1, 2);
	l = grant(7, 1, RIGHT_POP3);
	open_box(l, "INBOX");
	engine_mem_fault(store.engine, ENGINE_FULL, 0, 1);
	ck_assert_uint_eq(OUTCOME_LATER, APPEND(.id = 3).outcome);
	ck_text(fetch(l, 1), "body\r\n");
	engine_mem_fault(store.engine, ENGINE_FULL, 0, 0);
	ck_assert_int_eq(WIRE_OK, expunge(l, 1, 1, NULL));
	ck_assert_uint_eq(3, APPEND(.id = 3).uid);
	link_close(l);
	world_close();
}
END_TEST

/* The same on the file engine, whose floor is above all there is. */
START_TEST(below_the_floor)
{
	struct link *l;

	world_open(true);
	append_many(1, 2);
	world.floor = UINT64_MAX / 4;
	world_restart();
	l = grant(7, 1, RIGHT_POP3);
	ck_assert_uint_eq(2, open_box(l, "INBOX").messages);
	ck_assert_uint_eq(OUTCOME_LATER, APPEND(.id = 3).outcome);
	ck_text(fetch(l, 1), "body\r\n");
	ck_assert_int_eq(WIRE_OK, expunge(l, 1, 1, NULL));
	ck_assert_uint_eq(1, open_box(l, "INBOX").messages);
	link_close(l);
	world.floor = 0;
	world_restart();
	ck_assert_uint_eq(3, APPEND(.id = 3).uid);
	world_close();
}
END_TEST

/* Impossible values get an error answer, and the channel lives on. */
START_TEST(nonsense)
{
	struct wire_range back = { 5, 4 }, zero = { 0, 4 };
	struct wire_range twice[] = { { 1, 3 }, { 3, 4 } };
	struct box_expunge_in in = { .mailbox = INBOX, .n_uids = 1 };
	struct box_fetch_in far = { .mailbox = INBOX, .uid = 1,
		.offset = UINT64_MAX, .length = UINT64_MAX };
	struct box_fetch_out out;
	struct link *l;

	world_open(_i);
	append_many(1, 1);
	l = grant(7, 1, RIGHT_IMAP);
	open_box(l, "INBOX");
	in.uids = &back;
	ck_assert_int_eq(WIRE_BAD, box_expunge(l, &in, NULL, NULL, WAIT));
	in.uids = &zero;
	ck_assert_int_eq(WIRE_BAD, box_expunge(l, &in, NULL, NULL, WAIT));
	in.uids = twice;
	in.n_uids = 2;
	ck_assert_int_eq(WIRE_BAD, box_expunge(l, &in, NULL, NULL, WAIT));
	in.n_uids = 0;
	ck_assert_int_eq(WIRE_BAD, box_expunge(l, &in, NULL, NULL, WAIT));
	ck_assert_int_eq(WIRE_BAD, flag(l, 1, 1, 9, FLAG_SEEN, NULL));
	ck_assert_int_eq(WIRE_BAD, flag(l, 1, 1, FLAGS_ADD, 1u << 31, NULL));
	in = (struct box_expunge_in){ .mailbox = 99, .uids = &back,
		.n_uids = 1 };
	ck_assert_int_eq(WIRE_NONE, box_expunge(l, &in, NULL, NULL, WAIT));
	ck_assert_int_eq(WIRE_OK, box_fetch(l, &far, &out, &world.arena,
	    WAIT));
	ck_assert_uint_eq(0, out.size);
	ck_text(fetch(l, 1), "body\r\n");
	link_close(l);
	world_close();
}
END_TEST

/* Parts of a message, across the seam between head and body. */
START_TEST(parts)
{
	struct box_fetch_in in = { .mailbox = INBOX, .uid = 1 };
	struct box_fetch_out out;
	const char *all = "HEAD\r\nbody\r\n";
	struct link *l;

	world_open(_i);
	APPEND(.id = 1, .head = "HEAD\r\n");
	l = grant(7, 1, RIGHT_IMAP);
	open_box(l, "INBOX");
	for (size_t at = 0; at <= 12; at++)
		for (size_t n = 0; n <= 13; n++) {
			struct slice want = slice_take(slice_drop(
			    slice_str(all), at), n);

			in.offset = at;
			in.length = n;
			ck_assert_int_eq(WIRE_OK, box_fetch(l, &in, &out,
			    &world.arena, WAIT));
			ck_assert_uint_eq(want.n, out.size);
			ck_assert(slice_eq(want, out.bytes));
		}
	link_close(l);
	world_close();
}
END_TEST

/* More users than are kept in memory: they come back from their rows. */
START_TEST(few_in_memory)
{
	struct link *l;

	world_open(_i);
	store.users_max = 3;
	for (uint64_t round = 1; round <= 3; round++)
		for (uint64_t user = 1; user <= 10; user++)
			ck_assert_uint_eq(round, APPEND(.id = round,
			    .user = user).uid);
	ck_assert_uint_le(users_count(), 4);
	l = grant(5, 1, RIGHT_POP3);
	ck_assert_uint_eq(3, open_box(l, "INBOX").messages);
	link_close(l);
	world_close();
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, listing, 0, 2);
	tcase_add_test(t, listing_in_parts);
	tcase_add_test(t, durable_then_seen);
	tcase_add_loop_test(t, uid_never_again, 0, 2);
	tcase_add_test(t, uid_after_crash);
	tcase_add_loop_test(t, expunging, 0, 2);
	tcase_add_loop_test(t, watching, 0, 2);
	tcase_add_loop_test(t, one_watch, 0, 2);
	tcase_add_test(t, full_disk);
	tcase_add_test(t, below_the_floor);
	tcase_add_loop_test(t, nonsense, 0, 2);
	tcase_add_loop_test(t, parts, 0, 2);
	tcase_add_loop_test(t, few_in_memory, 0, 2);
}

int
main(void)
{
	return suite_run("store boxes", add);
}

/* What a crash cuts off is never freed: uid_after_crash is one. */
const char	*__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}
