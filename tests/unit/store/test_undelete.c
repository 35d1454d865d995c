/* Removed mail comes back for as long as it is kept, and then is gone: messages
   with their flags and bytes under new UIDs, mailboxes under a new UIDVALIDITY
   (RFC 9051 2.3.1.1); what is kept is no part of counters and quota. */
#include "tests/unit/store/boxes.h"

#include <time.h>

#include "store/undelete.h"

static struct link *l;
static uint32_t a;

static void
setup(void)
{
	world_open(true);
	store.undelete = 3600 * 1000;
	l = grant(7, 1, RIGHT_IMAP);
	create(l, "a");
	a = open_box(l, "a").mailbox;
}

static void
teardown(void)
{
	link_close(l);
	store.undelete = 0;
	world_close();
}

static void
remove_from(uint32_t mailbox, uint32_t from, uint32_t to)
{
	struct wire_range r = { from, to };
	struct box_expunge_in in = { .mailbox = mailbox, .uids = &r,
		.n_uids = 1 };
	struct box_expunge_out out;

	ck_assert_int_eq(WIRE_OK, box_expunge(l, &in, &out, &world.arena,
	    WAIT));
}

/* Until nothing more comes; mailboxes in the upper half. */
static unsigned
undelete(uint64_t since, const char *name)
{
	struct box_undelete_in in = { .since = since,
		.name = slice_str(name) };
	struct box_undelete_out out;
	unsigned messages = 0, boxes = 0;

	do {
		ck_assert_int_eq(WIRE_OK, box_undelete(l, &in, &out,
		    &world.arena, WAIT));
		messages += out.messages;
		boxes += out.mailboxes;
	} while (out.messages + out.mailboxes > 0);
	return boxes << 16 | messages;
}

static struct slice
bytes_of(uint32_t mailbox, uint32_t uid)
{
	struct box_fetch_in in = { .mailbox = mailbox, .uid = uid,
		.length = UINT64_MAX };
	struct box_fetch_out out = { 0 };

	ck_assert_int_eq(WIRE_OK, box_fetch(l, &in, &out, &world.arena,
	    WAIT));
	return out.bytes;
}

/* Flags stay, \Deleted does not; digest and bytes are the same. */
START_TEST(messages_come_back)
{
	struct box_list_out out;
	struct box_digest_in in = { .mailbox = a, .uid = 4 };
	struct box_digest_out digest;

	add_message(l, a, FLAG_SEEN | FLAG_DELETED, "one");
	add_message(l, a, FLAG_FLAGGED, "two");
	add_message(l, a, 0, "three");
	remove_from(a, 1, 2);
	ck_assert_uint_eq(status_of(l, "a").messages, 1);
	ck_assert_uint_eq(quota_used(l), 5);
	check_box(l, "a");
	ck_assert_uint_eq(undelete(0, ""), 2);
	check_box(l, "a");
	out = list_all(l, a, 0);
	ck_assert_uint_eq(out.n_entries, 3);
	ck_assert_uint_eq(out.entries[1].uid, 4);
	ck_assert_uint_eq(out.entries[1].flags, FLAG_SEEN);
	ck_assert_uint_eq(out.entries[2].uid, 5);
	ck_assert_uint_eq(out.entries[2].flags, FLAG_FLAGGED);
	ck_assert(slice_eq(bytes_of(a, 4), SLICE("one")));
	ck_assert_int_eq(WIRE_OK, box_digest(l, &in, &digest, &world.arena,
	    WAIT));
	ck_assert(slice_eq(digest.digest, SLICE("digest")));
	ck_assert_uint_eq(quota_used(l), 5 + 3 + 3);
	ck_assert_uint_eq(undelete(0, ""), 0);
}
END_TEST

