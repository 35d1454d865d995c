/*
 * What the queue is told and when it has heard it (hand-off rule 9), and the
 * table of outcomes.
 */
#include "tests/unit/relay/world.h"

static const char conf[] = "server name mail.a.example\n"
    "send over at most 2 connections\n";

/* A message that is refused at once: its domain does not exist. */
static void
lease_add(uint64_t id, const char *address)
{
	struct queue_next_out *l = &world.leases[world.n_leases++];

	l->id = id;
	l->return_path = SLICE("ann@a.example");
	l->body = SLICE("Subject: x\r\n\r\n");
	l->size = l->body.n;
	l->n_recipients = 1;
	l->recipients = arena_array(&world.arena, 1, sizeof *l->recipients);
	l->recipients[0].number = 7;
	l->recipients[0].address = slice_str(address);
	l->destination = slice_str(strchr(address, '@') + 1);
}

START_TEST(hello_comes_first_and_is_empty)
{
	world_start(conf);
	while (world.hellos == 0 && world_run())
		;
	ck_assert_uint_eq(world.hellos, 1);
	ck_assert_uint_eq(world.n_held, 0);
}
END_TEST

/* The queue dies with the result: a new one hears first that the job is held,
   then the result; and only then is it let go. */
START_TEST(result_outlives_the_queue)
{
	lease_add(42, "bob@nowhere.example");
	world.dies = true;
	world_start(conf);
	while (world.dies && world_run())
		;
	ck_assert_uint_eq(world.n_told, 0);
	while (link_up(daemon_link(ROLE_QUEUE, 0)) && world_run())
		;
	world_join(ROLE_QUEUE);
	while (world.n_told == 0 && world_run())
		;
	ck_assert_uint_eq(world.hellos, 2);
	ck_assert_uint_eq(world.n_held, 1);
	ck_assert_uint_eq(world.held[0].id, 42);
	ck_assert_uint_eq(world.held[0].number, 7);
	ck_assert_uint_eq(world.told[0].result.outcome, OUTCOME_REFUSED);
	/* Heard: a third queue is not told of it again. */
	for (int i = 0; i < 4; i++)
		world_run();
	link_close(world.serving[ROLE_QUEUE]);
	while (link_up(daemon_link(ROLE_QUEUE, 0)) && world_run())
		;
	world_join(ROLE_QUEUE);
	while (world.hellos < 3 && world_run())
		;
	ck_assert_uint_eq(world.n_held, 0);
	ck_assert_uint_eq(world.told[0].times, 1);
}
END_TEST

/* As long as queue_done is not answered, the job is held. */
START_TEST(unanswered_is_held)
{
	lease_add(42, "bob@nowhere.example");
	world.deaf = true;
	world_start(conf);
	while (world.n_told == 0 && world_run())
		;
	link_close(world.serving[ROLE_QUEUE]);
	while (link_up(daemon_link(ROLE_QUEUE, 0)) && world_run())
		;
	answer(world.unanswered, WIRE_GONE, NULL);
	world.deaf = false;
	world_join(ROLE_QUEUE);
	while (world.told[0].times < 2 && world_run())
		;
	ck_assert_uint_eq(world.n_held, 1);
	ck_assert_uint_eq(world.told[0].times, 2);
}
END_TEST

/* Leases with so many recipients in all, of which nobody hears anything: there
   is no resolver.  Then the queue dies. */
static void
hold_many(size_t n)
{
	enum { EACH = 2500 };

	while (n > 0) {
		struct queue_next_out *l = &world.leases[world.n_leases];
		struct wire_due *to;

		lease_add(100 + world.n_leases, "bob@nowhere.example");
		to = arena_array(&world.arena, EACH, sizeof *to);
		for (uint32_t i = 0; i < EACH; i++)
			to[i] = (struct wire_due){ .number = i,
				.address = SLICE("bob@nowhere.example") };
		l->recipients = to;
		l->n_recipients = n < EACH ? n : EACH;
		n -= l->n_recipients;
	}
	world_start("server name mail.a.example\n"
	    "send over at most 20 connections\n");
	link_close(world.serving[ROLE_RESOLVER]);
	while (world.given < world.n_leases && world_run())
		;
	for (int i = 0; i < 4; i++)
		world_run();
	link_close(world.serving[ROLE_QUEUE]);
	while (link_up(daemon_link(ROLE_QUEUE, 0)) && world_run())
		;
	ck_assert_uint_eq(world.hellos, 1);
	world_join(ROLE_QUEUE);
}

/* A list has an end (wire.h), what is held has none: it is said page by page,
   each recipient once. */
START_TEST(hello_has_pages)
{
	static const size_t sizes[] = { WIRE_LIST_MAX, WIRE_LIST_MAX + 1,
		3 * WIRE_LIST_MAX - 1 };
	size_t n = sizes[_i], i = 0;

	hold_many(n);
	while (world.hellos < 2 && world_run())
		;
	ck_assert_uint_eq(world.n_held, n);
	for (size_t k = 0; k < world.n_leases; k++)
		for (uint32_t to = 0; to < world.leases[k].n_recipients; to++) {
			ck_assert_uint_eq(world.held[i].id, world.leases[k].id);
			ck_assert_uint_eq(world.held[i++].number, to);
		}
}
END_TEST

/* Every step has an outcome for everything that can be heard; nothing but a
   2xx at the end of the message delivers, and nothing lost is refused. */
START_TEST(table_is_sane)
{
	for (int s = 0; s < STEPS; s++) {
		ck_assert_uint_gt(step_rows[s].seconds, 0);
		ck_assert_uint_eq(step_waits[s], step_rows[s].seconds * 1000);
		ck_assert_ptr_nonnull(strstr(step_rows[s].clause, "RFC "));
		for (int h = 0; h < HEARDS; h++) {
			enum fate f = step_rows[s].fates[h];

			ck_assert_int_eq(f == FATE_DONE,
			    s == STEP_DOT && h == HEARD_DONE);
			if (f == FATE_REFUSED || f == FATE_SHUT)
				ck_assert_int_eq(h, HEARD_NEVER);
			if (s >= STEP_MAIL && h != HEARD_DONE &&
			    h != HEARD_GO_ON)
				ck_assert_int_ne(f, FATE_GO);
		}
	}
	/* After the end of the message nobody else is tried: it may have been
	   taken (RFC 1047). */
	for (int h = HEARD_GO_ON; h < HEARDS; h++)
		ck_assert(step_rows[STEP_DOT].fates[h] == FATE_LATER ||
		    step_rows[STEP_DOT].fates[h] == FATE_REFUSED);
	ck_assert_int_eq(fate_of(STEP_MAIL, HEARD_NO, 421), FATE_NEXT);
	ck_assert_int_eq(fate_of(STEP_MAIL, HEARD_NO, 450), FATE_OTHER);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("report");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 30);
	tcase_add_test(t, hello_comes_first_and_is_empty);
	tcase_add_test(t, result_outlives_the_queue);
	tcase_add_test(t, unanswered_is_held);
	tcase_add_loop_test(t, hello_has_pages, 0, 3);
	tcase_add_test(t, table_is_sane);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
