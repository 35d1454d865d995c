/* Messages too long for one call: held, spooled, cut through, broken off. */
#include "tests/unit/queue/world.h"

#include <errno.h>

#include "queue/body.h"
#include "queue/hold.h"
#include "queue/intake.h"

static char
octet(uint64_t seed, size_t i)
{
	return (char)('a' + (seed * 31 + i * 7 + i / 4096) % 26);
}

/* Sends what fits now, lets the queue read, until all is sent. */
static void
send_body(int fd, uint64_t seed, size_t size)
{
	static char piece[4096];

	for (size_t at = 0; at < size;) {
		size_t n = size - at < sizeof piece ? size - at :
		    sizeof piece;
		ssize_t sent;

		for (size_t i = 0; i < n; i++)
			piece[i] = octet(seed, at + i);
		sent = send(fd, piece, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN)
			ck_abort_msg("the queue has closed it");
		else if (sent < 0)
			run(1);
		else
			at += (size_t)sent;
	}
	run(5);
}

static const char	prefix[] = "Received: by mx id ";

/* Takes what is there; true at the end.  Checks each octet. */
static bool
receive(struct given *g, uint64_t seed, size_t *at)
{
	static char piece[65536];
	ssize_t n;

	/* Not ck_assert for each octet: libcheck notes every one. */
	while ((n = recv(g->fd, piece, sizeof piece, MSG_DONTWAIT)) > 0)
		for (ssize_t i = 0; i < n; i++, ++*at) {
			size_t head = sizeof prefix - 1 + 16 + 2;

			if (*at < sizeof prefix - 1 ?
			    piece[i] != prefix[*at] : *at >= head &&
			    piece[i] != octet(seed, *at - head))
				ck_abort_msg("wrong octet at %zu", *at);
		}
	return n == 0;
}

static void
receive_all(struct given *g, uint64_t seed)
{
	size_t at = 0;

	ck_assert_int_gt(g->fd, 0);
	while (!receive(g, seed, &at))
		run(1);
	ck_assert_uint_eq(at, g->size);
}

#define LETTER(...) &(struct letter){ .from = "s@remote.example", __VA_ARGS__ }

/* Up to 1 MiB is cut through from memory. */
START_TEST(test_long_held)
{
	uint64_t id;
	int fd;

	next(0, 1);
	id = begin(LETTER(.to = { "a@x" }), &fd);
	send_body(fd, 1, 300000);
	ck_assert_uint_eq(n_jobs, 0);
	commit(id, 300000, "T");
	ck_assert_uint_eq(n_jobs, 1);
	receive_all(&jobs[0], 1);
	done(0, id, 0, OUTCOME_STORED);
	ck_heard(&heard[0], 0, OUTCOME_STORED);
	ck_assert_uint_eq(stats.spooled, 0);
	ck_assert_uint_eq(hold_bytes(), 0);
	close(fd);
}
END_TEST

/* More goes to the spool as it comes. */
START_TEST(test_long_spooled)
{
	uint64_t id;
	int fd;

	next(0, 1);
	id = begin(LETTER(.to = { "a@x" }), &fd);
	send_body(fd, 2, 3000000);
	ck_assert_uint_eq(hold_bytes(), 0);
	commit(id, 3000000, "T");
	ck_heard(&heard[0], 0, OUTCOME_QUEUED);
	crash();
	next(0, 1);
	ck_assert_uint_eq(jobs[n_jobs - 1].size, 3000000 + 37);
	receive_all(&jobs[n_jobs - 1], 2);
	close(fd);
}
END_TEST

/* The bytes may come behind the commit: they are waited for. */
START_TEST(test_commit_first)
{
	uint64_t id;
	int fd;

	id = begin(LETTER(.to = { "a@x" }), &fd);
	commit(id, 5000, "");
	ck_assert(!heard[0].got);
	send_body(fd, 3, 5000);
	ck_heard(&heard[0], 0, OUTCOME_QUEUED);
	close(fd);
}
END_TEST

