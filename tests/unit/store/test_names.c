/* The tree of mailboxes: names, create, delete, rename, subscriptions, status
   and quota (RFC 9051 5.1, 6.3.4 to 6.3.9, RFC 6154, RFC 9208). */
#include "tests/unit/store/boxes.h"

static struct link *l;

static void
begin(bool file)
{
	world_open(file);
	l = grant(7, 1, RIGHT_IMAP);
}

static void
end(void)
{
	link_close(l);
	world_close();
}

static void
again(void)
{
	link_close(l);
	world_restart();
	l = grant(7, 1, RIGHT_IMAP);
}

/* All names in one line; "-": no mailbox, "+": subscribed to. */
static struct slice
names(struct link *link)
{
	struct box_names_in in = { 0 };
	struct box_names_out out;
	struct buf b = { 0 };
	struct slice s;

	do {
		ck_assert_int_eq(WIRE_OK, box_names(link, &in, &out,
		    &world.arena, WAIT));
		for (size_t i = 0; i < out.n_boxes; i++) {
			const struct wire_box *w = &out.boxes[i];

			buf_str(&b, b.n > 0 ? " " : "");
			buf_slice(&b, w->name);
			buf_str(&b, w->mailbox == 0 ? "-" : "");
			buf_str(&b, (w->attributes & ATTRIBUTE_SUBSCRIBED) !=
			    0 ? "+" : "");
			in.after = w->name;
		}
	} while (out.more);
	s = arena_slice(&world.arena, buf_view(&b));
	buf_free(&b);
	return s;
}

/* Those above it are made, what exists clashes, and all of it lasts. */
START_TEST(creating)
{
	struct box_status_out s;

	begin(_i);
	ck_text(names(l), "INBOX");
	ck_assert_int_eq(WIRE_OK, create(l, "a/b/c"));
	ck_assert_int_eq(WIRE_OK, create(l, "a b"));
	ck_text(names(l), "INBOX a a b a/b a/b/c");
	ck_assert_int_eq(WIRE_CLASH, create(l, "a"));
	ck_assert_int_eq(WIRE_CLASH, create(l, "iNbOx"));
	ck_assert_int_eq(WIRE_OK, create(l, "inbox/x"));
	ck_assert_int_eq(WIRE_CLASH, create(l, "INBOX/x"));
	ck_text(names(l), "INBOX INBOX/x a a b a/b a/b/c");
	again();
	ck_text(names(l), "INBOX INBOX/x a a b a/b a/b/c");
	s = status_of(l, "Inbox/x");
	ck_text(s.name, "INBOX/x");
	ck_assert_uint_eq(1, s.uidnext);
	ck_assert_uint_gt(s.uidvalidity, status_of(l, "a").uidvalidity);
	end();
}
END_TEST

START_TEST(bad_names)
{
	static const char *const bad[] = { "", "/", "/a", "a/", "a//b",
		"a\tb", "a\x7f", "\xff", "\xc0\xaf", "\xed\xa0\x80",
		"\xf4\x90\x80\x80", "\xe2\x82", "\xc2\x85" };
	static const char *const good[] = { "\xc3\xa4", "\xf0\x9f\x93\xac",
		"a.b", "&", " ", "..", "\xc2\xa0" };
	char longest[NAME_MAX_BYTES + 2];

	begin(false);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_int_eq(WIRE_BAD, create(l, bad[i]));
		ck_assert_int_eq(WIRE_BAD, subscribe(l, bad[i], true));
		ck_assert_int_eq(WIRE_BAD, rename_box(l, "INBOX", bad[i]));
		ck_assert_int_eq(WIRE_BAD, delete(l, bad[i]));
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_int_eq(WIRE_OK, create(l, good[i]));
	memset(longest, 'x', sizeof longest);
	longest[NAME_MAX_BYTES + 1] = '\0';
	ck_assert_int_eq(WIRE_BAD, create(l, longest));
	longest[NAME_MAX_BYTES] = '\0';
	ck_assert_int_eq(WIRE_OK, create(l, longest));
	ck_assert_int_eq(WIRE_OK, subscribe(l, longest, true));
	ck_assert_uint_gt(names(l).n, NAME_MAX_BYTES);
	/* A name made longer by its new beginning. */
	ck_assert_int_eq(WIRE_OK, create(l, "q/w"));
	longest[NAME_MAX_BYTES - 1] = '\0';
	ck_assert_int_eq(WIRE_BAD, rename_box(l, "q", longest));
	ck_assert_uint_eq(1, status_of(l, "q/w").uidnext);
	end();
}
END_TEST

