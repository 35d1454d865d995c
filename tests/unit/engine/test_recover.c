/*
 * What a start makes of what the last life left: killed, cut, rotten, without
 * an index.  (Adversarial states of the disk are the crash harness's.)
 */
#include "unit/engine/bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/engine/record.h"

enum { SEGMENT = 256 << 10, LONG_BLOB = 1200000 };

static struct engine	*e;

static void
setup(void)
{
	loop_ready();
	folder_new();
}

/* ---- killed */

/* Row n of the child: its blob's length and bytes follow from n. */
static size_t
length_of(uint32_t n)
{
	return n % 97 == 0 ? LONG_BLOB : n % 7 == 0 ? 0 : 100 + n * 37 % 9000;
}

struct child {
	int		 pipe;
	uint32_t	 next, flying;
};

struct order {
	struct child	*child;
	uint32_t	 n;
	uint64_t	 blob;
};

static void	child_next(struct child *);

/* Acknowledged: the parent may count on it from here. */
static void
child_done(void *arg, enum engine_status status)
{
	struct order *o = arg;
	struct child *c = o->child;

	ck_assert_int_eq(status, ENGINE_OK);
	ck_assert_int_eq(write(c->pipe, &o->n, sizeof o->n), sizeof o->n);
	blob_release(e, o->blob);
	free(o);
	c->flying--;
	child_next(c);
}

static void
child_commit(void *arg, enum engine_status status, uint64_t number)
{
	struct order *o = arg;
	struct txn *t = txn_begin(e, o->n % 5);
	struct key k;
	char value[16];

	ck_assert_int_eq(status, ENGINE_OK);
	o->blob = number;
	snprintf(value, sizeof value, "row %u", o->n);
	txn_put(t, ENGINE_ROWS, key_of(&k, o->n % 5, o->n), slice_str(value),
	    number);
	if (o->n > 400)		/* old ones go */
		txn_del(t, ENGINE_ROWS, key_of(&k, o->n % 5, o->n - 400));
	txn_commit(t, child_done, o);
}

static void
child_next(struct child *c)
{
	while (c->flying < 16) {
		struct order *o = mem_zero(sizeof *o);
		struct blob *b = blob_begin(e);
		struct buf bytes = { 0 };

		o->child = c;
		o->n = c->next++;
		c->flying++;
		bytes_make(&bytes, o->n, length_of(o->n));
		blob_write(b, buf_view(&bytes));
		blob_end(b, child_commit, o);
		buf_free(&bytes);
	}
}

static void
child_run(int fd, uint32_t next)
{
	struct child c = { .pipe = fd, .next = next };

	loop_ready();
	e = file_open(SEGMENT);
	child_next(&c);
	loop_run();
	_exit(0);
}

enum { MANY = 100000 };

static bool	acked[MANY];

/* Kills it after so long, notes what it acknowledged; the highest number. */
static uint32_t
child_live(uint32_t next, unsigned ms)
{
	int fds[2];
	uint32_t n, most = next - 1;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		close(fds[0]);
		child_run(fds[1], next);
	}
	close(fds[1]);
	if (read(fds[0], &n, sizeof n) == sizeof n) {
		most = n;
		acked[n] = true;
		usleep(ms * 1000);
	}
	kill(pid, SIGKILL);
	while (read(fds[0], &n, sizeof n) == sizeof n && n < MANY) {
		acked[n] = true;
		if (n > most)
			most = n;
	}
	waitpid(pid, NULL, 0);
	close(fds[0]);
	return most;
}

static void
row_check(uint32_t n)
{
	struct buf bytes = { 0 }, got = { 0 };
	char value[16];

	snprintf(value, sizeof value, "row %u", n);
	ck_assert_str_eq(get_text(e, n % 5, n), value);
	bytes_make(&bytes, n, length_of(n));
	ck_assert_int_eq(read_wait(e, get_blob(e, n % 5, n), &got), ENGINE_OK);
	ck_assert(slice_eq(buf_view(&got), buf_view(&bytes)));
	buf_free(&bytes);
	buf_free(&got);
}

/* All that was acknowledged is there, or was deleted by a txn that is there;
   what was not is there as a whole or not at all. */
