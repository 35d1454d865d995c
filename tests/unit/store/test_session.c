/* The capability is the descriptor: what a channel may do, for whom, and that
   revoke ends it (architecture.md section 2); store_usage. */
#include "tests/unit/store/world.h"

#include <fcntl.h>

/* Every box call once; the answers' statuses, in the order of wire.def. */
struct tried {
	enum wire_status open, list, fetch, digest, flags, expunge, watch;
};

static struct tried
try_all(struct link *l, const char *name, uint32_t mailbox)
{
	struct wire_range range = { 1, 1 };
	struct box_open_in open = { .name = slice_str(name) };
	struct wire_range all = { 1, UINT32_MAX };
	struct box_list_in list = { .mailbox = mailbox, .uids = &all,
		.n_uids = 1 };
	struct box_fetch_in fetch = { .mailbox = mailbox, .uid = 1 };
	struct box_digest_in digest = { .mailbox = mailbox, .uid = 1 };
	struct box_flags_in flags = { .mailbox = mailbox, .uids = &range,
		.n_uids = 1, .flags = FLAG_SEEN };
	struct box_watch_in watch = { .mailbox = mailbox };
	struct box_expunge_in expunge = { .mailbox = mailbox,
		.uids = &range, .n_uids = 1 };

	return (struct tried){
		.open = box_open(l, &open, NULL, NULL, WAIT),
		.list = box_list(l, &list, NULL, NULL, WAIT),
		.fetch = box_fetch(l, &fetch, NULL, NULL, WAIT),
		.digest = box_digest(l, &digest, NULL, NULL, WAIT),
		.flags = box_flags(l, &flags, NULL, NULL, WAIT),
		.watch = box_watch(l, &watch, NULL, NULL, WAIT),
		.expunge = box_expunge(l, &expunge, NULL, NULL, WAIT) };
}

/* POP3: INBOX, read and expunge; no flags, no other mailbox. */
START_TEST(pop3_rights)
{
	struct tried t;
	struct link *l;

	world_open(_i);
	APPEND(.id = 1);
	l = grant(7, 1, RIGHT_POP3);
	t = try_all(l, "INBOX", INBOX);
	ck_assert_int_eq(WIRE_OK, t.open);
	ck_assert_int_eq(WIRE_OK, t.list);
	ck_assert_int_eq(WIRE_OK, t.fetch);
	ck_assert_int_eq(WIRE_OK, t.digest);
	ck_assert_int_eq(WIRE_DENIED, t.flags);
	ck_assert_int_eq(WIRE_OK, t.watch);
	ck_assert_int_eq(WIRE_OK, t.expunge);
	t = try_all(l, "shop", 2);
	ck_assert_int_eq(WIRE_DENIED, t.open);
	ck_assert_int_eq(WIRE_DENIED, t.list);
	ck_assert_int_eq(WIRE_DENIED, t.fetch);
	ck_assert_int_eq(WIRE_DENIED, t.digest);
	ck_assert_int_eq(WIRE_DENIED, t.flags);
	ck_assert_int_eq(WIRE_DENIED, t.watch);
	ck_assert_int_eq(WIRE_DENIED, t.expunge);
	link_close(l);
	world_close();
}
END_TEST

/* Read-only, and nothing at all. */
START_TEST(fewer_rights)
{
	struct tried t;
	struct link *l;

	world_open(_i);
	APPEND(.id = 1);
	l = grant(7, 1, RIGHT_READ);
	t = try_all(l, "INBOX", INBOX);
	ck_assert_int_eq(WIRE_OK, t.fetch);
	ck_assert_int_eq(WIRE_DENIED, t.expunge);
	link_close(l);
	l = grant(7, 2, 0);
	t = try_all(l, "INBOX", INBOX);
	ck_assert_int_eq(WIRE_DENIED, t.open);
	ck_assert_int_eq(WIRE_DENIED, t.list);
	ck_assert_int_eq(WIRE_DENIED, t.fetch);
	ck_assert_int_eq(WIRE_DENIED, t.watch);
	ck_assert_int_eq(WIRE_DENIED, t.expunge);
	link_close(l);
	world_close();
}
END_TEST

/* A channel shows its own user's mail, whatever is asked. */
START_TEST(own_mail_only)
{
	struct link *l;

	world_open(_i);
	APPEND(.id = 1, .user = 8, .body = "secret\r\n");
	l = grant(7, 1, RIGHT_IMAP);
	ck_assert_uint_eq(0, open_box(l, "INBOX").messages);
	ck_assert_int_eq(WIRE_NONE, try_all(l, "INBOX", INBOX).fetch);
	link_close(l);
	world_close();
}
END_TEST

