/*
 * queue_act: what the admin does to what waits, also while a worker has it;
 * and queue_show and queue_body, by which it is seen.
 */
#include "tests/unit/queue/world.h"

static struct queue_act_out	 did;
static enum wire_status		 did_status;
static bool			 did_hear;

static void
hear_act(void *arg, enum wire_status status, const void *out)
{
	(void)arg;
	did_hear = true;
	did_status = status;
	if (out != NULL)
		did = *(const struct queue_act_out *)out;
}

static void
act_on(enum queue_action action, const struct queue_act_in *what)
{
	struct queue_act_in in = *what;

	did_hear = false;
	did = (struct queue_act_out){ 0 };
	in.action = (uint8_t)action;
	link_call(ctl, WIRE_queue_act, &in, 0, hear_act, NULL);
	run(5);
}

#define ACT(action, ...) do {						\
	act_on(QUEUE_##action, &(struct queue_act_in){ __VA_ARGS__ });	\
	ck_assert(did_hear);						\
	ck_assert_int_eq(did_status, WIRE_OK);				\
} while (0)

/* Held: offered to nobody and never over, also after a restart; released: its
   time begins anew. */
START_TEST(test_hold)
{
	FAR(.to = { "a@far" });
	SUBMIT(.to = { "b@here" });
	ACT(HOLD, .all = 1);
	ck_assert_uint_eq(did.messages, 2);
	ck_assert_uint_eq(did.recipients, 2);
	crash();
	next(0, 1);
	relay_next(0, NULL, 1);
	ck_assert_uint_eq(n_jobs, 0);
	pass(500000000);
	ck_assert_uint_eq(n_jobs, 0);
	ck_assert_uint_eq(message_count(), 2);
	ACT(HOLD, .all = 1);
	ck_assert_uint_eq(did.recipients, 0);
	ACT(RELEASE, .id = heard[0].id);
	ck_assert_uint_eq(did.recipients, 1);
	ck_assert_uint_eq(n_jobs, 1);
	ck_assert_str_eq(jobs[0].address[0], "a@far");
	relay_done(0, jobs[0].id, 0, OUTCOME_LATER);
	pass(300000);
	relay_next(0, NULL, 1);
	ck_assert_uint_eq(n_jobs, 2);
	ACT(RELEASE, .recipient = SLICE("@here"));
	ck_assert_uint_eq(n_jobs, 3);
	ck_assert(!jobs[2].expired);
}
END_TEST

