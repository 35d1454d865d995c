/*
 * Compaction: it may be killed, and the power may fail, at every step; what was
 * deleted comes back as room by itself, in mailboxes, in the queue with a
 * message that is stuck, and in accounts.
 * DUR-1, DUR-5.
 */
#include "unit/engine/bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/engine/disk.h"

enum { SEGMENT = 64 << 10, ROWS = 45, BLOB = 3000, FLOOR = 1 << 20 };

static struct engine	*e;
static struct disk	 real;

static void
open_engine(uint64_t floor)
{
	const struct engine_conf conf = { .dir = folder, .cache = 1 << 20,
		.segment = SEGMENT, .readers = 1, .floor = floor };

	e = engine_open_file(&conf);
}

static void
setup(void)
{
	loop_ready();
	/* Thousands of syncs; what a crash leaves is made up here anyway. */
	folder_new_in(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

static void
teardown(void)
{
	disk = real;
	folder_remove();
}

/* Many are committed before one is waited for. */
static void
later(struct txn *t)
{
	static unsigned n;

	if (++n % 50 == 0)
		ck_assert_int_eq(commit_wait(t), ENGINE_OK);
	else
		txn_commit(t, NULL, NULL);
}

static bool
mail(uint64_t unit, uint32_t n)
{
	struct buf b = { 0 };
	struct slice s;
	struct txn *t;
	struct key k;
	uint64_t blob;

	bytes_make(&b, n, BLOB);
	s = buf_view(&b);
	blob = blob_add(e, &s, 1);
	buf_free(&b);
	if (blob == 0)
		return false;
	t = txn_begin(e, unit);
	txn_put(t, ENGINE_ROWS, key_of(&k, unit, n), SLICE("row"), blob);
	later(t);
	blob_release(e, blob);
	return true;
}

static void
del(uint64_t unit, uint32_t n)
{
	struct txn *t = txn_begin(e, unit);
	struct key k;

	txn_del(t, ENGINE_ROWS, key_of(&k, unit, n));
	later(t);
}

/* All that was committed is there. */
static void
settled(void)
{
	ck_assert_int_eq(commit_wait(txn_begin(e, 1)), ENGINE_OK);
}

/* ---- a crash at every step */

static unsigned		 crash_at, step;	/* 0: not now */
static char		 durable[80];	/* what the disk has without power */

static void
crash(void)
{
	_exit(2);
}

/* Copies what the file holds now, without its holes. */
static void
copy(const char *from, const char *to)
{
	static char bytes[64 << 10];
	int in = open(from, O_RDONLY), out = open(to, O_RDWR | O_CREAT |
	    O_TRUNC, 0600);
	off_t at = 0, end;
	struct stat st;

	if (in < 0 || out < 0 || fstat(in, &st) != 0)
		_exit(3);
	while ((at = lseek(in, at, SEEK_DATA)) >= 0) {
		end = lseek(in, at, SEEK_HOLE);
		while (at < end) {
			size_t n = (size_t)(end - at) < sizeof bytes ?
			    (size_t)(end - at) : sizeof bytes;
			ssize_t got = syscall(SYS_pread64, in, bytes, n, at);

			if (got <= 0 || syscall(SYS_pwrite64, out, bytes, got,
			    at) != got)
				_exit(3);
			at += got;
		}
	}
	if (syscall(SYS_ftruncate, out, st.st_size) != 0)
		_exit(3);
	close(in);
	close(out);
}

/* The place of a file of the engine in the copy of what is durable. */
static bool
durable_path(int fd, char *from, char *to)
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, from, 255);
	if (n <= 0)
		return false;
	from[n] = 0;
	if (strncmp(from, folder, strlen(folder)) != 0)
		return false;
	snprintf(to, 512, "%s%s", durable, from + strlen(folder));
	return true;
}

static int
synced(int fd)
{
	char from[256], to[512];
	struct stat st;

	if (crash_at == 0)
		return 0;
	if (++step == crash_at)
		crash();
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    durable_path(fd, from, to))
		copy(from, to);
	return 0;
}

