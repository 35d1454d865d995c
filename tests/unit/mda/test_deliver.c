/* Small messages: what mda asks of auth and of which store, and what it reports
   (architecture.md sections 4 and 6, rule 3). */
#include "common/mail/digest.h"
#include "tests/unit/mda/world.h"

/* A store that stays away holds up nobody's mail but its own users', and that
   not for long. */
START_TEST(store_away)
{
	uint64_t begun;

	setup();
	link_close(stores[1].serving);
	while (link_up(daemon_link(ROLE_STORE, 1)))
		loop_run();
	BOOK({ "ann@a", USER(5, 0) }, { "bob@a", USER(6, 1) });
	begun = loop_clock();
	SEND(MESSAGE, "ann@a", "bob@a");
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
	ck_assert_uint_eq(OUTCOME_LATER, results[1].outcome);
	ck_assert_uint_ge(loop_clock() - begun, STORE_AWAY / 2);
	done = 0;
	begun = loop_clock();
	SEND(MESSAGE, "ann@a", "bob@a");
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
	ck_assert_uint_eq(OUTCOME_LATER, results[1].outcome);
	ck_assert_uint_lt(loop_clock() - begun, STORE_AWAY / 2);
	setup();
	SEND(MESSAGE, "bob@a");
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
}
END_TEST

/* Everything the store must know comes with the copy; the digest reads. */
START_TEST(delivered)
{
	struct digest d;

	setup();
	BOOK({ "ann@example.org", USER(5, 0) });
	SEND(MESSAGE, "ann@example.org");
	ck_assert_uint_eq(77, done_id);
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
	ck_text(results[0].code, "2.1.5");
	ck_assert_uint_eq(1, stores[0].appends);
	ck_assert_uint_eq(0, stores[1].appends);
	ck_assert_uint_eq(77, stores[0].id);
	ck_assert_uint_eq(70, stores[0].low_water);
	ck_assert_uint_eq(1234, stores[0].when);
	ck_text(stores[0].token, "token");
	ck_text(stores[0].body, MESSAGE);
	ck_assert_uint_eq(5, stores[0].copies[0].user);
	ck_assert_uint_eq(99, stores[0].copies[0].limit);
	ck_text(stores[0].copies[0].head,
	    "Return-Path: <bob@example.net>\r\n"
	    "Delivered-To: ann@example.org\r\n");
	ck_assert_int_eq(DIGEST_OK, digest_open(&d, stores[0].digest,
	    (uint32_t)stores[0].copies[0].head.n));
	ck_assert_uint_eq(strlen(MESSAGE) + stores[0].copies[0].head.n,
	    d.size);
}
END_TEST

/* Each recipient goes where auth says now; the stores are asked once each. */
START_TEST(routed)
{
	setup();
	BOOK({ "ann@a", USER(5, 0) }, { "ann+x@a", { .route = ROUTE_LOCAL,
	    .user = 5, .mailbox = SLICE("x") } }, { "eve@a", USER(6, 1) },
	    { "far@b", { .route = ROUTE_REMOTE } },
	    { "full@a", { .route = ROUTE_FULL, .user = 8 } },
	    { "off@a", { .route = ROUTE_DISABLED, .user = 9, .shard = 1 } },
	    { "odd@a", { .route = ROUTE_LOCAL } });
	SEND(MESSAGE, "ann@a", "ann+x@a", "eve@a", "far@b", "full@a", "off@a",
	    "nobody@a", "odd@a");
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
	ck_assert_uint_eq(OUTCOME_STORED, results[1].outcome);
	ck_assert_uint_eq(OUTCOME_STORED, results[2].outcome);
	ck_assert_uint_eq(OUTCOME_REMOTE, results[3].outcome);
	ck_assert_uint_eq(OUTCOME_STORED, results[4].outcome);
	ck_assert_uint_eq(OUTCOME_REFUSED, results[5].outcome);
	ck_text(results[5].code, "5.2.1");
	ck_text(results[5].text, "the account takes no mail");
	ck_assert_uint_eq(OUTCOME_REFUSED, results[6].outcome);
	ck_text(results[6].code, "5.1.1");
	ck_assert_uint_eq(OUTCOME_LATER, results[7].outcome);
	ck_assert_uint_eq(1, stores[0].appends);
	ck_assert_uint_eq(3, stores[0].n_copies);
	ck_text(stores[0].copies[1].mailbox, "x");
	ck_assert_uint_eq(1, stores[1].appends);
	ck_assert_uint_eq(2, stores[1].n_copies);
	ck_assert(!stores[1].copies[0].refuse);
	ck_assert(stores[1].copies[1].refuse);	/* settled in store too */
}
END_TEST

