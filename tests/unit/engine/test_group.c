/*
 * Group commit: what comes together is synced together, a full disk is met
 * before it is full, and an engine nobody uses does nothing.
 */
#include "unit/engine/bench.h"

static struct engine	*e;

static void
setup(void)
{
	loop_ready();
	folder_new();
	e = file_open(1 << 20);
}

static void
teardown(void)
{
	engine_close(e);
	folder_remove();
}

static void
put(uint64_t unit, uint32_t n, struct kept *k, uint64_t blob)
{
	struct key key;
	struct txn *t = txn_begin(e, unit);

	txn_put(t, ENGINE_ROWS, key_of(&key, unit, n), SLICE("value"), blob);
	txn_commit(t, keep_status, k);
}

/* One group, one sync, for all that came in one turn. */
START_TEST(together)
{
	struct kept k = { 0 };
	struct slice s = SLICE("body");

	for (uint32_t i = 0; i < 64; i++) {
		uint64_t number = blob_add(e, &s, 1);

		put(i, 1, &k, number);
		blob_release(e, number);
	}
	run_until(&k.n, 64);
	ck_assert_uint_eq(figures_of(e).groups, 1);
	ck_assert_uint_eq(figures_of(e).syncs, 1);
	ck_assert_uint_eq(figures_of(e).commits, 64);
	ck_assert_uint_eq(figures_of(e).sequence, 128);
}
END_TEST

struct more {
	struct kept	 done;
	unsigned	 left;
};

static void
next(void *arg, enum engine_status status)
{
	struct more *m = arg;

	ck_assert_int_eq(status, ENGINE_OK);
	m->done.n++;
	if (m->left > 0) {
		struct key key;
		struct txn *t = txn_begin(e, 1);

		txn_put(t, ENGINE_ROWS, key_of(&key, 1, m->left--),
		    SLICE("x"), 0);
		txn_commit(t, next, m);
	}
}

/* With n outstanding a sync serves many; with one, one. */
START_TEST(gathers)
{
	struct more m = { .left = 1000 };

	for (int i = 0; i < 50; i++)
		next(&m, ENGINE_OK);
	run_until(&m.done.n, 1050);
	ck_assert_uint_le(figures_of(e).syncs, 80);
}
END_TEST

/* Many segments: each group lies in one, also one larger than a segment. */
START_TEST(segments)
{
	static char value[200000];
	struct kept k = { 0 };
	struct buf got = { 0 };
	struct key key;

	engine_close(e);
	e = file_open(64 << 10);
	for (uint32_t i = 0; i < 30; i++) {
		struct txn *t = txn_begin(e, 1);

		memset(value, (int)i, sizeof value);
		txn_put(t, ENGINE_SIDE, key_of(&key, 1, i),
		    slice_of(value, i % 3 == 0 ? sizeof value : 20000), 0);
		txn_commit(t, keep_status, &k);
		if (i % 4 == 0)
			run_until(&k.n, i + 1);
	}
	run_until(&k.n, 30);
	ck_assert_uint_ge(figures_of(e).segments, 5);
	engine_close(e);
	part_remove("index");
	e = file_open(64 << 10);
	for (uint32_t i = 0; i < 30; i++) {
		buf_clear(&got);
		ck_assert_int_eq(engine_get(e, ENGINE_SIDE, key_of(&key, 1, i),
		    &got, NULL), ENGINE_OK);
		ck_assert_uint_eq(got.n, i % 3 == 0 ? sizeof value : 20000);
		ck_assert_int_eq(got.p[got.n - 1], (char)i);
	}
	buf_free(&got);
}
END_TEST

/* A folder of 20,000 messages filled and emptied, each by one txn, also when
   it is replayed: more rows than one transaction of the index holds. */