/* Attributes are told (RFC 6154 3); others are refused. */
START_TEST(attributes)
{
	struct box_create_in in = { .name = SLICE("Sent"),
		.attributes = ATTRIBUTE_SENT };

	begin(false);
	ck_assert_int_eq(WIRE_OK, box_create(l, &in, NULL, NULL, WAIT));
	in.name = SLICE("x");
	in.attributes = ATTRIBUTE_SUBSCRIBED;
	ck_assert_int_eq(WIRE_BAD, box_create(l, &in, NULL, NULL, WAIT));
	in.attributes = 1u << 31;
	ck_assert_int_eq(WIRE_BAD, box_create(l, &in, NULL, NULL, WAIT));
	again();
	ck_assert_uint_eq(ATTRIBUTE_SENT, status_of(l, "Sent").attributes);
	ck_assert_int_eq(WIRE_OK, subscribe(l, "Sent", true));
	ck_assert_uint_eq(ATTRIBUTE_SENT | ATTRIBUTE_SUBSCRIBED,
	    status_of(l, "Sent").attributes);
	end();
}
END_TEST

/* Messages go with it, those below it stay; the name gets a new UIDVALIDITY
   when it is used again (RFC 9051 2.3.1.1). */
START_TEST(deleting)
{
	struct box_open_out old;
	struct wire_range all = { 1, UINT32_MAX };
	struct box_list_in list = { .uids = &all, .n_uids = 1 };
	uint64_t used;

	begin(_i);
	create(l, "a/b");
	old = open_box(l, "a");
	used = quota_used(l);
	ck_assert_uint_eq(1, add_message(l, old.mailbox, 0, "one"));
	ck_assert_uint_eq(used + 3, quota_used(l));
	ck_assert_int_eq(WIRE_OK, delete(l, "a"));
	ck_assert_uint_eq(used, quota_used(l));
	ck_text(names(l), "INBOX a/b");
	ck_assert_int_eq(WIRE_NONE, delete(l, "a"));
	ck_assert_int_eq(WIRE_DENIED, delete(l, "inbox"));
	list.mailbox = old.mailbox;
	ck_assert_int_eq(WIRE_NONE, box_list(l, &list, NULL, NULL, WAIT));
	ck_assert_int_eq(WIRE_OK, create(l, "a"));
	ck_assert_uint_gt(open_box(l, "a").uidvalidity, old.uidvalidity);
	ck_assert_uint_eq(0, open_box(l, "a").messages);
	again();
	ck_assert_int_eq(WIRE_NONE, box_list(l, &list, NULL, NULL, WAIT));
	check_box(l, "a");
	end();
}
END_TEST

/* Who watches it hears that it is gone; mail for it goes to INBOX, also mail
   that comes while it goes. */
START_TEST(deleted_in_use)
{
	struct box_delete_in in = { .name = SLICE("a") };
	struct box_watch_in watch = { .modseq = 1000 };
	struct soon gone = { 0 }, watching = { 0 };
	struct link *other;

	begin(_i);
	create(l, "a");
	other = grant(7, 2, RIGHT_IMAP);
	watch.mailbox = open_box(l, "a").mailbox;
	link_call(other, WIRE_box_watch, &watch, WAIT, soon_done, &watching);
	world_run(10);
	ck_assert_uint_eq(1, APPEND(.id = 1, .mailbox = "a").uid);
	link_call(l, WIRE_box_delete, &in, WAIT, soon_done, &gone);
	ck_assert_int_eq(OUTCOME_STORED,
	    APPEND(.id = 2, .mailbox = "a").outcome);
	while (!gone.done || !watching.done)
		world_run(1);
	ck_assert_int_eq(WIRE_OK, gone.status);
	ck_assert_int_eq(WIRE_NONE, watching.status);
	ck_assert_int_eq(OUTCOME_STORED,
	    APPEND(.id = 3, .mailbox = "a").outcome);
	ck_assert_uint_ge(open_box(l, "INBOX").messages, 1);
	check_box(l, "INBOX");
	ck_assert_uint_eq(status_of(l, "INBOX").bytes, quota_used(l));
	link_close(other);
	end();
}
END_TEST