/* These stand before the ones of the C library, for Berkeley DB too. */

int
fsync(int fd)
{
	return (int)syscall(SYS_fsync, fd) != 0 ? -1 : synced(fd);
}

int
fdatasync(int fd)
{
	return (int)syscall(SYS_fdatasync, fd) != 0 ? -1 : synced(fd);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (crash_at != 0 && ++step == crash_at) {
		/* In the middle of it. */
		if (syscall(SYS_pwrite64, fd, p, n / 2, at) >= 0)
			crash();
	}
	return syscall(SYS_pwrite64, fd, p, n, at);
}

static ssize_t
index_write(int fd, const void *p, size_t n)
{
	if (crash_at != 0 && ++step == crash_at)
		crash();
	return real.write(fd, p, n);
}

/* A name that goes may be gone at once, though nobody synced its folder. */
int
unlinkat(int dir, const char *name, int flags)
{
	char from[256], to[512];
	int r;

	if (crash_at != 0 && ++step == crash_at)
		crash();
	r = (int)syscall(SYS_unlinkat, dir, name, flags);
	if (crash_at != 0 && durable_path(dir, from, to)) {
		snprintf(to + strlen(to), 64, "/%s", name);
		syscall(SYS_unlinkat, AT_FDCWD, to, 0);
	}
	if (crash_at != 0 && ++step == crash_at)
		crash();
	return r;
}

/* That of a segment which is kept to be used again. */
int
renameat2(int from_dir, const char *name, int to_dir, const char *other,
    unsigned flags)
{
	char from[256], to[512], was[600];
	int r;

	if (crash_at != 0 && ++step == crash_at)
		crash();
	r = (int)syscall(SYS_renameat2, from_dir, name, to_dir, other, flags);
	if (crash_at != 0 && r == 0 && durable_path(to_dir, from, to)) {
		snprintf(was, sizeof was, "%s/%s", to, name);
		snprintf(to + strlen(to), 64, "/%s", other);
		syscall(SYS_rename, was, to);
	}
	if (crash_at != 0 && ++step == crash_at)
		crash();
	return r;
}

static void
folder_copy(const char *from, const char *to)
{
	char line[400];

	snprintf(line, sizeof line, "rm -rf %s && cp -a %s %s", to, from, to);
	ck_assert_int_eq(system(line), 0);
}

static bool
compact_once(void)
{
	struct kept k = { 0 };

	engine_compact(e, 20000, keep_status, &k);
	run_until(&k.n, 1);
	return k.status == ENGINE_OK;
}

static void
fill(void)
{
	open_engine(0);
	for (uint32_t i = 0; i < ROWS; i++)
		ck_assert(mail(i % 3, i));
	settled();
	for (uint32_t i = 0; i < ROWS; i++) {
		if (i % 10 == 3)
			put_wait(e, i % 3, i, "again", get_blob(e, i % 3, i));
		else if (i % 10 != 7)
			del(i % 3, i);
	}
	settled();
}

/* Ends with 2 at step `at`, or with 0 when there is nothing left to do. */
static int
compact_until(unsigned at)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		loop_ready();
		open_engine(0);
		disk.write = index_write;
		crash_at = at;
		while (compact_once())
			;
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Nothing is lost or comes back, also if the index is made anew. */
static void
check_left(struct buf *expected, bool anew)
{
	open_engine(0);
	ck_assert_uint_eq(figures_of(e).quarantined, 0);
	ck_assert(!figures_of(e).rebuilt);
	dump_check(e, expected);
	while (compact_once())
		;
	dump_check(e, expected);
	engine_close(e);
	if (!anew)
		return;
	part_remove("index");
	open_engine(0);
	dump_check(e, expected);
	engine_close(e);
}