START_TEST(long_txns)
{
	enum { MANY = 20000 };
	struct slice s = SLICE("body");
	uint64_t number = blob_add(e, &s, 1), size;
	struct txn *t = txn_begin(e, 1);
	struct key key, end;

	for (uint32_t i = 0; i < MANY; i++)
		txn_put(t, i % 2 == 0 ? ENGINE_ROWS : ENGINE_SIDE,
		    key_of(&key, 1, i), SLICE("v"), number);
	ck_assert_int_eq(commit_wait(t), ENGINE_OK);
	blob_release(e, number);
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(engine_get(e, ENGINE_SIDE, key_of(&key, 1,
		    MANY - 1), NULL, NULL), ENGINE_OK);
		ck_assert_int_eq(blob_size(e, number, &size), ENGINE_OK);
		engine_close(e);
		part_remove("index");
		e = file_open(1 << 20);
	}
	t = txn_begin(e, 1);
	txn_delrange(t, key_of(&key, 1, 1), key_of(&end, 1, MANY));
	txn_put(t, ENGINE_ROWS, key_of(&key, 1, 7), SLICE("left"), 0);
	ck_assert_int_eq(commit_wait(t), ENGINE_OK);
	for (int round = 0; round < 2; round++) {
		ck_assert_str_eq(get_text(e, 1, 0), "v");
		ck_assert_str_eq(get_text(e, 1, 7), "left");
		ck_assert_str_eq(get_text(e, 1, MANY - 2), "-");
		ck_assert_int_eq(blob_size(e, number, &size), ENGINE_OK);
		engine_close(e);
		part_remove("index");
		e = file_open(1 << 20);
	}
	del_wait(e, 1, 0);
	ck_assert_int_eq(blob_size(e, number, &size), ENGINE_NONE);
}
END_TEST

struct later {
	struct timer	 timer;
	struct kept	*k;
	uint32_t	 n;
};

static void
put_later(struct timer *t)
{
	struct later *l = CONTAINER(t, struct later, timer);

	put(1, l->n, l->k, 0);
}

/* Two commits, the second 20 ms after the first, which without `linger` is
   durable by then; how many groups that makes. */
static uint64_t
groups_of_two(uint64_t linger)
{
	struct engine_conf conf = { .dir = folder, .cache = 1 << 20,
		.segment = 1 << 20, .readers = 1, .linger = linger };
	struct kept k = { 0 };
	struct later l = { .timer = { .fire = put_later }, .k = &k, .n = 2 };

	engine_close(e);
	e = engine_open_file(&conf);
	put(1, 1, &k, 0);
	if (linger == 0)
		run_until(&k.n, 1);
	timer_set(&l.timer, loop_clock() + 20);
	run_until(&k.n, 2);
	return figures_of(e).groups;
}

/* No timer gathers commits, unless one was asked for. */
START_TEST(linger)
{
	ck_assert_uint_eq(groups_of_two(0), 2);
	ck_assert_uint_eq(groups_of_two(1000), 1);
}
END_TEST

/* What is large goes at once, and nobody waits for company at the end. */
START_TEST(linger_is_short)
{
	static char value[ENGINE_VALUE_MAX];
	struct engine_conf conf = { .dir = folder, .cache = 1 << 20,
		.segment = 4 << 20, .readers = 1, .linger = 60 * 1000 };
	uint64_t begun = loop_clock();
	struct kept k = { 0 };
	struct key key;

	engine_close(e);
	e = engine_open_file(&conf);
	for (uint32_t i = 0; i < 5; i++) {
		struct txn *t = txn_begin(e, 1);

		txn_put(t, ENGINE_SIDE, key_of(&key, 1, i),
		    slice_of(value, sizeof value), 0);
		txn_commit(t, keep_status, &k);
	}
	run_until(&k.n, 5);
	put(1, 9, &k, 0);
	engine_close(e);
	ck_assert_uint_eq(k.n, 6);
	ck_assert_uint_lt(loop_clock() - begun, conf.linger / 2);
	e = file_open(1 << 20);
	ck_assert_str_eq(get_text(e, 1, 9), "value");
}
END_TEST

