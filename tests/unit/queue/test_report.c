/*
 * Reports to senders: which are made, when, and what they say (RFC 3461,
 * RFC 3464, RFC 6522).
 */
#include "tests/unit/queue/world.h"

#include "queue/dsn.h"

enum { ALL = NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY };

/* The newest report, as an mda that is asked to deliver it gets it; "" if
   there is none. */
static const char *
report_text(void)
{
	size_t before = n_jobs;

	next(7, 1);
	return n_jobs > before ? body_of(&jobs[n_jobs - 1]) : "";
}

#define ck_says(text, what)						\
	ck_assert_msg(strstr(text, what) != NULL, "no %s in %s", what, text)
#define ck_silent(text, what)						\
	ck_assert_msg(strstr(text, what) == NULL, "%s in %s", what, text)

/* The remote's words, in the part for people and in the one for programs. */
START_TEST(test_remote_words)
{
	const char *text;

	FAR(.to = { "a@far" }, .envid = "QQ 314", .orcpt = "rfc822;A@x");
	relay_next(0, NULL, 1);
	relay_done(0, jobs[0].id, 0, OUTCOME_REFUSED);
	text = report_text();
	ck_says(text, "  a@far\r\n    550 5.1.1 nobody of that name (5.1.1)\r\n"
	    "    said mx.remote.example [192.0.2.9]\r\n");
	ck_says(text, "Original-Envelope-Id: QQ 314\r\n");
	ck_says(text, "Original-Recipient: rfc822;A@x\r\n"
	    "Final-Recipient: rfc822; a@far\r\nAction: failed\r\n"
	    "Status: 5.1.1\r\nRemote-MTA: dns; mx.remote.example\r\n"
	    "Diagnostic-Code: smtp; 550 5.1.1 nobody of that name\r\n"
	    "Last-Attempt-Date: ");
}
END_TEST

/* Controls and what is no UTF-8 do not get through; nor does anything above
   ASCII into the part for programs (RFC 3464 2.1). */
START_TEST(test_hostile_words)
{
	struct wire_result r = { .outcome = OUTCOME_REFUSED,
		.code = SLICE("5.0.0"), .remote = SLICE("h\x1b[2J"),
		.text = SLICE("550 a\x1b[1m\xff\xc3\xbc\t.") };
	const char *text;

	FAR(.to = { "a@far" });
	relay_next(0, NULL, 1);
	relay_report(0, jobs[0].id, &r, 1);
	text = report_text();
	ck_says(text, "    550 a?[1m?\xc3\xbc?. (5.0.0)\r\n");
	ck_says(text, "Diagnostic-Code: smtp; 550 a?[1m????.\r\n");
	ck_silent(text, "\x1b");
}
END_TEST

/* SUCCESS is told only to who asks: from a mailbox "delivered", through a host
   without DSN "relayed", and nothing where the next host reports itself (RFC
   3461 5.2.2). */
