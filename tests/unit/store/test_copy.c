/* box_append, box_body, box_copy: messages a session brings, copies and moves
   (RFC 9051 6.3.12, 6.4.7, 6.4.8, RFC 3502, RFC 4315, RFC 9208). */
#include "tests/unit/store/boxes.h"

#include "store/body.h"

static struct link *l;
static uint32_t a, b;

static struct link *
grant_limit(uint64_t limit)
{
	struct link *link = link_new(ROLE_STORE, 0, LINK_ONCE);
	struct store_grant_in in = { .user = 7, .session = 1,
		.rights = RIGHT_IMAP, .limit = limit };
	int fds[2];

	ck_assert_int_eq(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds));
	in.fd = fds[0];
	link_attach(link, fds[1]);
	ck_assert_int_eq(WIRE_OK, store_grant(world.auth, &in, NULL, NULL,
	    WAIT));
	return link;
}

static void
begin(bool file, uint64_t limit)
{
	world_open(file);
	l = grant_limit(limit);
	create(l, "a");
	create(l, "b");
	a = open_box(l, "a").mailbox;
	b = open_box(l, "b").mailbox;
}

static void
end(void)
{
	check_box(l, "INBOX");
	check_box(l, "a");
	check_box(l, "b");
	ck_assert_uint_eq(status_of(l, "a").bytes + status_of(l, "b").bytes +
	    status_of(l, "INBOX").bytes, quota_used(l));
	link_close(l);
	world_close();
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

static struct slice
digest_of(uint32_t mailbox, uint32_t uid)
{
	struct box_digest_in in = { .mailbox = mailbox, .uid = uid };
	struct box_digest_out out = { 0 };

	ck_assert_int_eq(WIRE_OK, box_digest(l, &in, &out, &world.arena,
	    WAIT));
	return out.digest;
}

static enum wire_status
append_these(uint32_t mailbox, struct wire_appended *m, size_t n,
    const char *body, struct box_append_out *out)
{
	struct box_append_in in = { .mailbox = mailbox, .messages = m,
		.n_messages = n, .body = slice_str(body) };

	return box_append(l, &in, out, &world.arena, WAIT);
}

static uint64_t
body_number(const char *bytes)
{
	struct box_body_in in = { .size = strlen(bytes),
		.body = slice_str(bytes) };
	struct box_body_out out = { 0 };

	ck_assert_int_eq(WIRE_OK, box_body(l, &in, &out, &world.arena, WAIT));
	return out.number;
}

/* Flags, date and digest are kept, over a restart too. */
START_TEST(appending)
{
	struct box_list_out o;

	begin(_i, 0);
	ck_assert_uint_eq(1, add_message(l, a, FLAG_SEEN | FLAG_DELETED,
	    "one"));
	ck_assert_uint_eq(2, add_message(l, a, 0, "two"));
	link_close(l);
	world_restart();
	l = grant_limit(0);
	o = list_all(l, a, WANT_DIGEST | WANT_BYTES);
	ck_assert_uint_eq(2, o.n_entries);
	ck_assert_uint_eq(FLAG_SEEN | FLAG_DELETED, o.entries[0].flags);
	ck_assert_uint_eq(5, o.entries[0].when);
	ck_assert_uint_eq(3, o.entries[0].size);
	ck_text(o.entries[0].digest, "digest");
	ck_text(o.entries[0].bytes, "one");
	ck_text(o.entries[1].bytes, "two");
	ck_text(bytes_of(a, 1), "one");
	end();
}
END_TEST

/* Several at once have one MODSEQ and UIDs in their order (RFC 3502 4). */
START_TEST(append_several)
{
	struct box_append_out out;
	struct wire_appended m[3] = { { .flags = 1, .digest = SLICE("x") },
		{ .flags = 2 }, { .flags = 4 } };
	uint64_t modseq;

	begin(_i, 0);
	modseq = open_box(l, "a").modseq;
	for (int i = 0; i < 3; i++)
		m[i].number = body_number(i == 0 ? "first" : i == 1 ?
		    "second" : "third");
	ck_assert_int_eq(WIRE_OK, append_these(a, m, 3, "", &out));
	ck_assert_uint_eq(1, out.first);
	ck_assert_uint_eq(modseq + 1, out.modseq);
	ck_assert_uint_eq(open_box(l, "a").uidvalidity, out.uidvalidity);
	ck_text(bytes_of(a, 2), "second");
	ck_text(bytes_of(a, 3), "third");
	ck_text(digest_of(a, 1), "x");
	ck_assert_uint_eq(0, bodies_count());
	/* A number is good once. */
	ck_assert_int_eq(WIRE_NONE, append_these(a, m, 1, "", &out));
	end();
}
END_TEST

static uint64_t
number_of(const void *out)
{
	const struct box_body_out *o = out;

	return o->number;
}

/* A long body over a socket, as long as it was said to be. */
START_TEST(long_body)
{
	enum { LONG = 3 * 1024 * 1024 };
	struct box_body_in in = { .size = LONG };
	struct wire_appended m = { .flags = 0 };
	struct soon s = { .keep = number_of };
	struct box_append_out out;
	char *bytes = mem_zero(LONG);
	int fds[2];

	begin(_i, 0);
	memset(bytes, 'x', LONG);
	ck_assert_int_eq(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds));
	in.fd = fds[0];
	link_call(l, WIRE_box_body, &in, WAIT, soon_done, &s);
	for (size_t at = 0; at < LONG;) {
		ssize_t n = send(fds[1], bytes + at, LONG - at,
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		at += n > 0 ? (size_t)n : 0;
		world_run(1);
	}
	while (!s.done)
		world_run(1);
	ck_assert_int_eq(WIRE_OK, s.status);
	close(fds[1]);
	ck_assert_uint_eq(1, bodies_count());
	m.number = s.number;
	ck_assert_int_eq(WIRE_OK, append_these(a, &m, 1, "", &out));
	ck_assert_uint_eq(LONG, status_of(l, "a").bytes);
	free(bytes);
	end();
}
END_TEST

/* What was sent and never appended goes with the session. */
START_TEST(bodies_lost)
{
	begin(_i, 0);
	body_number("never used");
	ck_assert_uint_eq(1, bodies_count());
	link_close(l);
	world_run(10);
	ck_assert_uint_eq(0, bodies_count());
	l = grant_limit(0);
	end();
}
END_TEST

START_TEST(append_nonsense)
{
	struct wire_appended m[2] = { { .number = 0 }, { .number = 0 } };
	struct box_append_out out;
	struct box_body_in body = { .size = UINT64_MAX };
	int fds[2];

	begin(false, 0);
	ck_assert_int_eq(WIRE_BAD, append_these(a, m, 0, "x", &out));
	ck_assert_int_eq(WIRE_BAD, append_these(a, m, 2, "x", &out));
	ck_assert_int_eq(WIRE_BAD, append_these(a, m, 1, "", &out));
	ck_assert_int_eq(WIRE_NONE, append_these(99, m, 1, "x", &out));
	m[0].number = 12345;
	ck_assert_int_eq(WIRE_NONE, append_these(a, m, 1, "", &out));
	m[0].number = 0;
	m[0].flags = (uint64_t)1 << 63;
	ck_assert_int_eq(WIRE_BAD, append_these(a, m, 1, "x", &out));
	/* A body that cannot be: no bytes, none of 2^64. */
	ck_assert_int_eq(WIRE_BAD, box_body(l, &body, NULL, NULL, WAIT));
	body.size = 0;
	ck_assert_int_eq(WIRE_BAD, box_body(l, &body, NULL, NULL, WAIT));
	ck_assert_int_eq(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds));
	body.fd = fds[0];
	ck_assert_int_eq(WIRE_BAD, box_body(l, &body, NULL, NULL, WAIT));
	close(fds[1]);
	ck_assert_uint_eq(0, bodies_count());
	end();
}
END_TEST

