/*
 * Files that are ready before a segment needs them: next is filled while the
 * log is written and only then; a segment that was removed is used again, and
 * what it held before is nobody's, after a crash as well.
 * DUR-1, DUR-2, DUR-5.
 */
#include "unit/engine/bench.h"

#include <errno.h>
#include <fcntl.h>

#include "common/engine/disk.h"
#include "common/engine/record.h"
#include "common/engine/segment.h"

enum { SEGMENT = 256 << 10, BLOB = 5000, NONE = -1 };

static struct engine	*e;
static struct disk	 real;
static unsigned		 zeros;		/* bytes written */
static int		 zero_error;	/* 0: they may */

static ssize_t
zero_count(int fd, const void *p, size_t n, off_t at)
{
	if (zero_error != 0) {
		errno = zero_error;
		return -1;
	}
	zeros += (unsigned)n;
	return real.zero(fd, p, n, at);
}

static uint64_t
free_none(int fd)
{
	(void)fd;
	return 0;
}

static void
setup(void)
{
	loop_ready();
	folder_new();
	zeros = 0;
	zero_error = 0;
	disk.zero = zero_count;
	e = file_open(SEGMENT);
}

static void
teardown(void)
{
	disk = real;
	folder_remove();
}

static int
part_open(const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s/log/%s", folder, name);
	return open(path, O_RDWR | O_CLOEXEC);
}

static bool
is_there(const char *name)
{
	int fd = part_open(name);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void
ring(struct timer *t)
{
	(void)t;
	loop_stop();
}

static void
wait_ms(uint64_t ms)
{
	struct timer t = { .fire = ring };

	timer_set(&t, loop_clock() + ms);
	loop_run();
}

/* Row n of unit 1 with its bytes. */
static void
mail(uint32_t n)
{
	struct buf b = { 0 };
	struct slice s;
	uint64_t blob;

	bytes_make(&b, n, BLOB);
	s = buf_view(&b);
	blob = blob_add(e, &s, 1);
	put_wait(e, 1, n, "row", blob);
	blob_release(e, blob);
	buf_free(&b);
}

static void
mail_check(uint32_t n)
{
	struct buf want = { 0 }, got = { 0 };

	bytes_make(&want, n, BLOB);
	ck_assert_int_eq(read_wait(e, get_blob(e, 1, n), &got), ENGINE_OK);
	ck_assert(slice_eq(buf_view(&got), buf_view(&want)));
	buf_free(&want);
	buf_free(&got);
}

/* Until so many segments are there; the next free number. */
static uint32_t
mail_until(uint32_t n, uint64_t segments)
{
	while (figures_of(e).segments < segments)
		mail(n++);
	return n;
}

/* What was never written of it. */
static off_t
hole_of(const char *name)
{
	int fd = part_open(name);
	off_t at;

	ck_assert_int_ge(fd, 0);
	at = lseek(fd, 0, SEEK_HOLE);
	close(fd);
	return at;
}

static void
compact_wait(void)
{
	struct kept k;

	do {
		k = (struct kept){ 0 };
		engine_checkpoint(e, keep_status, &k);
		run_until(&k.n, 1);
		k.n = 0;
		engine_compact(e, SEGMENT, keep_status, &k);
		run_until(&k.n, 1);
	} while (k.status == ENGINE_OK);
}

START_TEST(next_is_filled_while_the_log_is_written)
{
	uint32_t n = mail_until(1, 1);
	unsigned before;

	for (; n < 10; n++)
		mail(n);
	wait_ms(300);
	ck_assert(!is_there("next"));
	for (; n < 45; n++)
		mail(n);
	wait_ms(300);
	ck_assert_int_eq(hole_of("next"), SEGMENT);
	ck_assert_uint_eq(zeros, SEGMENT);
	/* Nobody writes, nothing is written. */
	wait_ms(600);
	ck_assert_uint_eq(zeros, SEGMENT);
	n = mail_until(n, 2);
	ck_assert_int_eq(hole_of("s00000002"), SEGMENT);
	/* And what is filled is not filled again by a later life. */
	for (uint32_t i = 0; i < 45; i++)
		mail(n++);
	before = zeros;
	engine_close(e);
	e = file_open(SEGMENT);
	mail(n);
	wait_ms(300);
	ck_assert_uint_eq(zeros, before);
	mail_check(n);
	engine_close(e);
}
END_TEST

/* No direct writes here, or no room for what they change. */
START_TEST(without_it_all_goes_on)
{
	uint32_t n;

	zero_error = _i == 0 ? EINVAL : ENOSPC;
	n = mail_until(1, 4);
	ck_assert_uint_eq(zeros, 0);
	engine_close(e);
	e = file_open(SEGMENT);
	while (--n > 0)
		mail_check(n);
	engine_close(e);
}
END_TEST

/* Rows 1 to the returned one are deleted, and their segment is put aside. */
static uint32_t
segment_kill(void)
{
	uint32_t n = mail_until(1, 2);

	for (uint32_t i = 1; i < n; i++)
		del_wait(e, 1, i);
	compact_wait();
	ck_assert(is_there("used"));
	ck_assert(!is_there("s00000001"));
	return n;
}

/* Until what was put aside is the last segment, with a record in it. */
static uint32_t
used_again(uint32_t n)
{
	int fd = part_open("used"), same;
	struct stat a, b;

	ck_assert_int_eq(fstat(fd, &a), 0);
	n = mail_until(n, figures_of(e).segments + 1);
	if (is_there("used"))	/* next had been made before */
		n = mail_until(n, figures_of(e).segments + 1);
	same = part_open("s00000003");
	ck_assert_int_eq(fstat(same, &b), 0);
	if (a.st_ino != b.st_ino) {
		close(same);
		same = part_open("s00000004");
		ck_assert_int_eq(fstat(same, &b), 0);
	}
	ck_assert_uint_eq(a.st_ino, b.st_ino);
	ck_assert_int_eq(lseek(same, 0, SEEK_HOLE), SEGMENT);
	close(same);
	close(fd);
	return n;
}

/* Rows from..n-1 are there, and those before are not. */
static void
rows_check(uint32_t from, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		if (i < from)
			ck_assert_str_eq(get_text(e, 1, i), "-");
		else
			mail_check(i);
	}
}

