/* Long messages: their bytes pass through mda once, to each store that needs
   them, at the pace of the slowest (architecture.md sections 4 and 6). */
#include "tests/unit/mda/world.h"

enum { BIG = 10 * 1024 * 1024 };

/* A body on its way out of the fake queue. */
struct source {
	struct watch	 watch;
	uint64_t	 at, size, ends;
	bool		 header;
};

static void
source_ready(struct watch *w, unsigned events)
{
	struct source *s = CONTAINER(w, struct source, watch);
	static const char top[] = "Delivered-To: old@a\r\n\r\n";
	char piece[8192];
	uint64_t left = s->ends - s->at;
	size_t n = left < sizeof piece ? (size_t)left : sizeof piece;
	ssize_t sent;

	(void)events;
	for (size_t i = 0; i < n; i++)
		piece[i] = s->header && s->at + i < sizeof top - 1 ?
		    top[s->at + i] : pattern(s->at + i);
	sent = send(w->fd, piece, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent > 0)
		s->at += (uint64_t)sent;
	if (s->at == s->ends || (sent < 0 && errno != EAGAIN)) {
		loop_del(w);
		close(w->fd);
		w->fd = -1;
	}
}

/* Offers a long message; its results get the numbers from `first` on. */
static void
give_long(struct source *s, unsigned first, unsigned n,
    const char *const *addresses, uint64_t size, uint64_t ends)
{
	struct wire_due due[MOST];
	int fds[2], small = SMALL_BUFFER;

	ck_assert_int_eq(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds));
	for (int i = 0; i < 2; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small,
		    sizeof small);
	for (unsigned i = 0; i < n; i++)
		due[i] = (struct wire_due){ .number = first + i,
			.address = slice_str(addresses[i]) };
	*s = (struct source){ .header = s->header, .watch = { .fd = fds[1],
		.ready = source_ready }, .size = size, .ends = ends };
	ck_assert(loop_add(&s->watch, LOOP_OUT, false));
	give(&(struct queue_next_out){ .fd = fds[0], .id = 77 + first,
	    .size = size, .recipients = due, .n_recipients = n });
}

/* The source lies on a test's stack: it must have ended. */
static void
source_over(struct source *s)
{
	while (s->watch.fd >= 0)
		loop_run();
}

/* 4 x 10 MB at once, each to two stores, one of them slow: all of it whole,
   parsed once, and small mail passes meanwhile. */
START_TEST(four_at_once)
{
	const char *const both[] = { "ann@a", "eve@a" };
	struct source s[4] = { 0 };

	setup();
	BOOK({ "ann@a", USER(5, 0) }, { "eve@a", USER(6, 1) });
	for (unsigned i = 0; i < 4; i++)
		give_long(&s[i], 2 * i + 1, 2, both, BIG + i, BIG + i);
	SEND(MESSAGE, "ann@a");
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
	wait_done(1 + 4 * 2);
	for (unsigned i = 0; i < 4; i++)
		source_over(&s[i]);
	for (unsigned i = 1; i <= 8; i++)
		ck_assert_uint_eq(OUTCOME_STORED, results[i].outcome);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(4, stores[i].bodies);
		ck_assert_uint_eq(0, stores[i].wrong);
		ck_assert_uint_ge(stores[i].number, 1001);
		ck_assert_uint_eq(0, stores[i].body.n);
	}
}
END_TEST

/* The slowest sets the pace, nobody is dropped for it. */
START_TEST(slow_store)
{
	const char *const both[] = { "ann@a", "eve@a" };
	struct source s = { 0 };

	setup();
	BOOK({ "ann@a", USER(5, 0) }, { "eve@a", USER(6, 1) });
	stores[1].pace = 2;
	give_long(&s, 0, 2, both, 1000000, 1000000);
	wait_done(2);
	source_over(&s);
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
	ck_assert_uint_eq(OUTCOME_STORED, results[1].outcome);
	ck_assert_uint_eq(0, stores[0].wrong + stores[1].wrong);
}
END_TEST

/* One store dies in the middle: its copy is LATER, the other's is stored. */
START_TEST(store_dies)
{
	const char *const both[] = { "ann@a", "eve@a" };
	struct source s = { 0 };

	setup();
	BOOK({ "ann@a", USER(5, 0) }, { "eve@a", USER(6, 1) });
	stores[0].dies_after = 200000;
	give_long(&s, 0, 2, both, 1000000, 1000000);
	wait_done(2);
	source_over(&s);
	ck_assert_uint_eq(OUTCOME_LATER, results[0].outcome);
	ck_assert_uint_eq(OUTCOME_STORED, results[1].outcome);
	ck_assert_uint_eq(0, stores[0].appends);
	ck_assert_uint_eq(1, stores[1].appends);
}
END_TEST

/* A body that breaks off is no message. */
START_TEST(queue_dies)
{
	const char *const one[] = { "ann@a" };
	struct source s = { 0 };

	setup();
	BOOK({ "ann@a", USER(5, 0) });
	give_long(&s, 0, 1, one, 1000000, 300000);
	wait_done(1);
	source_over(&s);
	ck_assert_uint_eq(OUTCOME_LATER, results[0].outcome);
	ck_assert_uint_eq(0, stores[0].appends);
}
END_TEST

/* Of a long message for an alias only the header is read; without a whole one
   there is no forwarding it. */
START_TEST(alias_long)
{
	const char *const some[] = { "all@a", "old@a" };
	struct source s = { 0 };

	setup();
	BOOK({ "all@a", ALIAS }, { "old@a", ALIAS });
	s.header = true;
	give_long(&s, 0, 2, some, 1000000, 1000000);
	wait_done(2);
	source_over(&s);
	ck_assert_uint_eq(OUTCOME_BECAME, results[0].outcome);
	ck_assert_uint_eq(OUTCOME_REFUSED, results[1].outcome);
	ck_assert_uint_lt(s.at, 500000);
	setup();
	s.header = false;
	give_long(&s, 0, 1, some, 1000000, 20000);
	wait_done(1);
	source_over(&s);
	ck_assert_uint_eq(OUTCOME_LATER, results[0].outcome);
	ck_assert_uint_eq(0, results[0].n_became);
}
END_TEST

/* Nobody wants the bytes: they are not even read. */
START_TEST(long_for_nobody)
{
	const char *const one[] = { "nobody@a" };
	struct source s = { 0 };

	setup();
	give_long(&s, 0, 1, one, 1000000, 1000000);
	wait_done(1);
	source_over(&s);
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_assert_uint_eq(0, stores[0].bodies);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, alias_long);
	tcase_add_test(t, four_at_once);
	tcase_add_test(t, slow_store);
	tcase_add_test(t, store_dies);
	tcase_add_test(t, queue_dies);
	tcase_add_test(t, long_for_nobody);
}

int
main(void)
{
	return world_run("body", add);
}