/* The mailbox stays what it is: number, UIDVALIDITY, messages. */
START_TEST(renaming)
{
	struct box_open_out old, new;

	begin(_i);
	create(l, "a/b/c");
	create(l, "ab");
	create(l, "a-b");
	old = open_box(l, "a/b");
	add_message(l, old.mailbox, FLAG_SEEN, "one");
	ck_assert_int_eq(WIRE_OK, rename_box(l, "a", "x/y"));
	ck_text(names(l), "INBOX a-b ab x x/y x/y/b x/y/b/c");
	new = open_box(l, "x/y/b");
	ck_assert_uint_eq(old.mailbox, new.mailbox);
	ck_assert_uint_eq(old.uidvalidity, new.uidvalidity);
	ck_assert_uint_eq(1, new.messages);
	ck_assert_int_eq(WIRE_NONE, rename_box(l, "a", "z"));
	ck_assert_int_eq(WIRE_CLASH, rename_box(l, "ab", "x"));
	ck_assert_int_eq(WIRE_CLASH, rename_box(l, "ab", "ab"));
	ck_assert_int_eq(WIRE_CLASH, rename_box(l, "ab", "INBOX"));
	ck_assert_int_eq(WIRE_BAD, rename_box(l, "x", "x/y/b/d"));
	ck_assert_int_eq(WIRE_BAD, rename_box(l, "x", "x/z"));
	again();
	ck_text(names(l), "INBOX a-b ab x x/y x/y/b x/y/b/c");
	check_box(l, "x/y/b");
	/* Mail finds the new name, and the row keeps it. */
	ck_assert_uint_eq(2, APPEND(.id = 9, .mailbox = "x/y/b").uid);
	again();
	ck_assert_uint_eq(2, status_of(l, "x/y/b").messages);
	end();
}
END_TEST

/* Onto a name whose mailbox is gone but not those below: up by one level, and
   into what is there. */
START_TEST(renaming_up)
{
	begin(false);
	create(l, "a/b/b");
	ck_assert_int_eq(WIRE_OK, delete(l, "a"));
	ck_assert_int_eq(WIRE_OK, rename_box(l, "a/b", "a"));
	ck_text(names(l), "INBOX a a/b");
	create(l, "q/b");
	delete(l, "q");
	ck_assert_int_eq(WIRE_CLASH, rename_box(l, "a", "q"));
	/* Only those below it are there: they move. */
	delete(l, "a");
	ck_assert_int_eq(WIRE_OK, rename_box(l, "a", "n"));
	ck_text(names(l), "INBOX n/b q/b");
	check_box(l, "n/b");
	end();
}
END_TEST

/* INBOX stays, empty, and what was in it is under the new name; what is below
   it stays (RFC 9051 6.3.6). */
START_TEST(renaming_inbox)
{
	struct box_open_out inbox, moved;
	struct box_sync_out sync;

	begin(_i);
	create(l, "INBOX/below");
	for (uint64_t id = 1; id <= 5; id++)
		APPEND(.id = id, .digest = "digest");
	inbox = open_box(l, "INBOX");
	expunge_in(l, INBOX, 3, 3, false, NULL);
	flags_in(l, INBOX, 2, 2, FLAGS_ADD, FLAG_DELETED | FLAG_SEEN);
	ck_assert_int_eq(WIRE_OK, rename_box(l, "INBOX", "old/mail"));
	ck_text(names(l), "INBOX INBOX/below old old/mail");
	moved = open_box(l, "old/mail");
	ck_assert_uint_eq(4, moved.messages);
	ck_assert_uint_eq(5, moved.uidnext);
	ck_assert_uint_eq(3, moved.unseen);
	ck_assert_uint_ne(inbox.uidvalidity, moved.uidvalidity);
	sync = sync_of(l, INBOX, inbox.modseq, 1);
	ck_text(uids_text(sync.vanished), "1:5");
	ck_assert_uint_eq(6, sync.uidnext);
	check_box(l, "INBOX");
	check_box(l, "old/mail");
	ck_assert_uint_eq(6, APPEND(.id = 10).uid);
	ck_assert_int_eq(WIRE_CLASH, rename_box(l, "INBOX", "old"));
	again();
	check_box(l, "old/mail");
	ck_assert_uint_eq(1, open_box(l, "INBOX").messages);
	/* One that is empty is no exception. */
	expunge_in(l, INBOX, 1, 99, false, NULL);
	ck_assert_int_eq(WIRE_OK, rename_box(l, "inbox", "none"));
	ck_assert_uint_eq(0, open_box(l, "none").messages);
	end();
}
END_TEST

