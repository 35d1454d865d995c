/*
 * A full disk: mail is refused before any write fails, deletes go on, the
 * index writes into its reserve, nothing accepted is lost, and all is well
 * again when there is room.  The disk is a number here (disk.h).
 * DUR-5, DUR-1.
 */
#include "unit/engine/bench.h"

#include <errno.h>
#include <fcntl.h>

#include "common/engine/disk.h"
#include "common/engine/reserve.h"

enum { SEGMENT = 256 << 10, FLOOR = 3 << 20, RESERVE = 8 << 20,
	STEP = 256 << 10, PLENTY = 1 << 30 };

static struct engine	*e;
static struct disk	 real;
static uint64_t		 room;		/* what writes of the index may take */
static uint64_t		 was;		/* of the reserve */
static unsigned		 failures;	/* of writes */
static uint64_t		 free_bytes;
static bool		 allocates;
static uint64_t		 largest;	/* if not: that still fits */

static uint64_t
size_of(const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* What the reserve gives back is what there is. */
static ssize_t
write_full(int fd, const void *p, size_t n)
{
	uint64_t now = size_of("log/reserve");

	if (now < was)
		room += was - now;
	was = now;
	if (room == 0) {
		failures++;
		errno = ENOSPC;
		return -1;
	}
	if (n > room)
		n = room;
	room -= n;
	return write(fd, p, n);
}

static uint64_t
free_told(int fd)
{
	(void)fd;
	return free_bytes;
}

static int
allocate_some(int fd, uint64_t size)
{
	if (allocates || size <= largest)
		return real.allocate(fd, size);
	errno = ENOSPC;
	return -1;
}

static void
open_engine(void)
{
	const struct engine_conf conf = { .dir = folder, .cache = 4 << 20,
		.segment = SEGMENT, .readers = 1, .floor = FLOOR };

	e = engine_open_file(&conf);
}

static void
setup(void)
{
	loop_ready();
	folder_new();
	free_bytes = PLENTY;
	allocates = true;
	failures = 0;
	disk.free = free_told;
	disk.allocate = allocate_some;
	open_engine();
}

static void
teardown(void)
{
	disk = real;
}

/* The disk has no free block; the index may write this much besides. */
static void
disk_fill(uint64_t left)
{
	free_bytes = 0;
	allocates = false;
	largest = 0;
	room = left;
	was = size_of("log/reserve");
	disk.write = write_full;
}

static void
disk_clear(void)
{
	free_bytes = PLENTY;
	allocates = true;
	disk.write = real.write;
}

static enum engine_status
put(uint64_t unit, uint32_t n, uint64_t blob)
{
	struct key k;
	struct txn *t = txn_begin(e, unit);

	txn_put(t, ENGINE_ROWS, key_of(&k, unit, n), SLICE("row"), blob);
	return commit_wait(t);
}

static enum engine_status
mail(uint32_t n, size_t bytes)
{
	struct buf b = { 0 };
	struct slice s;
	uint64_t blob;
	enum engine_status status;

	bytes_make(&b, n, bytes);
	s = buf_view(&b);
	blob = blob_add(e, &s, 1);
	status = blob == 0 ? ENGINE_FULL : put(1, n, blob);
	if (blob != 0)
		blob_release(e, blob);
	buf_free(&b);
	return status;
}

static void
mail_check(uint32_t n, size_t bytes)
{
	struct buf want = { 0 }, got = { 0 };

	bytes_make(&want, n, bytes);
	ck_assert_int_eq(read_wait(e, get_blob(e, 1, n), &got), ENGINE_OK);
	ck_assert(slice_eq(buf_view(&got), buf_view(&want)));
	buf_free(&want);
	buf_free(&got);
}

static void
flush_wait(void)
{
	struct kept k = { 0 };

	engine_checkpoint(e, keep_status, &k);
	run_until(&k.n, 1);
	ck_assert_int_eq(k.status, ENGINE_OK);
}

START_TEST(below_the_floor_mail_waits_and_deletes_go_on)
{
	struct key k;
	struct txn *t;

	ck_assert_int_eq(mail(1, 1000), ENGINE_OK);
	free_bytes = FLOOR + SEGMENT;
	ck_assert(engine_room(e, 1000));
	free_bytes = FLOOR - 1;
	ck_assert(!engine_room(e, 0));
	ck_assert_int_eq(mail(2, 1000), ENGINE_FULL);
	ck_assert_int_eq(put(1, 2, 0), ENGINE_FULL);
	t = txn_begin(e, 1);
	txn_put(t, ENGINE_ROWS, key_of(&k, 1, 3), SLICE("a count"), 0);
	txn_small(t);
	ck_assert_int_eq(commit_wait(t), ENGINE_OK);
	del_wait(e, 1, 1);
	ck_assert_str_eq(get_text(e, 1, 1), "-");
	ck_assert_str_eq(get_text(e, 1, 3), "a count");
	free_bytes = PLENTY;
	ck_assert_int_eq(mail(2, 1000), ENGINE_OK);
	/* A reload sets it anew. */
	engine_floor(e, PLENTY + 1);
	ck_assert(!engine_room(e, 0));
	engine_floor(e, FLOOR);
	ck_assert(engine_room(e, 0));
	engine_close(e);
}
END_TEST

/* A new segment is taken whole: it must not come out of the floor. */
START_TEST(a_segment_that_must_be_made_counts)
{
	ck_assert_int_eq(mail(1, 1000), ENGINE_OK);
	free_bytes = FLOOR + SEGMENT - 1;
	ck_assert(engine_room(e, 1000));
	ck_assert(!engine_room(e, SEGMENT));
	engine_close(e);
}
END_TEST

START_TEST(the_index_writes_into_its_reserve)
{
	ck_assert_uint_eq(size_of("log/reserve"), RESERVE);
	for (uint32_t i = 1; i <= 20; i++)
		ck_assert_int_eq(mail(i, 1000), ENGINE_OK);
	disk_fill(0);
	flush_wait();
	ck_assert_uint_gt(failures, 0);
	ck_assert_uint_lt(size_of("log/reserve"), RESERVE);
	ck_assert_uint_ge(size_of("log/reserve"), RESERVE / 2);
	ck_assert(!reserve_failed());
	ck_assert_int_eq(mail(21, 10), ENGINE_FULL);
	for (uint32_t i = 1; i <= 10; i++)
		del_wait(e, 1, i);
	flush_wait();
	mail_check(11, 1000);
	/* Room, but not for all that was given up: mail still waits. */
	free_bytes = FLOOR + RESERVE;
	ck_assert_int_eq(mail(21, 10), ENGINE_FULL);
	disk_clear();
	ck_assert_int_eq(mail(21, 10), ENGINE_OK);
	ck_assert_uint_eq(size_of("log/reserve"), RESERVE);
	engine_close(e);
}
END_TEST

/* Also the start after a crash: the recovery of Berkeley DB writes. */
START_TEST(it_starts_on_a_full_disk)
{
	for (uint32_t i = 1; i <= 20; i++)
		ck_assert_int_eq(mail(i, 1000), ENGINE_OK);
	engine_close(e);
	disk_fill(0);
	open_engine();
	ck_assert(!figures_of(e).rebuilt);
	ck_assert_uint_gt(failures, 0);
	for (uint32_t i = 1; i <= 20; i++)
		mail_check(i, 1000);
	ck_assert_int_eq(mail(21, 1000), ENGINE_FULL);
	del_wait(e, 1, 20);
	engine_close(e);
	disk_clear();
	open_engine();
	ck_assert_str_eq(get_text(e, 1, 20), "-");
	ck_assert_int_eq(mail(21, 1000), ENGINE_OK);
	engine_close(e);
}
END_TEST

/* Half of it is for pages that are not yet written. */
START_TEST(deletes_end_at_half_of_the_reserve)
{
	struct key k;
	struct txn *t;
	char path[128];

	ck_assert_int_eq(mail(1, 1000), ENGINE_OK);
	engine_close(e);
	snprintf(path, sizeof path, "%s/log/reserve", folder);
	ck_assert_int_eq(truncate(path, RESERVE / 2 - 1), 0);
	free_bytes = 0;
	open_engine();
	t = txn_begin(e, 1);
	txn_del(t, ENGINE_ROWS, key_of(&k, 1, 1));
	ck_assert_int_eq(commit_wait(t), ENGINE_FULL);
	free_bytes = PLENTY;
	del_wait(e, 1, 1);
	engine_close(e);
}
END_TEST

static struct txn *
deletion(uint32_t n)
{
	struct txn *t = txn_begin(e, 1);
	struct key k;

	txn_del(t, ENGINE_ROWS, key_of(&k, 1, n));
	return t;
}

static uint64_t
blob_make(unsigned seed, size_t n)
{
	struct buf b = { 0 };
	struct slice s;
	uint64_t blob;

	bytes_make(&b, seed, n);
	s = buf_view(&b);
	blob = blob_add(e, &s, 1);
	ck_assert_uint_ne(blob, 0);
	buf_free(&b);
	return blob;
}

static struct txn *
naming(uint32_t n, uint64_t blob)
{
	struct txn *t = txn_begin(e, 1);
	struct key k;

	txn_put(t, ENGINE_ROWS, key_of(&k, 1, n), SLICE("row"), blob);
	return t;
}

static unsigned		 order[8], answers;

static void
note(void *arg, enum engine_status status)
{
	order[answers++] = *(unsigned *)arg * 10 + status;
}

/* There was room a moment ago.  What grows is FULL, what frees is done, in
   the order of the commits, and the blobs of that group are nobody's. */
START_TEST(no_room_for_a_new_segment)
{
	unsigned names[] = { 0, 1, 2, 3, 4 };
	uint64_t lost;

	for (uint32_t i = 1; i <= 3; i++)
		ck_assert_int_eq(mail(i, 50000), ENGINE_OK);
	allocates = false;
	largest = SEGMENT / 2;
	answers = 0;
	lost = blob_make(4, SEGMENT);
	txn_commit(deletion(1), note, &names[1]);
	txn_commit(naming(4, lost), note, &names[2]);
	txn_commit(deletion(2), note, &names[3]);
	engine_settle(e, 1, note, &names[4]);
	run_until(&answers, 4);
	ck_assert_uint_eq(order[0], 10 + ENGINE_OK);
	ck_assert_uint_eq(order[1], 20 + ENGINE_FULL);
	ck_assert_uint_eq(order[2], 30 + ENGINE_OK);
	ck_assert_uint_eq(order[3], 40 + ENGINE_OK);
	ck_assert_int_eq(commit_wait(naming(5, lost)), ENGINE_FULL);
	blob_release(e, lost);
	ck_assert_str_eq(get_text(e, 1, 1), "-");
	ck_assert_str_eq(get_text(e, 1, 4), "-");
	allocates = true;
	ck_assert_int_eq(mail(6, SEGMENT), ENGINE_OK);
	engine_close(e);
	open_engine();
	ck_assert_uint_eq(figures_of(e).quarantined, 0);
	ck_assert_str_eq(get_text(e, 1, 2), "-");
	mail_check(3, 50000);
	mail_check(6, SEGMENT);
	engine_close(e);
}
END_TEST

/* Not even for a small one: then deletes are FULL as well, and what fits into
   the segment that is there goes on. */
START_TEST(no_room_for_any_segment)
{
	struct txn *many = txn_begin(e, 1);
	struct key k;

	ck_assert_int_eq(mail(1, 200000), ENGINE_OK);
	flush_wait();		/* what is made ahead is there by then */
	part_remove("log/spare");
	part_remove("log/next");
	allocates = false;
	largest = 0;
	for (uint32_t i = 0; i < 6000; i++)
		txn_del(many, ENGINE_ROWS, key_of(&k, 1, i));
	ck_assert_int_eq(commit_wait(many), ENGINE_FULL);
	ck_assert_int_eq(mail(2, 100000), ENGINE_FULL);
	mail_check(1, 200000);
	ck_assert_int_eq(mail(3, 1000), ENGINE_OK);
	ck_assert_int_eq(commit_wait(deletion(1)), ENGINE_OK);
	engine_close(e);
	open_engine();
	ck_assert_str_eq(get_text(e, 1, 1), "-");
	mail_check(3, 1000);
	engine_close(e);
}
END_TEST

/* A long blob whose record found no room leaves no file. */
START_TEST(a_long_blob_without_room_is_gone)
{
	struct buf b = { 0 };
	struct blob *blob = blob_begin(e);

	ck_assert_int_eq(mail(1, 1000), ENGINE_OK);
	bytes_make(&b, 7, ENGINE_INLINE_MAX + 10);
	ck_assert_int_eq(blob_write(blob, buf_view(&b)), ENGINE_OK);
	free_bytes = FLOOR - 1;
	ck_assert_int_eq(blob_write(blob, SLICE("x")), ENGINE_FULL);
	blob_drop(blob);
	ck_assert_ptr_null(blob_begin(e));
	ck_assert_uint_eq(size_of("log/t0000000000000002"), 0);
	buf_free(&b);
	engine_close(e);
}
END_TEST

/* The rest of a log file, zeroed by recovery, takes no blocks. */
START_TEST(zeros_within_a_file_are_holes)
{
	static const char zeros[64 << 10];
	char path[128];
	struct stat st;
	int fd;

	engine_close(e);
	snprintf(path, sizeof path, "%s/zeros", folder);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(ftruncate(fd, sizeof zeros), 0);
	ck_assert_int_eq(reserve_write(fd, zeros, sizeof zeros), sizeof zeros);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_blocks, 0);
	ck_assert_int_eq(st.st_size, sizeof zeros);
	ck_assert_int_eq(reserve_write(fd, "end", 3), 3);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, sizeof zeros + 3);
	/* Behind the end they make it longer. */
	ck_assert_int_eq(reserve_write(fd, zeros, sizeof zeros), sizeof zeros);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, 2 * sizeof zeros + 3);
	close(fd);
}
END_TEST