/* An alias becomes its targets, with the return path auth made of the one it
   came with, and no store hears of it. */
START_TEST(alias)
{
	static struct wire_forward targets[] = { { SLICE_INIT("x@a"), 0 },
		{ SLICE_INIT("y@b"), 1 } };

	setup();
	BOOK({ "all@a", { .route = ROUTE_LOCAL, .became = targets,
	    .n_became = 2, .return_path = SLICE_INIT("srs0=x@a") } });
	SEND(MESSAGE, "all@a");
	ck_text(asked_path, "bob@example.net");
	ck_assert_uint_eq(OUTCOME_BECAME, results[0].outcome);
	ck_assert_uint_eq(2, results[0].n_became);
	ck_text(results[0].became[1].address, "y@b");
	ck_assert_uint_eq(0, results[0].became[0].remote);
	ck_assert_uint_eq(1, results[0].became[1].remote);
	ck_text(results[0].return_path, "srs0=x@a");
	ck_assert_uint_eq(0, stores[0].appends);
}
END_TEST

/* A mailbox that others get a copy of: its own is stored first, and what store
   refuses nobody gets. */
START_TEST(also)
{
	static struct wire_forward targets[] = { { SLICE_INIT("x@b"), 0 } };

	setup();
	BOOK({ "ann@a", { .route = ROUTE_LOCAL, .user = 5, .became = targets,
	    .n_became = 1, .return_path = SLICE_INIT("srs0=x@a") } },
	    { "eve@a", { .route = ROUTE_LOCAL, .user = 6,
	    .became = targets, .n_became = 1 } });
	stores[0].outcome[6] = OUTCOME_FULL;
	stores[0].text = "5.2.2 the mailbox is full";
	SEND(MESSAGE, "ann@a", "eve@a");
	ck_assert_uint_eq(2, stores[0].n_copies);
	ck_assert_uint_eq(OUTCOME_BECAME, results[0].outcome);
	ck_text(results[0].code, "2.1.5");
	ck_assert_uint_eq(1, results[0].n_became);
	ck_text(results[0].became[0].address, "x@b");
	ck_text(results[0].return_path, "srs0=x@a");
	ck_assert_uint_eq(OUTCOME_FULL, results[1].outcome);
	ck_assert_uint_eq(0, results[1].n_became);
}
END_TEST

/* What store answered is what is reported. */
START_TEST(store_decides)
{
	setup();
	BOOK({ "ann@a", USER(5, 0) }, { "eve@a", USER(6, 0) });
	stores[0].outcome[5] = OUTCOME_FULL;
	stores[0].outcome[6] = OUTCOME_LATER;
	stores[0].text = "5.2.2 the mailbox is full";
	SEND(MESSAGE, "ann@a", "eve@a");
	ck_assert_uint_eq(OUTCOME_FULL, results[0].outcome);
	ck_text(results[0].code, "5.2.2");
	ck_text(results[0].text, "the mailbox is full");
	ck_assert_uint_eq(OUTCOME_LATER, results[1].outcome);
}
END_TEST

/* Whatever goes wrong on the way is LATER, never an end. */
START_TEST(trouble_is_later)
{
	static const enum wire_status trouble[] = { WIRE_AGAIN, WIRE_STALE,
		WIRE_NONE, WIRE_BAD, WIRE_GONE };

	BOOK({ "ann@a", USER(5, 0) }, { "eve@a", USER(6, 1) });
	for (size_t i = 0; i < sizeof trouble / sizeof *trouble; i++) {
		setup();
		stores[0].status = trouble[i];
		SEND(MESSAGE, "ann@a", "eve@a");
		ck_assert_uint_eq(OUTCOME_LATER, results[0].outcome);
		ck_assert_uint_eq(OUTCOME_STORED, results[1].outcome);
	}
	setup();
	auth_deaf = true;
	SEND(MESSAGE, "ann@a");
	ck_assert_uint_eq(OUTCOME_LATER, results[0].outcome);
	ck_assert_uint_eq(0, stores[0].appends);
}
END_TEST