START_TEST(after_a_restart)
{
	for (int i = 0; i < 1200; i++)
		add_message(l, a, 0, "many");
	remove_from(a, 1, 1200);
	create(l, "b");
	add_message(l, open_box(l, "b").mailbox, 0, "b");
	ck_assert_int_eq(WIRE_OK, delete(l, "b"));
	link_close(l);
	world_restart();
	l = grant(7, 1, RIGHT_IMAP);
	ck_assert_uint_eq(quota_used(l), 0);
	ck_assert_uint_eq(undelete(0, ""), 1 << 16 | 1201);
	check_box(l, "a");
	check_box(l, "b");
	ck_assert_uint_eq(quota_used(l), 1200 * 4 + 1);
}
END_TEST

/* Very many go in several commits, and none is missed. */
START_TEST(in_parts)
{
	size_t most = store.kept_most;
	struct wire_range r = { 1, 99 };
	struct box_expunge_in in = { .mailbox = a, .uids = &r, .n_uids = 1,
		.deleted = 1 };
	struct box_expunge_out out;

	store.kept_most = 7;
	for (int i = 0; i < 30; i++)
		add_message(l, a, i % 2 ? FLAG_DELETED : 0, "part");
	ck_assert_int_eq(WIRE_OK, box_expunge(l, &in, &out, &world.arena,
	    WAIT));
	ck_assert_uint_eq(out.removed, 15);
	ck_assert_uint_eq(out.modseq, status_of(l, "a").modseq);
	check_box(l, "a");
	in.deleted = 0;
	ck_assert_int_eq(WIRE_OK, box_expunge(l, &in, &out, &world.arena,
	    WAIT));
	store.kept_most = most;
	ck_assert_uint_eq(out.removed, 15);
	ck_assert_int_eq(WIRE_OK, box_expunge(l, &in, &out, &world.arena,
	    WAIT));
	ck_assert_uint_eq(out.removed, 0);
	ck_assert_uint_eq(undelete(0, ""), 30);
	check_box(l, "a");
}
END_TEST

/* What moved is there; since names a time, name a mailbox. */
START_TEST(only_what_is_wanted)
{
	struct wire_range one = { 1, 1 };
	struct box_copy_in in = { .mailbox = a, .uids = &one, .n_uids = 1,
		.move = 1 };
	struct box_copy_out out;

	create(l, "b");
	in.to = open_box(l, "b").mailbox;
	add_message(l, a, 0, "moved");
	ck_assert_int_eq(WIRE_OK, box_copy(l, &in, &out, &world.arena, WAIT));
	ck_assert_uint_eq(undelete(0, ""), 0);
	add_message(l, a, 0, "removed");
	remove_from(a, 1, 9);
	ck_assert_uint_eq(undelete(0, "b"), 0);
	ck_assert_uint_eq(undelete((uint64_t)time(NULL) * 1000 + 60000, ""), 0);
	ck_assert_uint_eq(undelete(0, "a"), 1);
}
END_TEST

/* A name that is another's meanwhile; a mailbox within it; a message of one
   that went before and is not wanted back. */
START_TEST(mailboxes_come_back)
{
	uint32_t box, validity;

	create(l, "b");
	box = open_box(l, "b").mailbox;
	validity = open_box(l, "b").uidvalidity;
	add_message(l, box, 0, "one");
	add_message(l, box, 0, "two");
	remove_from(box, 1, 1);
	ck_assert_int_eq(WIRE_OK, delete(l, "b"));
	ck_assert_uint_eq(quota_used(l), 0);
	ck_assert_uint_eq(undelete(0, ""), 1 << 16 | 2);
	ck_assert_uint_gt(open_box(l, "b").uidvalidity, validity);
	check_box(l, "b");
	ck_assert_uint_eq(status_of(l, "b").messages, 2);
	ck_assert_int_eq(WIRE_OK, delete(l, "b"));
	create(l, "b");
	ck_assert_uint_eq(undelete(0, "b"), 1 << 16 | 2);
	check_box(l, "b");
	check_box(l, "Recovered/b");
	ck_assert_uint_eq(status_of(l, "Recovered").messages, 0);
	ck_assert_uint_eq(quota_used(l), 6);
}
END_TEST

