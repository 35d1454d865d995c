/*
 * The form of a record: what is written is read, what is damaged is not.
 */
#include "unit/engine/bench.h"

#include "common/engine/reader.h"

static struct buf	 b;

static void
setup(void)
{
	buf_clear(&b);
}

static struct op
put_of(struct slice key, struct slice value)
{
	return (struct op){ .kind = OP_PUT, .key = key, .value = value,
		.space = ENGINE_SIDE, .version = 5, .blob = 77 };
}

static struct record
rows_make(enum record_type type)
{
	struct record r = { .type = type, .sequence = 9, .id = 3 };
	size_t at = record_start(&b);
	struct key k, l;
	struct op op = put_of(key_of(&k, 3, 1), SLICE("value"));

	op_add(&b, &op, type == RECORD_MOVED);
	op = (struct op){ .kind = OP_DEL, .key = key_of(&k, 3, 2),
		.version = 6 };
	op_add(&b, &op, type == RECORD_MOVED);
	op = (struct op){ .kind = OP_DELRANGE, .key = key_of(&k, 3, 1),
		.value = key_of(&l, 3, 9), .version = 7 };
	op_add(&b, &op, type == RECORD_MOVED);
	record_finish(&b, at, &r);
	record_seal(b.p + at, 4711, 8);
	return r;
}

static struct slice
body_of(const struct record *r)
{
	return slice_take(slice_drop(buf_view(&b), RECORD_HEAD), r->length);
}

/* Written and read back, with the versions that ROWS and MOVED mean. */
START_TEST(there_and_back)
{
	static const enum record_type types[] = { RECORD_ROWS, RECORD_MOVED };
	struct record r;
	struct op op;
	struct slice s;
	struct key k;

	rows_make(types[_i]);
	ck_assert_uint_eq(b.n % 8, 0);
	ck_assert(record_parse(buf_view(&b), 4711, &r));
	ck_assert(!record_parse(buf_view(&b), 4712, &r));
	ck_assert(record_parse(buf_view(&b), 0, &r));
	ck_assert_uint_eq(r.sequence, 9);
	ck_assert_uint_eq(r.group, 8);
	ck_assert_uint_eq(r.id, 3);
	ck_assert_uint_eq(record_size(r.length), b.n);
	s = body_of(&r);
	ck_assert(record_whole(&r, s));
	ck_assert(ops_good(&r, s));
	ck_assert(op_next(&s, &r, &op));
	ck_assert_int_eq(op.kind, OP_PUT);
	ck_assert_uint_eq(op.space, ENGINE_SIDE);
	ck_assert_uint_eq(op.blob, 77);
	ck_assert_uint_eq(op.version, types[_i] == RECORD_ROWS ? 9 : 5);
	ck_assert(slice_eq(op.key, key_of(&k, 3, 1)));
	ck_assert(slice_eq(op.value, SLICE("value")));
	ck_assert(op_next(&s, &r, &op));
	ck_assert_int_eq(op.kind, OP_DEL);
	ck_assert(op_next(&s, &r, &op));
	ck_assert_int_eq(op.kind, OP_DELRANGE);
	ck_assert(slice_eq(op.value, key_of(&k, 3, 9)));
	ck_assert(!op_next(&s, &r, &op));
}
END_TEST

/* Each bit of header and body is guarded; the padding alone is not. */
START_TEST(every_bit)
{
	size_t guarded = RECORD_HEAD + rows_make(RECORD_ROWS).length;

	for (size_t bit = 0; bit < guarded * 8; bit++) {
		struct record r;

		b.p[bit / 8] ^= (char)(1 << bit % 8);
		ck_assert(!record_parse(buf_view(&b), 4711, &r) ||
		    !record_whole(&r, body_of(&r)));
		b.p[bit / 8] ^= (char)(1 << bit % 8);
	}
}
END_TEST

static bool
good(const struct op *op, uint64_t unit)
{
	const struct record r = { .type = RECORD_ROWS, .id = unit,
		.sequence = 9 };

	buf_clear(&b);
	op_add(&b, op, false);
	return ops_good(&r, buf_view(&b));
}