static off_t
size_of(const char *name)
{
	int fd = part_open(name);
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	close(fd);
	return st.st_size;
}

START_TEST(a_removed_segment_is_used_again)
{
	uint32_t from = segment_kill(), n = used_again(from);
	const char *name = is_there("s00000004") ? "s00000004" : "s00000003";

	mail(n++);
	rows_check(from, n);
	engine_close(e);
	/* What its file held is behind the end: nothing is cut for that. */
	e = file_open(SEGMENT);
	ck_assert_uint_eq(figures_of(e).quarantined, 0);
	ck_assert_int_eq(hole_of(name), SEGMENT);
	rows_check(from, n);
	mail(n++);
	engine_close(e);
	part_remove("index");
	e = file_open(SEGMENT);
	ck_assert_uint_eq(figures_of(e).quarantined, 0);
	rows_check(from, n);
	/* Another follows: nothing is left behind its end. */
	n = mail_until(n, figures_of(e).segments + 1);
	ck_assert_int_lt(size_of(name), SEGMENT);
	engine_close(e);
	part_remove("index");
	e = file_open(SEGMENT);
	ck_assert_uint_eq(figures_of(e).quarantined, 0);
	rows_check(from, n);
	engine_close(e);
}
END_TEST

/* The place of the last record of this segment's generation, and its file. */
static off_t
last_record(const char *name, int *fd, struct record *last)
{
	static char bytes[SEGMENT];
	struct segment_start start;
	struct record r;
	off_t at = NONE;

	*fd = part_open(name);
	ck_assert_int_ge(*fd, 0);
	ck_assert(segment_load(*fd, &start));
	ck_assert_int_eq(pread(*fd, bytes, SEGMENT, 0), SEGMENT);
	for (size_t i = SEGMENT_HEAD; i + RECORD_HEAD <= SEGMENT; i += 8) {
		if (!record_parse(slice_of(bytes + i, SEGMENT - i),
		    start.generation, &r))
			continue;
		at = (off_t)i;
		*last = r;
	}
	return at;
}

/* The last group there is torn: by its header, or in its body.  It is gone, and
   what lies behind it from the file's other use does not follow. */
START_TEST(torn_before_what_was_there)
{
	static const char torn[64] = "torn";
	uint32_t from = segment_kill(), n = used_again(from);
	const char *name;
	struct record r;
	off_t at;
	int fd;

	mail(n++);
	put_wait(e, 1, n, "torn", 0);
	engine_close(e);
	part_remove("index");
	name = is_there("s00000004") ? "s00000004" : "s00000003";
	at = last_record(name, &fd, &r);
	ck_assert_int_gt(at, SEGMENT_HEAD);
	ck_assert_int_eq(pwrite(fd, torn, 20, _i == 0 ? at : at +
	    RECORD_HEAD), 20);
	close(fd);
	e = file_open(SEGMENT);
	ck_assert_uint_eq(figures_of(e).quarantined, 0);
	ck_assert_str_eq(get_text(e, 1, n), "-");
	rows_check(from, n);
	mail(n);
	n = mail_until(n + 1, figures_of(e).segments + 1);
	engine_close(e);
	part_remove("index");
	e = file_open(SEGMENT);
	ck_assert_uint_eq(figures_of(e).quarantined, 0);
	rows_check(from, n);
	engine_close(e);
}
END_TEST