START_TEST(without_its_mailbox)
{
	uint32_t box;

	create(l, "b");
	box = open_box(l, "b").mailbox;
	add_message(l, box, 0, "one");
	remove_from(box, 1, 1);
	store.undelete = 0;
	ck_assert_int_eq(WIRE_OK, delete(l, "b"));
	ck_assert_uint_eq(undelete(0, ""), 1);
	ck_assert_uint_eq(status_of(l, "Recovered").messages, 1);
	check_box(l, "Recovered");
}
END_TEST

static bool
count_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	(void)key;
	(void)value;
	(void)blob;
	++*(unsigned *)arg;
	return true;
}

static unsigned
rows_in(enum engine_space space, enum table from, enum table to)
{
	struct key k = key_table(7, from), end = key_table(7, to);
	unsigned n = 0;

	engine_scan(store.engine, space, key_view(&k), key_view(&end),
	    count_row, &n);
	return n;
}

/* A sweep takes nothing early, and leaves nothing behind. */
START_TEST(swept)
{
	for (int i = 0; i < 30; i++)
		add_message(l, a, 0, "swept");
	remove_from(a, 2, 30);
	create(l, "b");
	add_message(l, open_box(l, "b").mailbox, 0, "b");
	ck_assert_int_eq(WIRE_OK, delete(l, "b"));
	sweep_now();
	world_run(100);
	ck_assert_uint_eq(rows_in(ENGINE_ROWS, TABLE_KEPT,
	    TABLE_KEPT_BOXES + 1), 30);
	store.undelete = 0;
	sweep_now();
	world_run(200);
	ck_assert_uint_eq(rows_in(ENGINE_ROWS, TABLE_KEPT,
	    TABLE_KEPT_BOXES + 1), 0);
	ck_assert_uint_eq(rows_in(ENGINE_ROWS, TABLE_MESSAGES,
	    TABLE_MESSAGES + 1), 1);
	ck_assert_uint_eq(rows_in(ENGINE_SIDE, TABLE_USER,
	    TABLE_KEPT_BOXES + 1), 1);
	ck_assert_uint_eq(undelete(0, ""), 0);
	check_box(l, "a");
}
END_TEST

/* Without room a deletion is one; off is off. */
START_TEST(not_kept)
{
	struct engine_figures f;

	add_message(l, a, 0, "one");
	store.undelete = 0;
	remove_from(a, 1, 1);
	store.undelete = 3600 * 1000;
	ck_assert_uint_eq(undelete(0, ""), 0);
	add_message(l, a, 0, "two");
	engine_floor(store.engine, UINT64_MAX / 2);
	remove_from(a, 1, 9);
	engine_floor(store.engine, 0);
	ck_assert_uint_eq(undelete(0, ""), 0);
	engine_figures(store.engine, &f);
	ck_assert_uint_gt(f.commits, 0);
}
END_TEST

START_TEST(hostile)
{
	struct box_undelete_in in = { .since = UINT64_MAX };
	struct box_undelete_out out;
	struct link *pop;

	ck_assert_int_eq(WIRE_BAD, box_undelete(l, &in, &out, &world.arena,
	    WAIT));
	in = (struct box_undelete_in){ .name = SLICE("//") };
	ck_assert_int_eq(WIRE_BAD, box_undelete(l, &in, &out, &world.arena,
	    WAIT));
	in = (struct box_undelete_in){ .name = SLICE("nowhere") };
	ck_assert_int_eq(WIRE_NONE, box_undelete(l, &in, &out, &world.arena,
	    WAIT));
	pop = grant(7, 2, RIGHT_POP3);
	ck_assert_int_eq(WIRE_DENIED, box_undelete(pop, &in, &out,
	    &world.arena, WAIT));
	link_close(pop);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, messages_come_back);
	tcase_add_test(t, after_a_restart);
	tcase_add_test(t, only_what_is_wanted);
	tcase_add_test(t, mailboxes_come_back);
	tcase_add_test(t, without_its_mailbox);
	tcase_add_test(t, in_parts);
	tcase_add_test(t, swept);
	tcase_add_test(t, not_kept);
	tcase_add_test(t, hostile);
}

int
main(void)
{
	return suite_run("undelete", add);
}
