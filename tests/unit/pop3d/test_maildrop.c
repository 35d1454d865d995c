/* The maildrop: what RETR and TOP say, what QUIT removes, a store that dies. */
#include <check.h>

#include "tests/unit/pop3d/world.h"
#include "tests/unit/suite.h"

static size_t	heard_at;

/* A test that failed has left its session. */
static void
begin(void)
{
	if (world.client >= 0)
		world_disconnect();
	pop3_reset();
}

static struct slice
unheard(void)
{
	return slice_drop(buf_view(&world.heard), heard_at);
}

/* All that comes is exactly this. */
static void
ask(const char *line, const char *want)
{
	struct buf b = { 0 };

	heard_at = world.heard.n;
	buf_printf(&b, "%s\r\n", line);
	world_say(buf_view(&b));
	buf_free(&b);
	if (!slice_eq(unheard(), slice_str(want)))
		ck_abort_msg("%s: want \"%s\" heard \"%.*s\"", line, want,
		    (int)unheard().n, unheard().n > 0 ? unheard().p : "");
}

static void
log_in(const char *want)
{
	pop3_begin(SERVICE_POP3S);
	ask("USER ann", "+OK and the password?\r\n");
	ask("PASS secret", want);
}

static void
quit(const char *want)
{
	ask("QUIT", want);
	ck_assert(world.over);
	pop3_end();
}

/* Dots, bare line ends, a missing last line end: on the wire each line ends
   with CR LF, and the dot line ends it all (RFC 1939 3, SMTP-3). */
START_TEST(retrieve)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "A: b\r\n\r\n.\r\n..\r\nx\r\n",
		    "+OK 18 octets\r\nA: b\r\n\r\n..\r\n...\r\nx\r\n.\r\n" },
		{ "A: b\r\n\r\nno end",
		    "+OK 14 octets\r\nA: b\r\n\r\nno end\r\n.\r\n" },
		{ "A: b\n\n.\nx\n",
		    "+OK 10 octets\r\nA: b\r\n\r\n..\r\nx\r\n.\r\n" },
		{ "a\rb\r", "+OK 4 octets\r\na\r\nb\r\n.\r\n" },
		{ "", "+OK 0 octets\r\n.\r\n" },
		{ "A: header only\r\n",
		    "+OK 16 octets\r\nA: header only\r\n.\r\n" },
	};

	begin();
	for (uint32_t i = 0; i < 6; i++)
		letter_add(i + 1, slice_str(rows[i].text));
	log_in("+OK 6 messages\r\n");
	for (int i = 0; i < 6; i++) {
		char line[20];

		snprintf(line, sizeof line, "RETR %d", i + 1);
		ask(line, rows[i].want);
	}
	quit("+OK bye\r\n");
}
END_TEST

/* TOP: the header, the empty line, and so many lines of the body
   (RFC 1939 7). */
