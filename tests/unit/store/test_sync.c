/* box_sync, box_watch, what is \Recent: what changed since, exactly as long as
   the history reaches, and never too little (RFC 7162 3.2.10, RFC 3501
   2.3.2). */
#include "tests/unit/store/boxes.h"

#include "store/history.h"

static struct link *l;
static uint64_t next_id;

static void
append_many(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		ck_assert_uint_eq(OUTCOME_STORED,
		    APPEND(.id = ++next_id).outcome);
}

static void
begin(bool file, uint64_t messages)
{
	world_open(file);
	next_id = 0;
	append_many(messages);
	l = grant(7, 1, RIGHT_IMAP);
}

static void
again(void)
{
	link_close(l);
	world_restart();
	l = grant(7, 1, RIGHT_IMAP);
}

static void
end(void)
{
	check_box(l, "INBOX");
	link_close(l);
	world_close();
}

/* The UIDs of the changed ones. */
static struct slice
changed(const struct box_sync_out *o)
{
	struct buf b = { 0 };
	struct slice s;

	for (size_t i = 0; i < o->n_changed; i++) {
		buf_str(&b, i > 0 ? "," : "");
		buf_u64(&b, o->changed[i].uid);
	}
	s = arena_slice(&world.arena, buf_view(&b));
	buf_free(&b);
	return s;
}

/* The same while it is followed and after all was forgotten. */
START_TEST(since)
{
	struct box_sync_out o;
	uint64_t start;

	begin(_i & 1, 4);
	start = open_box(l, "INBOX").modseq;
	flags_in(l, INBOX, 2, 2, FLAGS_ADD, FLAG_SEEN);
	append_many(2);
	expunge_in(l, INBOX, 3, 3, false, NULL);
	expunge_in(l, INBOX, 5, 5, false, NULL);
	if (_i & 2)
		again();
	o = sync_of(l, INBOX, start, 1);
	ck_text(changed(&o), "2,6");
	ck_text(uids_text(o.vanished), "3,5");
	ck_assert_uint_eq(start + 5, o.modseq);
	ck_assert_uint_eq(7, o.uidnext);
	ck_assert_uint_eq(0, o.next);
	o = sync_of(l, INBOX, start, 3);
	ck_text(changed(&o), "6");
	ck_text(uids_text(o.vanished), "3,5");
	o = sync_of(l, INBOX, start, 6);
	ck_text(uids_text(o.vanished), "");
	o = sync_of(l, INBOX, start + 1, 1);
	ck_text(changed(&o), "6");
	o = sync_of(l, INBOX, start + 5, 1);
	ck_assert_uint_eq(0, o.n_changed + o.vanished.n);
	o = sync_of(l, INBOX, UINT64_MAX, 1);
	ck_assert_uint_eq(0, o.n_changed + o.vanished.n);
	o = sync_of(l, INBOX, 0, 0);
	ck_text(changed(&o), "1,2,4,6");
	o = sync_of(l, INBOX, 0, UINT32_MAX);
	ck_assert_uint_eq(0, o.n_changed + o.vanished.n);
	end();
}
END_TEST

/* Beyond what is remembered every UID that is not there is said to have
   vanished; from then on it is exact again. */
START_TEST(history_bounds)
{
	enum { N = HISTORY_ROWS + 450 };
	struct box_sync_out o;
	uint64_t start, later = 0;

	begin(_i, 3);
	expunge_in(l, INBOX, 1, 1, false, NULL);
	start = open_box(l, "INBOX").modseq;
	for (int i = 0; i < N; i++) {
		uint32_t uid = add_message(l, INBOX, 0, "x");

		if (i == N - 10)
			later = open_box(l, "INBOX").modseq;
		ck_assert_int_eq(WIRE_OK, expunge_in(l, INBOX, uid, uid, false,
		    NULL));
		arena_reset(&world.arena);
	}
	if (_i)
		again();
	/* 1 went before start: that it is named shows that it is not exact. */
	o = sync_of(l, INBOX, start, 1);
	ck_text(uids_text(o.vanished), "1,4:1453");
	o = sync_of(l, INBOX, later, 1);
	ck_text(uids_text(o.vanished), "1444:1453");
	end();
}
END_TEST

static void
ignore(struct change *c, enum engine_status status)
{
	(void)c;
	ck_assert_int_eq(ENGINE_OK, status);
}

/* More than an answer holds comes in parts that fit together. */
START_TEST(in_parts)
{
	enum { N = 9000 };
	struct user *u;
	struct change c;
	struct box *b;
	uint32_t from = 1, calls = 0, seen = 0;

	begin(false, 1);
	u = user_hold(7);
	b = box_get(u, INBOX);
	change_begin(&c, u, b);
	for (uint32_t i = 0; i < N; i++) {
		struct message_row row = { .modseq = b->now.modseq + 1,
			.size = 1 };

		change_add(&c, &c.parts[0], &row, 0, slice_of(NULL, 0));
	}
	b->now.modseq++;
	change_commit(&c, ignore);
	world_run(20);
	user_release(u);
	do {
		struct box_sync_out o = sync_of(l, INBOX, 1, from);

		for (size_t i = 0; i < o.n_changed; i++)
			ck_assert_uint_eq(++seen, o.changed[i].uid);
		from = o.next;
		calls++;
	} while (from != 0);
	ck_assert_uint_eq(N + 1, seen);
	ck_assert_uint_gt(calls, 1);
	link_close(l);
	world_close();
}
END_TEST

