/* The mailboxes that every user has are made once, for the first session that
   may see them, each for its use and subscribed (RFC 9051 5.1, RFC 6154 2);
   what a user did with them, then or before, stays. */
#include "tests/unit/store/boxes.h"

static struct link *l;

static void
homes_set(const char *archive, const char *sent, const char *trash)
{
	store.homes[0] = (struct home){ ATTRIBUTE_ARCHIVE,
		slice_str(archive) };
	store.homes[1] = (struct home){ ATTRIBUTE_SENT, slice_str(sent) };
	store.homes[2] = (struct home){ ATTRIBUTE_TRASH, slice_str(trash) };
}

static void
begin(bool file)
{
	world_open(file);
	homes_set("Archive", "Sent", "Trash");
	l = grant(7, 1, RIGHT_IMAP);
}

static void
end(void)
{
	link_close(l);
	world_close();
	memset(store.homes, 0, sizeof store.homes);
}

static void
again(void)
{
	link_close(l);
	world_restart();
	l = grant(7, 1, RIGHT_IMAP);
}

/* All names in one line, each with its uses and "+" if subscribed to. */
static struct slice
names(void)
{
	struct box_names_in in = { 0 };
	struct box_names_out out;
	struct buf b = { 0 };
	struct slice s;

	ck_assert_int_eq(WIRE_OK, box_names(l, &in, &out, &world.arena,
	    WAIT));
	for (size_t i = 0; i < out.n_boxes; i++) {
		uint32_t a = out.boxes[i].attributes;

		buf_str(&b, b.n > 0 ? " " : "");
		buf_slice(&b, out.boxes[i].name);
		buf_str(&b, (a & ATTRIBUTE_ARCHIVE) != 0 ? "\\a" : "");
		buf_str(&b, (a & ATTRIBUTE_SENT) != 0 ? "\\s" : "");
		buf_str(&b, (a & ATTRIBUTE_TRASH) != 0 ? "\\t" : "");
		buf_str(&b, (a & ATTRIBUTE_SUBSCRIBED) != 0 ? "+" : "");
	}
	s = arena_slice(&world.arena, buf_view(&b));
	buf_free(&b);
	return s;
}

START_TEST(made_once)
{
	begin(_i);
	ck_text(names(), "INBOX Archive\\a+ Sent\\s+ Trash\\t+");
	again();
	ck_text(names(), "INBOX Archive\\a+ Sent\\s+ Trash\\t+");
	check_box(l, "Sent");
	ck_assert_int_eq(WIRE_OK, delete(l, "Trash"));
	ck_assert_int_eq(WIRE_OK, rename_box(l, "Sent", "Out"));
	again();
	ck_text(names(), "INBOX Archive\\a+ Out\\s Sent+ Trash+");
	end();
}
END_TEST

/* Whatever is asked first, by however many. */
START_TEST(first_call)
{
	struct box_create_in new = { .name = SLICE("Sent") };
	struct box_rename_in inbox = { .from = SLICE("INBOX"),
		.to = SLICE("old") };
	struct soon made = { 0 }, renamed = { 0 };
	struct link *other;

	begin(_i);
	other = grant(7, 2, RIGHT_IMAP);
	link_call(l, WIRE_box_create, &new, WAIT, soon_done, &made);
	link_call(other, WIRE_box_rename, &inbox, WAIT, soon_done, &renamed);
	while (!made.done || !renamed.done)
		world_run(1);
	ck_assert_int_eq(WIRE_CLASH, made.status);
	ck_assert_int_eq(WIRE_OK, renamed.status);
	ck_text(names(), "INBOX Archive\\a+ Sent\\s+ Trash\\t+ old");
	link_close(other);
	end();
}
END_TEST

static unsigned
boxes_of(uint64_t id)
{
	struct user *u = user_hold(id);
	unsigned n = u->seen.boxes;

	user_release(u);
	return n;
}

