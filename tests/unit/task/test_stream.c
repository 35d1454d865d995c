/* A long body on its way: what arrives, and when it counts (stream.h). */
#include <check.h>
#include <unistd.h>

#include "common/task/stream.h"
#include "common/task/task.h"
#include "tests/unit/suite.h"

enum { PIECE = 64 * 1024, PIECES = 64 };

static struct stream	st;
static struct link	*nobody;	/* never connected: no answers */
static struct conn	*store;
static uint64_t		 arrived;
static bool		 stops_early;

static void
setup(void)
{
	loop_init();
	task_init();
	if (nobody == NULL)
		nobody = link_new(ROLE_STORE, 0, LINK_LASTING);
	arrived = 0;
	stops_early = false;
}

static void
stop_when_alone(void)
{
	if (task_count() == 0)
		loop_stop();
}

static void
run(void (*sender)(void *))
{
	ck_assert(task_spawn("sender", sender, NULL));
	loop_hook(LOOP_AFTER, stop_when_alone);
	loop_run();
}

static void
unasked(void *arg, enum wire_status status, const void *out)
{
	(void)arg, (void)status, (void)out;
}

/* Store, as the other end sees it. */
static void
take(void *arg)
{
	(void)arg;
	for (;;) {
		struct slice s = conn_read_some(store, PIECE);

		arrived += s.n;
		if (s.n == 0 || stops_early)
			break;
	}
	conn_close(store);
}

static void
begin(void)
{
	struct store_body_in in = { .size = 1 };
	int fd = stream_open(&st, 5000);

	ck_assert_int_gt(fd, 0);
	store = conn_new(fd, "mda");
	st.call = link_call(nobody, WIRE_store_body, &in, 0, unasked, NULL);
	ck_assert(task_spawn("store", take, NULL));
}

static void
write_pieces(int n)
{
	static char piece[PIECE];

	while (n-- > 0)
		stream_write(&st, (struct slice){ piece, sizeof piece });
}

static void
answer_late(void *arg)
{
	struct call *call = st.call;

	(void)arg;
	ck_assert(task_sleep("a while", 50) || !task_cancelled());
	link_forget(call);
	stream_answered(&st, 7);
}

static void
send_all(void *arg)
{
	(void)arg;
	begin();
	write_pieces(PIECES);
	ck_assert(task_spawn("answer", answer_late, NULL));
	stream_close(&st, true);
	ck_assert_uint_eq(st.number, 7);
}

/* More than a socket holds arrives, and the end waits for the answer. */
START_TEST(test_whole)
{
	setup();
	run(send_all);
	ck_assert_uint_eq(arrived, (uint64_t)PIECE * PIECES);
}
END_TEST

static void
send_to_deaf(void *arg)
{
	(void)arg;
	begin();
	write_pieces(PIECES);
	stream_close(&st, true);	/* no answer comes, nor is awaited */
	ck_assert_uint_eq(st.number, 0);
}

/* A store that breaks off: the stream is lost, and that is the end of it. */
START_TEST(test_broken)
{
	setup();
	stops_early = true;
	run(send_to_deaf);
	ck_assert_uint_lt(arrived, (uint64_t)PIECE * PIECES);
}
END_TEST

static void
send_half(void *arg)
{
	(void)arg;
	begin();
	write_pieces(1);
	stream_close(&st, false);
	ck_assert_uint_eq(st.number, 0);
}

/* A body that did not come to its end is not waited for, and store sees so. */
START_TEST(test_half)
{
	setup();
	run(send_half);
	ck_assert_uint_eq(arrived, PIECE);
}
END_TEST

static void
send_refused(void *arg)
{
	struct call *call;

	(void)arg;
	begin();
	write_pieces(1);
	call = st.call;
	stream_answered(&st, 0);
	link_forget(call);
	write_pieces(PIECES);
	stream_close(&st, true);
	ck_assert_uint_eq(st.number, 0);
}

/* Once the call has failed nothing more is written. */
START_TEST(test_refused)
{
	setup();
	run(send_refused);
	ck_assert_uint_eq(arrived, PIECE);
}
END_TEST

static void
send_away(void *arg)
{
	(void)arg;
	ck_assert_int_eq(stream_open(&st, 0), 0);
	write_pieces(2);
	stream_close(&st, true);
	ck_assert_uint_eq(st.number, 0);
}

/* A store known to be away: everything may be called, nothing happens. */
START_TEST(test_away)
{
	setup();
	run(send_away);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, test_whole);
	tcase_add_test(t, test_broken);
	tcase_add_test(t, test_half);
	tcase_add_test(t, test_refused);
	tcase_add_test(t, test_away);
}

int
main(void)
{
	return suite_run("stream", add);
}