START_TEST(top)
{
	static const struct {
		const char *text, *lines, *want;
	} rows[] = {
		{ "A: b\r\n\r\n1\r\n2\r\n", "0", "A: b\r\n\r\n" },
		{ "A: b\r\n\r\n1\r\n2\r\n", "1", "A: b\r\n\r\n1\r\n" },
		{ "A: b\r\n\r\n1\r\n2\r\n", "2", "A: b\r\n\r\n1\r\n2\r\n" },
		{ "A: b\r\n\r\n1\r\n2\r\n", "4294967295",
		    "A: b\r\n\r\n1\r\n2\r\n" },
		{ "A: b\r\n\r\n1\r\n2\r\n", "18446744073709551615",
		    "A: b\r\n\r\n1\r\n2\r\n" },
		{ "A: b\r\n\r\n1\r\n2", "2", "A: b\r\n\r\n1\r\n2\r\n" },
		{ "A: b\r\nC: d\r\n", "0", "A: b\r\nC: d\r\n" },
		{ "A: b\r\n\r\n", "0", "A: b\r\n\r\n" },
		{ "A: b\r\n\r\n", "5", "A: b\r\n\r\n" },
		{ "A: no end", "0", "A: no end\r\n" },
		{ "\r\n1\r\n", "0", "\r\n" },
		{ "A: b\n\n.\n2\n", "1", "A: b\r\n\r\n..\r\n" },
		{ "A: b\r\n\r\n\r\n\r\n3\r\n", "2", "A: b\r\n\r\n\r\n\r\n" },
		{ "", "3", "" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char line[40], want[100];

		begin();
		letter_add(5, slice_str(rows[i].text));
		log_in("+OK 1 messages\r\n");
		snprintf(line, sizeof line, "TOP 1 %s", rows[i].lines);
		snprintf(want, sizeof want, "+OK %zu octets\r\n%s.\r\n",
		    strlen(rows[i].text), rows[i].want);
		ask(line, want);
		quit("+OK bye\r\n");
	}
}
END_TEST

/* A long message, by its socket; TOP takes no more of it than it needs. */
START_TEST(long_message)
{
	static char text[300000];
	struct buf want = { 0 };

	begin();
	memset(text, 'x', sizeof text);
	memcpy(text, "A: b\r\n\r\n1\r\n", 11);
	memcpy(text + sizeof text - 2, "\r\n", 2);
	letter_add(1, slice_of(text, sizeof text));
	log_in("+OK 1 messages\r\n");
	buf_printf(&want, "+OK 300000 octets\r\n%.*s.\r\n", (int)sizeof text,
	    text);
	ask("RETR 1", buf_cstr(&want));
	ask("TOP 1 1", "+OK 300000 octets\r\nA: b\r\n\r\n1\r\n.\r\n");
	ask("NOOP", "+OK still here\r\n");
	buf_free(&want);
	quit("+OK bye\r\n");
}
END_TEST

/* Half a message never ends with the line with the dot: the connection ends
   instead (RFC 1939 3). */
START_TEST(cut_short)
{
	static char text[200000];
	struct slice rest;

	begin();
	memset(text, 'x', sizeof text);
	for (size_t i = 64; i + 64 < sizeof text; i += 64)
		memcpy(text + i, "\r\n.\r\n", 5);
	letter_add(1, slice_of(text, sizeof text));
	letter_add(2, SLICE("A: b\r\n"));
	drop.cut_short = true;
	log_in("+OK 2 messages\r\n");
	heard_at = world.heard.n;
	world_say(SLICE("DELE 2\r\nRETR 1\r\nQUIT\r\n"));
	rest = unheard();
	ck_assert(world.over);
	ck_assert(rest.n > sizeof text / 2);
	ck_assert(!slice_eq(slice_drop(rest, rest.n - 5),
	    SLICE("\r\n.\r\n")));
	ck_assert_uint_eq(drop.expunges, 0);
	pop3_end();
}
END_TEST

/* The channel ends with store, or because auth revoked the login: whatever the
   session does then, it says so and ends, and deletes nothing. */
START_TEST(channel_ends)
{
	/* at the prompt */
	begin();
	letter_add(1, SLICE("A: b\r\n"));
	log_in("+OK 1 messages\r\n");
	ask("DELE 1", "+OK marked; it goes at QUIT\r\n");
	heard_at = world.heard.n;
	channel_cut();
	world_run();
	ck_assert(slice_starts(unheard(), SLICE("-ERR [SYS/TEMP] ")));
	ck_assert(world.over);
	ck_assert_uint_eq(drop.expunges, 0);
	pop3_end();
	/* in a call */
	begin();
	letter_add(1, SLICE("A: b\r\n"));
	drop.dies = true;
	log_in("+OK 1 messages\r\n");
	ask("RETR 1", "-ERR [SYS/TEMP] the message cannot be read now\r\n"
	    "-ERR [SYS/TEMP] going down, try again soon\r\n");
	ck_assert(world.over);
	pop3_end();
	/* in the UPDATE state */
	begin();
	letter_add(1, SLICE("A: b\r\n"));
	drop.dies = true;
	log_in("+OK 1 messages\r\n");
	ask("DELE 1", "+OK marked; it goes at QUIT\r\n");
	quit("-ERR [SYS/TEMP] marked messages are still there\r\n");
	/* while the messages are counted */
	begin();
	for (uint32_t i = 1; i <= 10; i++)
		letter_add(i, SLICE("A: b\r\n"));
	drop.lists_until_it_dies = 2;
	log_in("-ERR [SYS/TEMP] the mailbox cannot be read now\r\n");
	ck_assert(world.over);
	pop3_end();
}
END_TEST

/* store cannot: -ERR, and the session goes on where it can (RFC 3206 3). */
START_TEST(store_cannot)
{
	begin();
	drop.open_fails = true;
	log_in("-ERR [SYS/TEMP] the mailbox cannot be opened now\r\n");
	ck_assert(world.over);
	pop3_end();
	begin();
	login.fails = true;
	log_in("-ERR [SYS/TEMP] no login now, try again later\r\n");
	quit("+OK bye\r\n");
	begin();
	login.later = true;
	log_in("-ERR [SYS/TEMP] no login now, try again later\r\n");
	quit("+OK bye\r\n");
	begin();
	letter_add(1, SLICE("A: b\r\n"));
	drop.fetch_fails = true;
	log_in("+OK 1 messages\r\n");
	ask("RETR 1", "-ERR [SYS/TEMP] the message cannot be read now\r\n");
	ask("STAT", "+OK 1 6\r\n");
	quit("+OK bye\r\n");
	begin();
	letter_add(1, SLICE("A: b\r\n"));
	drop.expunge_fails = true;
	log_in("+OK 1 messages\r\n");
	ask("DELE 1", "+OK marked; it goes at QUIT\r\n");
	quit("-ERR [SYS/TEMP] marked messages are still there\r\n");
}
END_TEST

/* Another session has removed a message: its number stays, and says so. */
START_TEST(removed_elsewhere)
{
	begin();
	letter_add(1, SLICE("A: b\r\n"));
	letter_add(2, SLICE("A: c\r\n"));
	log_in("+OK 2 messages\r\n");
	drop.letters[0].uid = 3;
	ask("RETR 1", "-ERR another session has removed it\r\n");
	ask("TOP 1 0", "-ERR another session has removed it\r\n");
	ask("RETR 2", "+OK 6 octets\r\nA: c\r\n.\r\n");
	quit("+OK bye\r\n");
}
END_TEST

/* What was marked goes at QUIT and not before, neighbours as one range; a
   session without QUIT removes nothing (RFC 1939 6). */
START_TEST(removal)
{
	static const uint32_t uids[] = { 2, 3, 7, 8, 9, 20, 21 };

	for (int polite = 0; polite < 2; polite++) {
		begin();
		for (int i = 0; i < 7; i++)
			letter_add(uids[i], SLICE("A: b\r\n"));
		log_in("+OK 7 messages\r\n");
		ask("DELE 7", "+OK marked; it goes at QUIT\r\n");
		ask("RSET", "+OK nothing is marked\r\n");
		ask("DELE 1", "+OK marked; it goes at QUIT\r\n");
		ask("DELE 2", "+OK marked; it goes at QUIT\r\n");
		ask("DELE 3", "+OK marked; it goes at QUIT\r\n");
		ask("DELE 3", "-ERR no such message\r\n");
		ask("DELE 5", "+OK marked; it goes at QUIT\r\n");
		ask("STAT", "+OK 3 18\r\n");
		ask("LIST", "+OK 3 messages (18 octets)\r\n"
		    "4 6\r\n6 6\r\n7 6\r\n.\r\n");
		ask("UIDL 6", "+OK 6 0000abcd00000014\r\n");
		ck_assert_uint_eq(drop.expunges, 0);
		if (!polite) {
			pop3_end();
			ck_assert_uint_eq(drop.expunges, 0);
			continue;
		}
		quit("+OK bye\r\n");
		ck_assert_uint_eq(drop.expunges, 1);
		ck_assert_uint_eq(drop.nremoved, 2);
		ck_assert_uint_eq(drop.removed[0].from, 2);
		ck_assert_uint_eq(drop.removed[0].to, 7);
		ck_assert_uint_eq(drop.removed[1].from, 9);
		ck_assert_uint_eq(drop.removed[1].to, 9);
	}
}
END_TEST

/* More ranges than one call takes: several calls, each message once. */
START_TEST(many_ranges)
{
	struct buf all = { 0 };
	size_t gone = 0;

	begin();
	drop.page = 4000;
	for (uint32_t i = 1; i <= 30000; i++)
		letter_add(i, SLICE(""));
	log_in("+OK 30000 messages\r\n");
	for (uint32_t i = 1; i <= 30000; i += 2)
		buf_printf(&all, "DELE %u\r\n", i);
	world_say(buf_view(&all));
	buf_free(&all);
	ask("STAT", "+OK 15000 0\r\n");
	quit("+OK bye\r\n");
	ck_assert_uint_eq(drop.expunges, 2);
	ck_assert_uint_eq(drop.largest, WIRE_LIST_MAX);
	for (size_t i = 0; i < drop.nremoved; i++) {
		ck_assert_uint_eq(drop.removed[i].from, 1 + 2 * i);
		ck_assert_uint_eq(drop.removed[i].to, 1 + 2 * i);
		gone++;
	}
	ck_assert_uint_eq(gone, 15000);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { retrieve, top, long_message, cut_short,
		channel_ends, store_cannot, removed_elsewhere, removal, many_ranges };
	Suite *s = suite_create("maildrop");
	TCase *t = tcase_create("maildrop");

	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	return suite_end(s);
}
