/*
 * What engine.h promises, of each implementation alike.
 */
#include "unit/engine/bench.h"

static bool		 mem;
static struct engine	*e;

static void
setup(void)
{
	loop_ready();
	if (!mem)
		folder_new();
	e = mem ? engine_open_mem() : file_open(1 << 20);
}

static void
teardown(void)
{
	engine_close(e);
	folder_remove();
}

/* Nothing is visible before its commit is answered. */
START_TEST(visible_when_answered)
{
	struct key k;
	struct kept done = { 0 };
	struct txn *t = txn_begin(e, 7);

	txn_put(t, ENGINE_ROWS, key_of(&k, 7, 1), SLICE("one"), 0);
	txn_put(t, ENGINE_SIDE, key_of(&k, 7, 1), SLICE("side"), 0);
	txn_commit(t, keep_status, &done);
	ck_assert_uint_eq(done.n, 0);
	ck_assert_str_eq(get_text(e, 7, 1), "-");
	run_until(&done.n, 1);
	ck_assert_int_eq(done.status, ENGINE_OK);
	ck_assert_str_eq(get_text(e, 7, 1), "one");
	ck_assert_int_eq(engine_get(e, ENGINE_SIDE, key_of(&k, 7, 2), NULL,
	    NULL), ENGINE_NONE);
	ck_assert_int_eq(engine_get(e, ENGINE_SIDE, key_of(&k, 7, 1), NULL,
	    NULL), ENGINE_OK);
}
END_TEST

/* A txn is applied in its own order; the last word counts. */
START_TEST(order_within)
{
	struct key k;
	struct txn *t = txn_begin(e, 1);
	struct slice key = key_of(&k, 1, 5);

	txn_put(t, ENGINE_ROWS, key, SLICE("a"), 0);
	txn_del(t, ENGINE_ROWS, key);
	txn_put(t, ENGINE_ROWS, key, SLICE("b"), 0);
	txn_put(t, ENGINE_ROWS, key, SLICE(""), 0);
	txn_del(t, ENGINE_ROWS, key_of(&k, 1, 6));
	ck_assert_int_eq(commit_wait(t), ENGINE_OK);
	ck_assert_str_eq(get_text(e, 1, 5), "");
}
END_TEST

static unsigned	order[64], orders;

static void
note_order(void *arg, enum engine_status status)
{
	ck_assert_int_eq(status, ENGINE_OK);
	order[orders++] = *(unsigned *)arg;
}

/* Callbacks come in the order of the commits, empty txns and settles too. */
START_TEST(answers_in_order)
{
	static unsigned names[40];
	struct key k;

	orders = 0;
	for (unsigned i = 0; i < 40; i++) {
		struct txn *t = txn_begin(e, i % 3);

		names[i] = i;
		if (i % 5 != 0)
			txn_put(t, ENGINE_ROWS, key_of(&k, i % 3, i),
			    SLICE("x"), 0);
		if (i % 7 == 6) {
			txn_drop(t);
			engine_settle(e, (i - 1) % 3, note_order, &names[i]);
		} else {
			txn_commit(t, note_order, &names[i]);
		}
	}
	run_until(&orders, 40);
	for (unsigned i = 0; i < 40; i++)
		ck_assert_uint_eq(order[i], i);
}
END_TEST

/* Settle answers at once if nothing of that unit is in flight. */
START_TEST(settle)
{
	struct key k;
	struct kept done = { 0 }, other = { 0 }, same = { 0 };
	struct txn *t = txn_begin(e, 4);

	txn_put(t, ENGINE_ROWS, key_of(&k, 4, 1), SLICE("v"), 0);
	txn_commit(t, keep_status, &done);
	engine_settle(e, 5, keep_status, &other);
	ck_assert_uint_eq(other.n, 1);
	engine_settle(e, 4, keep_status, &same);
	ck_assert_uint_eq(same.n, 0);
	run_until(&same.n, 1);
	ck_assert_uint_eq(done.n, 1);
	ck_assert_str_eq(get_text(e, 4, 1), "v");
	engine_settle(e, 4, keep_status, &same);
	ck_assert_uint_eq(same.n, 2);
}
END_TEST

static uint32_t	seen[4096];
static unsigned	n_seen, most;

static bool
see(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	(void)arg;
	(void)blob;
	ck_assert_uint_eq(value.n, 3);
	seen[n_seen++] = be32_get(key.p + 9);
	return n_seen < most;
}

static void
fill(uint64_t unit, uint32_t n)
{
	struct txn *t = txn_begin(e, unit);
	struct key k;

	for (uint32_t i = 0; i < n; i++)
		txn_put(t, ENGINE_ROWS, key_of(&k, unit, i * 2), SLICE("abc"),
		    0);
	ck_assert_int_eq(commit_wait(t), ENGINE_OK);
}