/* A subscription needs no mailbox and outlives it (RFC 9051 6.3.7). */
START_TEST(subscriptions)
{
	begin(_i);
	create(l, "b");
	create(l, "d");
	ck_assert_int_eq(WIRE_OK, subscribe(l, "c", true));
	ck_assert_int_eq(WIRE_OK, subscribe(l, "c", true));
	ck_assert_int_eq(WIRE_OK, subscribe(l, "b", true));
	ck_assert_int_eq(WIRE_OK, subscribe(l, "INBOX", true));
	ck_text(names(l), "INBOX+ b+ c-+ d");
	ck_assert_int_eq(WIRE_OK, delete(l, "b"));
	again();
	ck_text(names(l), "INBOX+ b-+ c-+ d");
	ck_assert_int_eq(WIRE_OK, subscribe(l, "b", false));
	ck_assert_int_eq(WIRE_OK, subscribe(l, "b", false));
	ck_assert_int_eq(WIRE_OK, subscribe(l, "inbox", false));
	ck_text(names(l), "INBOX c-+ d");
	end();
}
END_TEST

/* More names than one answer holds: each once, in order. */
START_TEST(many_names)
{
	struct slice all;
	char name[20];
	size_t n = 1;

	begin(false);
	for (int i = 0; i < 1100; i++) {
		snprintf(name, sizeof name, "m%04d", i);
		ck_assert_int_eq(WIRE_OK, i % 2 ? subscribe(l, name, true) :
		    create(l, name));
	}
	all = names(l);
	slice_cut(&all, ' ');
	while (all.n > 0) {
		struct slice word = slice_cut(&all, ' ');

		snprintf(name, sizeof name, "m%04zu%s", n - 1,
		    (n - 1) % 2 ? "-+" : "");
		ck_text(word, name);
		n++;
	}
	ck_assert_uint_eq(1101, n);
	end();
}
END_TEST

/* What cannot be committed has not happened; the next try does. */
START_TEST(no_room)
{
	enum engine_status fault = _i == 0 ? ENGINE_FULL : ENGINE_UNKNOWN;

	begin(false);
	create(l, "a/b");
	open_box(l, "INBOX");
	APPEND(.id = 1);
	for (int i = 0; i < 4; i++) {
		engine_mem_fault(store.engine, fault, 0, 1);
		switch (i) {
		case 0:
			ck_assert_int_eq(WIRE_AGAIN, create(l, "n/m"));
			break;
		case 1:
			ck_assert_int_eq(WIRE_AGAIN, delete(l, "a"));
			break;
		case 2:
			ck_assert_int_eq(WIRE_AGAIN, rename_box(l, "a", "z"));
			break;
		default:
			ck_assert_int_eq(WIRE_AGAIN, rename_box(l, "INBOX",
			    "y"));
		}
		engine_mem_fault(store.engine, ENGINE_OK, 0, 0);
	}
	if (_i == 0) {
		ck_text(names(l), "INBOX a a/b");
		check_box(l, "a");
		check_box(l, "INBOX");
		ck_assert_int_eq(WIRE_OK, create(l, "n/m"));
		ck_assert_int_eq(WIRE_OK, rename_box(l, "INBOX", "y"));
		ck_assert_int_eq(WIRE_OK, rename_box(l, "a", "z"));
		ck_assert_int_eq(WIRE_OK, delete(l, "z"));
		ck_text(names(l), "INBOX n n/m y z/b");
	}
	check_box(l, "INBOX");
	again();
	check_box(l, "INBOX");
	end();
}
END_TEST

static struct buf	 told;

static void
keep_told(const char *line, size_t n)
{
	buf_add(&told, line, n);
}

static bool
was_told(const char *line)
{
	bool was = strstr(buf_cstr(&told), line) != NULL;

	buf_clear(&told);
	return was;
}

/* What a session does to the tree, or to many messages, is in the log, once
   it is durable; what was refused is not. */
