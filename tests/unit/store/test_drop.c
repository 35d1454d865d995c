/* store_drop: all rows of a user go in one commit, sessions end, and neither a
   delivery nor a session finds anybody after that, also after a restart. */
#include "tests/unit/store/world.h"

#include "tests/unit/store/boxes.h"

static bool
count_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	unsigned *n = arg;

	(void)key;
	(void)value;
	(void)blob;
	++*n;
	return true;
}

static unsigned
rows_of(uint64_t user, enum engine_space space)
{
	struct key from = key_user(user), to = key_user(user + 1);
	unsigned n = 0;

	engine_scan(store.engine, space, key_view(&from), key_view(&to),
	    count_row, &n);
	return n;
}

static struct store_drop_out
drop(uint64_t user)
{
	struct store_drop_in in = { .user = user };
	struct store_drop_out out;

	ck_assert_int_eq(WIRE_OK, store_drop(world.auth, &in, &out, NULL,
	    WAIT));
	return out;
}

/* Not granted: the channel ends, and with it the link. */
static void
ck_no_session(uint64_t user)
{
	struct link *l = link_new(ROLE_STORE, 0, LINK_ONCE);
	struct store_grant_in in = { .user = user, .session = 9,
		.rights = RIGHT_IMAP };
	int fds[2];

	ck_assert_int_eq(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds));
	in.fd = fds[0];
	link_attach(l, fds[1]);
	ck_assert_int_eq(WIRE_NONE, store_grant(world.auth, &in, NULL, NULL,
	    WAIT));
}

static void
ck_gone(uint64_t user)
{
	struct wire_copied copied = APPEND(.id = 77, .user = user);

	ck_assert_uint_eq(OUTCOME_REFUSED, copied.outcome);
	ck_text(copied.text, "5.1.1 the mailbox was removed");
	ck_no_session(user);
	ck_assert_uint_eq(1, rows_of(user, ENGINE_ROWS));
	ck_assert_uint_eq(0, rows_of(user, ENGINE_SIDE));
	ck_assert_uint_eq(0, drop(user).messages);
}

START_TEST(everything)
{
	struct store_drop_out out;
	struct link *l, *other;
	struct box_watch_in watch = { .mailbox = INBOX, .modseq = 1000 };
	struct soon soon = { 0 };

	world_open(_i);
	for (uint64_t i = 1; i <= 20; i++)
		APPEND(.id = i, .digest = "digest", .token = "token");
	APPEND(.id = 30, .user = 6);
	APPEND(.id = 31, .user = 8);
	l = grant(7, 1, RIGHT_IMAP);
	ck_assert_int_eq(WIRE_OK, create(l, "Archive/2026"));
	ck_assert_uint_eq(20, open_box(l, "INBOX").messages);
	link_call(l, WIRE_box_watch, &watch, 0, soon_done, &soon);
	other = grant(8, 2, RIGHT_IMAP);
	ck_assert_uint_gt(rows_of(7, ENGINE_ROWS), 20);

	out = drop(7);
	ck_assert_uint_eq(20, out.messages);
	ck_assert_uint_eq(20 * strlen("body\r\n"), out.bytes);
	world_run(5);
	ck_assert(soon.done);		/* the channel was closed */
	ck_assert_int_eq(WIRE_GONE, soon.status);
	ck_gone(7);
	ck_assert_uint_eq(1, open_box(other, "INBOX").messages);
	world_restart();
	ck_gone(7);
	other = grant(8, 3, RIGHT_IMAP);
	ck_assert_uint_eq(1, open_box(other, "INBOX").messages);
	ck_assert_uint_eq(OUTCOME_STORED, APPEND(.id = 78, .user = 6).outcome);
	world_close();
}
END_TEST

/* What was on its way to disk when it came goes too. */
START_TEST(in_flight)
{
	struct wire_copy copy;
	struct sent sent = { .id = 5 };
	struct store_append_in in = append_in(&sent, &copy);
	struct store_drop_in user = { .user = 7 };
	struct soon stored = { 0 }, dropped = { 0 };

	world_open(_i);
	APPEND(.id = 1);
	link_call(world.mda, WIRE_store_append, &in, 0, soon_done, &stored);
	link_call(world.auth, WIRE_store_drop, &user, 0, soon_done, &dropped);
	world_run(50);
	ck_assert(stored.done && dropped.done);
	ck_assert_int_eq(WIRE_OK, dropped.status);
	ck_gone(7);
	world_close();
}
END_TEST

/* Nobody had mail for him; nobody is nobody. */
START_TEST(empty)
{
	struct store_drop_in in = { .user = 0 };

	world_open(_i);
	ck_assert_uint_eq(0, drop(7).messages);
	ck_gone(7);
	ck_assert_int_eq(WIRE_BAD, store_drop(world.auth, &in, NULL, NULL,
	    WAIT));
	world_close();
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, everything, 0, 2);
	tcase_add_loop_test(t, in_flight, 0, 2);
	tcase_add_loop_test(t, empty, 0, 2);
}

int
main(void)
{
	return suite_run("drop", add);
}