/* Mail and POP3 need INBOX only. */
START_TEST(not_before)
{
	struct box_quota_in in = { 0 };
	struct link *pop;

	begin(false);
	ck_assert_uint_eq(1, APPEND(.id = 1).uid);
	pop = grant(7, 2, RIGHT_POP3);
	ck_assert_uint_eq(1, open_box(pop, "INBOX").messages);
	ck_assert_int_eq(WIRE_OK, box_quota(pop, &in, NULL, NULL, WAIT));
	ck_assert_uint_eq(1, boxes_of(7));
	ck_text(names(), "INBOX Archive\\a+ Sent\\s+ Trash\\t+");
	/* Numbers are given in order. */
	ck_assert_int_eq(WIRE_OK, create(l, "x"));
	ck_assert_uint_eq(INBOX + 4, open_box(l, "x").mailbox);
	link_close(pop);
	end();
}
END_TEST

/* An account from before: its own mailbox for a use is enough, its mailbox of
   that name gets the use, and keeps its mail. */
START_TEST(old_account)
{
	struct box_create_in own = { .name = SLICE("Waste"),
		.attributes = ATTRIBUTE_TRASH };
	uint32_t sent;

	world_open(_i);
	memset(store.homes, 0, sizeof store.homes);
	l = grant(7, 1, RIGHT_IMAP);
	create(l, "Sent");
	sent = open_box(l, "Sent").mailbox;
	ck_assert_uint_eq(1, add_message(l, sent, 0, "one"));
	ck_assert_int_eq(WIRE_OK, box_create(l, &own, NULL, NULL, WAIT));
	ck_text(names(), "INBOX Sent Waste\\t");
	homes_set("Archive", "Sent", "Trash");
	again();
	ck_text(names(), "INBOX Archive\\a+ Sent\\s Waste\\t");
	ck_assert_uint_eq(2, add_message(l, sent, 0, "two"));
	again();
	ck_text(names(), "INBOX Archive\\a+ Sent\\s Waste\\t");
	ck_assert_uint_eq(sent, open_box(l, "Sent").mailbox);
	check_box(l, "Sent");
	end();
}
END_TEST

START_TEST(one_for_two_uses)
{
	world_open(false);
	homes_set("Old", "Sent", "Old");
	l = grant(7, 1, RIGHT_IMAP);
	ck_text(names(), "INBOX Old\\a\\t+ Sent\\s+");
	end();
}
END_TEST

/* A full disk keeps nobody from his mail; they come when there is room. */
START_TEST(no_room)
{
	world_open(true);
	memset(store.homes, 0, sizeof store.homes);
	ck_assert_uint_eq(1, APPEND(.id = 1).uid);
	homes_set("Archive", "Sent", "Trash");
	world.floor = UINT64_MAX / 4;
	world_restart();
	world.floor = 0;
	l = grant(7, 1, RIGHT_IMAP);
	ck_text(names(), "INBOX");
	ck_assert_uint_eq(1, open_box(l, "INBOX").messages);
	ck_text(names(), "INBOX");
	again();
	ck_text(names(), "INBOX Archive\\a+ Sent\\s+ Trash\\t+");
	end();
}
END_TEST

/* Without INBOX there is nothing to go on with; no commit is tried for ever,
   and what failed leaves nothing behind. */
START_TEST(failed)
{
	enum engine_status fault = _i == 0 ? ENGINE_FULL : ENGINE_UNKNOWN;
	struct box_names_in in = { 0 };

	begin(false);
	engine_mem_fault(store.engine, fault, 0, 1);
	ck_assert(box_names(l, &in, NULL, NULL, WAIT) == WIRE_AGAIN ||
	    fault == ENGINE_UNKNOWN);
	engine_mem_fault(store.engine, ENGINE_OK, 0, 0);
	link_close(l);
	l = grant(7, 2, RIGHT_IMAP);
	ck_text(names(), "INBOX Archive\\a+ Sent\\s+ Trash\\t+");
	again();
	ck_text(names(), "INBOX Archive\\a+ Sent\\s+ Trash\\t+");
	ck_assert_uint_eq(4, boxes_of(7));
	end();
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, made_once, 0, 2);
	tcase_add_loop_test(t, first_call, 0, 2);
	tcase_add_test(t, not_before);
	tcase_add_loop_test(t, old_account, 0, 2);
	tcase_add_test(t, one_for_two_uses);
	tcase_add_test(t, no_room);
	tcase_add_loop_test(t, failed, 0, 2);
}

int
main(void)
{
	return suite_run("store home", add);
}
