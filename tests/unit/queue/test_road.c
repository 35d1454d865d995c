/* The queue's road beside the hand-off rules: disk full, retries and expiry,
   aliases, reports, what is shown. */
#include "tests/unit/queue/world.h"

/* ---- disk full */

/* The commit finds no room: 452, and the retry is the same transaction. */
START_TEST(test_full_commit)
{
	conf.hold_time = 200;
	queue_limits(&conf);
	next(0, 1);
	SUBMIT(.to = { "a@x" }, .token = "T");
	engine_mem_fault(engine, ENGINE_FULL, 0, 1);
	run(250);
	ck_assert(heard[0].got);
	ck_assert_int_eq(heard[0].status, WIRE_AGAIN);
	ck_assert_uint_eq(message_count(), 0);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	next(0, 1);
	SUBMIT(.to = { "a@x" }, .token = "T");
	ck_assert_uint_eq(jobs[1].id, jobs[0].id);
	done(0, jobs[1].id, 0, OUTCOME_STORED);
	ck_heard(&heard[1], 0, OUTCOME_STORED);
}
END_TEST

/* No room for an outcome and its report: both are made later, once. */
START_TEST(test_full_report)
{
	SUBMIT(.to = { "a@x" }, .sender = SENDER_VERIFIED);
	next(0, 1);
	engine_mem_fault(engine, ENGINE_FULL, 0, 1);
	done(0, jobs[0].id, 0, OUTCOME_REFUSED);
	ck_assert_uint_eq(done_again, 1);
	ck_assert_uint_eq(message_count(), 1);
	engine_mem_fault(engine, ENGINE_OK, 0, 0);
	next(0, 1);
	pass(300000);
	ck_assert_uint_eq(n_jobs, 2);
	done(0, jobs[1].id, 0, OUTCOME_REFUSED);
	ck_assert_uint_eq(stats.bounced, 1);
	ck_assert_uint_eq(message_count(), 1);
}
END_TEST

/* ---- later, and too late */

START_TEST(test_later)
{
	SUBMIT(.to = { "a@x", "b@x" });
	next(0, 1);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	done(0, jobs[0].id, 1, OUTCOME_LATER);
	ck_assert_uint_eq(stats.deferred, 1);
	next(0, 1);
	pass(999);
	ck_assert_uint_eq(n_jobs, 1);
	pass(1);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_uint_eq(jobs[1].n, 1);
	ck_assert_uint_eq(jobs[1].number[0], 1);
	done(0, jobs[1].id, 1, OUTCOME_LATER);
	crash();			/* tries and time are in the spool */
	next(0, 1);
	pass(2000);
	ck_assert_uint_eq(n_jobs, 3);
}
END_TEST

/* Results are by (id, number): a worker that outlives the queue reports to the
   new one, which has not leased it anything. */
START_TEST(test_done_after_restart)
{
	SUBMIT(.to = { "a@x", "b@x" });
	next(0, 1);
	crash();
	done(0, heard[0].id, 0, OUTCOME_STORED);
	done(0, heard[0].id, 1, OUTCOME_STORED);
	ck_assert_uint_eq(done_ok, 2);
	ck_assert_uint_eq(message_count(), 0);
	done(0, heard[0].id, 1, OUTCOME_STORED);
	done(0, heard[0].id, 99, OUTCOME_STORED);
	ck_assert_uint_eq(done_ok, 4);
}
END_TEST

/* A refusal stays one whatever code a worker gives it. */
START_TEST(test_refusal_code)
{
	struct wire_result r = { .outcome = OUTCOME_REFUSED,
		.code = SLICE("2.0.0"), .text = SLICE("fine") };

	next(0, 2);
	SUBMIT(.to = { "a@x" });
	report(0, jobs[0].id, &r, 1);
	ck_heard(&heard[0], 0, OUTCOME_REFUSED);
	ck_assert_str_eq(heard[0].texts[0], "5.0.0 fine");
	SUBMIT(.to = { "a@x" });
	r = (struct wire_result){ .outcome = OUTCOME_FULL };
	report(0, jobs[1].id, &r, 1);
	ck_assert_str_eq(heard[1].texts[0], "5.2.2 the mailbox is full");
}
END_TEST

