/* store_append: outcomes, operation ids, the low-water mark and retry tokens
   (architecture.md section 6, rules 2, 3, 4 and 10), quota, mailboxes. */
#include "tests/unit/store/world.h"

#include "store/known.h"

#define ID(life, counter) ((uint64_t)(life) << 32 | (counter))

static uint64_t
outcome_of(const void *out)
{
	const struct store_append_out *o = out;

	return o->results[0].outcome * UINT64_C(1000) + o->results[0].uid;
}

/* Sends without waiting. */
static void
send_soon(struct soon *soon, const struct sent *s)
{
	struct wire_copy copy;
	struct store_append_in in = append_in(s, &copy);

	*soon = (struct soon){ .keep = outcome_of };
	link_call(world.mda, WIRE_store_append, &in, WAIT, soon_done, soon);
}

/* A message appended is listed and fetched, its own lines first. */
START_TEST(stored_listed_fetched)
{
	struct box_open_out box;
	struct box_list_out list;
	struct wire_copied c;
	struct link *l;

	world_open(_i);
	c = APPEND(.id = 5, .head = "Return-Path: <a@b>\r\n",
	    .body = "X: y\r\n\r\nz\r\n", .when = 1234, .digest = "digest");
	ck_assert_uint_eq(OUTCOME_STORED, c.outcome);
	ck_assert_uint_eq(1, c.uid);
	ck_assert_uint_eq(2, APPEND(.id = 6).uid);
	l = grant(7, 1, RIGHT_POP3);
	box = open_box(l, "inbox");
	ck_assert_uint_eq(INBOX, box.mailbox);
	ck_assert_uint_eq(3, box.uidnext);
	ck_assert_uint_eq(2, box.messages);
	ck_assert_uint_eq(31 + 6, box.bytes);
	list = list_box(l, 1, UINT32_MAX, 0);
	ck_assert_uint_eq(2, list.n_entries);
	ck_assert_uint_eq(0, list.next);
	ck_assert_uint_eq(1, list.entries[0].uid);
	ck_assert_uint_eq(31, list.entries[0].size);
	ck_assert_uint_eq(1234, list.entries[0].when);
	ck_assert_uint_eq(0, list.entries[0].flags);
	ck_assert(list.entries[0].modseq < list.entries[1].modseq);
	ck_text(fetch(l, 1), "Return-Path: <a@b>\r\nX: y\r\n\r\nz\r\n");
	ck_text(fetch(l, 2), "body\r\n");
	link_close(l);
	world_close();
}
END_TEST

/* The first outcome is repeated: at once, in the group being written, after a
   restart and after the message was expunged. */
START_TEST(repeated)
{
	struct soon first, again;
	struct box_expunge_out ex;
	struct link *l;

	world_open(_i);
	send_soon(&first, &(struct sent){ .id = 5 });
	send_soon(&again, &(struct sent){ .id = 5 });
	while (!first.done || !again.done)
		world_run(5);
	ck_assert_uint_eq(1, first.number);
	ck_assert_uint_eq(1, again.number);
	ck_assert_uint_eq(1, APPEND(.id = 5).uid);
	world_restart();
	ck_assert_uint_eq(1, APPEND(.id = 5).uid);
	l = grant(7, 1, RIGHT_POP3);
	ck_assert_int_eq(WIRE_OK, expunge(l, 1, 1, &ex));
	ck_assert_uint_eq(1, ex.removed);
	ck_assert_uint_eq(1, APPEND(.id = 5).uid);
	ck_assert_uint_eq(0, open_box(l, "INBOX").messages);
	ck_assert_uint_eq(2, APPEND(.id = 6).uid);
	link_close(l);
	world_close();
}
END_TEST

/* One message for several users, one of them twice: one body, one copy each,
   each with its own answer. */