/* Over a channel only box calls pass, over mda's link only its own: who sends
   another is dropped, and nobody else. */
START_TEST(wrong_calls)
{
	struct store_grant_in grant_in = { .user = 8, .rights = RIGHT_IMAP };
	struct sent sent = { .id = 1 };
	struct wire_copy copy;
	struct store_append_in append = append_in(&sent, &copy);
	struct box_open_in open = { .name = SLICE("INBOX") };
	struct store_revoke_in revoke = { .user = 7 };
	struct link *l, *other;

	world_open(_i);
	log_divert(world_quiet);
	other = grant(7, 1, RIGHT_IMAP);
	l = grant(7, 2, RIGHT_IMAP);
	ck_assert_int_eq(WIRE_GONE, store_append(l, &append, NULL, NULL, WAIT));
	l = grant(7, 3, RIGHT_IMAP);
	ck_assert_int_eq(WIRE_GONE, store_grant(l, &grant_in, NULL, NULL,
	    WAIT));
	l = world_link(ROLE_MDA);
	ck_assert_int_eq(WIRE_GONE, box_open(l, &open, NULL, NULL, WAIT));
	link_close(l);
	l = world_link(ROLE_MDA);
	ck_assert_int_eq(WIRE_GONE, store_revoke(l, &revoke, NULL, NULL, WAIT));
	link_close(l);
	/* Not even pop3d itself: only over what auth handed it. */
	l = world_link(ROLE_POP3D);
	ck_assert_int_eq(WIRE_GONE, box_open(l, &open, NULL, NULL, WAIT));
	link_close(l);
	ck_assert_uint_eq(0, open_box(other, "INBOX").messages);
	link_close(other);
	log_divert(NULL);
	world_close();
}
END_TEST

/* Descriptors sent where none belongs are closed. */
START_TEST(stray_descriptors)
{
	struct box_open_in in = { .name = SLICE("INBOX") };
	struct link *l;
	int null;

	world_open(_i);
	l = grant(7, 1, RIGHT_IMAP);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 100; i++) {
		in.fd = dup(null);
		ck_assert_int_eq(WIRE_BAD, box_open(l, &in, NULL, NULL, WAIT));
	}
	ck_assert_int_lt(dup(null), 60);
	link_close(l);
	world_close();
}
END_TEST

static uint64_t
nothing(const void *out)
{
	(void)out;
	return 0;
}

/* revoke closes one session, or all of a user, and ends what they wait for. */
START_TEST(revoked)
{
	struct store_revoke_in in = { .user = 7, .session = 2 };
	struct box_watch_in watch = { .mailbox = INBOX, .modseq = 1000 };
	struct soon s = { .keep = nothing };
	struct link *a, *b, *c;
	struct tried t;

	world_open(_i);
	APPEND(.id = 1);
	a = grant(7, 1, RIGHT_IMAP);
	b = grant(7, 2, RIGHT_IMAP);
	c = grant(8, 3, RIGHT_IMAP);
	link_call(b, WIRE_box_watch, &watch, 0, soon_done, &s);
	world_run(20);
	ck_assert_uint_eq(3, sessions_count());
	ck_assert_int_eq(WIRE_OK, store_revoke(world.auth, &in, NULL, NULL,
	    WAIT));
	world_run(20);		/* b is freed: it was made for one connection */
	ck_assert_int_eq(WIRE_GONE, s.status);
	ck_assert_uint_eq(2, sessions_count());
	t = try_all(a, "INBOX", INBOX);
	ck_assert_int_eq(WIRE_OK, t.open);
	in.session = 0;
	ck_assert_int_eq(WIRE_OK, store_revoke(world.auth, &in, NULL, NULL,
	    WAIT));
	world_run(20);
	ck_assert_uint_eq(1, sessions_count());
	open_box(c, "INBOX");
	/* Nobody is not everybody. */
	in.user = 0;
	ck_assert_int_eq(WIRE_OK, store_revoke(world.auth, &in, NULL, NULL,
	    WAIT));
	ck_assert_uint_eq(1, sessions_count());
	link_close(c);
	world_run(20);
	ck_assert_uint_eq(0, sessions_count());
	world_close();
}
END_TEST