START_TEST(changes_are_told)
{
	struct box_copy_out o;
	uint32_t a;

	begin(_i);
	log_init("test", LOG_INFO);
	log_divert(keep_told);
	create(l, "a/b");
	ck_assert(was_told(" mailbox_created user=7 mailbox=3 name=a/b "
	    "session=1\n"));
	ck_assert_int_eq(WIRE_CLASH, create(l, "a/b"));
	ck_assert(!was_told("mailbox_"));
	a = open_box(l, "a").mailbox;
	add_message(l, a, 0, "one");
	add_message(l, a, 0, "two");
	ck_assert_int_eq(WIRE_OK, copy_in(l, a, 1, 9, INBOX, false, &o));
	ck_assert(was_told(" messages_copied user=7 from=2 mailbox=1 uid=1 "
	    "messages=2 session=1\n"));
	ck_assert_int_eq(WIRE_OK, copy_in(l, a, 2, 2, INBOX, true, &o));
	ck_assert(was_told(" messages_moved user=7 from=2 mailbox=1 uid=3 "
	    "messages=1 session=1\n"));
	ck_assert_int_eq(WIRE_OK, copy_in(l, a, 2, 2, INBOX, true, &o));
	ck_assert(!was_told("messages_"));
	ck_assert_int_eq(WIRE_OK, rename_box(l, "a", "x y"));
	ck_assert(was_told(" mailbox_renamed user=7 name=a to=\"x y\" "
	    "mailboxes=2 session=1\n"));
	ck_assert_int_eq(WIRE_OK, rename_box(l, "INBOX", "old"));
	ck_assert(was_told(" mailbox_renamed user=7 name=INBOX to=old "
	    "mailboxes=1 messages=3 session=1\n"));
	ck_assert_int_eq(WIRE_OK, delete(l, "x y"));
	ck_assert(was_told(" mailbox_deleted user=7 mailbox=2 name=\"x y\" "
	    "messages=1 session=1\n"));
	ck_assert_int_eq(WIRE_NONE, delete(l, "x y"));
	ck_assert(!was_told("mailbox_"));
	log_init("test", LOG_ERROR);
	log_divert(NULL);
	end();
}
END_TEST

/* Without the right to mailboxes there is INBOX and nothing else. */
START_TEST(rights)
{
	struct box_status_in status = { .name = SLICE("a") };
	struct box_names_in all = { 0 };
	struct link *pop;

	begin(false);
	create(l, "a");
	pop = grant(7, 2, RIGHT_POP3);
	ck_assert_int_eq(WIRE_DENIED, box_names(pop, &all, NULL, NULL, WAIT));
	ck_assert_int_eq(WIRE_DENIED, create(pop, "b"));
	ck_assert_int_eq(WIRE_DENIED, delete(pop, "a"));
	ck_assert_int_eq(WIRE_DENIED, rename_box(pop, "a", "b"));
	ck_assert_int_eq(WIRE_DENIED, subscribe(pop, "a", true));
	ck_assert_int_eq(WIRE_DENIED, box_status(pop, &status, NULL, NULL,
	    WAIT));
	status.name = SLICE("INBOX");
	ck_assert_int_eq(WIRE_OK, box_status(pop, &status, NULL, NULL, WAIT));
	link_close(pop);
	/* Another user's mailboxes have other numbers, or none. */
	pop = grant(8, 3, RIGHT_IMAP);
	ck_text(names(pop), "INBOX");
	ck_assert_int_eq(WIRE_NONE, expunge_in(pop, open_box(l, "a").mailbox,
	    1, 9, false, NULL));
	link_close(pop);
	end();
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, creating, 0, 2);
	tcase_add_test(t, bad_names);
	tcase_add_test(t, attributes);
	tcase_add_loop_test(t, deleting, 0, 2);
	tcase_add_loop_test(t, deleted_in_use, 0, 2);
	tcase_add_loop_test(t, renaming, 0, 2);
	tcase_add_test(t, renaming_up);
	tcase_add_loop_test(t, renaming_inbox, 0, 2);
	tcase_add_loop_test(t, subscriptions, 0, 2);
	tcase_add_test(t, many_names);
	tcase_add_loop_test(t, no_room, 0, 2);
	tcase_add_loop_test(t, changes_are_told, 0, 2);
	tcase_add_test(t, rights);
}

int
main(void)
{
	return suite_run("store names", add);
}