/* What a body may not say even if its checksum is right. */
START_TEST(bad_operations)
{
	static char big[ENGINE_VALUE_MAX + 1];
	struct key k, l;
	char next[8];
	struct op op = put_of(key_of(&k, 3, 1), SLICE("v"));

	ck_assert(good(&op, 3));
	ck_assert(!good(&op, 4));		/* a key of another unit */
	op.space = ENGINE_SPACES;
	ck_assert(!good(&op, 3));
	op.space = 0;
	op.value = slice_of(big, sizeof big);
	ck_assert(!good(&op, 3));
	op.value = SLICE("");
	op.key.n = 7;
	ck_assert(!good(&op, 3));
	memset(big, 0, 8);
	op.key = slice_of(big, ENGINE_KEY_MAX + 1);
	ck_assert(!good(&op, 0));
	op = (struct op){ .kind = OP_DELRANGE, .key = key_of(&k, 3, 1),
		.value = key_of(&l, 4, 0) };
	ck_assert(!good(&op, 3));		/* reaches into the next */
	be64_put(next, 4);
	op.value = slice_of(next, 8);
	ck_assert(good(&op, 3));		/* up to it */
	be64_put(next, 5);
	ck_assert(!good(&op, 3));
	op.kind = (enum op_kind)4;
	ck_assert(!good(&op, 3));
}
END_TEST

/* A body cut anywhere is refused, and read no further than it is long. */
START_TEST(cut_bodies)
{
	struct record r = rows_make(RECORD_ROWS);
	struct slice s = body_of(&r);

	for (size_t n = 1; n < s.n; n++) {
		char *copy = mem_alloc(n);
		struct op op;
		struct slice rest = slice_of(copy, n);

		memcpy(copy, s.p, n);
		/* It is good only where an operation ends. */
		if (ops_good(&r, rest)) {
			while (op_next(&rest, &r, &op))
				continue;
			ck_assert_uint_eq(rest.n, 0);
		}
		free(copy);
	}
}
END_TEST

/* A reader passes records, stops at zeros, stumbles over the rest. */
START_TEST(reader)
{
	char path[] = "/tmp/postino-record-XXXXXX";
	int fd = mkstemp(path);
	struct reader rd = { 0 };
	struct record r;
	struct slice body;
	size_t one;

	unlink(path);
	rows_make(RECORD_ROWS);
	one = b.n;
	ck_assert_int_eq(pwrite(fd, b.p, one, 0), (ssize_t)one);
	ck_assert_int_eq(pwrite(fd, b.p, one, (off_t)one), (ssize_t)one);
	ck_assert_int_eq(pwrite(fd, "damage", 6, (off_t)(2 * one)), 6);
	ck_assert_int_eq(pwrite(fd, b.p, one, 2 << 20), (ssize_t)one);
	ck_assert_int_eq(ftruncate(fd, 3 << 20), 0);
	reader_open(&rd, fd, 4711, 0, 3 << 20);
	ck_assert_int_eq(reader_next(&rd, &r, &body), READER_RECORD);
	ck_assert_int_eq(reader_next(&rd, &r, &body), READER_RECORD);
	ck_assert_uint_eq(rd.found, one);
	ck_assert_int_eq(reader_next(&rd, &r, &body), READER_BAD);
	ck_assert_uint_eq(rd.at, 2 * one);
	ck_assert(reader_search(&rd, &r));
	ck_assert_uint_eq(rd.at, 2 << 20);
	ck_assert_int_eq(reader_next(&rd, &r, &body), READER_RECORD);
	ck_assert_int_eq(reader_next(&rd, &r, &body), READER_END);
	ck_assert(!reader_more(&rd));
	/* A record whose end is behind the end of the file is none. */
	reader_open(&rd, fd, 4711, 0, one - 8);
	ck_assert_int_eq(reader_next(&rd, &r, &body), READER_BAD);
	ck_assert(!reader_search(&rd, &r));
	reader_free(&rd);
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("record");
	TCase *t = tcase_create("record");
	int failed;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, there_and_back, 0, 2);
	tcase_add_test(t, every_bit);
	tcase_add_test(t, bad_operations);
	tcase_add_test(t, cut_bodies);
	tcase_add_test(t, reader);
	suite_add_tcase(s, t);
	failed = bench_end(s);
	buf_free(&b);
	return failed;
}