/* Closed before the commit, or before the answer to it: the abort. */
START_TEST(test_abort)
{
	uint64_t id;
	int fd;

	id = begin(LETTER(.to = { "a@x" }), &fd);
	send_body(fd, 3, 5000);
	close(fd);
	run(5);
	ck_assert_uint_eq(message_count() + intake_count(), 0);
	commit(id, 5000, "");
	ck_assert_int_eq(heard[0].status, WIRE_NONE);

	id = begin(LETTER(.to = { "a@x" }), &fd);
	send_body(fd, 3, 2000000);
	close(fd);
	run(5);
	ck_assert_uint_eq(message_count() + intake_count(), 0);

	next(0, 1);
	id = begin(LETTER(.to = { "a@x" }), &fd);
	send_body(fd, 3, 5000);
	commit(id, 5000, "T");
	ck_assert_uint_eq(message_count(), 1);
	close(fd);
	run(5);
	ck_assert_uint_eq(message_count() + intake_count(), 0);
	ck_assert_int_eq(heard[1].status, WIRE_GONE);
}
END_TEST

/* Another size than was said, and more than is allowed. */
START_TEST(test_wrong_size)
{
	uint64_t id;
	int fd;

	id = begin(LETTER(.to = { "a@x" }), &fd);
	send_body(fd, 3, 5000);
	commit(id, 4999, "");
	ck_assert_int_eq(heard[0].status, WIRE_BAD);
	ck_assert_uint_eq(message_count(), 0);
	close(fd);
	conf.message_max = 100000;
	queue_limits(&conf);
	id = begin(LETTER(.to = { "a@x" }), &fd);
	send_body(fd, 3, 200000);
	commit(id, 200000, "");
	ck_assert_int_eq(heard[1].status, WIRE_BAD);
	ck_assert_uint_eq(message_count(), 0);
	close(fd);
}
END_TEST

/* The session is lost and the message begun again: same id, by its token,
   though each begin got one of its own. */
START_TEST(test_long_retry)
{
	uint64_t id, again;
	int fd;

	next(0, 2);
	id = begin(LETTER(.to = { "a@x" }), &fd);
	send_body(fd, 1, 100000);
	commit(id, 100000, "T");
	hang_up(&smtpd);
	close(fd);
	smtpd = connect_as(ROLE_SMTPD);
	run(5);
	again = begin(LETTER(.to = { "a@x" }), &fd);
	ck_assert_uint_ne(id, again);
	send_body(fd, 1, 100000);
	commit(again, 100000, "T");
	ck_assert_uint_eq(n_jobs, 2);
	ck_assert_uint_eq(jobs[1].id, id);
	done(0, id, 0, OUTCOME_STORED);
	ck_heard(&heard[1], 0, OUTCOME_STORED);
	ck_assert_uint_eq(heard[1].id, id);
	close(fd);
}
END_TEST

/* 100 long bodies leave at once through small socket buffers; nobody waits
   for another, and one reader that goes away stops only its own. */
START_TEST(test_hundred_bodies)
{
	enum { N = 100, SIZE = 200000 };
	static size_t at[N];
	size_t open = 0;
	int fd;

	for (unsigned i = 0; i < N; i++) {
		uint64_t id = begin(LETTER(.to = { "a@x" }), &fd);

		send_body(fd, i, SIZE);
		commit(id, SIZE, "");
		ck_heard(&heard[i], 0, OUTCOME_QUEUED);
		close(fd);
	}
	next(0, N);
	for (int round = 0; n_jobs < N && round < 400; round++)
		run(2);
	ck_assert_uint_eq(n_jobs, N);
	ck_assert_uint_eq(body_count(), N);
	close(jobs[5].fd);
	jobs[5].fd = 0;
	memset(at, 0, sizeof at);
	for (int round = 0; round < 400; round++) {
		open = 0;
		for (unsigned i = 0; i < N; i++)
			if (jobs[i].fd > 0 && at[i] < jobs[i].size)
				open += !receive(&jobs[i], i, &at[i]);
		if (open == 0)
			break;
		run(1);
	}
	ck_assert_uint_eq(open, 0);
	for (unsigned i = 0; i < N; i++)
		ck_assert(i == 5 || at[i] == SIZE + 37);
	run(5);
	ck_assert_uint_eq(body_count(), 0);
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_long_held);
	tcase_add_test(t, test_long_spooled);
	tcase_add_test(t, test_commit_first);
	tcase_add_test(t, test_abort);
	tcase_add_test(t, test_wrong_size);
	tcase_add_test(t, test_long_retry);
	tcase_add_test(t, test_hundred_bodies);
}

int
main(void)
{
	return suite_run("queue long", add);
}