static enum engine_status
scan(uint64_t unit, uint32_t from, uint32_t to, bool back, unsigned limit)
{
	struct key a, b;

	n_seen = 0;
	most = limit;
	return (back ? engine_scan_back : engine_scan)(e, ENGINE_ROWS,
	    key_of(&a, unit, from), key_of(&b, unit, to), see, NULL);
}

/* Scans walk from <= key < to in order, forwards and backwards. */
START_TEST(scans)
{
	fill(1, 10);
	fill(2, 2000);
	fill(3, 10);
	ck_assert_int_eq(scan(2, 0, 4000, false, 9999), ENGINE_OK);
	ck_assert_uint_eq(n_seen, 2000);
	for (uint32_t i = 0; i < 2000; i++)
		ck_assert_uint_eq(seen[i], i * 2);
	ck_assert_int_eq(scan(2, 0, 4000, true, 9999), ENGINE_OK);
	ck_assert_uint_eq(n_seen, 2000);
	for (uint32_t i = 0; i < 2000; i++)
		ck_assert_uint_eq(seen[i], 3998 - i * 2);
	ck_assert_int_eq(scan(2, 10, 14, false, 9999), ENGINE_OK);
	ck_assert_uint_eq(n_seen, 2);
	ck_assert_int_eq(scan(2, 9, 14, true, 9999), ENGINE_OK);
	ck_assert_uint_eq(n_seen, 2);
	ck_assert_uint_eq(seen[0], 12);
	ck_assert_int_eq(scan(2, 11, 12, false, 9999), ENGINE_NONE);
	ck_assert_int_eq(scan(2, 11, 12, true, 9999), ENGINE_NONE);
	ck_assert_int_eq(scan(2, 14, 10, false, 9999), ENGINE_NONE);
	ck_assert_int_eq(scan(4, 0, 9, true, 9999), ENGINE_NONE);
	ck_assert_int_eq(scan(3, 0, UINT32_MAX, true, 3), ENGINE_OK);
	ck_assert_uint_eq(n_seen, 3);
	ck_assert_uint_eq(seen[0], 18);
	ck_assert_int_eq(scan(1, 0, UINT32_MAX, false, 3), ENGINE_OK);
	ck_assert_uint_eq(seen[2], 4);
}
END_TEST

/* delrange takes both spaces, one unit at most, and nothing outside. */
START_TEST(delrange)
{
	struct key a, b;
	struct txn *t;
	char next[8];

	fill(1, 10);
	fill(2, 10);
	t = txn_begin(e, 1);
	txn_put(t, ENGINE_SIDE, key_of(&a, 1, 4), SLICE("s"), 0);
	ck_assert_int_eq(commit_wait(t), ENGINE_OK);
	t = txn_begin(e, 1);
	txn_delrange(t, key_of(&a, 1, 4), key_of(&b, 1, 8));
	txn_put(t, ENGINE_ROWS, key_of(&a, 1, 6), SLICE("new"), 0);
	ck_assert_int_eq(commit_wait(t), ENGINE_OK);
	ck_assert_str_eq(get_text(e, 1, 2), "abc");
	ck_assert_str_eq(get_text(e, 1, 4), "-");
	ck_assert_str_eq(get_text(e, 1, 6), "new");
	ck_assert_str_eq(get_text(e, 1, 8), "abc");
	ck_assert_int_eq(engine_get(e, ENGINE_SIDE, key_of(&a, 1, 4), NULL,
	    NULL), ENGINE_NONE);
	t = txn_begin(e, 1);
	be64_put(next, 2);
	txn_delrange(t, key_of(&a, 1, 0), slice_of(next, 8));
	ck_assert_int_eq(commit_wait(t), ENGINE_OK);
	ck_assert_int_eq(scan(1, 0, UINT32_MAX, false, 99), ENGINE_NONE);
	ck_assert_int_eq(scan(2, 0, UINT32_MAX, false, 99), ENGINE_OK);
	ck_assert_uint_eq(n_seen, 10);
}
END_TEST

/* Keys and values at their limits. */
START_TEST(limits)
{
	static char key[ENGINE_KEY_MAX], value[ENGINE_VALUE_MAX];
	struct txn *t = txn_begin(e, 9);
	struct buf out = { 0 };

	memset(key, 0xff, sizeof key);
	memset(value, 'v', sizeof value);
	be64_put(key, 9);
	txn_put(t, ENGINE_SIDE, slice_of(key, sizeof key),
	    slice_of(value, sizeof value), 0);
	txn_put(t, ENGINE_SIDE, slice_of(key, 8), SLICE(""), 0);
	ck_assert_int_eq(commit_wait(t), ENGINE_OK);
	ck_assert_int_eq(engine_get(e, ENGINE_SIDE, slice_of(key, sizeof key),
	    &out, NULL), ENGINE_OK);
	ck_assert_uint_eq(out.n, sizeof value);
	ck_assert_mem_eq(out.p, value, sizeof value);
	n_seen = 0;
	buf_clear(&out);
	ck_assert_int_eq(engine_get(e, ENGINE_SIDE, slice_of(key, 8), &out,
	    NULL), ENGINE_OK);
	ck_assert_uint_eq(out.n, 0);
	buf_free(&out);
}
END_TEST

