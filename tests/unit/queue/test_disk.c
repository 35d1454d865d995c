/*
 * The same road on the engine that keeps it on a disk: what was acknowledged
 * is there after a restart, with its bytes, states and numbers.
 */
#include "tests/unit/queue/world.h"

#include <errno.h>

static char	folder[] = "/tmp/postino-queue-XXXXXX";

static struct engine *
open_disk(void)
{
	struct engine_conf c = { .dir = folder, .cache = 4 << 20,
		.segment = 4 << 20, .readers = 1 };

	return engine_open_file(&c);
}

static void
begin_disk(void)
{
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	world_open = open_disk;
	setup();
	run(50);
}

static void
end_disk(void)
{
	char command[64];

	teardown();
	snprintf(command, sizeof command, "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static void
restart(void)
{
	hang_up_all();
	queue_forget();
	engine_close(engine);
	test_time += 1000;
	engine = open_disk();
	queue_open(engine);
	connect_all();
	run(50);
}

/* Turns the loop until it is true, at most two seconds. */
#define UNTIL(truth) do {						\
	for (int ms = 0; ms < 2000 && !(truth); ms += 10)		\
		run(10);						\
	ck_assert(truth);						\
} while (0)

START_TEST(test_restart)
{
	SUBMIT(.to = { "a@x", "b@x" }, .sender = SENDER_VERIFIED,
	    .token = "T");
	UNTIL(heard[0].got);
	ck_heard(&heard[0], 0, OUTCOME_QUEUED);
	next(0, 1);
	UNTIL(n_jobs == 1);
	done(0, jobs[0].id, 0, OUTCOME_STORED);
	UNTIL(done_ok == 1);
	run(50);
	restart();
	next(0, 1);
	UNTIL(n_jobs == 2);
	ck_assert_uint_eq(jobs[1].id, heard[0].id);
	ck_assert_uint_eq(jobs[1].n, 1);
	ck_assert_uint_eq(jobs[1].number[0], 1);
	ck_assert_str_eq(body_of(&jobs[1]), body_of(&jobs[0]));
	/* A retry from the older life creates nothing. */
	SUBMIT(.to = { "a@x", "b@x" }, .token = "T");
	UNTIL(heard[1].got);
	ck_heard(&heard[1], 0, OUTCOME_QUEUED);
	ck_assert_uint_eq(message_count(), 1);
	/* The outcome, and the report it causes. */
	done(0, jobs[1].id, 1, OUTCOME_REFUSED);
	UNTIL(done_ok == 2);
	restart();
	next(0, 2);
	UNTIL(n_jobs == 3);
	ck_assert_str_eq(jobs[2].address[0], "s@remote.example");
	ck_assert(strstr(body_of(&jobs[2]), "Subject: hi\r\n") != NULL);
	done(0, jobs[2].id, 0, OUTCOME_STORED);
	UNTIL(message_count() == 0);
	restart();
	ck_assert_uint_eq(message_count(), 0);
}
END_TEST

/* What waits is packed: its texts, which changed meanwhile, and what stands in
   front of its body are the same when it is tried, before and after a
   restart. */
START_TEST(test_packed)
{
	SUBMIT(.to = { "a@far", "b@far" }, .remote = { true, true },
	    .sender = SENDER_AUTHENTICATED, .by = submission,
	    .envid = "E1", .orcpt = "rfc822;o@x");
	UNTIL(heard[0].got);
	for (int i = 0; i < 3; i++) {
		relay_next(0, NULL, 1);
		UNTIL(n_jobs == (size_t)i + 1);
		ck_assert_uint_eq(jobs[i].n, 2);
		ck_assert_str_eq(jobs[i].address[1], "b@far");
		ck_assert_str_eq(jobs[i].return_path, "s@remote.example");
		ck_assert_str_eq(body_of(&jobs[i]), body_of(&jobs[0]));
		ck_assert_uint_eq(jobs[i].size, jobs[i].body.n);
		relay_done(0, jobs[i].id, 0, OUTCOME_LATER);
		relay_done(0, jobs[i].id, 1, OUTCOME_LATER);
		UNTIL(done_ok == 2 * (size_t)i + 2);
		if (i == 1)
			restart();
		pass(14400000);
	}
	relay_next(0, NULL, 1);
	relay_done(0, jobs[0].id, 0, OUTCOME_REFUSED);
	UNTIL(stats.bounced == 1);
	next(0, 1);
	UNTIL(n_jobs == 5);
	ck_assert(strstr(body_of(&jobs[4]), "Received: by mx id ") != NULL);
	ck_assert(strstr(body_of(&jobs[4]), "Original-Envelope-Id: E1\r\n"));
	ck_assert(strstr(body_of(&jobs[4]),
	    "Original-Recipient: rfc822;o@x\r\n") != NULL);
}
END_TEST

/* A body of its own file, read back in pieces after a restart. */
START_TEST(test_long)
{
	enum { SIZE = 2500000 };
	static char piece[65536], want;
	size_t at = 0;
	uint64_t id;
	ssize_t n = 0;
	int fd;

	id = begin(&(struct letter){ .from = "s@x", .to = { "a@x" } }, &fd);
	while (at < SIZE) {
		size_t part = SIZE - at < sizeof piece ? SIZE - at :
		    sizeof piece;

		memset(piece, 'a' + (int)(at / sizeof piece % 26), part);
		n = send(fd, piece, part, MSG_DONTWAIT | MSG_NOSIGNAL);
		ck_assert(n > 0 || errno == EAGAIN);
		/* Whole pieces only: a socket takes no less of one. */
		if (n > 0 && (size_t)n < part)
			for (size_t rest = (size_t)n; rest < part; run(1))
				if ((n = send(fd, piece, part - rest,
				    MSG_DONTWAIT)) > 0)
					rest += (size_t)n;
		if (n > 0)
			at += part;
		run(1);
	}
	commit(id, SIZE, "");
	UNTIL(heard[0].got);
	ck_heard(&heard[0], 0, OUTCOME_QUEUED);
	close(fd);
	restart();
	next(0, 1);
	UNTIL(n_jobs == 1);
	at = 0;
	for (int ms = 0; ms < 5000; ms++) {
		while ((n = recv(jobs[0].fd, piece, sizeof piece,
		    MSG_DONTWAIT)) > 0)
			for (ssize_t i = 0; i < n; i++, at++) {
				if (at < 37)
					continue;
				want = (char)('a' + (at - 37) / sizeof piece %
				    26);
				if (piece[i] != want)
					ck_abort_msg("octet %zu", at);
			}
		if (n == 0)
			break;
		run(1);
	}
	ck_assert_uint_eq(at, SIZE + 37);
}
END_TEST

/* Set aside, then restarted: kept with its bytes, and still not offered. */
START_TEST(test_aside)
{
	SUBMIT(.to = { "a@x" });
	UNTIL(heard[0].got);
	for (size_t i = 1; i <= 3; i++) {
		next(0, 1);
		UNTIL(n_jobs == i);
		hang_up(&mda[0]);
		run(20);
	}
	UNTIL(stats.aside == 1);
	restart();
	ck_assert_uint_eq(message_count(), 1);
	ck_assert_int_eq(message_find(heard[0].id)->state, MESSAGE_SET_ASIDE);
	next(0, 1);
	run(50);
	ck_assert_uint_eq(n_jobs, 3);
	/* A late report still ends it. */
	done(0, heard[0].id, 0, OUTCOME_STORED);
	UNTIL(message_count() == 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("queue on disk");
	TCase *t = tcase_create("disk");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin_disk, end_disk);
	tcase_add_test(t, test_restart);
	tcase_add_test(t, test_packed);
	tcase_add_test(t, test_long);
	tcase_add_test(t, test_aside);
	suite_add_tcase(s, t);
	return suite_end(s);
}