/* Killed, then without power: each after every step that changes the disk. */
START_TEST(a_crash_at_every_step)
{
	char base[80];
	struct buf expected;
	unsigned at = 0;
	int end;

	snprintf(base, sizeof base, "%s-base", folder);
	snprintf(durable, sizeof durable, "%s-disk", folder);
	fill();
	expected = dump(e);
	engine_close(e);
	part_remove("log/reserve");
	part_remove("log/spare");
	folder_copy(folder, base);
	do {
		folder_copy(base, folder);
		folder_copy(base, durable);
		end = compact_until(++at);
		ck_assert(end == 0 || end == 2);
		check_left(&expected, at % 4 == 0);
		if (end == 2) {
			folder_copy(durable, folder);
			check_left(&expected, at % 4 == 2);
		}
	} while (end == 2);
	ck_assert_uint_gt(at, 15);
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	nftw(durable, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	buf_free(&expected);
}
END_TEST

/* ---- room */

/* Blocks of the files in log/ whose names begin so. */
static uint64_t
used(const char *kinds)
{
	char path[512];
	uint64_t sum = 0;
	struct stat st;
	DIR *d;

	snprintf(path, sizeof path, "%s/log", folder);
	ck_assert_ptr_nonnull(d = opendir(path));
	for (struct dirent *x; (x = readdir(d)) != NULL;) {
		snprintf(path, sizeof path, "%s/log/%s", folder, x->d_name);
		if (strchr(kinds, x->d_name[0]) != NULL &&
		    strcmp(x->d_name, "spare") != 0 && stat(path, &st) == 0)
			sum += (uint64_t)st.st_blocks * 512;
	}
	closedir(d);
	return sum;
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

/* Nobody calls engine_compact here. */
static void
used_falls(uint64_t bytes)
{
	for (int i = 0; i < 200 && used("s") > bytes; i++)
		wait_ms(100);
	ck_assert_uint_le(used("s"), bytes);
}

/* A start counts all segments as old enough. */
static void
reopen(void)
{
	engine_close(e);
	open_engine(0);
}

START_TEST(nine_of_ten_deleted)
{
	enum { N = 3000, LEFT = N / 10 * BLOB };
	struct buf expected;
	struct engine_figures before;

	open_engine(0);
	for (uint32_t i = 0; i < N; i++)
		ck_assert(mail(1, i));
	settled();
	ck_assert_uint_gt(used("s"), N * BLOB);
	for (uint32_t i = 0; i < N; i++)
		if (i % 10 != 0)
			del(1, i);
	settled();
	expected = dump(e);
	reopen();
	used_falls(LEFT * 13 / 10);
	dump_check(e, &expected);
	/* And then it is quiet. */
	wait_ms(1500);
	before = figures_of(e);
	wait_ms(1500);
	ck_assert_uint_eq(figures_of(e).bytes, before.bytes);
	engine_close(e);
	part_remove("index");
	open_engine(0);
	dump_check(e, &expected);
	engine_close(e);
	buf_free(&expected);
}
END_TEST

/* Segments of which nothing is needed go at once. */
START_TEST(all_deleted)
{
	open_engine(0);
	for (uint32_t i = 0; i < 200; i++)
		ck_assert(mail(1, i));
	for (uint32_t i = 0; i < 200; i++)
		del(1, i);
	settled();
	used_falls(2 * SEGMENT);
	engine_close(e);
}
END_TEST

/* The queue: one stays, ten thousand come and go. */
START_TEST(one_message_is_stuck)
{
	struct key k, l;
	struct buf expected;

	open_engine(0);
	ck_assert(mail(1, 0));
	settled();
	expected = dump(e);
	for (int round = 0; round < 5; round++) {
		for (uint32_t i = 1; i <= 200; i++) {
			struct txn *t = txn_begin(e, 1);

			ck_assert(mail(1, i));
			txn_delrange(t, key_of(&k, 1, i), key_of(&l, 1, i + 1));
			later(t);
		}
		settled();
		reopen();
		used_falls(2 * SEGMENT);
	}
	dump_check(e, &expected);
	engine_close(e);
	buf_free(&expected);
}
END_TEST

/* Accounts: the same rows, again and again. */
START_TEST(rows_are_replaced)
{
	static char value[2001];
	struct buf expected;
	struct key k;

	open_engine(0);
	memset(value, 'v', sizeof value - 1);
	for (uint32_t i = 0; i < 1000; i++) {
		struct txn *t = txn_begin(e, 1);

		value[0] = (char)('a' + i % 26);
		txn_put(t, ENGINE_ROWS, key_of(&k, 1, i % 10),
		    slice_str(value), 0);
		later(t);
	}
	settled();
	expected = dump(e);
	reopen();
	used_falls(3 * SEGMENT);
	dump_check(e, &expected);
	engine_close(e);
	buf_free(&expected);
}
END_TEST

/* Deletions of what is long gone do not fill a log whose oldest segment is
   full of what lives. */
START_TEST(deletions_are_forgotten)
{
	struct key k, l;
	struct buf expected;
	uint64_t full, most = 0;

	open_engine(0);
	for (uint32_t i = 0; i < 200; i++)
		ck_assert(mail(1, i));
	settled();
	full = used("s");
	expected = dump(e);
	for (uint32_t i = 0; i < 8000; i++) {
		struct txn *t = txn_begin(e, 2);

		txn_delrange(t, key_of(&k, 2, i), key_of(&l, 2, i + 1));
		later(t);
		/* On a slow machine it is compacted meanwhile. */
		if (i % 100 == 0 && used("s") > most)
			most = used("s");
	}
	settled();
	ck_assert_uint_gt(most, full * 12 / 10);
	reopen();
	used_falls(full * 13 / 10);
	dump_check(e, &expected);
	engine_close(e);
	buf_free(&expected);
}
END_TEST

/* ---- no room */

static uint64_t		 disk_size;

static uint64_t
free_of(int fd)
{
	uint64_t all = used("snbt");

	(void)fd;
	return all < disk_size ? disk_size - all : 0;
}

/* A large one, durable; false: no room. */
static bool
mail_wait(uint32_t n)
{
	static char bytes[20000];
	struct slice s = slice_of(bytes, sizeof bytes);
	uint64_t blob = blob_add(e, &s, 1);
	struct txn *t = txn_begin(e, 1);
	enum engine_status status;
	struct key k;

	txn_put(t, ENGINE_ROWS, key_of(&k, 1, n), SLICE("row"), blob);
	status = blob == 0 ? ENGINE_FULL : commit_wait(t);
	if (blob == 0)
		txn_drop(t);
	else
		blob_release(e, blob);
	return status == ENGINE_OK;
}

/* Mail fills the disk, half of it is deleted: mail is taken again, soon,
   though each segment is young and half full. */
START_TEST(mail_fills_the_disk)
{
	uint32_t first = 0, n;
	unsigned tries = 0;

	disk_size = 14 << 20;
	disk.free = free_of;
	open_engine(FLOOR);
	while (mail_wait(first))
		first++;
	ck_assert_uint_gt(first, 200);
	for (uint32_t i = 0; i < first; i += 2)
		del(1, i);
	settled();
	for (n = first; n < first + first / 4 && tries < 400; n++) {
		if (mail_wait(n))
			continue;
		n--;
		tries++;
		wait_ms(20);
	}
	ck_assert_uint_lt(tries, 400);
	for (uint32_t i = 1; i < first; i += 2)
		ck_assert_str_eq(get_text(e, 1, i), "row");
	engine_close(e);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("compact");
	TCase *t = tcase_create("compact");

	real = disk;
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_crash_at_every_step);
	tcase_add_test(t, nine_of_ten_deleted);
	tcase_add_test(t, all_deleted);
	tcase_add_test(t, one_message_is_stuck);
	tcase_add_test(t, rows_are_replaced);
	tcase_add_test(t, deletions_are_forgotten);
	tcase_add_test(t, mail_fills_the_disk);
	suite_add_tcase(s, t);
	return bench_end(s);
}