/* More changes than are noted: what is asked about longer ago is read from the
   rows. */
START_TEST(many_touches)
{
	struct box_sync_out o;
	uint64_t start;

	begin(false, 200);
	start = open_box(l, "INBOX").modseq;
	for (int i = 0; i < 3000; i++) {
		uint32_t uid = (uint32_t)(i * 77) % 200 + 1;

		flags_in(l, INBOX, uid, uid, i % 2 ? FLAGS_ADD : FLAGS_SET,
		    (uint64_t)i % 31 + 1);
		if (i % 500 == 0) {
			o = sync_of(l, INBOX, open_box(l, "INBOX").modseq - 1,
			    1);
			ck_assert_uint_eq(1, o.n_changed);
		}
		arena_reset(&world.arena);
	}
	o = sync_of(l, INBOX, start, 1);
	ck_assert_uint_eq(200, o.n_changed);
	o = sync_of(l, INBOX, open_box(l, "INBOX").modseq - 20, 1);
	ck_assert_uint_eq(20, o.n_changed);
	end();
}
END_TEST

/* Only the first session that may write is told of them (RFC 3501 2.3.2). */
START_TEST(recent)
{
	struct box_open_in look = { .name = SLICE("INBOX"), .examine = 1 };
	struct box_open_out o;

	begin(_i, 2);
	ck_assert_uint_eq(2, status_of(l, "INBOX").recent);
	ck_assert_int_eq(WIRE_OK, box_open(l, &look, &o, &world.arena, WAIT));
	ck_assert_uint_eq(2, o.recent);
	ck_assert_uint_eq(2, open_box(l, "INBOX").recent);
	ck_assert_uint_eq(0, open_box(l, "INBOX").recent);
	append_many(2);
	expunge_in(l, INBOX, 3, 3, false, NULL);
	ck_assert_uint_eq(1, status_of(l, "INBOX").recent);
	/* Told by box_sync. */
	sync_of(l, INBOX, 1, 1);
	ck_assert_uint_eq(0, status_of(l, "INBOX").recent);
	append_many(1);
	again();
	ck_assert_uint_eq(0, open_box(l, "INBOX").recent);
	append_many(1);
	ck_assert_uint_eq(1, status_of(l, "INBOX").recent);
	/* Who only looks is told by box_sync without taking it away. */
	ck_assert_int_eq(WIRE_OK, box_open(l, &look, &o, &world.arena, WAIT));
	sync_of(l, INBOX, 1, 1);
	ck_assert_uint_eq(1, open_box(l, "INBOX").recent);
	end();
}
END_TEST

static void
watch_soon(struct soon *s, struct link *of, uint64_t modseq)
{
	struct box_watch_in in = { .mailbox = INBOX, .modseq = modseq };

	*s = (struct soon){ .done = false };
	link_call(of, WIRE_box_watch, &in, WAIT, soon_done, s);
	world_run(20);
}

static struct box_append_out
append_here(void)
{
	struct wire_appended m = { .flags = FLAG_SEEN };
	struct box_append_in in = { .mailbox = INBOX, .messages = &m,
		.n_messages = 1, .body = SLICE("x") };
	struct box_append_out out;

	ck_assert_int_eq(WIRE_OK, box_append(l, &in, &out, &world.arena,
	    WAIT));
	world_run(20);
	return out;
}

/* What a session appends itself, having seen all before, does not answer its
   own watch; that of another session, and what comes next, does. */
START_TEST(own_append)
{
	struct box_append_out out;
	struct soon mine, others;
	struct link *o;
	uint64_t modseq;

	begin(_i, 1);
	o = grant(7, 2, RIGHT_IMAP);
	modseq = open_box(l, "INBOX").modseq;
	watch_soon(&mine, l, modseq);
	watch_soon(&others, o, modseq);
	out = append_here();
	ck_assert_uint_eq(modseq, out.before);
	ck_assert_uint_eq(modseq + 1, out.modseq);
	ck_assert(!mine.done && others.done);
	ck_assert_uint_eq(0, status_of(l, "INBOX").recent);
	append_many(1);
	world_run(20);
	ck_assert(mine.done);
	ck_assert_uint_eq(1, status_of(l, "INBOX").recent);
	/* That one it has not seen. */
	watch_soon(&mine, l, modseq + 2);
	append_many(1);
	out = append_here();
	ck_assert_uint_eq(modseq + 3, out.before);
	ck_assert(mine.done);
	ck_assert_uint_eq(3, status_of(l, "INBOX").recent);
	link_close(o);
	end();
}
END_TEST

