/* A cut, read while everything goes on, opens as the engine of that moment:
   with what was deleted, moved or written since.  DUR-11. */
#include "unit/engine/checks.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>

#include "common/engine/segment.h"

enum { SEGMENT = 64 << 10, BLOB = 3000, LONG = 1300 * 1024 };

static struct engine	*e;
static char		 copy[sizeof folder];	/* where a cut was read to */

static void
setup(void)
{
	loop_ready();
	folder_new();
	e = file_open(SEGMENT);
}

static void
teardown(void)
{
	folder_remove();
	if (copy[0] != '\0')
		nftw(copy, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	copy[0] = '\0';
}

static void
put(uint32_t from, uint32_t to)
{
	struct kept k = { 0 };
	struct buf b = { 0 };

	for (uint32_t n = from; n < to; n++) {
		struct txn *t = txn_begin(e, 3);
		struct key key;
		struct slice s;
		uint64_t blob;

		bytes_make(&b, n, BLOB);
		s = buf_view(&b);
		blob = blob_add(e, &s, 1);
		txn_put(t, ENGINE_ROWS, key_of(&key, 3, n), SLICE("row"), blob);
		txn_commit(t, keep_status, &k);
		blob_release(e, blob);
		/* Groups that leave room in a segment for others. */
		if (n % 3 == 0)
			run_until(&k.n, n + 1 - from);
	}
	run_until(&k.n, to - from);
	buf_free(&b);
}

static void
del(uint32_t from, uint32_t to)
{
	struct kept k = { 0 };

	for (uint32_t n = from; n < to; n++) {
		struct txn *t = txn_begin(e, 3);
		struct key key;

		txn_del(t, ENGINE_ROWS, key_of(&key, 3, n));
		txn_commit(t, keep_status, &k);
	}
	run_until(&k.n, to - from);
}

static unsigned	 numbered;
static uint64_t	 number_got;

static void
got_number(void *arg, enum engine_status status, uint64_t number)
{
	(void)arg;
	ck_assert_int_eq(status, ENGINE_OK);
	number_got = number;
	numbered++;
}

static void
put_long(uint32_t n)
{
	struct blob *b = blob_begin(e);
	struct buf bytes = { 0 };
	unsigned before = numbered;

	bytes_make(&bytes, n, LONG);
	ck_assert_int_eq(blob_write(b, buf_view(&bytes)), ENGINE_OK);
	blob_end(b, got_number, NULL);
	run_until(&numbered, before + 1);
	put_wait(e, 3, n, "long", number_got);
	blob_release(e, number_got);
	buf_free(&bytes);
}

static void
checkpoint(void)
{
	struct kept k = { 0 };

	engine_checkpoint(e, keep_status, &k);
	run_until(&k.n, 1);
}

/* Until nothing is worth it. */
static void
compact(void)
{
	struct kept k = { 0 };

	checkpoint();
	do {
		unsigned n = k.n;

		engine_compact(e, 1 << 20, keep_status, &k);
		run_until(&k.n, n + 1);
	} while (k.status == ENGINE_OK);
	checkpoint();
}

static size_t
files(const char *pattern)
{
	char path[200];
	glob_t g;
	size_t n;

	snprintf(path, sizeof path, "%s/log/%s", folder, pattern);
	n = glob(path, 0, NULL, &g) == 0 ? g.gl_pathc : 0;
	globfree(&g);
	return n;
}

static unsigned		 cuts;
static struct engine_cut *cut;

static void
keep_cut(void *arg, struct engine_cut *c)
{
	(void)arg;
	cut = c;
	cuts++;
}

static void
cut_now(void)
{
	unsigned before = cuts;

	engine_cut(e, keep_cut, NULL);
	run_until(&cuts, before + 1);
}

static enum engine_status
read_part(size_t part, uint64_t offset, struct buf *out)
{
	struct got g = { 0 };

	cut_read(cut, part, offset, CUT_READ, keep_bytes, &g);
	run_until(&g.n, 1);
	buf_slice(out, buf_view(&g.bytes));
	buf_free(&g.bytes);
	return g.status;
}

static void
copy_part(size_t i)
{
	const struct engine_part *p = &cut->parts[i];
	struct buf all = { 0 };
	char path[200];
	FILE *f;

	while (all.n < p->length)
		ck_assert_int_eq(read_part(i, all.n, &all), ENGINE_OK);
	ck_assert_uint_eq(all.n, p->length);
	snprintf(path, sizeof path, p->kind == 's' ? "%s/log/s%08llx" :
	    "%s/log/b%016llx", copy, (unsigned long long)p->number);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(all.p, 1, all.n, f), all.n);
	fclose(f);
	buf_free(&all);
}

