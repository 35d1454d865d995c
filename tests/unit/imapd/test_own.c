/* What a session appended itself to the mailbox it has selected is told without
   asking store, unless something else changed too (RFC 9051 6.3.12, 7.4.1). */
#include <check.h>

#include "tests/unit/imapd/world.h"

static unsigned	syncs;

/* What was heard since. */
static void
ask(const char *line, const char *want)
{
	size_t at = world.heard.n;
	struct buf b = { 0 };

	syncs = box.syncs;
	buf_printf(&b, "%s\r\n", line);
	world_say(buf_view(&b));
	buf_free(&b);
	if (!slice_eq(slice_drop(buf_view(&world.heard), at),
	    slice_str(want)))
		ck_abort_msg("%s: want \"%s\" heard \"%.*s\"", line, want,
		    (int)(world.heard.n - at), world.heard.p + at);
}

/* INBOX has three messages, and is selected. */
static void
begin(const char *enable)
{
	imap_reset();
	for (int i = 0; i < 3; i++)
		letter_add(SLICE("Subject: s\r\n\r\nx\r\n"), 0);
	imap_begin(SERVICE_IMAPS);
	world_say(SLICE("0 LOGIN ann secret\r\n"));
	world_say(slice_str(enable));
	world_say(SLICE("0 SELECT INBOX\r\n"));
}

static void
end(void)
{
	world_say(SLICE("Z LOGOUT\r\n"));
	ck_assert(world.over);
	imap_end();
}

START_TEST(alone)
{
	begin("");
	ask("1 APPEND INBOX {4+}\r\nA:b\n", "* 4 EXISTS\r\n"
	    "1 OK [APPENDUID 99 4] kept\r\n");
	ask("2 APPEND INBOX (\\Seen) {4+}\r\nA:b\n {4+}\r\nA:c\n",
	    "* 6 EXISTS\r\n2 OK [APPENDUID 99 5:6] kept\r\n");
	ck_assert_uint_eq(0, box.syncs);
	ask("3 FETCH 5:6 FLAGS", "* 5 FETCH (FLAGS (\\Seen))\r\n"
	    "* 6 FETCH (FLAGS ())\r\n3 OK that is all\r\n");
	/* The watch goes on. */
	letter_add(SLICE("\r\n"), 0);
	changed();
	world_run();
	ask("4 NOOP", "* 7 EXISTS\r\n4 OK done\r\n");
	end();
}
END_TEST

START_TEST(elsewhere)
{
	begin("");
	ask("1 APPEND Other {4+}\r\nA:b\n",
	    "1 OK [APPENDUID 99 4] kept\r\n");
	ck_assert_uint_eq(0, box.syncs);
	ask("2 NOOP", "2 OK done\r\n");
	end();
}
END_TEST

/* Another message came first, of which the session was not yet told. */
START_TEST(not_alone)
{
	begin("");
	letter_add(SLICE("\r\n"), 0);
	letter_remove(1);
	ask("1 APPEND INBOX {4+}\r\nA:b\n", "* 1 EXPUNGE\r\n"
	    "* 4 EXISTS\r\n1 OK [APPENDUID 99 5] kept\r\n");
	ck_assert_uint_eq(syncs + 1, box.syncs);
	ask("2 APPEND INBOX {4+}\r\nA:b\n", "* 5 EXISTS\r\n"
	    "2 OK [APPENDUID 99 6] kept\r\n");
	ck_assert_uint_eq(syncs, box.syncs);
	end();
}
END_TEST

/* With news on their way, or just read, it is as before. */
START_TEST(dirty)
{
	begin("0 ENABLE QRESYNC\r\n");
	letter_remove(1);
	changed();
	world_run();
	ask("1 APPEND INBOX {4+}\r\nA:b\n", "* VANISHED 1\r\n"
	    "* 3 EXISTS\r\n1 OK [APPENDUID 99 4] kept\r\n");
	ck_assert_uint_eq(syncs + 1, box.syncs);
	end();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("own");
	TCase *t = tcase_create("own");
	SRunner *r;
	int failed;

	tcase_add_test(t, alone);
	tcase_add_test(t, elsewhere);
	tcase_add_test(t, not_alone);
	tcase_add_test(t, dirty);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
