/*
 * The same random txns into the mem and the file engine: both must hold the
 * same, also after a restart, without an index, after compaction, and in an
 * engine that was filled from an export.
 */
#include "unit/engine/checks.h"

enum { UNITS = 5, NUMBERS = 40, STEPS = 1500 };

static struct engine	*model, *e;

/* A blob in both, or in neither; numbers differ. */
struct twin {
	uint64_t	 m, f;
};

struct ended {
	unsigned	 n;
	uint64_t	 number;
};

static void
keep_number(void *arg, enum engine_status status, uint64_t number)
{
	struct ended *k = arg;

	ck_assert_int_eq(status, ENGINE_OK);
	k->n++;
	k->number = number;
}

/* Too long for a record. */
static uint64_t
stream(struct engine *x, struct slice s)
{
	struct ended k = { 0 };
	struct blob *b = blob_begin(x);

	ck_assert_int_eq(blob_write(b, s), ENGINE_OK);
	blob_end(b, keep_number, &k);
	run_until(&k.n, 1);
	return k.number;
}

static struct twin
twin_new(void)
{
	struct twin t = { 0, 0 };
	struct buf bytes = { 0 };
	struct slice s;

	if (random_below(3) == 0)
		return t;
	if (random_below(200) == 0) {
		bytes_make(&bytes, random_below(1000), 1100000);
		t.m = stream(model, buf_view(&bytes));
		t.f = stream(e, buf_view(&bytes));
		buf_free(&bytes);
		return t;
	}
	bytes_make(&bytes, random_below(1000), random_below(20) == 0 ?
	    200000 : random_below(6000));
	s = buf_view(&bytes);
	t.m = blob_add(model, &s, 1);
	t.f = blob_add(e, &s, 1);
	buf_free(&bytes);
	return t;
}

/* The blob of a row that both have, as a copy takes it. */
static struct twin
twin_of(uint64_t unit, uint32_t n)
{
	return (struct twin){ get_blob(model, unit, n),
		get_blob(e, unit, n) };
}

static void
one_op(struct txn *a, struct txn *b, uint64_t unit, const struct twin *blob)
{
	struct key k, l;
	uint32_t n = random_below(NUMBERS);
	enum engine_space space = random_below(4) == 0 ? ENGINE_SIDE :
	    ENGINE_ROWS;
	char value[32];

	switch (random_below(8)) {
	case 0:
		txn_delrange(a, key_of(&k, unit, n), key_of(&l, unit, n + 9));
		txn_delrange(b, key_of(&k, unit, n), key_of(&l, unit, n + 9));
		break;
	case 1:
	case 2:
		txn_del(a, space, key_of(&k, unit, n));
		txn_del(b, space, key_of(&k, unit, n));
		break;
	default:
		snprintf(value, sizeof value, "v%u", random_below(100000));
		txn_put(a, space, key_of(&k, unit, n), slice_str(value),
		    blob->m);
		txn_put(b, space, key_of(&k, unit, n), slice_str(value),
		    blob->f);
	}
}

/* Compaction that goes on while txns come in. */
static bool		 beside;
static struct kept	 slices;
static unsigned		 slices_begun;

static void
compact_beside(void)
{
	if (!beside || slices.n < slices_begun)
		return;
	slices_begun++;
	engine_compact(e, 20000, keep_status, &slices);
}

/* The rows alone, which is fast enough to do often. */
static void
same_rows(void)
{
	struct buf a = dump_rows(model, NULL), b = dump_rows(e, NULL);

	ck_assert(slice_eq(buf_view(&a), buf_view(&b)));
	buf_free(&a);
	buf_free(&b);
}

static void
steps(unsigned n)
{
	struct kept am = { 0 }, af = { 0 };
	unsigned sent = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t unit = random_below(UNITS);
		struct txn *a = txn_begin(model, unit);
		struct txn *b = txn_begin(e, unit);
		bool copy = random_below(4) == 0 && am.n == sent &&
		    af.n == sent;
		struct twin blob = copy ? twin_of(random_below(UNITS),
		    random_below(NUMBERS)) : twin_new();

		for (unsigned ops = 1 + random_below(4); ops > 0; ops--)
			one_op(a, b, unit, &blob);
		compact_beside();
		txn_commit(a, keep_status, &am);
		txn_commit(b, keep_status, &af);
		sent++;
		if (!copy && blob.m != 0) {
			blob_release(model, blob.m);
			blob_release(e, blob.f);
		}
		if (random_below(3) == 0) {
			run_until(&am.n, sent);
			run_until(&af.n, sent);
			if (beside)
				same_rows();
		}
	}
	run_until(&am.n, sent);
	run_until(&af.n, sent);
}