static void
rows_check(uint32_t last)
{
	for (uint32_t n = last > 700 ? last - 700 : 1; n < last + 64; n++) {
		if (strcmp(get_text(e, n % 5, n), "-") != 0)
			row_check(n);
		else if (acked[n])
			ck_assert_str_ne(get_text(e, n % 5, n + 400), "-");
	}
}

/* Files in log/ whose name begins with c. */
static unsigned
files(char c)
{
	char path[96];
	DIR *d;
	unsigned n = 0;

	snprintf(path, sizeof path, "%s/log", folder);
	ck_assert_ptr_nonnull(d = opendir(path));
	for (struct dirent *x; (x = readdir(d)) != NULL;)
		n += x->d_name[0] == c && strlen(x->d_name) > 8;
	closedir(d);
	return n;
}

static unsigned
long_rows(uint32_t last)
{
	unsigned count = 0;

	for (uint32_t n = 97; n < last; n += 97)
		count += get_blob(e, n % 5, n) != 0;
	return count;
}

/* kill -9 at a random time: what was acknowledged is there and whole. */
START_TEST(killed)
{
	uint32_t next = 1;

	memset(acked, 0, sizeof acked);
	for (unsigned round = 0; round < 8; round++) {
		uint32_t last = child_live(next, random_below(150));

		e = file_open(SEGMENT);
		ck_assert_uint_eq(figures_of(e).quarantined, 0);
		rows_check(last);
		ck_assert_uint_eq(files('t'), 0);
		ck_assert_uint_eq(files('b'), long_rows(last + 64));
		if (round % 3 == 2) {	/* the same without an index */
			struct buf before = dump(e);

			engine_close(e);
			part_remove("index");
			e = file_open(SEGMENT);
			ck_assert(figures_of(e).rebuilt);
			dump_check(e, &before);
			buf_free(&before);
		}
		engine_close(e);
		next = last + 64;
	}
}
END_TEST

/* ---- damaged on disk */

static void
rows_make(uint32_t from, uint32_t to)
{
	for (uint32_t n = from; n <= to; n++) {
		struct buf bytes = { 0 };
		struct slice s;
		uint64_t number;
		char value[16];

		bytes_make(&bytes, n, 3000);
		memcpy(bytes.p, "NEEDLE", 6);
		be32_put(bytes.p + 6, n);
		s = buf_view(&bytes);
		number = blob_add(e, &s, 1);
		snprintf(value, sizeof value, "row %u", n);
		put_wait(e, 1, n, value, number);
		blob_release(e, number);
		buf_free(&bytes);
	}
}

/* Where in which segment the blob of row n lies; -1: nowhere. */
static off_t
needle(uint32_t n, int *fd)
{
	char path[128], want[10] = "NEEDLE";
	static char all[2 * SEGMENT];

	be32_put(want + 6, n);
	for (unsigned i = 1; i < 50; i++) {
		ssize_t got;
		const char *p;

		snprintf(path, sizeof path, "%s/log/s%08x", folder, i);
		if ((*fd = open(path, O_RDWR)) < 0)
			continue;
		got = pread(*fd, all, sizeof all, 0);
		p = got < 10 ? NULL : memmem(all, (size_t)got, want, 10);
		if (p != NULL)
			return p - all;
		close(*fd);
	}
	return -1;
}

static void
flip(int fd, off_t at)
{
	char c;

	ck_assert_int_eq(pread(fd, &c, 1, at), 1);
	c ^= 0x40;
	ck_assert_int_eq(pwrite(fd, &c, 1, at), 1);
}

/* One wrong byte, at that distance from the bytes of row n's blob. */
static void
damage(uint32_t n, off_t distance)
{
	int fd;
	off_t at = needle(n, &fd);

	ck_assert_int_ge(at, 0);
	flip(fd, at + distance);
	close(fd);
}