START_TEST(test_success)
{
	struct wire_result r = { .number = 1, .outcome = OUTCOME_STORED,
		.relayed = 1 };
	const char *text;

	FAR(.to = { "a@far", "b@far2" }, .notify = ALL);
	relay_next(0, NULL, 2);
	relay_report(0, jobs[0].id, &r, 1);
	ck_assert_uint_eq(stats.bounced, 0);
	relay_done(0, jobs[0].id, 0, OUTCOME_STORED);
	text = report_text();
	ck_says(text, "Subject: Your message was passed on\r\n");
	ck_says(text, "Action: relayed\r\nStatus: 2.0.0\r\n"
	    "Remote-MTA: dns; mx.remote.example\r\n"
	    "Diagnostic-Code: smtp; 250 2.0.0 taken\r\n");
	ck_silent(text, "failed");
	SUBMIT(.to = { "c@here" }, .notify = NOTIFY_SUCCESS,
	    .sender = SENDER_VERIFIED);
	next(0, 1);
	done(0, heard[1].id, 0, OUTCOME_STORED);
	text = report_text();
	ck_says(text, "Subject: Your message was delivered\r\n");
	ck_says(text, "Action: delivered\r\nStatus: 2.0.0\r\n");
	/* Not asked, and of a stranger: nothing. */
	SUBMIT(.to = { "d@here" }, .sender = SENDER_VERIFIED);
	SUBMIT(.to = { "e@here" }, .notify = ALL);
	next(0, 2);
	done(0, heard[2].id, 0, OUTCOME_STORED);
	done(0, heard[3].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(stats.bounced, 2);
}
END_TEST

/* Success of a local recipient is no lazy mark if a report hangs on it:
   killed before the commit, it is told after the next try. */
START_TEST(test_success_crash)
{
	SUBMIT(.to = { "c@here" }, .notify = NOTIFY_SUCCESS,
	    .sender = SENDER_VERIFIED);
	next(0, 1);
	engine_mem_hold(engine, true);
	done(0, heard[0].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(done_ok, 0);
	crash();
	engine_mem_hold(engine, false);
	next(0, 1);
	ck_assert_uint_eq(jobs[1].id, heard[0].id);
	done(0, heard[0].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(done_ok, 1);
	ck_assert_uint_eq(stats.bounced, 1);
	/* And now it survives. */
	crash();
	ck_says(report_text(), "Action: delivered\r\n");
}
END_TEST

/* An alias for one passes the wish on; for several it is "expanded", and
   success is asked no further (RFC 3461 5.2.7.3). */
START_TEST(test_expanded)
{
	const char *text;

	SUBMIT(.to = { "a@here", "b@here" }, .notify = ALL,
	    .sender = SENDER_VERIFIED);
	next(0, 1);
	became(0, heard[0].id, 0, "x@here", NULL);
	ck_assert_uint_eq(stats.bounced, 0);
	became(0, heard[0].id, 1, "y@here", "z@here");
	ck_assert_uint_eq(stats.bounced, 1);
	next(0, 2);
	text = NULL;
	for (size_t i = 1; i < n_jobs; i++)
		if (jobs[i].id != heard[0].id)
			text = body_of(&jobs[i]);
	ck_assert_ptr_nonnull(text);
	ck_says(text, "Final-Recipient: rfc822; b@here\r\nAction: expanded\r\n");
	for (uint32_t i = 2; i < 5; i++)
		done(0, heard[0].id, i, OUTCOME_STORED);
	ck_assert_uint_eq(stats.bounced, 2);	/* x alone */
}
END_TEST

/* NEVER is never, also of a failure; and a list without FAILURE too. */
START_TEST(test_never)
{
	FAR(.to = { "a@far" }, .notify = NOTIFY_NEVER);
	FAR(.to = { "b@far" }, .notify = NOTIFY_DELAY);
	relay_next(0, NULL, 2);
	relay_done(0, jobs[0].id, 0, OUTCOME_REFUSED);
	relay_done(0, jobs[1].id, 0, OUTCOME_REFUSED);
	ck_assert_uint_eq(stats.bounced + stats.kept, 0);
	ck_assert_uint_eq(message_count(), 0);
}
END_TEST

/* RET=FULL returns the message with a failure, HDRS and nothing its header;
   one that is too large is not returned. */
START_TEST(test_ret)
{
	struct message large = { .env = { .ret = RET_FULL,
		.size = DSN_FULL_MAX + 1 } };
	const char *text;

	FAR(.to = { "a@far" }, .ret = RET_FULL);
	relay_next(0, NULL, 1);
	relay_done(0, jobs[0].id, 0, OUTCOME_REFUSED);
	text = report_text();
	ck_says(text, "Content-Type: message/rfc822\r\n");
	ck_says(text, "\r\n\r\nhello\r\n");
	ck_says(text, "Your message is attached.");
	FAR(.to = { "a@far" }, .ret = RET_HDRS);
	relay_next(0, NULL, 1);
	relay_done(0, heard[1].id, 0, OUTCOME_REFUSED);
	text = report_text();
	ck_says(text, "Content-Type: text/rfc822-headers\r\n");
	ck_silent(text, "hello");
	/* Success returns no body, whatever RET says (RFC 3461 4.3). */
	FAR(.to = { "a@far" }, .ret = RET_FULL, .notify = ALL);
	relay_next(0, NULL, 1);
	relay_done(0, heard[2].id, 0, OUTCOME_STORED);
	ck_silent(report_text(), "hello");
	ck_assert_uint_eq(dsn_wants(&large), DSN_HEADER_MAX);
}
END_TEST

/* ---- late mail */

static void
late_setup(void)
{
	setup();
	conf.warn_after = 4 * 3600 * 1000;
	queue_limits(&conf);
}

/* After 4 hours the sender is told once, and hears until when it is tried;
   also over a restart. */
START_TEST(test_late)
{
	const char *text;

	FAR(.to = { "a@far", "b@far" });
	relay_next(0, NULL, 1);
	relay_done(0, jobs[0].id, 0, OUTCOME_LATER);
	relay_done(0, jobs[0].id, 1, OUTCOME_LATER);
	pass(4 * 3600 * 1000 - 1);
	ck_assert_uint_eq(stats.bounced, 0);
	pass(1);
	pass(60000);
	ck_assert_uint_eq(stats.bounced, 1);
	text = report_text();
	ck_says(text, "Subject: Your message is late\r\n");
	ck_says(text, "    451 4.7.1 greylisted (4.7.1)\r\n");
	ck_says(text, "Action: delayed\r\nStatus: 4.7.1\r\n");
	ck_says(text, "Will-Retry-Until: Sun, 19 Nov 2023 22:13:20 +0000\r\n");
	ck_says(text, "it is still being tried");
	crash();
	relay_hello(0, NULL, 0);
	pass(60000);
	pass(8 * 3600 * 1000);
	ck_assert_uint_eq(stats.bounced, 0);	/* counts anew in each life */
}
END_TEST

/* Who did not ask for DELAY, whose mail is local and delivered, a stranger: not
   warned. */
START_TEST(test_late_unasked)
{
	FAR(.to = { "a@far" }, .notify = NOTIFY_FAILURE | NOTIFY_SUCCESS);
	SUBMIT(.to = { "b@far" }, .remote = { true });
	SUBMIT_FROM("", .to = { "c@far" }, .remote = { true });
	pass(5 * 3600 * 1000);
	pass(60000);
	ck_assert_uint_eq(stats.bounced, 0);
	FAR(.to = { "d@far" }, .notify = NOTIFY_DELAY);
	pass(5 * 3600 * 1000);
	pass(60000);
	ck_assert_uint_eq(stats.bounced, 1);
}
END_TEST

/* No room for the warning: it comes when there is some, and once. */
START_TEST(test_late_no_room)
{
	FAR(.to = { "a@far" });
	engine_mem_fault(engine, ENGINE_FULL, 0, 1);
	pass(5 * 3600 * 1000);
	ck_assert_uint_eq(stats.bounced, 0);
	pass(1000);
	pass(60000);
	pass(60000);
	ck_assert_uint_eq(stats.bounced, 1);
}
END_TEST

/* Five days: what the remote said last is told. */
START_TEST(test_given_up)
{
	const char *text;

	FAR(.to = { "a@far" }, .notify = NOTIFY_FAILURE);
	relay_next(0, NULL, 1);
	relay_done(0, jobs[0].id, 0, OUTCOME_LATER);
	pass(432000000);
	pass(60000);
	text = report_text();
	ck_says(text, "Status: 4.4.7\r\n");
	ck_says(text, "Diagnostic-Code: smtp; 451 4.7.1 greylisted\r\n");
	ck_assert_uint_eq(stats.bounced, 1);
}
END_TEST

/* Behind a domain that nobody reaches, the domain's last failure is told. */
START_TEST(test_given_up_behind)
{
	for (int i = 0; i < 8; i++)
		FAR(.to = { "a@far" }, .notify = NOTIFY_FAILURE);
	relay_next(0, NULL, 1);
	relay_away(0, jobs[0].id, 0);
	for (int i = 0; i < 20; i++) {
		pass(432000000 / 20);
		relay_next(0, NULL, 1);
		if (jobs[n_jobs - 1].destination[0] != '\0')
			relay_away(0, jobs[n_jobs - 1].id, 0);
	}
	pass(60000);
	ck_assert_uint_eq(stats.bounced, 8);
	ck_says(report_text(), "    connection timed out (4.4.7)\r\n");
}
END_TEST

/* Kept and shown for a month, then it goes, and the log says so. */
START_TEST(test_kept_goes)
{
	SUBMIT(.to = { "a@far" }, .remote = { true });
	relay_next(0, NULL, 1);
	relay_done(0, jobs[0].id, 0, OUTCOME_REFUSED);
	ck_assert_uint_eq(message_count(), 1);
	pass(KEPT_FOR - 1);
	ck_assert_uint_eq(message_count(), 1);
	crash();
	pass(60000);
	ck_assert_uint_eq(message_count(), 0);
	ck_assert(logged("removed"));
}
END_TEST

/* Many recipients fail at once: all are told, in reports of bounded size. */
START_TEST(test_many)
{
	enum { N = 250 };
	static struct wire_recipient to[N];
	static struct wire_result results[N];
	struct queue_submit_in in = { .return_path = SLICE("s@x"),
		.sender = SENDER_VERIFIED, .recipients = to,
		.n_recipients = N, .body = SLICE("Subject: hi\r\n\r\n") };
	static char names[N][32];

	for (unsigned i = 0; i < N; i++) {
		snprintf(names[i], sizeof names[i], "u%u@here", i);
		to[i] = (struct wire_recipient){ .local = 1,
			.address = slice_str(names[i]) };
		results[i] = (struct wire_result){ .number = i,
			.outcome = OUTCOME_REFUSED, .code = SLICE("5.1.1"),
			.text = SLICE("no") };
	}
	link_call(submission, WIRE_queue_submit, &in, 0, hear_submit,
	    &heard[0]);
	run(5);
	next(0, 1);
	report(0, heard[0].id, results, N);
	run(10);
	ck_assert_uint_eq(stats.bounced, 3);
	ck_assert_uint_eq(stats.refused, N);
	ck_assert_uint_eq(message_count(), 3);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("queue report");
	TCase *t = tcase_create("report"), *late = tcase_create("late");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_remote_words);
	tcase_add_test(t, test_hostile_words);
	tcase_add_test(t, test_success);
	tcase_add_test(t, test_success_crash);
	tcase_add_test(t, test_expanded);
	tcase_add_test(t, test_never);
	tcase_add_test(t, test_ret);
	tcase_add_test(t, test_given_up);
	tcase_add_test(t, test_given_up_behind);
	tcase_add_test(t, test_kept_goes);
	tcase_add_test(t, test_many);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(late, late_setup, teardown);
	tcase_add_test(late, test_late);
	tcase_add_test(late, test_late_unasked);
	tcase_add_test(late, test_late_no_room);
	suite_add_tcase(s, late);
	return suite_end(s);
}
