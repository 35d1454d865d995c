/* After a restore no UID and no MODSEQ that a client may know is given out
   again (RFC 9051 2.3.1.1), and the low-water mark refuses nobody.  DUR-11. */
#include "store/restored.h"

#include <check.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "common/core/loop.h"
#include "store/rows.h"

static struct engine	*e;
static unsigned		 landed;

static void
land(void *arg, enum engine_status status)
{
	(void)arg;
	ck_assert_int_eq(status, ENGINE_OK);
	landed++;
	loop_stop();
}

/* All that was committed before is there. */
static void
settle(struct txn *t)
{
	txn_commit(t, land, NULL);
	loop_run();
}

static void
box_put(uint64_t user, uint32_t number, uint32_t uidnext, uint64_t modseq)
{
	const struct box_row row = { .uidvalidity = 5, .uidnext = uidnext,
		.modseq = modseq, .messages = 3, .unseen = 2, .bytes = 77,
		.history = 1, .name = SLICE("Work") };
	struct key k = key_box(user, number);
	struct txn *t = txn_begin(e, user);
	struct buf b = { 0 };

	box_row_put(&b, &row);
	txn_put(t, ENGINE_ROWS, key_view(&k), buf_view(&b), 0);
	settle(t);
	buf_free(&b);
}

static struct box_row
box_at(uint64_t user, uint32_t number)
{
	static struct buf b;
	struct key k = key_box(user, number);
	struct box_row row;

	buf_clear(&b);
	ck_assert_int_eq(engine_get(e, ENGINE_ROWS, key_view(&k), &b, NULL),
	    ENGINE_OK);
	ck_assert(box_row_get(buf_view(&b), &row));
	return row;
}

static void
bytes_put(struct key k, const char *value)
{
	struct txn *t = txn_begin(e, key_owner(key_view(&k)));

	txn_put(t, ENGINE_ROWS, key_view(&k), slice_of(value, 8), 0);
	settle(t);
}

START_TEST(all_mailboxes_are_raised)
{
	static const struct { uint64_t user; uint32_t number; } boxes[] = {
		{ 1, INBOX }, { 1, 9 }, { 7, INBOX }, { UINT64_MAX - 2, 2 },
	};
	struct key mark = key_user(0), message = key_message(1, INBOX, 41);

	for (size_t i = 0; i < 4; i++)
		box_put(boxes[i].user, boxes[i].number, 42, 1000);
	bytes_put(mark, "the mark");
	bytes_put(message, "unread..");
	restored_raise(e);
	settle(txn_begin(e, 1));
	for (size_t i = 0; i < 4; i++) {
		struct box_row row = box_at(boxes[i].user, boxes[i].number);

		ck_assert_uint_eq(row.uidvalidity, 5);
		ck_assert_uint_eq(row.uidnext, 42 + RAISE_UID);
		ck_assert_uint_eq(row.modseq, 1000 + RAISE_MODSEQ);
		ck_assert_uint_eq(row.history, row.modseq);
		ck_assert_uint_eq(row.messages, 3);
		ck_assert_uint_eq(row.unseen, 2);
		ck_assert_uint_eq(row.bytes, 77);
		ck_assert(slice_eq(row.name, SLICE("Work")));
	}
	ck_assert_int_eq(engine_get(e, ENGINE_ROWS, key_view(&mark), NULL,
	    NULL), ENGINE_NONE);
	ck_assert_int_eq(engine_get(e, ENGINE_ROWS, key_view(&message), NULL,
	    NULL), ENGINE_OK);
}
END_TEST

/* However often: neither wraps around. */
START_TEST(nothing_overflows)
{
	box_put(1, INBOX, UINT32_MAX - 1, INT64_MAX - 1);
	box_put(1, 2, 1, 1);
	for (int i = 0; i < 3; i++) {
		restored_raise(e);
		settle(txn_begin(e, 1));
	}
	ck_assert_uint_eq(box_at(1, INBOX).uidnext, UINT32_MAX - 1);
	ck_assert_uint_eq(box_at(1, INBOX).modseq, INT64_MAX - 1);
	ck_assert_uint_eq(box_at(1, 2).uidnext, 1 + 3 * RAISE_UID);
}
END_TEST

/* It is told of by who reads it. */
START_TEST(what_is_damaged_is_left_alone)
{
	bytes_put(key_box(1, INBOX), "nonsense");
	box_put(1, 2, 42, 1000);
	restored_raise(e);
	settle(txn_begin(e, 1));
	ck_assert_uint_eq(box_at(1, 2).uidnext, 42 + RAISE_UID);
}
END_TEST

static void
setup(void)
{
	loop_init();
	e = engine_open_mem();
}

static void
teardown(void)
{
	engine_close(e);
}

int
main(void)
{
	Suite *s = suite_create("restored");
	TCase *t = tcase_create("restored");
	SRunner *r = srunner_create(s);
	int failed;

	log_init("test", LOG_ERROR);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, all_mailboxes_are_raised);
	tcase_add_test(t, nothing_overflows);
	tcase_add_test(t, what_is_damaged_is_left_alone);
	suite_add_tcase(s, t);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