/* Copies have consecutive UIDs in the order of the sources, their flags and
   digests (RFC 9051 6.4.7, RFC 4315 3); only what is there is copied. */
START_TEST(copying)
{
	struct box_copy_out o;
	struct box_list_out list;
	uint64_t modseq;

	begin(_i, 0);
	add_message(l, b, 0, "there before");
	add_message(l, a, FLAG_SEEN, "one");
	add_message(l, a, FLAG_DELETED, "two");
	add_message(l, a, FLAG_FLAGGED, "three");
	expunge_in(l, a, 2, 2, false, NULL);
	modseq = open_box(l, "a").modseq;
	ck_assert_int_eq(WIRE_OK, copy_in(l, a, 1, UINT32_MAX, b, false, &o));
	ck_assert_uint_eq(2, o.first);
	ck_text(uids_text(o.from), "1,3");
	ck_assert_uint_eq(open_box(l, "b").uidvalidity, o.uidvalidity);
	ck_assert_uint_eq(modseq, open_box(l, "a").modseq);
	list = list_all(l, b, WANT_DIGEST);
	ck_assert_uint_eq(3, list.n_entries);
	ck_assert_uint_eq(FLAG_FLAGGED, list.entries[2].flags);
	ck_text(list.entries[2].digest, "digest");
	ck_assert_uint_eq(list.entries[1].modseq, list.entries[2].modseq);
	ck_assert_uint_eq(5, list.entries[2].when);
	ck_text(bytes_of(b, 3), "three");
	/* The copy lives on when its source is gone. */
	expunge_in(l, a, 1, UINT32_MAX, false, NULL);
	ck_text(bytes_of(b, 3), "three");
	/* Nothing there: nothing happens. */
	modseq = open_box(l, "b").modseq;
	ck_assert_int_eq(WIRE_OK, copy_in(l, a, 1, UINT32_MAX, b, false, &o));
	ck_assert_uint_eq(0, o.first);
	ck_assert_uint_eq(0, o.from.n);
	ck_assert_uint_eq(modseq, open_box(l, "b").modseq);
	end();
}
END_TEST