START_TEST(several_users)
{
	struct wire_copy copies[] = {
		{ .user = 7, .head = SLICE("A\r\n") },
		{ .user = 8, .head = SLICE("B\r\n") },
		{ .user = 9, .refuse = 1, .text = SLICE("5.2.1 no") },
		{ .user = 7, .head = SLICE("C\r\n") } };
	struct store_append_in in = { .id = 5, .body = SLICE("x\r\n"),
		.copies = copies, .n_copies = 4 };
	struct store_append_out out;
	struct link *l;

	world_open(_i);
	ck_assert_int_eq(WIRE_OK, store_append(world.mda, &in, &out,
	    &world.arena, WAIT));
	ck_assert_uint_eq(4, out.n_results);
	ck_assert_uint_eq(OUTCOME_STORED, out.results[0].outcome);
	ck_assert_uint_eq(OUTCOME_STORED, out.results[1].outcome);
	ck_assert_uint_eq(OUTCOME_REFUSED, out.results[2].outcome);
	ck_text(out.results[2].text, "5.2.1 no");
	ck_assert_uint_eq(OUTCOME_STORED, out.results[3].outcome);
	ck_assert_uint_eq(1, out.results[3].uid);
	l = grant(7, 1, RIGHT_POP3);
	ck_assert_uint_eq(1, open_box(l, "INBOX").messages);
	ck_text(fetch(l, 1), "A\r\nx\r\n");
	link_close(l);
	l = grant(8, 2, RIGHT_POP3);
	open_box(l, "INBOX");
	ck_text(fetch(l, 1), "B\r\nx\r\n");
	link_close(l);
	world_close();
}
END_TEST

/* A refusal is settled: a stored attempt that is read later changes nothing. */
START_TEST(refusal_settled)
{
	struct wire_copied c;
	struct link *l;

	world_open(_i);
	c = APPEND(.id = 5, .refuse = "5.4.6 loop");
	ck_assert_uint_eq(OUTCOME_REFUSED, c.outcome);
	c = APPEND(.id = 5);
	ck_assert_uint_eq(OUTCOME_REFUSED, c.outcome);
	ck_text(c.text, "5.4.6 loop");
	world_restart();
	c = APPEND(.id = 5);
	ck_assert_uint_eq(OUTCOME_REFUSED, c.outcome);
	ck_text(c.text, "5.4.6 loop");
	/* And the other way round. */
	ck_assert_uint_eq(OUTCOME_STORED, APPEND(.id = 6).outcome);
	ck_assert_uint_eq(OUTCOME_STORED,
	    APPEND(.id = 6, .refuse = "5.2.1 no").outcome);
	l = grant(7, 1, RIGHT_POP3);
	ck_assert_uint_eq(1, open_box(l, "INBOX").messages);
	link_close(l);
	world_close();
}
END_TEST

static unsigned
count_ops(uint64_t user)
{
	unsigned n = 0;

	for (uint64_t id = 1; id < 100; id++) {
		struct key k = key_op(user, id);

		n += engine_get(store.engine, ENGINE_ROWS, key_view(&k), NULL,
		    NULL) == ENGINE_OK;
	}
	return n;
}

/* An id below the low-water mark is refused, also after a restart; outcomes
   below it are forgotten, those above are not. */
START_TEST(stale)
{
	world_open(_i);
	for (uint64_t id = 5; id < 10; id++)
		APPEND(.id = id);
	ck_assert_uint_eq(5, count_ops(7));
	ck_assert_uint_eq(OUTCOME_STORED,
	    APPEND(.id = 10, .low_water = 8).outcome);
	ck_assert_uint_eq(100 + WIRE_STALE, APPEND(.id = 7).outcome);
	ck_assert_uint_eq(4, APPEND(.id = 8).uid);
	APPEND(.id = 11, .low_water = 8);	/* the mark is durable now */
	ck_assert_uint_eq(4, count_ops(7));
	ck_assert_uint_eq(5, APPEND(.id = 9).uid);
	world_restart();
	ck_assert_uint_eq(100 + WIRE_STALE, APPEND(.id = 7).outcome);
	ck_assert_uint_eq(4, APPEND(.id = 8).uid);
	world_close();
}
END_TEST

/* mda may be hostile: a mark above the id it comes with, or from a life that
   has not begun, is not believed. */