/* The last one: what failed is remembered for the life of the process. */
START_TEST(a_reserve_that_is_used_up)
{
	struct reserve r;
	static char bytes[2 * STEP] = { 1 };
	char path[128];
	int dir, fd;

	engine_close(e);
	snprintf(path, sizeof path, "%s/log", folder);
	dir = open(path, O_RDONLY | O_DIRECTORY);
	unlinkat(dir, "reserve", 0);
	reserve_open(&r, dir, 4 * STEP);
	ck_assert(!reserve_is_whole(&r));
	ck_assert(reserve_fill(&r));
	ck_assert_uint_eq(size_of("log/reserve"), 4 * STEP);
	disk_fill(0);
	fd = openat(dir, "file", O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(reserve_write(fd, bytes, 2 * STEP), 2 * STEP);
	ck_assert_uint_eq(reserve_left(&r), 2 * STEP);
	ck_assert(!reserve_is_whole(&r));
	ck_assert_int_eq(reserve_write(fd, bytes, 2 * STEP), 2 * STEP);
	ck_assert_uint_eq(reserve_left(&r), 0);
	ck_assert(!reserve_failed());
	ck_assert_int_eq(reserve_write(fd, bytes, 1), -1);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert(reserve_failed());
	ck_assert(!reserve_fill(&r));
	reserve_close(&r);
	close(fd);
	close(dir);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("full");
	TCase *t = tcase_create("full");

	real = disk;
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, below_the_floor_mail_waits_and_deletes_go_on);
	tcase_add_test(t, a_segment_that_must_be_made_counts);
	tcase_add_test(t, the_index_writes_into_its_reserve);
	tcase_add_test(t, it_starts_on_a_full_disk);
	tcase_add_test(t, deletes_end_at_half_of_the_reserve);
	tcase_add_test(t, no_room_for_a_new_segment);
	tcase_add_test(t, no_room_for_any_segment);
	tcase_add_test(t, a_long_blob_without_room_is_gone);
	tcase_add_test(t, zeros_within_a_file_are_holes);
	tcase_add_test(t, a_reserve_that_is_used_up);
	suite_add_tcase(s, t);
	return bench_end(s);
}