/* A blob lives while it is held or named, and no longer. */
START_TEST(blob_life)
{
	struct buf out = { 0 };
	struct slice parts[2] = { SLICE("Hello "), SLICE("world") };
	uint64_t size = 0, number = blob_add(e, parts, 2);

	ck_assert_uint_ne(number, 0);
	ck_assert_int_eq(blob_size(e, number, &size), ENGINE_OK);
	ck_assert_uint_eq(size, 11);
	put_wait(e, 1, 1, "row", number);
	blob_release(e, number);
	ck_assert_uint_eq(get_blob(e, 1, 1), number);
	ck_assert_int_eq(read_wait(e, number, &out), ENGINE_OK);
	ck_assert_str_eq(buf_cstr(&out), "Hello world");
	/* A second row names it, the first lets go. */
	put_wait(e, 2, 1, "copy", number);
	put_wait(e, 1, 1, "row", 0);
	ck_assert_int_eq(read_wait(e, number, &out), ENGINE_OK);
	del_wait(e, 2, 1);
	ck_assert_int_eq(read_wait(e, number, &out), ENGINE_NONE);
	ck_assert_int_eq(blob_size(e, number, &size), ENGINE_NONE);
	buf_free(&out);
}
END_TEST

/* Held without a row it lives; released it dies, before or after a commit. */
START_TEST(blob_held)
{
	struct buf out = { 0 };
	struct slice s = SLICE("bytes");
	uint64_t early = blob_add(e, &s, 1), late = blob_add(e, &s, 1);

	ck_assert_uint_ne(early, late);
	blob_release(e, early);
	put_wait(e, 1, 1, "x", 0);
	ck_assert_int_eq(read_wait(e, early, &out), ENGINE_NONE);
	ck_assert_int_eq(read_wait(e, late, &out), ENGINE_OK);
	put_wait(e, 1, 2, "x", late);
	del_wait(e, 1, 2);
	ck_assert_int_eq(read_wait(e, late, &out), ENGINE_OK);
	blob_release(e, late);
	ck_assert_int_eq(read_wait(e, late, &out), ENGINE_NONE);
	buf_free(&out);
}
END_TEST

/* A put in flight keeps a blob whose last row is being deleted before it. */
START_TEST(blob_copied_in_flight)
{
	struct buf out = { 0 };
	struct slice s = SLICE("bytes");
	uint64_t number = blob_add(e, &s, 1);
	struct key k;
	struct kept done = { 0 };
	struct txn *t;

	put_wait(e, 1, 1, "x", number);
	blob_release(e, number);
	t = txn_begin(e, 1);
	txn_del(t, ENGINE_ROWS, key_of(&k, 1, 1));
	txn_commit(t, keep_status, &done);
	t = txn_begin(e, 2);
	txn_put(t, ENGINE_ROWS, key_of(&k, 2, 1), SLICE("copy"), number);
	txn_commit(t, keep_status, &done);
	run_until(&done.n, 2);
	ck_assert_int_eq(read_wait(e, number, &out), ENGINE_OK);
	del_wait(e, 2, 1);
	ck_assert_int_eq(read_wait(e, number, &out), ENGINE_NONE);
	buf_free(&out);
}
END_TEST

struct ended {
	unsigned		 n;
	enum engine_status	 status;
	uint64_t		 number;
};

static void
keep_number(void *arg, enum engine_status status, uint64_t number)
{
	struct ended *k = arg;

	k->n++;
	k->status = status;
	k->number = number;
}

static uint64_t
stream(unsigned seed, size_t length)
{
	struct ended k = { 0 };
	struct blob *b = blob_begin(e);
	struct buf bytes = { 0 };

	bytes_make(&bytes, seed, length);
	for (size_t at = 0; at < length; at += 70000)
		ck_assert_int_eq(blob_write(b, slice_take(slice_drop(
		    buf_view(&bytes), at), 70000)), ENGINE_OK);
	blob_end(b, keep_number, &k);
	run_until(&k.n, 1);
	ck_assert_int_eq(k.status, ENGINE_OK);
	buf_free(&bytes);
	return k.number;
}