/* Held while a relay has it: a success counts; "later" and it is held. */
START_TEST(test_hold_in_flight)
{
	FAR(.to = { "a@far" });
	FAR(.to = { "b@far" });
	relay_next(0, NULL, 2);
	ACT(HOLD, .all = 1);
	ck_assert_uint_eq(did.recipients, 2);
	relay_done(0, jobs[0].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(stats.sent, 1);
	relay_done(0, jobs[1].id, 0, OUTCOME_LATER);
	pass(14400000);
	relay_next(0, NULL, 1);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_uint_eq(message_count(), 1);
}
END_TEST

/* Removed at once, nobody is told; the result that comes later is only
   logged. */
START_TEST(test_remove_in_flight)
{
	FAR(.to = { "a@far" });
	relay_next(0, NULL, 1);
	ACT(REMOVE, .id = jobs[0].id);
	ck_assert_uint_eq(did.recipients, 1);
	ck_assert_uint_eq(message_count(), 0);
	relay_done(0, jobs[0].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(done_ok, 1);
	ck_assert(logged("late_result"));
	ck_assert_uint_eq(stats.sent + stats.bounced, 0);
	ck_assert_uint_eq(stats.removed, 1);
	crash();
	ck_assert_uint_eq(message_count(), 0);
}
END_TEST

/* By sender, by recipient, by domain; what does not match stays. */
START_TEST(test_choice)
{
	FAR(.to = { "a@far", "b@far", "c@other" });
	SUBMIT_FROM("t@remote.example", .to = { "a@far" },
	    .remote = { true });
	SUBMIT_FROM("", .to = { "x@here" });
	ACT(REMOVE, .sender = SLICE("t@remote.example"));
	ck_assert_uint_eq(did.messages, 1);
	ACT(REMOVE, .recipient = SLICE("b@far"));
	ck_assert_uint_eq(did.recipients, 1);
	ACT(REMOVE, .recipient = SLICE("@FAR"), .sender = SLICE("no@x"));
	ck_assert_uint_eq(did.recipients, 0);
	ACT(REMOVE, .recipient = SLICE("@FAR"));
	ck_assert_uint_eq(did.recipients, 1);
	ck_assert_uint_eq(message_count(), 2);
	ACT(REMOVE, .sender = SLICE("<>"));
	ck_assert_uint_eq(message_count(), 1);
	relay_next(0, NULL, 2);
	ck_assert_uint_eq(n_jobs, 1);
	ck_assert_str_eq(jobs[0].address[0], "c@other");
}
END_TEST

/* Nothing is done by mistake: `all` must be said, alone. */
START_TEST(test_senseless)
{
	FAR(.to = { "a@far" });
	act_on(QUEUE_REMOVE, &(struct queue_act_in){ 0 });
	ck_assert_int_eq(did_status, WIRE_BAD);
	act_on(QUEUE_REMOVE, &(struct queue_act_in){ .all = 1, .id = 5 });
	ck_assert_int_eq(did_status, WIRE_BAD);
	act_on(QUEUE_ACTIONS, &(struct queue_act_in){ .all = 1 });
	ck_assert_int_eq(did_status, WIRE_BAD);
	ck_assert_uint_eq(message_count(), 1);
}
END_TEST

/* A domain that was put off is tried now, all of it. */
START_TEST(test_retry)
{
	FAR(.to = { "a@far" });
	FAR(.to = { "b@far" });
	FAR(.to = { "c@other" });
	relay_next(0, NULL, 3);
	relay_away(0, jobs[0].id, 0);
	relay_away(0, jobs[1].id, 0);
	relay_away(0, jobs[2].id, 0);
	relay_next(0, NULL, 4);
	ck_assert_uint_eq(n_jobs, 3);
	ACT(RETRY, .recipient = SLICE("@far"));
	ck_assert_uint_eq(did.recipients, 2);
	ck_assert_uint_eq(n_jobs, 4);
	relay_done(0, jobs[3].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(n_jobs, 5);
	ACT(RETRY, .all = 1);
	ck_assert_uint_eq(n_jobs, 6);
}
END_TEST

/* A remote one that was kept goes out again; a local one store would refuse
   again, so it is not asked. */
START_TEST(test_retry_kept)
{
	SUBMIT(.to = { "a@far" }, .remote = { true });
	SUBMIT(.to = { "b@here" });
	relay_next(0, NULL, 1);
	next(0, 1);
	relay_done(0, jobs[0].id, 0, OUTCOME_REFUSED);
	done(0, jobs[1].id, 0, OUTCOME_REFUSED);
	ck_assert_uint_eq(stats.kept, 2);
	ACT(RETRY, .all = 1);
	ck_assert_uint_eq(did.recipients, 1);
	crash();
	relay_next(0, NULL, 1);
	next(0, 1);
	ck_assert_uint_eq(n_jobs, 3);
	ck_assert_str_eq(jobs[2].address[0], "a@far");
}
END_TEST

/* What ended each mda is tried once more when the admin says so. */
START_TEST(test_release_aside)
{
	SUBMIT(.to = { "a@here" });
	for (int i = 0; i < 3; i++) {
		next(i, 1);
		hang_up(&mda[i]);
	}
	ck_assert_uint_eq(stats.aside, 1);
	next(4, 1);
	ck_assert_uint_eq(n_jobs, 3);
	ACT(RELEASE, .id = heard[0].id);
	ck_assert_uint_eq(n_jobs, 4);
	done(4, jobs[3].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(message_count(), 0);
}
END_TEST

/* Bounced: a remote one at once, with the admin's words. */
START_TEST(test_bounce)
{
	FAR(.to = { "a@far" });
	relay_next(0, NULL, 1);
	next(0, 1);
	ACT(BOUNCE, .id = jobs[0].id, .why = SLICE("wrong list"));
	ck_assert_uint_eq(did.recipients, 1);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert(strstr(body_of(&jobs[1]), "    wrong list (5.0.0)\r\n"));
	ck_assert(strstr(body_of(&jobs[1]),
	    "Diagnostic-Code: x-postino; wrong list\r\n"));
	relay_done(0, jobs[0].id, 0, OUTCOME_STORED);
	ck_assert(logged("late_result"));
}
END_TEST

/* A local one is bounced by store, so that nothing is returned that is
   delivered all the same (rule 3). */
START_TEST(test_bounce_local)
{
	SUBMIT(.to = { "a@here" }, .sender = SENDER_VERIFIED);
	next(0, 1);
	ACT(BOUNCE, .all = 1);
	ck_assert_uint_eq(stats.bounced, 0);
	done(0, jobs[0].id, 0, OUTCOME_LATER);
	pass(1000);
	next(0, 1);
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert(jobs[1].expired);
	crash();
	next(0, 2);
	ck_assert_uint_eq(n_jobs, 3);
	ck_assert(jobs[2].expired);
	done(0, jobs[2].id, 0, OUTCOME_REFUSED);
	ck_assert_uint_eq(n_jobs, 4);
	ck_assert(strstr(body_of(&jobs[3]), "returned by the administrator"));
	/* And one that store had stored already is delivered. */
	SUBMIT(.to = { "b@here" }, .sender = SENDER_VERIFIED);
	ACT(BOUNCE, .id = heard[1].id);
	next(0, 1);
	done(0, heard[1].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(stats.bounced, 1);
}
END_TEST

/* What was kept since its sender is a stranger may be bounced; what has no
   sender may not. */
START_TEST(test_bounce_kept)
{
	SUBMIT(.to = { "a@far" }, .remote = { true });
	SUBMIT_FROM("", .to = { "b@far" }, .remote = { true });
	relay_next(0, NULL, 2);
	relay_done(0, jobs[0].id, 0, OUTCOME_REFUSED);
	relay_done(0, jobs[1].id, 0, OUTCOME_REFUSED);
	ck_assert_uint_eq(stats.kept, 2);
	ACT(BOUNCE, .all = 1);
	ck_assert_uint_eq(did.recipients, 1);
	ck_assert_uint_eq(did.skipped, 1);
	next(0, 1);
	ck_assert(strstr(body_of(&jobs[2]), "550 5.1.1 nobody") != NULL);
	done(0, jobs[2].id, 0, OUTCOME_STORED);
	ck_assert_uint_eq(message_count(), 1);
}
END_TEST

/* While a commit of the same message is under way: both are done, and the
   answer waits for the disk. */
START_TEST(test_while_committing)
{
	FAR(.to = { "a@far", "b@far" });
	relay_next(0, NULL, 1);
	engine_mem_hold(engine, true);
	relay_done(0, jobs[0].id, 0, OUTCOME_STORED);
	act_on(QUEUE_REMOVE, &(struct queue_act_in){ .id = jobs[0].id });
	ck_assert(!did_hear);
	engine_mem_hold(engine, false);
	run(5);
	ck_assert(did_hear);
	ck_assert_uint_eq(message_count(), 0);
	ck_assert_uint_eq(stats.sent, 1);
	ck_assert_uint_eq(stats.removed, 1);
}
END_TEST

/* Killed before it is durable: nothing was answered, and nothing was done. */
START_TEST(test_killed)
{
	FAR(.to = { "a@far" });
	engine_mem_hold(engine, true);
	act_on(QUEUE_REMOVE, &(struct queue_act_in){ .all = 1 });
	ck_assert(!did_hear);
	crash();
	engine_mem_hold(engine, false);
	ck_assert(did_hear);
	ck_assert_int_eq(did_status, WIRE_GONE);
	ck_assert_uint_eq(message_count(), 1);
}
END_TEST

/* Full: the admin hears it, and it happens when there is room. */
START_TEST(test_full)
{
	FAR(.to = { "a@far" });
	engine_mem_fault(engine, ENGINE_FULL, 0, 2);
	act_on(QUEUE_REMOVE, &(struct queue_act_in){ .all = 1 });
	ck_assert(did_hear);
	ck_assert_int_eq(did_status, WIRE_AGAIN);
	pass(1000);
	pass(1000);
	ck_assert_uint_eq(message_count(), 0);
}
END_TEST

/* More messages than one answer looks at. */
START_TEST(test_pages)
{
	uint64_t after = 0, messages = 0;

	for (int i = 0; i < 250; i++)
		FAR(.to = { "a@far" }), n_asked = 0;
	do {
		ACT(REMOVE, .all = 1, .after = after);
		after = did.next;
		messages += did.messages;
	} while (did.more);
	ck_assert_uint_eq(messages, 250);
	ck_assert_uint_eq(message_count(), 0);
}
END_TEST

/* ---- show */

static char	 shown[4096];

static void
hear_show(void *arg, enum wire_status status, const void *out)
{
	const struct queue_show_out *o = out;
	size_t n = 0;

	*(enum wire_status *)arg = status;
	shown[0] = '\0';
	if (o == NULL)
		return;
	n += (size_t)snprintf(shown, sizeof shown, "%.*s %.*s\n",
	    (int)o->return_path.n, o->return_path.p, (int)o->state.n,
	    o->state.p);
	for (size_t i = 0; i < o->n_recipients; i++) {
		const struct wire_addressee *a = &o->recipients[i];

		n += (size_t)snprintf(shown + n, sizeof shown - n,
		    "%u %.*s %.*s %u %.*s\n", a->number, (int)a->address.n,
		    a->address.p, (int)a->state.n, a->state.p, a->tries,
		    (int)a->why.n, a->why.p);
	}
}

static enum wire_status
show(uint64_t id)
{
	struct queue_show_in in = { .id = id };
	enum wire_status status = WIRE_STATUSES;

	link_call(ctl, WIRE_queue_show, &in, 0, hear_show, &status);
	run(5);
	return status;
}

START_TEST(test_show)
{
	struct wire_forward to[2] = { { SLICE("d@far"), 0 },
		{ SLICE("e@here"), 0 } };
	struct wire_result r = { .number = 1, .outcome = OUTCOME_BECAME,
		.became = to, .n_became = 2 };

	SUBMIT(.to = { "a@here", "b@here", "c@far" },
	    .remote = { false, false, true });
	next(0, 1);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	report(0, jobs[0].id, &r, 1);
	relay_next(0, NULL, 1);
	relay_away(0, jobs[1].id, 2);
	ck_assert_int_eq(show(jobs[0].id), WIRE_OK);
	ck_assert_str_eq(shown, "s@remote.example queued\n"
	    "0 a@here delivered 0 \n1 b@here replaced 0 \n"
	    "2 c@far deferred 1 connection timed out\n"
	    "3 d@far due 0 \n4 e@here due 0 \n");
	ck_assert_int_eq(show(77), WIRE_NONE);
}
END_TEST

static struct buf	 whole;

static void
hear_body(void *arg, enum wire_status status, const void *out)
{
	const struct queue_body_out *o = out;

	ck_assert_int_eq(status, WIRE_OK);
	*(uint64_t *)arg = o->size;
	buf_slice(&whole, o->bytes);
}

/* The bytes as a reader would see them, in pages. */
START_TEST(test_body)
{
	struct queue_body_in in = { 0 };
	uint64_t size = 1;

	FAR(.to = { "a@far" }, .body = "Subject: hi\r\n\r\nhello\r\n");
	in.id = heard[0].id;
	buf_clear(&whole);
	for (int i = 0; i < 5 && in.offset < size; i++) {
		link_call(ctl, WIRE_queue_body, &in, 0, hear_body, &size);
		run(5);
		in.offset = whole.n;
	}
	ck_assert_uint_eq(whole.n, size);
	ck_assert(strstr(buf_cstr(&whole),
	    "\r\nSubject: hi\r\n\r\nhello\r\n") != NULL);
	ck_assert(strncmp(whole.p, "Received: by mx id ", 19) == 0);
	buf_free(&whole);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("queue act");
	TCase *t = tcase_create("act");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_hold);
	tcase_add_test(t, test_hold_in_flight);
	tcase_add_test(t, test_remove_in_flight);
	tcase_add_test(t, test_choice);
	tcase_add_test(t, test_senseless);
	tcase_add_test(t, test_retry);
	tcase_add_test(t, test_retry_kept);
	tcase_add_test(t, test_release_aside);
	tcase_add_test(t, test_bounce);
	tcase_add_test(t, test_bounce_local);
	tcase_add_test(t, test_bounce_kept);
	tcase_add_test(t, test_while_committing);
	tcase_add_test(t, test_killed);
	tcase_add_test(t, test_full);
	tcase_add_test(t, test_pages);
	tcase_add_test(t, test_show);
	tcase_add_test(t, test_body);
	suite_add_tcase(s, t);
	return suite_end(s);
}