/* A flipped byte in the middle costs one blob, with or without an index. */
START_TEST(rot_in_body)
{
	struct buf got = { 0 };
	uint64_t size;

	e = file_open(SEGMENT);
	rows_make(1, 200);
	engine_close(e);
	damage(50, 1000);
	for (int round = 0; round < 2; round++) {
		e = file_open(SEGMENT);
		ck_assert_uint_eq(figures_of(e).quarantined, round == 1);
		for (uint32_t n = 1; n <= 200; n++) {
			ck_assert_str_ne(get_text(e, 1, n), "-");
			ck_assert_int_eq(read_wait(e, get_blob(e, 1, n), &got),
			    n == 50 ? ENGINE_CORRUPT : ENGINE_OK);
		}
		if (round == 1)
			ck_assert_int_eq(blob_size(e, get_blob(e, 1, 50),
			    &size), ENGINE_CORRUPT);
		rows_make(201, 210);
		engine_close(e);
		part_remove("index");
	}
	buf_free(&got);
}
END_TEST

/* The index is past it, but who has to make good what it took has not: each
   start finds it, until that is said. */
START_TEST(rot_not_mended)
{
	e = file_open(SEGMENT);
	rows_make(1, 200);
	engine_close(e);
	damage(50, 1000);
	part_remove("index");
	for (int start = 0; start < 4; start++) {
		e = file_open(SEGMENT);
		ck_assert_int_eq(figures_of(e).lost > 0, start < 3);
		ck_assert_int_eq(figures_of(e).rebuilt, start < 3);
		if (start == 2)
			engine_mended(e);
		engine_close(e);
	}
}
END_TEST

/* A damaged header: the search finds what follows. */
START_TEST(rot_in_header)
{
	struct buf got = { 0 };

	e = file_open(SEGMENT);
	rows_make(1, 60);
	engine_close(e);
	damage(50, -30);
	part_remove("index");
	e = file_open(SEGMENT);
	ck_assert_uint_eq(figures_of(e).quarantined, 1);
	/* Not less than was lost: a record has its header. */
	ck_assert_uint_ge(figures_of(e).lost, RECORD_HEAD);
	ck_assert_uint_lt(figures_of(e).lost, SEGMENT);
	for (uint32_t n = 1; n <= 60; n++)
		ck_assert_int_eq(read_wait(e, get_blob(e, 1, n), &got),
		    n == 50 ? ENGINE_CORRUPT : ENGINE_OK);
	engine_close(e);
	/* And it says the same next time. */
	part_remove("index");
	e = file_open(SEGMENT);
	ck_assert_uint_eq(figures_of(e).quarantined, 1);
	engine_close(e);
	buf_free(&got);
}
END_TEST

/* Both headers of a segment and its first record: the rest is served. */
START_TEST(rot_in_segment_head)
{
	struct buf got = { 0 };
	int fd;
	off_t at;

	e = file_open(SEGMENT);
	rows_make(1, 60);
	engine_close(e);
	at = needle(1, &fd);
	ck_assert_int_ge(at, 8192);
	flip(fd, 20);
	flip(fd, 4096 + 20);
	flip(fd, at - 10);
	close(fd);
	part_remove("index");
	e = file_open(SEGMENT);
	for (uint32_t n = 2; n <= 60; n++)
		ck_assert_int_eq(read_wait(e, get_blob(e, 1, n), &got),
		    ENGINE_OK);
	engine_close(e);
	buf_free(&got);
}
END_TEST

/* The last group half written: cut, and nothing of it ever comes back. */
START_TEST(torn_tail)
{
	static char zeros[8192];
	off_t at;
	int fd;

	e = file_open(SEGMENT);
	rows_make(1, 30);
	engine_close(e);
	at = needle(30, &fd);
	ck_assert_int_eq(pwrite(fd, zeros, 200, at + 500), 200);
	close(fd);
	part_remove("index");
	e = file_open(SEGMENT);
	ck_assert_uint_eq(figures_of(e).quarantined, 0);
	for (uint32_t n = 1; n < 30; n++)
		ck_assert_str_ne(get_text(e, 1, n), "-");
	ck_assert_str_eq(get_text(e, 1, 30), "-");
	ck_assert_int_lt(needle(30, &fd), 0);
	put_wait(e, 1, 31, "after", 0);
	engine_close(e);
	part_remove("index");
	e = file_open(SEGMENT);
	ck_assert_str_eq(get_text(e, 1, 31), "after");
	ck_assert_str_eq(get_text(e, 1, 30), "-");
	ck_assert_str_ne(get_text(e, 1, 29), "-");
	engine_close(e);
}
END_TEST

