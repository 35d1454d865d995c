/* A check finds each kind of damage, says where it is, and finds nothing where
   there is none; a distrusted index is made anew. */
#include "unit/engine/checks.h"

#include <fcntl.h>
#include <glob.h>

static struct engine	*e;

static void
put(uint32_t from, uint32_t to)
{
	struct kept k = { 0 };
	unsigned n = 0;

	for (uint32_t i = from; i < to; i++) {
		struct key key;
		struct slice bytes = SLICE("the bytes of a message");
		uint64_t blob = blob_add(e, &bytes, 1);
		struct txn *t = txn_begin(e, 7);

		txn_put(t, ENGINE_ROWS, key_of(&key, 7, i), SLICE("row"), blob);
		txn_put(t, ENGINE_SIDE, key_of(&key, 7, i), SLICE("side"), 0);
		txn_commit(t, keep_status, &k);
		blob_release(e, blob);
		n++;
	}
	run_until(&k.n, n);
	ck_assert_int_eq(k.status, ENGINE_OK);
}

static void
got_number(void *arg, enum engine_status status, uint64_t number)
{
	ck_assert_int_eq(status, ENGINE_OK);
	*(uint64_t *)arg = number;
}

/* A blob in a file of its own. */
static void
put_long(uint32_t n)
{
	static char piece[256 << 10];
	struct blob *b = blob_begin(e);
	struct kept k = { 0 };
	struct txn *t;
	struct key key;
	uint64_t number = 0;

	memset(piece, 'x', sizeof piece);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(blob_write(b, slice_of(piece, sizeof piece)),
		    ENGINE_OK);
	blob_end(b, got_number, &number);
	while (number == 0) {
		struct kept turn = { 0 };

		engine_checkpoint(e, keep_status, &turn);
		run_until(&turn.n, 1);
	}
	t = txn_begin(e, 7);
	txn_put(t, ENGINE_ROWS, key_of(&key, 7, n), SLICE("long"), number);
	txn_commit(t, keep_status, &k);
	run_until(&k.n, 1);
	blob_release(e, number);
}

/* The file of this pattern below the folder's log; the last, if many. */
static int
file_named(const char *pattern)
{
	char path[200];
	glob_t g;
	int fd;

	snprintf(path, sizeof path, "%s/log/%s", folder, pattern);
	ck_assert_int_eq(glob(path, 0, NULL, &g), 0);
	fd = open(g.gl_pathv[g.gl_pathc - 1], O_RDWR);
	ck_assert_int_ge(fd, 0);
	globfree(&g);
	return fd;
}

static void
flip(const char *pattern, off_t at)
{
	int fd = file_named(pattern);
	char c;

	ck_assert_int_eq(pread(fd, &c, 1, at), 1);
	c = (char)(c ^ 4);
	ck_assert_int_eq(pwrite(fd, &c, 1, at), 1);
	close(fd);
}

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

/* More rows than one part has; some deleted, some replaced. */
START_TEST(nothing_wrong)
{
	struct kept k = { 0 };
	struct key key;
	struct txn *t;

	put(0, 2500);
	put(100, 200);
	put_long(9000);
	t = txn_begin(e, 7);
	txn_del(t, ENGINE_ROWS, key_of(&key, 7, 5));
	txn_commit(t, keep_status, &k);
	run_until(&k.n, 1);
	check_all(e, false);
	ck_assert_uint_eq(check_faults, 0);
	ck_assert_uint_eq(check_rows, 2500 - 1 + 1 + 2500);
	ck_assert_uint_eq(check_bytes, 0);
	ck_assert_uint_gt(check_parts, 5);
	check_all(e, true);
	ck_assert_uint_eq(check_faults, 0);
	ck_assert_uint_gt(check_bytes, 2500 * 22);
}
END_TEST

/* A byte of a record: only reading it tells.  What follows is looked at. */
START_TEST(damaged_record)
{
	put(0, 500);
	flip("s0*", 8192 + 48 + 3);
	flip("s0*", 8192 + 48 + 20000);
	check_all(e, false);
	ck_assert_uint_eq(check_faults, 0);
	check_all(e, true);
	ck_assert_uint_eq(check_faults, 2);
	ck_assert_int_eq((int)check_first.kind, ENGINE_FAULT_LOG);
	ck_assert_uint_eq(check_first.offset, 8192);
	ck_assert_uint_eq(check_first.bytes, 48 + 24);
}
END_TEST

START_TEST(damaged_file)
{
	put_long(1);
	flip("b*", 70000);
	check_all(e, false);
	ck_assert_uint_eq(check_faults, 0);
	check_all(e, true);
	ck_assert_uint_eq(check_faults, 1);
	ck_assert_int_eq((int)check_first.kind, ENGINE_FAULT_BLOB);
}
END_TEST

/* A file that is too short, or gone, is seen without reading. */
START_TEST(missing_file)
{
	char path[300];
	int fd;

	put_long(1);
	fd = file_named("b*");
	ck_assert_int_eq(ftruncate(fd, 1000), 0);
	close(fd);
	check_all(e, false);
	ck_assert_uint_eq(check_faults, 1);
	ck_assert_int_eq((int)check_first.kind, ENGINE_FAULT_BLOB);
	ck_assert_uint_eq(check_first.unit, 7);
	snprintf(path, sizeof path, "rm %s/log/b*", folder);
	ck_assert_int_eq(system(path), 0);
	check_all(e, false);
	ck_assert_uint_eq(check_faults, 1);
}
END_TEST

/* Where a part begins is taken from outside: any bytes end well. */
START_TEST(any_place)
{
	static const struct slice places[] = { SLICE("L"), SLICE("Lxx"),
		SLICE("R"), SLICE("S\xff\xff\xff\xff\xff\xff\xff\xff"),
		SLICE("zz"), SLICE("L\xff\xff\xff\xff\xff\xff\xff\xff"
		    "\0\0\0\1\0\0\0\0\0\0\x20\x07") };

	put(0, 10);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		unsigned n = 0;

		check_parts = 0;
		check_part.full = true;
		check_part.done = check_done;
		buf_clear(&check_part.at);
		buf_slice(&check_part.at, places[i]);
		do {
			engine_check(e, &check_part);
			run_until(&check_parts, ++n);
		} while (check_part.at.n > 0);
		buf_free(&check_part.at);
	}
}
END_TEST

START_TEST(distrusted)
{
	struct engine_figures f;
	struct key key;

	put(0, 100);
	engine_distrust(e);
	engine_close(e);
	e = file_open(1 << 20);
	engine_figures(e, &f);
	ck_assert(f.rebuilt);
	ck_assert_int_eq(engine_get(e, ENGINE_ROWS, key_of(&key, 7, 99), NULL,
	    NULL), ENGINE_OK);
	engine_close(e);
	e = file_open(1 << 20);
	engine_figures(e, &f);
	ck_assert(!f.rebuilt);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("check");
	TCase *t = tcase_create("check");

	log_init("test", LOG_ERROR);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, nothing_wrong);
	tcase_add_test(t, damaged_record);
	tcase_add_test(t, damaged_file);
	tcase_add_test(t, missing_file);
	tcase_add_test(t, any_place);
	tcase_add_test(t, distrusted);
	suite_add_tcase(s, t);
	return bench_end(s);
}