static void
copy_cut(void)
{
	char path[200];

	snprintf(copy, sizeof copy, "/tmp/postino-engine-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(copy));
	snprintf(path, sizeof path, "%s/log", copy);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	for (size_t i = 0; i < cut->n; i++)
		copy_part(i);
}

/* From here on the copy is the engine. */
static void
open_copy(void)
{
	char old[sizeof folder];

	engine_close(e);
	memcpy(old, folder, sizeof old);
	memcpy(folder, copy, sizeof folder);
	memcpy(copy, old, sizeof copy);
	e = file_open(SEGMENT);
}

/* What is open and has no name any more. */
static unsigned
unlinked(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;
	char path[600], to[300];

	for (struct dirent *x; (x = readdir(d)) != NULL;) {
		ssize_t got;

		snprintf(path, sizeof path, "/proc/self/fd/%s", x->d_name);
		got = readlink(path, to, sizeof to - 1);
		to[got > 0 ? got : 0] = '\0';
		n += strstr(to, "/log/") != NULL &&
		    strstr(to, "(deleted)") != NULL;
	}
	closedir(d);
	return n;
}

/* ---- tests */

START_TEST(what_was_there_is_there)
{
	struct buf then;

	put(0, 200);
	put_long(1000);
	put_long(1001);
	del(40, 60);
	then = dump(e);
	cut_now();
	/* Everything it consists of goes. */
	del(0, 190);
	del(1000, 1001);
	put(300, 350);
	compact();
	ck_assert_uint_gt(unlinked(), 3);
	copy_cut();
	cut_end(cut);
	ck_assert_uint_eq(unlinked(), 0);
	open_copy();
	ck_assert(figures_of(e).rebuilt);
	ck_assert_uint_eq(figures_of(e).quarantined, 0);
	dump_check(e, &then);
	check_all(e, true);
	ck_assert_uint_eq(check_faults, 0);
	buf_free(&then);
	engine_close(e);
}
END_TEST

/* One that is removed while its file is closed, as most of many are. */
START_TEST(what_was_closed_is_there)
{
	char path[100], got[4] = { 0 };
	struct segments l;
	struct segment *one;
	int dir, fd;

	snprintf(path, sizeof path, "%s/log", folder);
	dir = open(path, O_RDONLY | O_DIRECTORY);
	fd = openat(dir, "s000000ff", O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, "mail", 4), 4);
	close(fd);
	segments_init(&l, dir, SEGMENT);
	one = segment_add(&l, 0xff);
	segment_pin(one);
	ck_assert(segment_remove(&l, one, true));
	ck_assert_uint_eq(files("s000000ff"), 0);
	ck_assert_uint_eq(unlinked(), 1);
	ck_assert_int_eq(pread(segment_fd(&l, one), got, 4, 0), 4);
	ck_assert_mem_eq(got, "mail", 4);
	segment_unpin(one);
	ck_assert_uint_eq(unlinked(), 0);
	segments_free(&l);
	close(dir);
	engine_close(e);
}
END_TEST

/* What was answered before the cut is in it, whatever is under way. */
START_TEST(what_was_answered_is_there)
{
	struct kept k = { 0 };
	unsigned answered;

	put(0, 50);
	for (uint32_t n = 100; n < 400; n++) {
		struct txn *t = txn_begin(e, 4);
		struct key key;

		txn_put(t, ENGINE_ROWS, key_of(&key, 4, n), SLICE(
		    "a row that is long enough to fill some segments with"), 0);
		txn_commit(t, keep_status, &k);
		if (n % 7 == 0 && n < 350)
			run_until(&k.n, n - 100 - n % 5);
	}
	answered = k.n;
	ck_assert_uint_lt(answered, 300);
	cut_now();
	copy_cut();
	cut_end(cut);
	run_until(&k.n, 300);
	open_copy();
	for (uint32_t n = 100; n < 100 + answered; n++)
		ck_assert_str_ne(get_text(e, 4, n), "-");
	ck_assert_uint_eq(figures_of(e).quarantined, 0);
	engine_close(e);
}
END_TEST

static void
same_part(const struct engine_part *a, const struct engine_part *b)
{
	ck_assert_int_eq(a->kind, b->kind);
	ck_assert_uint_eq(a->number, b->number);
	ck_assert_uint_eq(a->tag, b->tag);
	ck_assert_uint_eq(a->length, b->length);
}

/* So that the next backup copies only what is new. */
START_TEST(parts_stay_what_they_are)
{
	struct engine_part *before;
	struct buf was = { 0 }, is = { 0 };
	size_t n;

	put(0, 100);
	put_long(1000);
	cut_now();
	n = cut->n;
	before = mem_array(n, sizeof *before);
	memcpy(before, cut->parts, n * sizeof *before);
	ck_assert_int_eq(before[n - 1].kind, 'b');
	ck_assert(before[n - 2].grows && !before[n - 3].grows);
	ck_assert_int_eq(read_part(n - 2, 0, &was), ENGINE_OK);
	cut_end(cut);
	put(100, 160);
	engine_close(e);
	part_remove("index");
	e = file_open(SEGMENT);
	cut_now();
	ck_assert_uint_gt(cut->n, n);
	for (size_t i = 0; i + 2 < n; i++)
		same_part(&cut->parts[i], &before[i]);
	same_part(&cut->parts[cut->n - 1], &before[n - 1]);
	ck_assert_uint_eq(cut->parts[n - 2].tag, before[n - 2].tag);
	ck_assert_uint_gt(cut->parts[n - 2].length, before[n - 2].length);
	ck_assert_int_eq(read_part(n - 2, 0, &is), ENGINE_OK);
	ck_assert(slice_starts(buf_view(&is), buf_view(&was)));
	cut_end(cut);
	free(before);
	buf_free(&was);
	buf_free(&is);
	engine_close(e);
}
END_TEST