START_TEST(marks_not_believed)
{
	world_open(_i);
	APPEND(.id = 5, .low_water = 6);
	ck_assert_uint_eq(OUTCOME_STORED, APPEND(.id = 4).outcome);
	APPEND(.id = UINT64_MAX, .low_water = UINT64_MAX);
	ck_assert_uint_eq(OUTCOME_STORED, APPEND(.id = 6).outcome);
	world_close();
}
END_TEST

/* A token counts only for an id of another life of the queue. */
START_TEST(tokens)
{
	struct wire_copied c;

	world_open(_i);
	ck_assert_uint_eq(1, APPEND(.id = ID(1, 1), .token = "t").uid);
	ck_assert_uint_eq(2, APPEND(.id = ID(1, 2), .token = "t").uid);
	c = APPEND(.id = ID(2, 1), .token = "t");
	ck_assert_uint_eq(OUTCOME_STORED, c.outcome);
	ck_assert_uint_eq(2, c.uid);
	/* Found again under its own id, whatever becomes of the token. */
	ck_assert_uint_eq(2, APPEND(.id = ID(2, 1)).uid);
	world_restart();
	/* Even if mda would refuse it now: it is there. */
	c = APPEND(.id = ID(3, 1), .token = "t", .refuse = "5.2.1 no");
	ck_assert_uint_eq(OUTCOME_STORED, c.outcome);
	ck_assert_uint_eq(3, APPEND(.id = ID(3, 2), .token = "other").uid);
	ck_assert_uint_eq(1, APPEND(.id = ID(3, 3), .token = "t",
	    .user = 8).uid);
	ck_assert_uint_eq(4, APPEND(.id = ID(3, 4)).uid);
	ck_assert_uint_eq(5, APPEND(.id = ID(4, 4)).uid);
	world_close();
}
END_TEST

/* Refusals are not remembered under the token. */
START_TEST(refusal_has_no_token)
{
	world_open(_i);
	APPEND(.id = ID(1, 1), .token = "t", .refuse = "5.2.1 no");
	ck_assert_uint_eq(1, APPEND(.id = ID(2, 1), .token = "t").uid);
	world_close();
}
END_TEST

/* A token met in the group being written waits for it, and does not count if
   that group could not be written. */
START_TEST(token_in_flight)
{
	struct soon first, again;

	world_open(false);
	engine_mem_hold(store.engine, true);
	send_soon(&first, &(struct sent){ .id = ID(1, 1), .token = "t" });
	send_soon(&again, &(struct sent){ .id = ID(2, 1), .token = "t" });
	world_run(10);
	ck_assert(!first.done && !again.done);
	engine_mem_hold(store.engine, false);
	world_run(10);
	ck_assert_uint_eq(1, first.number);
	ck_assert_uint_eq(1, again.number);

	engine_mem_hold(store.engine, true);
	send_soon(&first, &(struct sent){ .id = ID(1, 2), .token = "u" });
	send_soon(&again, &(struct sent){ .id = ID(2, 2), .token = "u" });
	world_run(10);
	engine_mem_fault(store.engine, ENGINE_FULL, 0, 1);
	engine_mem_hold(store.engine, false);
	world_run(10);
	ck_assert_uint_eq(OUTCOME_LATER * UINT64_C(1000), first.number);
	ck_assert_uint_eq(3, again.number);	/* 2 was given to the first */
	world_close();
}
END_TEST