/* A session revoked while its change is being written: the change is made. */
START_TEST(revoked_in_flight)
{
	struct store_revoke_in in = { .user = 7 };
	struct wire_range range = { 1, 1 };
	struct box_expunge_in expunge = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1 };
	struct wire_range some = { 1, 9 };
	struct box_list_in list = { .mailbox = INBOX, .uids = &some,
		.n_uids = 1 };
	struct soon s[2] = { 0 };
	struct link *l;

	world_open(false);
	APPEND(.id = 1);
	l = grant(7, 1, RIGHT_POP3);
	open_box(l, "INBOX");
	engine_mem_hold(store.engine, true);
	link_call(l, WIRE_box_expunge, &expunge, WAIT, soon_done, &s[0]);
	link_call(l, WIRE_box_list, &list, WAIT, soon_done, &s[1]);
	world_run(10);
	ck_assert_int_eq(WIRE_OK, store_revoke(world.auth, &in, NULL, NULL,
	    WAIT));
	world_run(10);
	ck_assert_int_eq(WIRE_GONE, s[0].status);
	ck_assert_int_eq(WIRE_GONE, s[1].status);
	engine_mem_hold(store.engine, false);
	world_run(10);
	l = grant(7, 2, RIGHT_POP3);
	ck_assert_uint_eq(0, open_box(l, "INBOX").messages);
	link_close(l);
	world_close();
}
END_TEST

static struct store_usage_out
usage(uint64_t position)
{
	struct store_usage_in in = { .position = position };
	struct store_usage_out out;

	ck_assert_int_eq(WIRE_OK, store_usage(world.auth, &in, &out,
	    &world.arena, WAIT));
	return out;
}

/* auth learns everybody's use once, then what changes, and nothing is lost
   while it was away. */
START_TEST(usage_told)
{
	struct store_usage_out o;
	struct soon s = { .keep = nothing };
	struct store_usage_in in = { 0 };
	struct link *l;

	world_open(_i);
	for (uint64_t u = 1; u <= 3; u++)
		APPEND(.id = 1, .user = u);
	o = usage(0);
	ck_assert_uint_eq(1, o.all);
	ck_assert_uint_eq(3, o.n_users);
	ck_assert_uint_eq(6, o.users[0].used);
	/* Nothing new: it waits. */
	in.position = o.position;
	link_call(world.auth, WIRE_store_usage, &in, 0, soon_done, &s);
	world_run(20);
	ck_assert(!s.done);
	APPEND(.id = 2, .user = 2);
	while (!s.done)
		world_run(5);
	o = usage(in.position);
	ck_assert_uint_eq(0, o.all);
	ck_assert_uint_eq(1, o.n_users);
	ck_assert_uint_eq(2, o.users[0].user);
	ck_assert_uint_eq(12, o.users[0].used);
	l = grant(2, 1, RIGHT_POP3);
	open_box(l, "INBOX");
	ck_assert_int_eq(WIRE_OK, expunge(l, 1, 2, NULL));
	o = usage(o.position);
	ck_assert_uint_eq(2, o.users[0].user);
	ck_assert_uint_eq(0, o.users[0].used);
	link_close(l);
	/* Another life: everybody again, whatever the position. */
	world_restart();
	ck_assert_uint_eq(1, usage(0).all);
	ck_assert_uint_eq(3, usage(0).n_users);
	world_close();
}
END_TEST

/* Many users come in parts. */
START_TEST(usage_of_many)
{
	struct store_usage_out o;
	size_t n;

	world_open(false);
	for (uint64_t u = 1; u <= 2500; u++)
		usage_changed(u, u);
	world_run(USAGE_PAUSE + 20);
	o = usage(0);
	ck_assert_uint_eq(1, o.all);
	for (n = o.n_users; n < 2500; n += o.n_users) {
		o = usage(o.position);
		ck_assert_uint_eq(0, o.all);
		ck_assert_uint_gt(o.n_users, 0);
	}
	ck_assert_uint_eq(2500, n);
	ck_assert_uint_eq(2500, o.users[o.n_users - 1].used);
	world_close();
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, pop3_rights, 0, 2);
	tcase_add_loop_test(t, fewer_rights, 0, 2);
	tcase_add_loop_test(t, own_mail_only, 0, 2);
	tcase_add_loop_test(t, wrong_calls, 0, 2);
	tcase_add_loop_test(t, stray_descriptors, 0, 2);
	tcase_add_loop_test(t, revoked, 0, 2);
	tcase_add_test(t, revoked_in_flight);
	tcase_add_loop_test(t, usage_told, 0, 2);
	tcase_add_test(t, usage_of_many);
}

int
main(void)
{
	return suite_run("store sessions", add);
}