static void
same(void)
{
	struct buf expected = dump(model);

	dump_check(e, &expected);
	buf_free(&expected);
}

static void
reopen(void)
{
	engine_close(e);
	e = file_open(256 << 10);
}

static void
compact_all(void)
{
	struct kept k = { 0 };

	do {
		engine_compact(e, 100000, keep_status, &k);
		run_until(&k.n, k.n + (k.status == ENGINE_NONE ? 0 : 1));
	} while (k.status == ENGINE_OK);
	ck_assert_int_eq(k.status, ENGINE_NONE);
}

static void
setup(void)
{
	loop_ready();
	folder_new();
	model = engine_open_mem();
	e = file_open(256 << 10);
}

static void
teardown(void)
{
	engine_close(e);
	engine_close(model);
	folder_remove();
}

START_TEST(serving)
{
	steps(STEPS);
	same();
	reopen();
	ck_assert_uint_eq(figures_of(e).replayed, 0);
	same();
	steps(STEPS);
	same();
}
END_TEST

/* The index is derived: without it nothing is lost. */
START_TEST(rebuilt)
{
	steps(STEPS);
	engine_close(e);
	part_remove("index");
	e = file_open(256 << 10);
	ck_assert(figures_of(e).rebuilt);
	same();
	steps(500);
	same();
}
END_TEST

/* Compaction loses nothing and brings nothing back; the figures are true. */
START_TEST(compacted)
{
	for (int round = 0; round < 4; round++) {
		steps(STEPS / 2);
		compact_all();
		same();
		ck_assert_uint_le(figures_of(e).dead, figures_of(e).live +
		    (2 * 256 << 10));
		engine_close(e);
		if (round % 2 == 1)
			part_remove("index");
		e = file_open(256 << 10);
		same();
	}
}
END_TEST

/* Compaction beside commits to the same rows. */
START_TEST(compacted_while_serving)
{
	steps(500);
	beside = true;
	steps(2 * STEPS);
	beside = false;
	run_until(&slices.n, slices_begun);
	ck_assert_uint_gt(slices.n, 100);
	same();
	compact_all();
	same();
	engine_close(e);
	part_remove("index");
	e = file_open(256 << 10);
	same();
}
END_TEST

static bool
carry(void *arg, uint64_t sequence, struct slice record)
{
	struct buf *all = arg;
	char n[4];

	(void)sequence;
	be32_put(n, (uint32_t)record.n);
	buf_add(all, n, 4);
	buf_slice(all, record);
	return true;
}

/* An export makes the same engine elsewhere, and again from there. */
START_TEST(exported)
{
	struct buf all = { 0 };
	struct slice s;
	steps(STEPS);
	compact_all();
	steps(200);
	ck_assert_int_eq(engine_export(e, 0, carry, &all), ENGINE_OK);
	engine_close(e);
	folder_new();
	e = file_open(256 << 10);
	for (s = buf_view(&all); s.n > 0;) {
		size_t n = be32_get(s.p);

		ck_assert_int_eq(engine_import(e, slice_take(slice_drop(s, 4),
		    n)), ENGINE_OK);
		s = slice_drop(s, n + 4);
	}
	reopen();
	same();
	steps(200);
	same();
	buf_free(&all);
}
END_TEST

START_TEST(checked)
{
	struct kept k = { 0 };

	check_all(e, true);
	ck_assert_uint_eq(check_faults, 0);
	steps(500);
	check_all(e, true);
	ck_assert_uint_eq(check_faults, 0);
	compact_all();
	check_all(e, true);
	ck_assert_uint_eq(check_faults, 0);
	engine_checkpoint(e, keep_status, &k);
	run_until(&k.n, 1);
	ck_assert_int_eq(k.status, ENGINE_OK);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("model");
	TCase *t = tcase_create("model");

	log_init("test", LOG_ERROR);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, serving);
	tcase_add_test(t, rebuilt);
	tcase_add_test(t, compacted);
	tcase_add_test(t, compacted_while_serving);
	tcase_add_test(t, exported);
	tcase_add_test(t, checked);
	suite_add_tcase(s, t);
	return bench_end(s);
}