/* Moved: there with new UIDs, here vanished, in one commit (RFC 6851). */
START_TEST(moving)
{
	struct box_copy_out o;
	struct box_sync_out s;
	uint64_t before;

	begin(_i, 0);
	for (int i = 0; i < 5; i++)
		add_message(l, a, 0, "x");
	before = open_box(l, "a").modseq;
	ck_assert_int_eq(WIRE_OK, copy_in(l, a, 2, 4, b, true, &o));
	ck_text(uids_text(o.from), "2:4");
	ck_assert_uint_eq(1, o.first);
	ck_assert_uint_gt(o.modseq, before);
	s = sync_of(l, a, before, 1);
	ck_assert_uint_eq(o.modseq, s.modseq);
	ck_text(uids_text(s.vanished), "2:4");
	ck_assert_uint_eq(0, s.n_changed);
	ck_assert_uint_eq(3, open_box(l, "b").messages);
	ck_text(bytes_of(b, 3), "x");
	link_close(l);
	world_restart();
	l = grant_limit(0);
	ck_text(uids_text(sync_of(l, a, before, 1).vanished), "2:4");
	end();
}
END_TEST

/* Into the mailbox they are in: copies, and new UIDs for what is moved. */
START_TEST(within)
{
	struct box_copy_out o;
	uint64_t before;

	begin(_i, 0);
	add_message(l, a, 0, "one");
	add_message(l, a, FLAG_DELETED, "two");
	ck_assert_int_eq(WIRE_OK, copy_in(l, a, 1, 2, a, false, &o));
	ck_assert_uint_eq(3, o.first);
	ck_assert_uint_eq(4, open_box(l, "a").messages);
	before = open_box(l, "a").modseq;
	ck_assert_int_eq(WIRE_OK, copy_in(l, a, 1, 2, a, true, &o));
	ck_assert_uint_eq(5, o.first);
	ck_text(uids_text(o.from), "1:2");
	ck_text(uids_text(sync_of(l, a, before, 1).vanished), "1:2");
	ck_assert_uint_eq(2, sync_of(l, a, before, 1).n_changed);
	ck_assert_uint_eq(4, open_box(l, "a").messages);
	ck_assert_uint_eq(2, status_of(l, "a").deleted);
	ck_text(bytes_of(a, 6), "two");
	end();
}
END_TEST