/* A message that holds a forged record, in a log with damage just before it,
   is not taken for a record: its writer does not know the generation. */
START_TEST(forged_record)
{
	struct buf forged = { 0 }, got = { 0 };
	char head[48] = { 'P', 'R', 'e', 'c' };
	struct slice s;
	uint64_t number;

	e = file_open(SEGMENT);
	be64_put(head + 16, 1u << 30);
	be64_put(head + 24, 1u << 30);
	be64_put(head + 32, 1);
	be32_put(head + 40, 1);
	head[44] = 1;
	be32_put(head + 4, crc32c(0, head + 8, 40));
	bytes_make(&forged, 1, 8);
	for (int i = 0; i < 50; i++)
		buf_add(&forged, head, sizeof head);
	memcpy(forged.p, "NEEDLE", 6);
	be32_put(forged.p + 6, 999);
	s = buf_view(&forged);
	number = blob_add(e, &s, 1);
	put_wait(e, 1, 1, "x", number);
	rows_make(2, 5);
	engine_close(e);
	damage(999, -30);
	part_remove("index");
	e = file_open(SEGMENT);
	ck_assert_uint_eq(figures_of(e).quarantined, 1);
	ck_assert_uint_lt(figures_of(e).sequence, 100);
	for (uint32_t n = 2; n <= 5; n++)
		ck_assert_int_eq(read_wait(e, get_blob(e, 1, n), &got),
		    ENGINE_OK);
	engine_close(e);
	buf_free(&forged);
	buf_free(&got);
}
END_TEST

/* ---- the index */

static void
index_damage(const char *name, off_t at)
{
	char path[128];
	int fd;

	snprintf(path, sizeof path, "%s/index/%s", folder, name);
	fd = open(path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	for (off_t i = 0; i < 64; i++)
		flip(fd, at + i);
	close(fd);
}

/* A damaged root page: noticed at once, made anew, nothing lost. */
START_TEST(index_broken_at_start)
{
	struct buf before;

	e = file_open(SEGMENT);
	rows_make(1, 100);
	before = dump(e);
	engine_close(e);
	index_damage("marks.db", 100);
	e = file_open(SEGMENT);
	ck_assert(figures_of(e).rebuilt);
	dump_check(e, &before);
	engine_close(e);
	e = file_open(SEGMENT);
	ck_assert(!figures_of(e).rebuilt);
	engine_close(e);
	buf_free(&before);
}
END_TEST

/* A damaged leaf is met while serving: the process ends, the next start makes
   the index anew instead of meeting it again. */
START_TEST(index_broken_in_use)
{
	struct buf before;
	int status;
	pid_t pid;

	e = file_open(SEGMENT);
	rows_make(1, 500);
	before = dump(e);
	engine_close(e);
	for (off_t page = 1; page < 6; page++)
		index_damage("rows.db", page * 4096 + 200);
	if ((pid = fork()) == 0) {
		loop_ready();
		log_init("test", LOG_ERROR + 1);
		e = file_open(SEGMENT);
		get_text(e, 1, 250);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 75);
	e = file_open(SEGMENT);
	ck_assert(figures_of(e).rebuilt);
	dump_check(e, &before);
	engine_close(e);
	buf_free(&before);
}
END_TEST

/* The index fails in the middle of a transaction of the replay: the one that
   is made anew owes nothing to that. */
START_TEST(index_broken_in_replay)
{
	struct buf got = { 0 };
	char command[200];
	int status;
	pid_t pid;

	e = file_open(SEGMENT);
	rows_make(1, 10);
	engine_close(e);
	snprintf(command, sizeof command, "cp -r %s/index %s/old", folder,
	    folder);
	ck_assert_int_eq(system(command), 0);
	e = file_open(SEGMENT);
	rows_make(11, 30);
	engine_close(e);
	part_remove("index");
	snprintf(command, sizeof command, "mv %s/old %s/index", folder, folder);
	ck_assert_int_eq(system(command), 0);
	index_damage("rows.db", 4096 + 200);
	/* What has failed, Berkeley DB does not free. */
	if ((pid = fork()) == 0) {
		loop_ready();
		e = file_open(SEGMENT);
		status = figures_of(e).rebuilt;
		engine_close(e);
		_exit(status);
	}
	waitpid(pid, &status, 0);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), true);
	e = file_open(SEGMENT);
	for (uint32_t n = 1; n <= 30; n++)
		ck_assert_int_eq(read_wait(e, get_blob(e, 1, n), &got),
		    ENGINE_OK);
	engine_close(e);
	buf_free(&got);
}
END_TEST