/* Over quota by one message, the largest there may be, then no more. */
START_TEST(quota)
{
	char big[1000], small[600];
	struct wire_copied c;
	struct link *l;

	memset(big, 'b', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	memset(small, 's', sizeof small - 1);
	small[sizeof small - 1] = '\0';
	world_open(_i);		/* message_max is 1000 */
	ck_assert_uint_eq(OUTCOME_STORED,
	    APPEND(.id = 1, .body = big, .limit = 500).outcome);
	ck_assert_uint_eq(OUTCOME_FULL,
	    APPEND(.id = 2, .body = small, .limit = 500).outcome);
	c = APPEND(.id = 2, .body = small, .limit = 0);
	ck_assert_uint_eq(OUTCOME_FULL, c.outcome);	/* settled */
	ck_text(c.text, "5.2.2 the mailbox is full");
	ck_assert_uint_eq(OUTCOME_STORED,
	    APPEND(.id = 3, .body = "tiny", .limit = 500).outcome);
	l = grant(7, 1, RIGHT_POP3);
	open_box(l, "INBOX");
	ck_assert_int_eq(WIRE_OK, expunge(l, 1, 1, NULL));
	ck_assert_uint_eq(OUTCOME_STORED,
	    APPEND(.id = 4, .body = small, .limit = 500).outcome);
	link_close(l);
	world_close();
}
END_TEST

/* A mailbox named by a subaddress takes the copy only if it exists. */
START_TEST(no_such_mailbox)
{
	world_open(_i);
	ck_assert_uint_eq(1, APPEND(.id = 1, .mailbox = "shop").uid);
	ck_assert_uint_eq(2, APPEND(.id = 2, .mailbox = "inBOX").uid);
	world_close();
}
END_TEST

/* What makes no sense is answered BAD and changes nothing. */
START_TEST(nonsense)
{
	struct store_append_in in = { .id = 1, .body = SLICE("x") };
	char head[HEAD_MAX + 2];
	struct link *l;

	memset(head, 'h', sizeof head - 1);
	head[sizeof head - 1] = '\0';
	world_open(_i);
	ck_assert_int_eq(WIRE_BAD, store_append(world.mda, &in, NULL, NULL,
	    WAIT));
	ck_assert_uint_eq(100 + WIRE_BAD,
	    APPEND(.id = 1, .user = UINT64_MAX).outcome);
	ck_assert_uint_eq(100 + WIRE_BAD, APPEND(.id = 1, .body = "").outcome);
	ck_assert_uint_eq(100 + WIRE_BAD,
	    APPEND(.id = 1, .head = head).outcome);
	ck_assert_uint_eq(100 + WIRE_NONE,
	    APPEND(.id = 1, .number = 77).outcome);
	l = grant(7, 1, RIGHT_POP3);
	ck_assert_uint_eq(0, open_box(l, "INBOX").messages);
	link_close(l);
	world_close();
}
END_TEST

/* A head too long for the row lies with the digest, both come back whole. */
START_TEST(long_head)
{
	char head[2000];
	struct box_digest_in in = { .mailbox = INBOX, .uid = 1 };
	struct box_digest_out out;
	struct slice bytes;
	struct link *l;

	memset(head, 'h', sizeof head - 1);
	head[sizeof head - 1] = '\0';
	world_open(_i);
	APPEND(.id = 1, .head = head, .digest = "the digest");
	l = grant(7, 1, RIGHT_IMAP);
	open_box(l, "INBOX");
	bytes = fetch(l, 1);
	ck_assert_uint_eq(sizeof head - 1 + 6, bytes.n);
	ck_assert(slice_starts(bytes, slice_str(head)));
	ck_assert_int_eq(WIRE_OK, box_digest(l, &in, &out, &world.arena,
	    WAIT));
	ck_assert_uint_eq(sizeof head - 1, out.head);
	ck_text(out.digest, "the digest");
	/* Flags rewrite the row, not the head. */
	ck_assert_int_eq(WIRE_OK, flag(l, 1, 1, FLAGS_ADD, FLAG_SEEN, NULL));
	ck_assert_uint_eq(sizeof head - 1 + 6, fetch(l, 1).n);
	link_close(l);
	world_close();
}
END_TEST

/* A disk that is full takes nothing, says LATER, and forgets nothing: the
   counters are right afterwards. */
START_TEST(disk_full)
{
	struct box_open_out box;
	struct link *l;

	world_open(false);
	ck_assert_uint_eq(1, APPEND(.id = 1).uid);
	engine_mem_fault(store.engine, ENGINE_FULL, 0, 1);
	ck_assert_uint_eq(OUTCOME_LATER, APPEND(.id = 2).outcome);
	ck_assert_uint_eq(1, APPEND(.id = 1).uid);
	engine_mem_fault(store.engine, ENGINE_FULL, 0, 0);
	ck_assert_uint_eq(OUTCOME_STORED, APPEND(.id = 2).outcome);
	l = grant(7, 1, RIGHT_POP3);
	box = open_box(l, "INBOX");
	ck_assert_uint_eq(2, box.messages);
	ck_assert_uint_eq(12, box.bytes);
	link_close(l);
	world_close();
}
END_TEST

/* One commit among several fails: what the later ones wrote about the counters
   is put right. */
START_TEST(counters_after_failure)
{
	struct soon s[3];
	struct box_open_out box;
	struct link *l;

	world_open(false);
	ck_assert_uint_eq(1, APPEND(.id = 1).uid);
	engine_mem_hold(store.engine, true);
	for (uint64_t i = 0; i < 3; i++)
		send_soon(&s[i], &(struct sent){ .id = 2 + i });
	world_run(10);
	engine_mem_fault(store.engine, ENGINE_FULL, 0, 1);
	engine_mem_hold(store.engine, false);
	world_run(20);
	ck_assert_uint_eq(OUTCOME_LATER * UINT64_C(1000), s[0].number);
	ck_assert_uint_eq(3, s[1].number);
	ck_assert_uint_eq(4, s[2].number);
	world_restart();
	l = grant(7, 1, RIGHT_POP3);
	box = open_box(l, "INBOX");
	ck_assert_uint_eq(3, box.messages);
	ck_assert_uint_eq(18, box.bytes);
	link_close(l);
	world_close();
}
END_TEST

/* A commit whose outcome is unknown is LATER; then the rows decide. */
START_TEST(unknown_outcome)
{
	world_open(false);
	ck_assert_uint_eq(1, APPEND(.id = 1).uid);
	engine_mem_hold(store.engine, true);
	{
		struct soon s[2];
		struct link *l;

		send_soon(&s[0], &(struct sent){ .id = 2 });
		send_soon(&s[1], &(struct sent){ .id = 3 });
		world_run(10);
		/* Of two, the first happens and the second does not. */
		engine_mem_fault(store.engine, ENGINE_UNKNOWN, 0, 2);
		engine_mem_hold(store.engine, false);
		world_run(20);
		ck_assert_uint_eq(OUTCOME_LATER * UINT64_C(1000), s[0].number);
		ck_assert_uint_eq(OUTCOME_LATER * UINT64_C(1000), s[1].number);
		l = grant(7, 1, RIGHT_POP3);
		ck_assert_uint_gt(open_box(l, "INBOX").messages, 1);
		link_close(l);
	}
	ck_assert_uint_eq(OUTCOME_STORED, APPEND(.id = 2).outcome);
	ck_assert_uint_eq(OUTCOME_STORED, APPEND(.id = 3).outcome);
	{
		struct link *l = grant(7, 1, RIGHT_POP3);

		ck_assert_uint_eq(3, open_box(l, "INBOX").messages);
		link_close(l);
	}
	world_close();
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, stored_listed_fetched, 0, 2);
	tcase_add_loop_test(t, repeated, 0, 2);
	tcase_add_loop_test(t, several_users, 0, 2);
	tcase_add_loop_test(t, refusal_settled, 0, 2);
	tcase_add_loop_test(t, stale, 0, 2);
	tcase_add_loop_test(t, marks_not_believed, 0, 2);
	tcase_add_loop_test(t, tokens, 0, 2);
	tcase_add_loop_test(t, refusal_has_no_token, 0, 2);
	tcase_add_test(t, token_in_flight);
	tcase_add_loop_test(t, quota, 0, 2);
	tcase_add_loop_test(t, no_such_mailbox, 0, 2);
	tcase_add_loop_test(t, nonsense, 0, 2);
	tcase_add_loop_test(t, long_head, 0, 2);
	tcase_add_test(t, disk_full);
	tcase_add_test(t, counters_after_failure);
	tcase_add_test(t, unknown_outcome);
}

int
main(void)
{
	return suite_run("store_append", add);
}