/* An expired recipient is settled by store: it may have been stored. */
START_TEST(expired)
{
	struct wire_due due = { .number = 0, .address = SLICE("ann@a"),
		.expired = 1 };

	setup();
	BOOK({ "ann@a", USER(5, 0) });
	give(&(struct queue_next_out){ .id = 78, .recipients = &due,
	    .n_recipients = 1, .body = SLICE(MESSAGE),
	    .size = sizeof MESSAGE - 1 });
	wait_done(1);
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_text(results[0].code, "4.4.7");
	ck_assert(stores[0].copies[0].refuse);
}
END_TEST

/* Our own Delivered-To (any case), for that recipient only; it goes last, as
   of one user the first outcome counts (SMTP-9). */
START_TEST(delivered_before)
{
	setup();
	BOOK({ "ann+x@a", USER(5, 0) }, { "ann@a", USER(5, 0) });
	SEND("Received: by us\r\nDelivered-To: ANN+X@a\r\n" MESSAGE,
	    "ann+x@a", "ann@a");
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_text(results[0].code, "5.4.6");
	ck_assert_uint_eq(OUTCOME_STORED, results[1].outcome);
	ck_assert_uint_eq(2, stores[0].n_copies);
	ck_assert(!stores[0].copies[0].refuse);
	ck_assert(stores[0].copies[1].refuse);
}
END_TEST

/* Over 100 hops (RFC 5321 6.3), and what only looks like one in the body. */
START_TEST(too_many_hops)
{
	struct buf m = { 0 };

	setup();
	BOOK({ "ann@a", USER(5, 0) });
	for (int i = 0; i < 100; i++)
		buf_str(&m, "Received: by host\r\n");
	buf_str(&m, "\r\nReceived: by nobody\r\nDelivered-To: ann@a\r\n");
	SEND(buf_cstr(&m), "ann@a");
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
	setup();
	buf_clear(&m);
	for (int i = 0; i < 101; i++)
		buf_str(&m, "RECEIVED: by host\r\n");
	buf_str(&m, "\r\nbody\r\n");
	SEND(buf_cstr(&m), "ann@a");
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_text(results[0].code, "5.4.6");
	buf_free(&m);
}
END_TEST

/* Aliases too: what comes back to one, or was on the road too long, is not
   sent round again.  Beside a mailbox and without one (RFC 5321 6.3). */
START_TEST(alias_loops)
{
	struct buf m = { 0 };

	setup();
	BOOK({ "all@a", ALIAS }, { "new@a", ALIAS }, { "ann@a", USER(5, 0) });
	SEND("Delivered-To: All@a\r\n" MESSAGE, "all@a", "new@a");
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_text(results[0].code, "5.4.6");
	ck_text(results[0].text, "a mail loop: it has been here before");
	ck_assert_uint_eq(0, results[0].n_became);
	ck_assert_uint_eq(OUTCOME_BECAME, results[1].outcome);
	ck_assert_uint_eq(0, stores[0].appends);
	setup();
	SEND("Delivered-To: all@a\r\n" MESSAGE, "all@a", "ann@a");
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_assert_uint_eq(OUTCOME_STORED, results[1].outcome);
	setup();
	for (int i = 0; i < 101; i++)
		buf_str(&m, "Received: by host\r\n");
	buf_str(&m, "\r\nbody\r\n");
	SEND(buf_cstr(&m), "all@a");
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_text(results[0].code, "5.4.6");
	buf_free(&m);
}
END_TEST

/* Nobody needs a store to return it. */
START_TEST(alias_expired)
{
	struct wire_due due = { .number = 0, .address = SLICE("all@a"),
		.expired = 1 };

	setup();
	BOOK({ "all@a", ALIAS });
	give(&(struct queue_next_out){ .id = 78, .recipients = &due,
	    .n_recipients = 1, .body = SLICE(MESSAGE),
	    .size = sizeof MESSAGE - 1 });
	wait_done(1);
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_text(results[0].code, "4.4.7");
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, delivered);
	tcase_add_test(t, store_away);
	tcase_add_test(t, routed);
	tcase_add_test(t, alias);
	tcase_add_test(t, also);
	tcase_add_test(t, store_decides);
	tcase_add_test(t, trouble_is_later);
	tcase_add_test(t, expired);
	tcase_add_test(t, delivered_before);
	tcase_add_test(t, too_many_hops);
	tcase_add_test(t, alias_loops);
	tcase_add_test(t, alias_expired);
}

int
main(void)
{
	return world_run("deliver", add);
}