/* Keywords go by their names, whatever their bits there. */
START_TEST(keywords_by_name)
{
	struct wire_keyword xy[] = { { SLICE("X") }, { SLICE("Y") } };
	struct wire_keyword yx[] = { { SLICE("y") }, { SLICE("Z") } };
	struct box_keywords_in in = { .mailbox = a, .names = xy,
		.n_names = 2 };
	struct box_open_out o;
	struct box_copy_out c;
	uint64_t x = 1 << FLAGS_SYSTEM, y = 2 << FLAGS_SYSTEM;

	begin(_i, 0);
	in.mailbox = a;
	ck_assert_int_eq(WIRE_OK, box_keywords(l, &in, NULL, NULL, WAIT));
	in.mailbox = b;
	in.names = yx;
	ck_assert_int_eq(WIRE_OK, box_keywords(l, &in, NULL, NULL, WAIT));
	add_message(l, a, FLAG_SEEN | x | y, "both");
	add_message(l, a, y, "y");
	ck_assert_int_eq(WIRE_OK, copy_in(l, a, 1, 2, b, _i, &c));
	o = open_box(l, "b");
	ck_assert_uint_eq(3, o.n_keywords);
	ck_text(o.keywords[2].name, "X");
	ck_assert_uint_eq(FLAG_SEEN | x | 4 << FLAGS_SYSTEM,
	    list_all(l, b, 0).entries[0].flags);
	ck_assert_uint_eq(x, list_all(l, b, 0).entries[1].flags);
	link_close(l);
	world_restart();
	l = grant_limit(0);
	ck_assert_uint_eq(3, open_box(l, "b").n_keywords);
	end();
}
END_TEST

/* Over the limit nothing is stored; a move needs no room (RFC 9208). */
START_TEST(quota)
{
	struct box_copy_out o;
	struct box_append_out out;
	struct wire_appended m = { .flags = 0 };

	begin(_i, 10);
	ck_assert_uint_eq(1, add_message(l, a, 0, "1234567"));
	ck_assert_int_eq(WIRE_OK, append_these(a, &m, 1, "1234", &out));
	ck_assert_uint_eq(1, out.full);
	ck_assert_uint_eq(2, add_message(l, a, 0, "123"));
	ck_assert_int_eq(WIRE_OK, copy_in(l, a, 1, 1, b, false, &o));
	ck_assert_uint_eq(1, o.full);
	ck_assert_uint_eq(0, open_box(l, "b").messages);
	ck_assert_int_eq(WIRE_OK, copy_in(l, a, 1, 2, b, true, &o));
	ck_assert_uint_eq(0, o.full);
	ck_assert_uint_eq(10, quota_used(l));
	ck_assert_int_eq(WIRE_OK, expunge_in(l, b, 1, 1, false, NULL));
	ck_assert_uint_eq(1, add_message(l, a, 0, "1234567") > 0);
	end();
}
END_TEST

/* A crash before the answer: all of the move or, here, nothing. */
START_TEST(move_and_crash)
{
	struct wire_range all = { 1, UINT32_MAX };
	struct box_copy_in in = { .uids = &all, .n_uids = 1, .move = 1 };
	struct engine *e;

	begin(false, 0);
	e = store.engine;
	in.mailbox = a;
	in.to = b;
	add_message(l, a, FLAG_DELETED, "one");
	add_message(l, a, 0, "two");
	engine_mem_hold(e, true);
	link_call(l, WIRE_box_copy, &in, WAIT, NULL, NULL);
	world_run(10);
	engine_mem_crash(e);
	engine_mem_hold(e, false);
	link_close(l);
	world_restart();
	l = grant_limit(0);
	ck_assert_uint_eq(2, open_box(l, "a").messages);
	ck_assert_uint_eq(0, open_box(l, "b").messages);
	ck_text(bytes_of(a, 1), "one");
	end();
}
END_TEST

