/* A whole session beside a store that fails, dies, is late, or has another
   session change the mailbox. */
#include <check.h>

#include "tests/unit/imapd/world.h"
#include "tests/unit/suite.h"

static size_t	heard_at;

/* A test that failed has left its session. */
static void
begin(void)
{
	if (world.client >= 0) {
		channel_cut();
		imap_end();
	}
	imap_reset();
}

static struct slice
unheard(void)
{
	return slice_drop(buf_view(&world.heard), heard_at);
}

static void
say(const char *text)
{
	heard_at = world.heard.n;
	world_say(slice_str(text));
}

static void
want(const char *line, const char *text)
{
	if (!slice_eq(unheard(), slice_str(text)))
		ck_abort_msg("%s: want \"%s\" heard \"%.*s\"", line, text,
		    (int)unheard().n, unheard().n > 0 ? unheard().p : "");
}

/* All that comes is exactly this. */
static void
ask(const char *line, const char *text)
{
	struct buf b = { 0 };

	buf_printf(&b, "%s\r\n", line);
	say(buf_cstr(&b));
	buf_free(&b);
	want(line, text);
}

static bool
has(const char *text)
{
	struct slice s = unheard();

	return s.n > 0 && memmem(s.p, s.n, text, strlen(text)) != NULL;
}

static void
select_inbox(void)
{
	imap_begin(SERVICE_IMAPS);
	say("0 LOGIN ann secret\r\n");
	ck_assert(has("0 OK [CAPABILITY"));
	say("0 SELECT INBOX\r\n");
	ck_assert(has("0 OK [READ-WRITE]"));
}

static void
log_out(void)
{
	ask("Z LOGOUT", "* BYE until next time\r\nZ OK logged out\r\n");
	ck_assert(world.over);
	imap_end();
}

static void
five(void)
{
	begin();
	for (int i = 0; i < 5; i++)
		letter_add(SLICE("Subject: s\r\n\r\nx\r\n"), 0);
	select_inbox();
}

/* ---- others change the mailbox */

/* Numbers stay while commands speak of them (RFC 9051 7.5.1). */
START_TEST(numbers)
{
	five();
	letter_remove(2);
	letter_remove(4);
	changed();
	world_run();
	ask("1 FETCH 5 UID", "* 5 FETCH (UID 5)\r\n1 OK that is all\r\n");
	ask("2 FETCH 1:5 UID", "* 1 FETCH (UID 1)\r\n* 3 FETCH (UID 3)\r\n"
	    "* 5 FETCH (UID 5)\r\n"
	    "2 NO [EXPUNGEISSUED] some messages are gone\r\n");
	ask("3 SEARCH ALL", "* SEARCH 1 3 5\r\n3 OK that is all\r\n");
	letter_add(SLICE("\r\n"), 0);
	changed();
	world_run();
	ask("4 FETCH 5 UID", "* 5 FETCH (UID 5)\r\n* 6 EXISTS\r\n"
	    "4 OK that is all\r\n");
	ask("5 NOOP", "* 4 EXPUNGE\r\n* 2 EXPUNGE\r\n5 OK done\r\n");
	ask("6 FETCH 4 UID", "* 4 FETCH (UID 6)\r\n6 OK that is all\r\n");
	letter_remove(6);
	letter_add(SLICE("\r\n"), 0);
	changed();
	world_run();
	ask("7 NOOP", "* 4 EXPUNGE\r\n* 4 EXISTS\r\n7 OK done\r\n");
	log_out();
}
END_TEST

/* A message that came and went between two looks was never there. */
START_TEST(came_and_went)
{
	five();
	letter_add(SLICE("\r\n"), 0);
	letter_remove(6);
	changed();
	world_run();
	ask("1 NOOP", "1 OK done\r\n");
	log_out();
}
END_TEST

/* What is held back must not be skipped by a client that remembers MODSEQ
   (RFC 7162 3.2). */
START_TEST(held_back)
{
	five();
	say("1 ENABLE QRESYNC\r\n");
	letter_remove(3);
	box.letters[0].flags = FLAG_SEEN;
	box.letters[0].modseq = ++box.modseq;
	changed();
	world_run();
	ask("2 FETCH 2 UID", "* 2 FETCH (UID 2)\r\n"
	    "* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (8))\r\n"
	    "* OK [HIGHESTMODSEQ 6] you know all up to here\r\n"
	    "2 OK that is all\r\n");
	ask("3 FETCH 2 UID", "* 2 FETCH (UID 2)\r\n"
	    "* OK [HIGHESTMODSEQ 6] you know all up to here\r\n"
	    "3 OK that is all\r\n");
	ask("4 NOOP", "* VANISHED 3\r\n"
	    "* OK [HIGHESTMODSEQ 8] you know all up to here\r\n4 OK done\r\n");
	ask("5 FETCH 2 UID", "* 2 FETCH (UID 2)\r\n5 OK that is all\r\n");
	log_out();
}
END_TEST

