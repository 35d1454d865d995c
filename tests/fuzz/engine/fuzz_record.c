/*
 * fuzz_record.c - the records of a log that may hold anything.
 *
 * The input is a file as recovery reads it, and, because a fuzzer cannot make
 * checksums, the same bytes once more as the body of a record that is whole.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/engine/engine.h"
#include "common/engine/reader.h"

int	LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static void
walk_ops(const struct record *r, struct slice body)
{
	struct slice whole = body;
	bool good = ops_good(r, body);
	struct op op;

	while (op_next(&body, r, &op)) {
		CHECK(op.key.p >= whole.p &&
		    op.key.p + op.key.n <= whole.p + whole.n);
		if (good)
			CHECK(op.key.n >= 8 && op.key.n <= ENGINE_KEY_MAX &&
			    op.value.n <= ENGINE_VALUE_MAX);
	}
	CHECK(!good || body.n == 0);
}

static void
walk_file(const unsigned char *p, size_t n)
{
	static int fd = -1;
	struct reader reader = { 0 };
	struct record r;
	struct slice body;

	if (fd < 0)
		fd = memfd_create("fuzz", 0);
	CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, p, n, 0) == (ssize_t)n);
	reader_open(&reader, fd, 0, 0, n);
	for (;;) {
		uint64_t at = reader.at;
		enum reader_result what = reader_next(&reader, &r, &body);

		CHECK(reader.at <= n);
		if (what == READER_RECORD) {
			CHECK(reader.at > at);
			walk_ops(&r, body);
			continue;
		}
		reader.at += 8;
		if (!reader_search(&reader, &r))
			break;
	}
	reader_free(&reader);
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	struct record r = { .type = RECORD_ROWS, .sequence = 9, .id = 1 };
	struct slice body = slice_of(p, n);
	uint64_t length;
	uint32_t crc;

	walk_file(p, n);
	walk_ops(&r, body);
	r.type = RECORD_MOVED;
	walk_ops(&r, body);
	file_parse(body, &length, &crc);
	return 0;
}