/* Damage in it is found as in any other, and passed over to what follows. */
START_TEST(rot_before_what_was_there)
{
	uint32_t from = segment_kill(), n = used_again(from);
	const char *name;
	struct record r;
	off_t at;
	int fd;

	mail(n++);
	engine_close(e);
	name = is_there("s00000004") ? "s00000004" : "s00000003";
	at = last_record(name, &fd, &r);
	close(fd);
	e = file_open(SEGMENT);
	mail(n++);
	mail(n++);
	engine_close(e);
	part_remove("index");
	fd = part_open(name);
	ck_assert_int_eq(pwrite(fd, "damage", 6, at), 6);
	close(fd);
	e = file_open(SEGMENT);
	ck_assert_uint_eq(figures_of(e).quarantined, 1);
	ck_assert_str_eq(get_text(e, 1, n - 3), "-");
	mail_check(n - 2);
	mail_check(n - 1);
	engine_close(e);
}
END_TEST

/* Whoever wants room gets it. */
START_TEST(it_is_given_back)
{
	segment_kill();
	ck_assert(engine_room(e, 1));
	ck_assert(is_there("used"));
	disk.free = free_none;
	ck_assert(!engine_room(e, 1));
	ck_assert(!is_there("used"));
	engine_close(e);
}
END_TEST

/* Without room none is kept in the first place. */
START_TEST(none_is_kept_without_room)
{
	uint32_t n = mail_until(1, 2);

	for (uint32_t i = 1; i < n; i++)
		del_wait(e, 1, i);
	disk.free = free_none;
	compact_wait();
	ck_assert(!is_there("s00000001"));
	ck_assert(!is_there("used"));
	engine_close(e);
}
END_TEST

static void
cut_came(void *arg, struct engine_cut *c)
{
	struct engine_cut **out = arg;

	*out = c;
	loop_stop();
}

/* A backup still reads it. */
START_TEST(what_a_cut_holds_is_not_used_again)
{
	uint32_t n = mail_until(1, 2);
	struct engine_cut *cut = NULL;

	engine_cut(e, cut_came, &cut);
	loop_run();
	for (uint32_t i = 1; i < n; i++)
		del_wait(e, 1, i);
	compact_wait();
	ck_assert(!is_there("s00000001"));
	ck_assert(!is_there("used"));
	cut_end(cut);
	engine_close(e);
}
END_TEST

/* A crash between the halves of a rename: next is a segment as well. */
START_TEST(a_file_with_two_names_is_not_taken)
{
	uint32_t n = mail_until(1, 2);
	char from[128], to[128];

	for (unsigned i = 0; i < 30; i++)
		mail(n++);
	engine_close(e);
	snprintf(from, sizeof from, "%s/log/s00000001", folder);
	snprintf(to, sizeof to, "%s/log/%s", folder, _i == 0 ? "next" :
	    _i == 1 ? "used" : "spare");
	unlink(to);
	ck_assert_int_eq(truncate(from, SEGMENT), 0);
	ck_assert_int_eq(link(from, to), 0);
	e = file_open(SEGMENT);
	n = mail_until(n, 5);
	engine_close(e);
	part_remove("index");
	e = file_open(SEGMENT);
	ck_assert_uint_eq(figures_of(e).quarantined, 0);
	rows_check(1, n);
	engine_close(e);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("next");
	TCase *t = tcase_create("next");

	real = disk;
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, next_is_filled_while_the_log_is_written);
	tcase_add_loop_test(t, without_it_all_goes_on, 0, 2);
	tcase_add_test(t, a_removed_segment_is_used_again);
	tcase_add_loop_test(t, torn_before_what_was_there, 0, 2);
	tcase_add_test(t, rot_before_what_was_there);
	tcase_add_test(t, it_is_given_back);
	tcase_add_test(t, none_is_kept_without_room);
	tcase_add_test(t, what_a_cut_holds_is_not_used_again);
	tcase_add_loop_test(t, a_file_with_two_names_is_not_taken, 0, 3);
	suite_add_tcase(s, t);
	return bench_end(s);
}