/* Who follows reads what is new, and not what came just before; also when so
   much came that it is noted less exactly. */
START_TEST(new_ones)
{
	struct box_sync_out o;
	uint64_t start;

	begin(false, 1);
	start = open_box(l, "INBOX").modseq;
	sync_of(l, INBOX, start, 1);
	for (uint32_t i = 0; i < 1600; i++) {
		struct ranges touched = { 0 };
		struct user *u = user_hold(7);
		struct box *b = box_get(u, INBOX);

		append_many(1);
		ck_assert(box_touched(b, b->seen.modseq - 1, &touched));
		ck_assert_uint_eq(1, ranges_count(&touched));
		ck_assert_uint_eq(i + 2, ranges_last(&touched));
		ck_assert(box_touched(b, start, &touched));
		ck_assert_uint_eq(i + 1, ranges_count(&touched));
		ranges_free(&touched);
		user_release(u);
		arena_reset(&world.arena);
	}
	o = sync_of(l, INBOX, open_box(l, "INBOX").modseq - 1000, 1);
	ck_assert_uint_eq(1000, o.n_changed);
	ck_assert_uint_eq(602, o.changed[0].uid);
	end();
}
END_TEST

/* UIDs in an answer and in several. */
START_TEST(uids)
{
	struct box_uids_in in = { .mailbox = INBOX, .from = 3 };
	struct box_uids_out out;

	begin(_i, 6);
	expunge_in(l, INBOX, 4, 4, false, NULL);
	ck_text(uids_text(open_box(l, "INBOX").uids), "1:3,5:6");
	ck_assert_int_eq(WIRE_OK, box_uids(l, &in, &out, &world.arena, WAIT));
	ck_text(uids_text(out.uids), "3,5:6");
	ck_assert_uint_eq(0, out.next);
	in.from = UINT32_MAX;
	ck_assert_int_eq(WIRE_OK, box_uids(l, &in, &out, &world.arena, WAIT));
	ck_text(uids_text(out.uids), "");
	again();
	ck_text(uids_text(open_box(l, "INBOX").uids), "1:3,5:6");
	end();
}
END_TEST

/* Only what carries the flag goes, and only of those named (RFC 9051 6.4.9). */
START_TEST(expunge_deleted)
{
	struct box_expunge_out o;

	begin(_i, 6);
	flags_in(l, INBOX, 2, 4, FLAGS_ADD, FLAG_DELETED);
	flags_in(l, INBOX, 3, 3, FLAGS_REMOVE, FLAG_DELETED);
	again();
	ck_assert_int_eq(WIRE_OK, expunge_in(l, INBOX, 3, UINT32_MAX, true,
	    &o));
	ck_assert_uint_eq(1, o.removed);
	ck_text(uids_text(open_box(l, "INBOX").uids), "1:3,5:6");
	ck_assert_int_eq(WIRE_OK, expunge_in(l, INBOX, 1, UINT32_MAX, true,
	    &o));
	ck_assert_uint_eq(1, o.removed);
	ck_assert_int_eq(WIRE_OK, expunge_in(l, INBOX, 1, UINT32_MAX, true,
	    &o));
	ck_assert_uint_eq(0, o.removed);
	ck_text(uids_text(open_box(l, "INBOX").uids), "1,3,5:6");
	end();
}
END_TEST

/* A damaged row is there, cannot be read, and can be removed. */
START_TEST(damaged)
{
	struct box_expunge_out o;
	struct key k = key_message(7, INBOX, 2);
	struct txn *t;

	begin(_i, 3);
	t = txn_begin(store.engine, 7);
	txn_put(t, ENGINE_ROWS, key_view(&k), SLICE("nonsense"), 0);
	txn_commit(t, NULL, NULL);
	world_run(20);
	again();
	ck_text(uids_text(open_box(l, "INBOX").uids), "1:3");
	ck_assert_uint_eq(2, list_all(l, INBOX, 0).n_entries);
	ck_assert_int_eq(WIRE_OK, expunge_in(l, INBOX, 2, 2, false, &o));
	ck_assert_uint_eq(1, o.removed);
	ck_text(uids_text(open_box(l, "INBOX").uids), "1,3");
	ck_assert_uint_eq(2, open_box(l, "INBOX").messages);
	link_close(l);
	world_close();
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, since, 0, 4);
	tcase_add_loop_test(t, history_bounds, 0, 2);
	tcase_add_test(t, in_parts);
	tcase_add_test(t, many_touches);
	tcase_add_loop_test(t, own_append, 0, 2);
	tcase_add_test(t, new_ones);
	tcase_add_loop_test(t, recent, 0, 2);
	tcase_add_loop_test(t, uids, 0, 2);
	tcase_add_loop_test(t, expunge_deleted, 0, 2);
	tcase_add_loop_test(t, damaged, 0, 2);
}

int
main(void)
{
	return suite_run("store sync", add);
}