/* Its last segment is full: what follows gets another generation, so that two
   histories that begin with the same backup never share a part's name. */
START_TEST(a_copy_goes_on_in_a_new_segment)
{
	size_t n;

	put(0, 30);
	cut_now();
	copy_cut();
	n = cut->n;
	cut_end(cut);
	open_copy();
	put(30, 31);
	cut_now();
	ck_assert_uint_eq(cut->n, n + 1);
	cut_end(cut);
	engine_close(e);
}
END_TEST

START_TEST(what_is_read_is_let_go)
{
	struct buf b = { 0 };

	put(0, 100);
	put_long(1000);
	cut_now();
	ck_assert_uint_gt(cut->n, 4);
	ck_assert_int_eq(read_part(2, 0, &b), ENGINE_OK);
	ck_assert_int_eq(read_part(1, 0, &b), ENGINE_NONE);
	ck_assert_int_eq(read_part(cut->n, 0, &b), ENGINE_NONE);
	ck_assert_int_eq(read_part(cut->n - 1, 0, &b), ENGINE_OK);
	buf_clear(&b);
	ck_assert_int_eq(read_part(cut->n - 1, LONG - 10, &b), ENGINE_OK);
	ck_assert_uint_eq(b.n, 10);
	ck_assert_int_eq(read_part(cut->n - 1, LONG + 10, &b), ENGINE_OK);
	ck_assert_uint_eq(b.n, 10);
	ck_assert_int_eq(read_part(2, 0, &b), ENGINE_NONE);
	cut_end(cut);
	buf_free(&b);
	engine_close(e);
}
END_TEST

/* A long blob that dies goes when no cut is left, and not before. */
START_TEST(dead_blobs_wait_for_the_end)
{
	put_long(1000);
	cut_now();
	del(1000, 1001);
	checkpoint();
	ck_assert_uint_eq(files("b*"), 1);
	cut_end(cut);
	checkpoint();
	ck_assert_uint_eq(files("b*"), 0);
	engine_close(e);
}
END_TEST

/* Zeros for what the disk does not give back; here, since it is cut off. */
START_TEST(what_cannot_be_read_is_zeros)
{
	struct buf b = { 0 };
	char path[200];

	put(0, 100);
	cut_now();
	snprintf(path, sizeof path, "%s/log/s%08llx", folder,
	    (unsigned long long)cut->parts[0].number);
	ck_assert_int_eq(truncate(path, 20000), 0);
	ck_assert_int_eq(read_part(0, 0, &b), ENGINE_CORRUPT);
	ck_assert_uint_eq(b.n, cut->parts[0].length);
	ck_assert_int_ne(b.p[8192], 0);
	for (size_t i = 20000; i < b.n; i++)
		ck_assert_int_eq(b.p[i], 0);
	cut_end(cut);
	buf_free(&b);
	engine_close(e);
}
END_TEST

/* The process ends while a backup runs. */
START_TEST(a_cut_outlives_its_engine)
{
	struct buf b = { 0 };

	put(0, 100);
	cut_now();
	engine_close(e);
	cut_end(cut);
	buf_free(&b);
}
END_TEST

START_TEST(mem_has_no_parts)
{
	struct buf b = { 0 };

	engine_close(e);
	e = engine_open_mem();
	put_wait(e, 1, 1, "row", 0);
	cut_now();
	ck_assert_uint_eq(cut->n, 0);
	ck_assert_int_eq(read_part(0, 0, &b), ENGINE_NONE);
	cut_end(cut);
	engine_close(e);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cut");
	TCase *t = tcase_create("cut");

	log_init("test", LOG_ERROR);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, what_was_there_is_there);
	tcase_add_test(t, what_was_closed_is_there);
	tcase_add_test(t, what_was_answered_is_there);
	tcase_add_test(t, parts_stay_what_they_are);
	tcase_add_test(t, a_copy_goes_on_in_a_new_segment);
	tcase_add_test(t, what_is_read_is_let_go);
	tcase_add_test(t, dead_blobs_wait_for_the_end);
	tcase_add_test(t, what_cannot_be_read_is_zeros);
	tcase_add_test(t, a_cut_outlives_its_engine);
	tcase_add_test(t, mem_has_no_parts);
	suite_add_tcase(s, t);
	return bench_end(s);
}
