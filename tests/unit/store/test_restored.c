/* After a restore no UID and no MODSEQ that a client may know is given out
   again (RFC 9051 2.3.1.1), and the low-water mark refuses nobody.  DUR-11. */
#include "store/mend.h"
#include "tests/unit/store/boxes.h"

enum { OTHER = 8 };

static struct link	*l, *other;

/* In the folder of the store, where the role is. */
static void
begin(void)
{
	world_open(true);
	ck_assert_int_eq(0, chdir(world.dir));
	l = grant(7, 1, RIGHT_IMAP);
	other = grant(OTHER, 2, RIGHT_IMAP);
	open_box(l, "INBOX");
	open_box(other, "INBOX");
}

static void
end(void)
{
	link_close(l);
	link_close(other);
	world_close();
	ck_assert_int_eq(0, chdir("/"));
}

static bool
is_marked(void)
{
	return access("restored", F_OK) == 0;
}

/* The first start after a restore. */
static void
restore(void)
{
	FILE *f = fopen("restored", "w");

	ck_assert_ptr_nonnull(f);
	fclose(f);
	link_close(l);
	link_close(other);
	world_restart();
	ck_assert(mend_pending() && is_marked());
}

static void
restored(void)
{
	while (mend_pending())
		world_run(1);
	ck_assert(!is_marked());
	l = grant(7, 1, RIGHT_IMAP);
	other = grant(OTHER, 2, RIGHT_IMAP);
}

START_TEST(all_mailboxes_are_raised)
{
	struct box_status_out was, work, now;

	begin();
	ck_assert_int_eq(WIRE_OK, create(l, "Work"));
	for (uint32_t uid = 1; uid <= 3; uid++)
		ck_assert_uint_eq(uid, add_message(l, INBOX, 0, "seen"));
	ck_assert_uint_eq(1, add_message(other, INBOX, FLAG_SEEN, "theirs"));
	was = status_of(l, "INBOX");
	work = status_of(l, "Work");
	restore();
	restored();
	now = status_of(l, "INBOX");
	ck_assert_uint_eq(now.uidvalidity, was.uidvalidity);
	ck_assert_uint_ge(now.uidnext, was.uidnext + RAISE_UID);
	ck_assert_uint_ge(now.modseq, was.modseq + RAISE_MODSEQ);
	ck_assert_uint_eq(now.messages, 3);
	ck_assert_uint_eq(now.unseen, 3);
	ck_assert_uint_eq(now.bytes, was.bytes);
	ck_assert_uint_ge(status_of(l, "Work").uidnext,
	    work.uidnext + RAISE_UID);
	check_box(l, "INBOX");
	ck_text(fetch(l, 3), "seen");
	ck_text(fetch(other, 1), "theirs");
	ck_assert_uint_eq(now.uidnext, add_message(l, INBOX, 0, "new"));
	ck_assert_uint_gt(add_message(other, INBOX, 0, "new"), RAISE_UID);
	end();
}
END_TEST

/* As often as it is begun, until it was durable once. */
START_TEST(an_early_end_begins_it_again)
{
	struct engine *e;

	begin();
	ck_assert_uint_eq(1, add_message(l, INBOX, 0, "seen"));
	restore();
	e = store.engine;
	store_close();
	engine_close(e);
	ck_assert(is_marked());
	store_open(world_engine());
	ck_assert(mend_pending() && is_marked());
	restored();
	ck_assert_uint_gt(status_of(l, "INBOX").uidnext, RAISE_UID);
	ck_text(fetch(l, 1), "seen");
	link_close(l);
	link_close(other);
	world_restart();
	ck_assert(!mend_pending());
	restored();
	end();
}
END_TEST

START_TEST(the_mark_refuses_nobody)
{
	const uint64_t day = UINT64_C(1000000000) << 32;

	begin();
	ck_assert_int_eq(OUTCOME_STORED,
	    APPEND(.id = day + 9, .low_water = day + 9).outcome);
	ck_assert_int_ne(OUTCOME_STORED,
	    APPEND(.id = day + 1, .low_water = day + 1).outcome);
	restore();
	restored();
	ck_assert_int_eq(OUTCOME_STORED,
	    APPEND(.id = day + 1, .low_water = day + 1).outcome);
	end();
}
END_TEST

/* However often: neither wraps around, nor is it used up at once. */
START_TEST(nothing_overflows)
{
	struct box_row b = { .uidnext = 1, .modseq = 1 };

	for (unsigned i = 0; i < 100000; i++) {
		const struct box_row was = b;

		box_raise(&b, i % 2 == 0 ? 0 : UINT64_MAX / 2);
		ck_assert_uint_ge(b.uidnext, was.uidnext);
		ck_assert_uint_ge(b.modseq, was.modseq);
		ck_assert_uint_lt(b.uidnext, UINT32_MAX);
		ck_assert_uint_lt(b.modseq, INT64_MAX);
	}
}
END_TEST

/* What is lost may have been new messages, as many as it has room for; a
   segment may be larger than any that is written now. */
START_TEST(the_raise_follows_from_what_was_lost)
{
	struct message_row row = { .modseq = 1 };
	struct buf least = { 0 };
	const struct key k = key_message(7, INBOX, 1);

	message_row_put(&least, &row);
	for (uint64_t lost = 1 << 20; lost < UINT64_C(1) << 36; lost *= 2) {
		uint64_t messages = lost / (k.n + least.n);
		struct box_row b = { .uidnext = 1, .modseq = 1 };

		box_raise(&b, lost);
		ck_assert_uint_gt(b.uidnext, messages);
		ck_assert_uint_gt(b.modseq, messages);
		ck_assert_uint_eq(b.history, b.modseq);
	}
	buf_free(&least);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, all_mailboxes_are_raised);
	tcase_add_test(t, an_early_end_begins_it_again);
	tcase_add_test(t, the_mark_refuses_nobody);
	tcase_add_test(t, nothing_overflows);
	tcase_add_test(t, the_raise_follows_from_what_was_lost);
}

int
main(void)
{
	return suite_run("restored", add);
}