/* "Later" from one who lost the lease does not take it from who has it. */
START_TEST(test_later_stale)
{
	SUBMIT(.to = { "a@x" });
	next(0, 1);
	next(1, 1);
	hang_up(&mda[0]);
	ck_assert_uint_eq(n_jobs, 2);
	next(2, 0);
	done(2, jobs[0].id, 0, OUTCOME_LATER);
	ck_assert_uint_eq(stats.deferred, 0);
	done(1, jobs[1].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(message_count(), 0);
}
END_TEST

/* After 5 days store is asked to settle it as refused (rule 3), and the sender
   hears of it (RFC 5321 4.5.4.1). */
START_TEST(test_expired_local)
{
	SUBMIT(.to = { "a@x" }, .sender = SENDER_VERIFIED);
	next(0, 1);
	ck_assert(!jobs[0].expired);
	done(0, jobs[0].id, 0, OUTCOME_LATER);
	next(0, 1);
	pass(432000000);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert(jobs[1].expired);
	ck_assert_uint_eq(stats.bounced, 0);
	done(0, jobs[1].id, 0, OUTCOME_REFUSED);
	ck_assert_uint_eq(stats.bounced, 1);
}
END_TEST

/* What waits for relay nobody else can settle; and not while a relay from an
   older life of the queue may still be sending it. */
START_TEST(test_expired_remote)
{
	SUBMIT(.to = { "a@far" }, .remote = { true },
	    .sender = SENDER_AUTHENTICATED, .by = submission);
	pass(431999999);
	ck_assert_uint_eq(message_count(), 1);
	pass(60000);
	ck_assert_uint_eq(stats.bounced, 0);
	relay_hello(0, NULL, 0);
	pass(60000);
	ck_assert_uint_eq(stats.bounced, 1);
	next(0, 2);
	ck_assert_uint_eq(n_jobs, 1);
	ck_assert(strstr(body_of(&jobs[0]), "Status: 4.4.7") != NULL);
}
END_TEST

/* ---- aliases */

/* a leads to b and c, b leads back to a and to d: one copy each, and the
   circle is left out. */
START_TEST(test_alias_circle)
{
	SUBMIT(.to = { "a@x", "c@x" }, .sender = SENDER_VERIFIED);
	next(0, 3);
	became(0, jobs[0].id, 0, "b@x", "c@x");
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_uint_eq(jobs[1].n, 1);
	ck_assert_str_eq(jobs[1].address[0], "b@x");
	became(0, jobs[1].id, jobs[1].number[0], "A@x", "d@x");
	ck_assert_uint_eq(n_jobs, 3);
	ck_assert_uint_eq(jobs[2].n, 1);
	ck_assert_str_eq(jobs[2].address[0], "d@x");
	done(0, jobs[2].id, jobs[2].number[0], OUTCOME_STORED);
	done(0, jobs[0].id, 1, OUTCOME_STORED);
	ck_assert_uint_eq(message_count(), 0);
	ck_assert_uint_eq(stats.bounced, 0);
}
END_TEST

/* Nothing but a circle: refused, and said. */
START_TEST(test_alias_loop)
{
	SUBMIT(.to = { "a@x" }, .sender = SENDER_VERIFIED);
	next(0, 3);
	became(0, jobs[0].id, 0, "a@x", NULL);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert(strstr(body_of(&jobs[1]), "5.4.6") != NULL);
}
END_TEST

/* A chain that never meets itself ends after 10 generations. */
START_TEST(test_alias_chain)
{
	char to[16];

	SUBMIT(.to = { "a@x" }, .sender = SENDER_VERIFIED);
	next(0, 20);
	for (unsigned i = 0; i < 20 && stats.bounced == 0; i++) {
		snprintf(to, sizeof to, "a%u@x", i);
		became(0, jobs[i].id, jobs[i].number[0], to, NULL);
	}
	ck_assert_uint_eq(stats.bounced, 1);
	ck_assert_uint_le(n_jobs, 12);
}
END_TEST

/* An alias that leads outside waits for relay. */
START_TEST(test_alias_remote)
{
	SUBMIT(.to = { "a@x" });
	next(0, 3);
	became(0, jobs[0].id, 0, "a@far", NULL);
	ck_assert_uint_eq(n_jobs, 2);
	done(0, jobs[1].id, 1, OUTCOME_REMOTE);
	ck_assert_uint_eq(n_jobs, 2);
	crash();
	next(0, 1);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_uint_eq(message_count(), 1);
}
END_TEST

/* ---- reports */

/* Who may not be told: the null path (RFC 5321 4.5.5), a stranger (SMTP-8), a
   sender that wants none (RFC 3461 4.1). */
START_TEST(test_untold)
{
	submit(&(struct letter){ .from = "", .to = { "a@x" },
	    .sender = SENDER_VERIFIED });
	SUBMIT(.to = { "b@x" }, .sender = SENDER_STRANGER);
	SUBMIT(.to = { "c@x" }, .sender = SENDER_VERIFIED,
	    .notify = NOTIFY_NEVER);
	next(0, 3);
	for (int i = 0; i < 3; i++)
		done(0, jobs[i].id, 0, OUTCOME_REFUSED);
	ck_assert_uint_eq(stats.bounced, 0);
	ck_assert_uint_eq(stats.kept, 2);
	ck_assert_uint_eq(message_count(), 2);
	crash();
	next(0, 3);
	ck_assert_uint_eq(n_jobs, 3);
	ck_assert_uint_eq(message_count(), 2);
}
END_TEST

/* Nobody may claim on port 25 that it has logged in. */
START_TEST(test_claims)
{
	SUBMIT(.to = { "a@x" }, .sender = SENDER_AUTHENTICATED);
	ck_assert_int_eq(heard[0].status, WIRE_DENIED);
	SUBMIT(.to = { "a@x" }, .sender = SENDER_AUTHENTICATED,
	    .by = submission);
	ck_heard(&heard[1], 0, OUTCOME_QUEUED);
	SUBMIT(.to = { NULL });
	ck_assert_int_eq(heard[2].status, WIRE_BAD);
}
END_TEST

/* The whole report (RFC 3464, RFC 6522), octet by octet. */
START_TEST(test_report_golden)
{
	static const char want[] =
	    "From: Mail Delivery System <mailer-daemon@mx.example.org>\r\n"
	    "To: s@remote.example\r\n"
	    "Subject: Your message could not be delivered\r\n"
	    "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
	    "Message-ID: <6553f10000000002@mx.example.org>\r\n"
	    "Auto-Submitted: auto-replied\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"report-6553f10000000002\"\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n"
	    "\r\n"
	    "--report-6553f10000000002\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n"
	    "\r\n"
	    "This is the mail system at mx.example.org.\r\n"
	    "\r\n"
	    "Your message could not be delivered to:\r\n"
	    "\r\n"
	    "  b@x\r\n"
	    "    mailbox full (5.2.2)\r\n"
	    "\r\n"
	    "It will not be tried again.\r\n"
	    "\r\n"
	    "To ask about it, give this number:\r\n"
	    "6553f10000000001\r\n"
	    "\r\n"
	    "The header of your message is attached.\r\n"
	    "\r\n"
	    "--report-6553f10000000002\r\n"
	    "Content-Type: message/delivery-status\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n"
	    "\r\n"
	    "Reporting-MTA: dns; mx.example.org\r\n"
	    "Arrival-Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
	    "\r\n"
	    "Final-Recipient: rfc822; b@x\r\n"
	    "Action: failed\r\n"
	    "Status: 5.2.2\r\n"
	    "Diagnostic-Code: x-postino; mailbox full\r\n"
	    "\r\n"
	    "--report-6553f10000000002\r\n"
	    "Content-Type: text/rfc822-headers\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n"
	    "\r\n"
	    "Received: by mx id 6553f10000000001\r\n"
	    "Subject: hi\r\n"
	    "Message-ID: <1@x>\r\n"
	    "\r\n"
	    "--report-6553f10000000002--\r\n";
	const char *got;

	SUBMIT(.to = { "b@x" }, .sender = SENDER_VERIFIED);
	next(0, 2);
	done(0, jobs[0].id, 0, OUTCOME_REFUSED);
	ck_assert_uint_eq(n_jobs, 2);
	got = body_of(&jobs[1]);
	ck_assert_str_eq(got, want);
	/* And it may not cause another. */
	done(0, jobs[1].id, 0, OUTCOME_REFUSED);
	ck_assert_uint_eq(stats.bounced, 1);
}
END_TEST

/* ---- what is shown */

static size_t		 n_rows;
static char		 rows_text[1024];

static void
hear_list(void *arg, enum wire_status status, const void *out)
{
	const struct queue_list_out *o = out;

	(void)arg;
	ck_assert_int_eq(status, WIRE_OK);
	n_rows = o->n_messages;
	rows_text[0] = '\0';
	for (size_t i = 0; i < n_rows; i++) {
		size_t at = strlen(rows_text);

		snprintf(rows_text + at, sizeof rows_text - at, "%.*s %.*s\n",
		    (int)o->messages[i].recipient.n,
		    o->messages[i].recipient.p,
		    (int)o->messages[i].state.n, o->messages[i].state.p);
	}
}

START_TEST(test_list)
{
	struct queue_list_in in = { 0 };

	SUBMIT(.to = { "a@x", "b@far" }, .remote = { false, true });
	SUBMIT(.to = { "c@x", "d@x" });
	next(0, 2);
	done(0, jobs[0].id, 0, OUTCOME_LATER);
	done(0, jobs[1].id, 1, OUTCOME_REFUSED);
	link_call(ctl, WIRE_queue_list, &in, 0, hear_list, NULL);
	run(5);
	ck_assert_str_eq(rows_text, "a@x deferred\nb@far waits for relay\n"
	    "c@x being delivered\nd@x kept\n");
	in.after = heard[0].id;
	link_call(ctl, WIRE_queue_list, &in, 0, hear_list, NULL);
	run(5);
	ck_assert_uint_eq(n_rows, 2);
}
END_TEST

static char		 first_key[SPOOL_KEY];
static unsigned		 hellos;

static void
hear_hello(void *arg, enum wire_status status, const void *out)
{
	const struct queue_hello_out *o = out;

	(void)arg;
	ck_assert_int_eq(status, WIRE_OK);
	ck_assert_uint_eq(o->key.n, SPOOL_KEY);
	if (hellos++ == 0)
		memcpy(first_key, o->key.p, SPOOL_KEY);
	else
		ck_assert_mem_eq(first_key, o->key.p, SPOOL_KEY);
}

/* One key for tokens through all lives: else no retry could match. */
START_TEST(test_hello)
{
	struct queue_hello_in in = { 0 };

	hellos = 0;
	link_call(smtpd, WIRE_queue_hello, &in, 0, hear_hello, NULL);
	run(5);
	crash();
	link_call(smtpd, WIRE_queue_hello, &in, 0, hear_hello, NULL);
	run(5);
	ck_assert_uint_eq(hellos, 2);
}
END_TEST

/* The id stands in the field that smtpd left open. */
START_TEST(test_id_in_received)
{
	next(0, 1);
	SUBMIT(.to = { "a@x" }, .body = "x");
	ck_assert_str_eq(body_of(&jobs[0]),
	    "Received: by mx id 6553f10000000001\r\nx");
	ck_assert_uint_eq(jobs[0].size, jobs[0].body.n);
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_full_commit);
	tcase_add_test(t, test_full_report);
	tcase_add_test(t, test_later);
	tcase_add_test(t, test_done_after_restart);
	tcase_add_test(t, test_refusal_code);
	tcase_add_test(t, test_later_stale);
	tcase_add_test(t, test_expired_local);
	tcase_add_test(t, test_expired_remote);
	tcase_add_test(t, test_alias_circle);
	tcase_add_test(t, test_alias_loop);
	tcase_add_test(t, test_alias_chain);
	tcase_add_test(t, test_alias_remote);
	tcase_add_test(t, test_untold);
	tcase_add_test(t, test_claims);
	tcase_add_test(t, test_report_golden);
	tcase_add_test(t, test_list);
	tcase_add_test(t, test_hello);
	tcase_add_test(t, test_id_in_received);
}

int
main(void)
{
	return suite_run("queue road", add);
}