static void
stream_check(uint64_t number, unsigned seed, size_t length)
{
	struct buf bytes = { 0 }, out = { 0 };

	bytes_make(&bytes, seed, length);
	ck_assert_int_eq(read_wait(e, number, &out), ENGINE_OK);
	ck_assert_uint_eq(out.n, length);
	ck_assert(slice_eq(buf_view(&out), buf_view(&bytes)));
	buf_free(&bytes);
	buf_free(&out);
}

/* Streamed blobs of all sizes, around the limit and far above it. */
START_TEST(blob_streams)
{
	static const size_t sizes[] = { 0, 1, 262144, 262145,
		ENGINE_INLINE_MAX - 1, ENGINE_INLINE_MAX,
		ENGINE_INLINE_MAX + 1, 5000000 };
	uint64_t n[8];

	for (unsigned i = 0; i < 8; i++) {
		n[i] = stream(i, sizes[i]);
		stream_check(n[i], i, sizes[i]);
		put_wait(e, 1, i, "m", n[i]);
		blob_release(e, n[i]);
	}
	for (unsigned i = 0; i < 8; i++)
		stream_check(n[i], i, sizes[i]);
	blob_drop(blob_begin(e));
	struct blob *b = blob_begin(e);
	struct buf bytes = { 0 };
	bytes_make(&bytes, 1, 3000000);
	ck_assert_int_eq(blob_write(b, buf_view(&bytes)), ENGINE_OK);
	blob_drop(b);
	buf_free(&bytes);
}
END_TEST

/* A read at an offset, and past the end. */
START_TEST(blob_parts)
{
	struct slice s = SLICE("0123456789");
	uint64_t number = blob_add(e, &s, 1);
	struct got g = { 0 };

	for (unsigned i = 0; i < 2; i++) {
		g = (struct got){ 0 };
		blob_read(e, number, 4, 3, keep_bytes, &g);
		run_until(&g.n, 1);
		ck_assert_str_eq(buf_cstr(&g.bytes), "456");
		blob_read(e, number, 8, 99, keep_bytes, &g);
		run_until(&g.n, 2);
		ck_assert_str_eq(buf_cstr(&g.bytes), "45689");
		blob_read(e, number, 11, 5, keep_bytes, &g);
		run_until(&g.n, 3);
		ck_assert_int_eq(g.status, ENGINE_OK);
		ck_assert_str_eq(buf_cstr(&g.bytes), "45689");
		buf_free(&g.bytes);
		put_wait(e, 1, 1, "x", number);	/* and once it is durable */
	}
	blob_read(e, number + 99, 0, 5, keep_bytes, &g);
	ck_assert_int_eq(g.status, ENGINE_NONE);
	buf_free(&g.bytes);
	blob_release(e, number);
}
END_TEST

struct chain {
	unsigned	 n;
};

static void
chain_next(void *arg, enum engine_status status)
{
	struct chain *c = arg;
	struct key k;
	struct txn *t;

	ck_assert_int_eq(status, ENGINE_OK);
	if (++c->n > 50)
		return;
	/* What was answered can be read. */
	if (c->n > 1)
		ck_assert_str_eq(get_text(e, 3, c->n - 1), "link");
	t = txn_begin(e, 3);
	txn_put(t, ENGINE_ROWS, key_of(&k, 3, c->n), SLICE("link"), 0);
	txn_commit(t, chain_next, c);
}

/* A callback may commit, read and settle. */
START_TEST(commit_in_callback)
{
	struct chain c = { 0 };

	txn_commit(txn_begin(e, 3), chain_next, &c);
	run_until(&c.n, 51);
}
END_TEST

/* A shard on a local disk is ours. */
START_TEST(shard)
{
	ck_assert_int_eq(engine_acquire(e, 1), ENGINE_OK);
	ck_assert_uint_eq(engine_deadline(e, 1), 0);
	engine_release(e, 1);
	ck_assert(engine_room(e, 1000));
}
END_TEST

static TCase *
suite_case(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, visible_when_answered);
	tcase_add_test(t, order_within);
	tcase_add_test(t, answers_in_order);
	tcase_add_test(t, settle);
	tcase_add_test(t, scans);
	tcase_add_test(t, delrange);
	tcase_add_test(t, limits);
	tcase_add_test(t, blob_life);
	tcase_add_test(t, blob_held);
	tcase_add_test(t, blob_copied_in_flight);
	tcase_add_test(t, blob_streams);
	tcase_add_test(t, blob_parts);
	tcase_add_test(t, commit_in_callback);
	tcase_add_test(t, shard);
	return t;
}

int
main(void)
{
	int failed = 0;

	log_init("test", LOG_WARN);
	for (int i = 0; i < 2; i++) {
		Suite *s = suite_create(i == 0 ? "mem" : "file");

		mem = i == 0;
		suite_add_tcase(s, suite_case("conform"));
		failed |= bench_end(s);
	}
	return failed;
}