/* Below the floor nothing grows, deletes go on, answers keep their order. */
START_TEST(full)
{
	struct engine_conf conf = { .dir = folder, .cache = 1 << 20,
		.segment = 1 << 20, .readers = 1, .floor = UINT64_MAX / 2 };
	struct kept ok = { 0 }, no = { 0 };
	struct slice s = SLICE("body");
	struct txn *t;
	struct key key;

	put_wait(e, 1, 1, "one", 0);
	engine_close(e);
	e = engine_open_file(&conf);
	ck_assert(!engine_room(e, 1));
	ck_assert_uint_eq(blob_add(e, &s, 1), 0);
	ck_assert_ptr_null(blob_begin(e));
	t = txn_begin(e, 1);
	txn_del(t, ENGINE_ROWS, key_of(&key, 1, 1));
	txn_commit(t, keep_status, &ok);
	put(1, 2, &no, 0);
	ck_assert_uint_eq(no.n, 0);
	run_until(&no.n, 1);
	ck_assert_uint_eq(ok.n, 1);
	ck_assert_int_eq(ok.status, ENGINE_OK);
	ck_assert_int_eq(no.status, ENGINE_FULL);
	ck_assert_str_eq(get_text(e, 1, 1), "-");
	ck_assert_str_eq(get_text(e, 1, 2), "-");
}
END_TEST

/* A checkpoint answers, and after it a start replays nothing. */
START_TEST(checkpoint)
{
	struct kept k = { 0 };

	for (uint32_t i = 0; i < 20; i++)
		put_wait(e, 1, i, "x", 0);
	engine_checkpoint(e, keep_status, &k);
	engine_checkpoint(e, keep_status, &k);
	run_until(&k.n, 2);
	ck_assert_int_eq(k.status, ENGINE_OK);
	engine_close(e);
	e = file_open(1 << 20);
	ck_assert_uint_eq(figures_of(e).replayed, 0);
	ck_assert_uint_eq(figures_of(e).sequence, 20);
}
END_TEST

static void
fired(struct timer *t)
{
	(void)t;
	loop_stop();
}

/* A quiet time in which nothing may be written. */
START_TEST(idle)
{
	struct kept k = { 0 };
	struct timer end = { .fire = fired };
	struct stat before, after;
	char path[128];

	put_wait(e, 1, 1, "x", 0);
	engine_checkpoint(e, keep_status, &k);
	run_until(&k.n, 1);
	snprintf(path, sizeof path, "%s/index/log.0000000001", folder);
	ck_assert_int_eq(stat(path, &before), 0);
	timer_set(&end, loop_clock() + 700);
	loop_run();
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_int_eq(memcmp(&before.st_mtim, &after.st_mtim,
	    sizeof before.st_mtim), 0);
	ck_assert_uint_eq(figures_of(e).syncs, 1);
}
END_TEST

/* Closing answers what is in flight. */
START_TEST(close_answers)
{
	struct kept k = { 0 };

	put(1, 1, &k, 0);
	put(1, 2, &k, 0);
	engine_close(e);
	ck_assert_uint_eq(k.n, 2);
	e = file_open(1 << 20);
	ck_assert_str_eq(get_text(e, 1, 2), "value");
}
END_TEST

/* The mem engine fails, delays and crashes when told to. */
START_TEST(mem_faults)
{
	struct kept k = { 0 };
	struct engine *file = e;

	e = engine_open_mem();
	engine_mem_fault(e, ENGINE_FENCED, 1, 1);
	put(1, 1, &k, 0);
	put(1, 2, &k, 0);
	run_until(&k.n, 2);
	ck_assert_int_eq(k.status, ENGINE_FENCED);
	ck_assert_str_eq(get_text(e, 1, 1), "value");
	ck_assert_str_eq(get_text(e, 1, 2), "-");
	engine_mem_hold(e, true);
	put(1, 3, &k, 0);
	engine_mem_crash(e);
	put(1, 4, &k, 0);
	run_until(&k.n, 3);
	ck_assert_str_eq(get_text(e, 1, 3), "-");
	ck_assert_str_eq(get_text(e, 1, 4), "value");
	engine_mem_fault(e, ENGINE_FULL, 0, 1);
	ck_assert(!engine_room(e, 1));
	engine_close(e);
	e = file;
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("group");
	TCase *t = tcase_create("group");

	log_init("test", LOG_ERROR);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, together);
	tcase_add_test(t, gathers);
	tcase_add_test(t, segments);
	tcase_add_test(t, long_txns);
	tcase_add_test(t, linger);
	tcase_add_test(t, linger_is_short);
	tcase_add_test(t, full);
	tcase_add_test(t, checkpoint);
	tcase_add_test(t, idle);
	tcase_add_test(t, close_answers);
	tcase_add_test(t, mem_faults);
	suite_add_tcase(s, t);
	return bench_end(s);
}