/* A log that is older than the index wins: the index is only derived. */
START_TEST(index_ahead)
{
	char command[200];

	e = file_open(SEGMENT);
	rows_make(1, 10);
	engine_close(e);
	snprintf(command, sizeof command, "cp -r %s/log %s/old", folder,
	    folder);
	ck_assert_int_eq(system(command), 0);
	e = file_open(SEGMENT);
	rows_make(11, 200);
	engine_close(e);
	part_remove("log");
	snprintf(command, sizeof command, "mv %s/old %s/log", folder, folder);
	ck_assert_int_eq(system(command), 0);
	e = file_open(SEGMENT);
	ck_assert(figures_of(e).rebuilt);
	ck_assert_str_ne(get_text(e, 1, 10), "-");
	ck_assert_str_eq(get_text(e, 1, 11), "-");
	/* But no number of a record is used again. */
	ck_assert_uint_gt(figures_of(e).sequence, 390);
	engine_close(e);
}
END_TEST

/* Settings of Berkeley DB come from the code alone (STORE-4). */
START_TEST(stray_config)
{
	char path[128];
	int status;
	pid_t pid;

	e = file_open(SEGMENT);
	engine_close(e);
	snprintf(path, sizeof path, "%s/index/DB_CONFIG", folder);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	if ((pid = fork()) == 0) {
		loop_ready();
		log_init("test", LOG_ERROR + 1);
		e = file_open(SEGMENT);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 75);
}
END_TEST

/* The folder belongs to one process; the next one waits for its end. */
START_TEST(locked)
{
	int fds[2];
	char c = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		loop_ready();
		e = file_open(SEGMENT);
		rows_make(1, 3);
		c = (char)write(fds[1], "x", 1);
		usleep(200000);
		rows_make(4, 4);
		_exit(0);
	}
	ck_assert_int_eq(read(fds[0], &c, 1), 1);
	e = file_open(SEGMENT);
	ck_assert_str_eq(get_text(e, 1, 4), "row 4");
	engine_close(e);
	waitpid(pid, NULL, 0);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* Files that nobody names go at the start: begun, and finished unnamed. */
START_TEST(orphans)
{
	char path[128];

	e = file_open(SEGMENT);
	rows_make(1, 3);
	engine_close(e);
	snprintf(path, sizeof path, "%s/log/b%016x", folder, 77);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	snprintf(path, sizeof path, "%s/log/t%016x", folder, 78);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	e = file_open(SEGMENT);
	ck_assert_uint_eq(files('b') + files('t'), 0);
	engine_close(e);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("recover");
	TCase *t = tcase_create("recover");

	log_init("test", LOG_ERROR + 1);
	tcase_add_checked_fixture(t, setup, folder_remove);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, killed);
	tcase_add_test(t, rot_in_body);
	tcase_add_test(t, rot_not_mended);
	tcase_add_test(t, rot_in_header);
	tcase_add_test(t, rot_in_segment_head);
	tcase_add_test(t, torn_tail);
	tcase_add_test(t, forged_record);
	tcase_add_test(t, index_broken_at_start);
	tcase_add_test(t, index_broken_in_use);
	tcase_add_test(t, index_broken_in_replay);
	tcase_add_test(t, index_ahead);
	tcase_add_test(t, stray_config);
	tcase_add_test(t, locked);
	tcase_add_test(t, orphans);
	suite_add_tcase(s, t);
	return bench_end(s);
}