START_TEST(idle)
{
	five();
	ask("1 IDLE", "+ idling\r\n");
	heard_at = world.heard.n;
	letter_remove(1);
	letter_add(SLICE("\r\n"), 0);
	changed();
	world_run();
	want("news", "* 1 EXPUNGE\r\n* 5 EXISTS\r\n");
	ask("DONE", "1 OK done\r\n");
	log_out();
}
END_TEST

/* ---- store */

/* Whatever store cannot do now is NO, or the end; never OK, never silence. */
START_TEST(store_fails)
{
	static const struct {
		unsigned call;
		const char *line, *answer;
	} rows[] = {
		{ WIRE_box_open, "SELECT INBOX", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_list, "FETCH 1 FLAGS", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_list, "SEARCH SEEN", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_flags, "STORE 1 FLAGS ()", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_flags, "FETCH 1 BODY[]", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_keywords, "STORE 1 FLAGS (a)",
		    "1 NO [UNAVAILABLE]" },
		{ WIRE_box_status, "COPY 1 Other", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_copy, "COPY 1 Other", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_copy, "MOVE 1 Other", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_expunge, "EXPUNGE", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_expunge, "CLOSE", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_status, "STATUS Other (MESSAGES)",
		    "1 NO [UNAVAILABLE]" },
		{ WIRE_box_names, "LIST \"\" *", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_create, "CREATE a", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_delete, "DELETE a", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_rename, "RENAME a b", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_subscribe, "SUBSCRIBE a", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_quota, "GETQUOTA \"\"", "1 NO [UNAVAILABLE]" },
		{ WIRE_box_status, "APPEND INBOX {3}",
		    "1 NO [UNAVAILABLE]" },
		{ WIRE_box_append, "APPEND INBOX {3+}\r\nabc",
		    "1 NO [UNAVAILABLE]" },
		{ WIRE_box_body, "APPEND INBOX {3+}\r\nabc {3+}\r\nabc",
		    "1 NO [UNAVAILABLE]" },
		{ WIRE_box_sync, "NOOP", "* BYE [UNAVAILABLE]" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = { 0 };

		five();
		box.fails = rows[i].call;
		buf_printf(&b, "1 %s\r\n", rows[i].line);
		say(buf_cstr(&b));
		buf_free(&b);
		if (!has(rows[i].answer) || has("1 OK"))
			ck_abort_msg("%s: heard \"%.*s\"", rows[i].line,
			    (int)unheard().n, unheard().p);
		box.fails = 0;
		ck_assert(world.over == (rows[i].answer[0] == '*'));
		imap_end();
	}
}
END_TEST

/* In any call: the client hears BYE, and nothing looks complete. */
START_TEST(store_dies)
{
	static const struct {
		unsigned call;
		const char *line;
	} rows[] = {
		{ WIRE_box_open, "SELECT INBOX" },
		{ WIRE_box_list, "FETCH 1:* FLAGS" },
		{ WIRE_box_sync, "NOOP" },
		{ WIRE_box_append, "APPEND INBOX {3+}\r\nabc" },
		{ WIRE_box_names, "LIST \"\" *" },
		{ WIRE_box_copy, "MOVE 1 Other" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = { 0 };

		five();
		box.dies = rows[i].call;
		buf_printf(&b, "1 %s\r\n", rows[i].line);
		say(buf_cstr(&b));
		buf_free(&b);
		if (!world.over || !has("* BYE [UNAVAILABLE]") || has("1 OK"))
			ck_abort_msg("%s: heard \"%.*s\"", rows[i].line,
			    (int)unheard().n, unheard().p);
		imap_end();
	}
}
END_TEST

/* Between two pages of a long answer. */
START_TEST(store_dies_later)
{
	five();
	box.page = 2;
	box.late = WIRE_box_list;
	say("1 FETCH 1:* UID\r\n");
	want("late", "");
	answer_held();
	ck_assert(has("* 5 FETCH (UID 5)\r\n1 OK"));
	box.late = WIRE_box_list;
	say("2 FETCH 1:* UID\r\n");
	channel_cut();
	world_run();
	ck_assert(world.over && has("* BYE [UNAVAILABLE]") && !has("2 OK"));
	imap_end();
}
END_TEST

/* A late answer holds this session up, in order, and no more. */
START_TEST(late)
{
	five();
	box.late = WIRE_box_list;
	say("1 FETCH 1 UID\r\n2 NOOP\r\n3 FETCH 2 UID\r\n");
	want("late", "");
	answer_held();
	want("late", "* 1 FETCH (UID 1)\r\n1 OK that is all\r\n2 OK done\r\n"
	    "* 2 FETCH (UID 2)\r\n3 OK that is all\r\n");
	box.late = WIRE_box_list;
	say("4 FETCH 1 UID\r\n");
	world_hang_up();
	answer_held();
	ck_assert(world.over);
	imap_end();
}
END_TEST

START_TEST(revoked)
{
	five();
	heard_at = world.heard.n;
	channel_cut();
	world_run();
	want("", "* BYE [UNAVAILABLE] your session was ended\r\n");
	ck_assert(world.over);
	imap_end();
	five();
	say("1 IDLE\r\n");
	heard_at = world.heard.n;
	channel_cut();
	world_run();
	want("IDLE", "* BYE [UNAVAILABLE] your session was ended\r\n");
	ck_assert(world.over);
	imap_end();
	/* In the middle of a literal: it is read, and that was that. */
	five();
	say("1 APPEND INBOX {8}\r\nA: b");
	channel_cut();
	world_run();
	say("\r\n\r\n\r\n2 NOOP\r\n");
	ck_assert(world.over && has("* BYE") && !has(" OK"));
	imap_end();
}
END_TEST

/* ---- messages that cannot be read as they should */

static char	big[200 * 1024];

START_TEST(half_a_message)
{
	memset(big, 'x', sizeof big);
	memcpy(big, "A: b\r\n\r\n", 8);
	begin();
	letter_add(slice_of(big, sizeof big), 0);
	select_inbox();
	say("1 FETCH 1 BODY.PEEK[]\r\n");
	ck_assert(has("* 1 FETCH (BODY[] {204800}\r\nA: b") && has(
	    "xxx)\r\n1 OK that is all\r\n"));
	box.cut_short = true;
	say("2 FETCH 1 BODY.PEEK[]\r\n");
	ck_assert(world.over && has("{204800}") && !has("2 OK") &&
	    !has("xxx)\r\n"));
	imap_end();
}
END_TEST

/* A digest that is missing is made again; a message that cannot be had is left
   out, and the reply says so (RFC 5530 3, SERVERBUG). */
START_TEST(unreadable)
{
	five();
	box.no_bytes = true;
	ask("0 SEARCH OR BODY a NOT BODY a", "* SEARCH\r\n0 OK some messages "
	    "could not be read now\r\n");
	box.no_bytes = false;
	box.no_digest = true;
	ask("1 FETCH 1 BODY", "* 1 FETCH (BODY (\"text\" \"plain\" NIL NIL NIL "
	    "\"7bit\" 3 1))\r\n1 OK that is all\r\n");
	box.no_bytes = true;
	ask("2 FETCH 1 BODY", "2 NO [SERVERBUG] some messages cannot be read "
	    "now\r\n");
	ask("3 SEARCH SUBJECT s", "* SEARCH\r\n3 OK some messages could not be "
	    "read now\r\n");
	log_out();
}
END_TEST

/* ---- clients */

/* One octet at a time is the same (RFC 9051 4.3). */
START_TEST(slow)
{
	static const char text[] = "1 APPEND INBOX (\\Seen) {14}\r\n"
	    "A: b\r\n\r\n123456\r\n2 SEARCH SUBJECT {1+}\r\ns\r\n3 NOOP\r\n";

	five();
	heard_at = world.heard.n;
	for (const char *p = text; *p != '\0'; p++)
		world_say(slice_of(p, 1));
	want(text, "+ go on\r\n* 6 EXISTS\r\n1 OK [APPENDUID 99 6] kept\r\n"
	    "* SEARCH 1 2 3 4 5\r\n2 OK that is all\r\n3 OK done\r\n");
	ck_assert_uint_eq(box.letters[5].flags, FLAG_SEEN);
	log_out();
}
END_TEST

/* Who goes in a literal, or behind one, has said nothing (RFC 9051 6.3.12). */
START_TEST(half_a_literal)
{
	static const char *const rows[] = {
		"1 APPEND INBOX {100}\r\nA: b\r\n",
		"1 APPEND INBOX {8}\r\nA: b\r\n\r\n",
		"1 APPEND INBOX {8}\r\nA: b\r\n\r\n {8}\r\nA: b",
		"1 APPEND INBOX {200000}\r\nA: b\r\n",
		"1 CREATE {5}\r\nab",
		"1 STORE 1 FLAGS (",
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		five();
		say(rows[i]);
		world_hang_up();
		ck_assert(world.over && !has("1 OK"));
		ck_assert_uint_eq(box.n, 5);
		imap_end();
	}
}
END_TEST

/* A large message goes to store as it comes. */
START_TEST(long_append)
{
	struct buf b = { 0 };

	five();
	buf_str(&b, "1 APPEND INBOX {150000}\r\nA: b\r\n\r\n");
	for (int i = 0; i < 149992; i++)
		buf_char(&b, "0123456789"[i % 10]);
	buf_str(&b, "\r\n");
	heard_at = world.heard.n;
	world_say(buf_view(&b));
	want("APPEND", "+ go on\r\n* 6 EXISTS\r\n1 OK [APPENDUID 99 6] kept\r\n");
	ck_assert_uint_eq(box.letters[5].text.n, 150000);
	ck_assert_int_eq(box.letters[5].text.p[149999], '1');
	buf_free(&b);
	box.full = true;
	ask("2 APPEND INBOX {5+}\r\nA: b\n",
	    "2 NO [OVERQUOTA] there is no room for that\r\n");
	ask("3 COPY 1 Other", "3 NO [OVERQUOTA] there is no room for that\r\n");
	log_out();
}
END_TEST

/* ---- what things cost */

/* Keys are asked in order of what they cost. */
START_TEST(search_cost)
{
	static const struct {
		const char *keys;
		unsigned want;
	} rows[] = {
		{ "ALL", 0 }, { "UNSEEN LARGER 3 SINCE 1-Jan-1970", 0 },
		{ "OR SEEN NOT (DELETED MODSEQ 1)", 0 },
		{ "SUBJECT s", WANT_DIGEST },
		{ "NOT (SEEN FROM x)", WANT_DIGEST },
		{ "SENTSINCE 1-Jan-1970", WANT_DIGEST },
		{ "BODY x", WANT_DIGEST | WANT_BYTES },
		{ "HEADER X y", WANT_DIGEST | WANT_START },
	};

	five();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = { 0 };

		box.wanted = 0;
		buf_printf(&b, "1 SEARCH %s\r\n", rows[i].keys);
		say(buf_cstr(&b));
		buf_free(&b);
		ck_assert_msg(has("1 OK"), "%s", rows[i].keys);
		ck_assert_msg(box.wanted == rows[i].want, "%s: %u",
		    rows[i].keys, box.wanted);
	}
	log_out();
}
END_TEST

/* Every second message of many, numbers and UIDs, over many pages. */
START_TEST(many)
{
	struct buf text = { 0 };
	unsigned fetched = 0;

	begin();
	for (int i = 0; i < 1000; i++)
		letter_add(SLICE("\r\n"), i % 3 == 0 ? FLAG_SEEN : 0);
	for (uint32_t uid = 2; uid <= 1000; uid += 2)
		letter_remove(uid);
	select_inbox();
	ck_assert(has("* 500 EXISTS\r\n"));
	say("1 FETCH 1:* UID\r\n");
	for (uint32_t n = 1; n <= 500; n++)
		buf_printf(&text, "* %u FETCH (UID %u)\r\n", n, 2 * n - 1);
	buf_str(&text, "1 OK that is all\r\n");
	want("FETCH", buf_cstr(&text));
	buf_clear(&text);
	buf_str(&text, "2 UID FETCH 1");
	for (uint32_t uid = 3; uid <= 999; uid += 4, fetched++)
		buf_printf(&text, ",%u", uid);
	buf_str(&text, " FLAGS\r\n");
	box.lists = 0;
	say(buf_cstr(&text));
	ck_assert(has("2 OK") && has("UID 999)"));
	ck_assert_uint_le(box.lists, fetched / PAGE + 2);
	ask("3 SEARCH UID 995:* NOT SEEN", "* SEARCH 498 500\r\n"
	    "3 OK that is all\r\n");
	buf_free(&text);
	log_out();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { numbers, came_and_went, held_back, idle,
		store_fails, store_dies, store_dies_later, late, revoked,
		half_a_message, unreadable, slow, half_a_literal, long_append,
		search_cost, many };
	Suite *s = suite_create("session");
	TCase *t = tcase_create("session");

	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	return suite_end(s);
}