/* More than one commit takes, with digests and long heads: all arrive. */
START_TEST(very_many)
{
	enum { MANY = 9000 };
	struct box_copy_out o;
	struct box_list_out list;
	struct wire_range last = { MANY, MANY };
	struct box_list_in in = { .uids = &last, .n_uids = 1,
		.want = WANT_DIGEST | WANT_BYTES };
	char head[301];

	begin(_i, 0);
	memset(head, 'h', sizeof head);
	head[300] = '\0';
	for (uint64_t i = 1; i <= MANY; i++) {
		struct sent sent = { .id = i, .digest = i % 3 ? "d" : NULL,
			.head = i % 5 ? NULL : head, .mailbox = "a" };
		struct wire_copy copy;
		struct store_append_in append = append_in(&sent, &copy);

		link_call(world.mda, WIRE_store_append, &append, WAIT, NULL,
		    NULL);
		if (i % 500 == 0)
			world_run(5);
	}
	while (open_box(l, "a").messages < MANY)
		world_run(10);
	ck_assert_int_eq(WIRE_OK, copy_in(l, a, 1, UINT32_MAX, b, true, &o));
	ck_text(uids_text(o.from), "1:9000");
	ck_assert_uint_eq(1, o.first);
	ck_assert_uint_eq(MANY, open_box(l, "b").messages);
	ck_assert_uint_eq(0, open_box(l, "a").messages);
	in.mailbox = b;
	ck_assert_int_eq(WIRE_OK, box_list(l, &in, &list, &world.arena,
	    WAIT));
	ck_assert_uint_eq(300, list.entries[0].head);
	ck_assert_uint_eq(306, list.entries[0].bytes.n);
	ck_text(slice_drop(list.entries[0].bytes, 299), "hbody\r\n");
	ck_text(digest_of(b, 8999), "d");
	ck_assert_uint_eq(0, digest_of(b, 9000).n);
	link_close(l);
	world_close();
}
END_TEST

/* Without the rights, and with impossible values. */
START_TEST(refused)
{
	struct box_copy_out o;
	struct link *reader;

	begin(false, 0);
	add_message(l, a, 0, "x");
	reader = grant(7, 2, RIGHT_READ | RIGHT_MAILBOXES | RIGHT_APPEND);
	ck_assert_int_eq(WIRE_DENIED, copy_in(reader, a, 1, 1, b, true, &o));
	ck_assert_int_eq(WIRE_OK, copy_in(reader, a, 1, 1, b, false, &o));
	link_close(reader);
	reader = grant(7, 2, RIGHT_READ | RIGHT_MAILBOXES);
	ck_assert_int_eq(WIRE_DENIED, copy_in(reader, a, 1, 1, b, false, &o));
	link_close(reader);
	ck_assert_int_eq(WIRE_NONE, copy_in(l, a, 1, 1, 77, false, &o));
	ck_assert_int_eq(WIRE_NONE, copy_in(l, 77, 1, 1, b, false, &o));
	ck_assert_int_eq(WIRE_BAD, copy_in(l, a, 2, 1, b, false, &o));
	ck_assert_int_eq(WIRE_BAD, copy_in(l, a, 0, 1, b, false, &o));
	/* No room: all stays as it is. */
	engine_mem_fault(store.engine, ENGINE_FULL, 0, 1);
	ck_assert_int_eq(WIRE_AGAIN, copy_in(l, a, 1, 1, b, true, &o));
	engine_mem_fault(store.engine, ENGINE_OK, 0, 0);
	ck_text(bytes_of(a, 1), "x");
	ck_assert_uint_eq(1, open_box(l, "b").messages);
	end();
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, appending, 0, 2);
	tcase_add_loop_test(t, append_several, 0, 2);
	tcase_add_loop_test(t, long_body, 0, 2);
	tcase_add_loop_test(t, bodies_lost, 0, 2);
	tcase_add_test(t, append_nonsense);
	tcase_add_loop_test(t, copying, 0, 2);
	tcase_add_loop_test(t, moving, 0, 2);
	tcase_add_loop_test(t, within, 0, 2);
	tcase_add_loop_test(t, keywords_by_name, 0, 2);
	tcase_add_loop_test(t, quota, 0, 2);
	tcase_add_loop_test(t, very_many, 0, 2);
	tcase_add_test(t, refused);
	tcase_add_test(t, move_and_crash);
}

int
main(void)
{
	return suite_run("store copies", add);
}

/* What a crash cuts off is never freed. */
const char	*__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}
