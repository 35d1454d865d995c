/* Digests: the bytes do not depend on how the message was cut; the offsets lie
   in the message and in each other; the cost is linear (PARSE-4). */
#include <stdlib.h>

#include "common/mail/digest.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define REQUIRE(truth) do { if (!(truth)) abort(); } while (0)

static void
make(struct buf *b, struct slice in, size_t piece)
{
	struct digester *d = digester_new(NULL);
	size_t n = in.n;

	for (; in.n > 0; in = slice_drop(in, piece))
		digester_feed(d, slice_take(in, piece));
	REQUIRE(digester_steps(d) <= 60 * n + 1000);
	digester_end(d, b);
}

static void
check_lists(const struct digest *d, uint32_t number)
{
	struct digest_envelope e;
	struct address a;
	uint32_t n;

	if (!digest_envelope(d, number, &e))
		return;
	for (n = e.to.n; n > 0; n--)
		REQUIRE(digest_address(&e.to, &a));
	REQUIRE(!digest_address(&e.to, &a));
}

static void
check_part(const struct digest *d, uint32_t number)
{
	struct digest_part p, parent;

	REQUIRE(digest_part(d, number, &p));
	REQUIRE(p.header_at <= p.body_at && p.body_at <= p.end_at);
	REQUIRE(p.end_at <= d->size);
	REQUIRE(p.lines <= p.end_at - p.body_at);
	if (number > 0) {
		REQUIRE(digest_part(d, p.parent, &parent));
		REQUIRE(parent.kind != MIME_LEAF);
		REQUIRE(parent.body_at <= p.header_at);
		REQUIRE(parent.end_at >= p.end_at);
	}
	check_lists(d, number);
}

static void
check_fields(const struct digest *d, struct slice in)
{
	struct digest_fields f = { .begun = false };
	struct slice name;
	uint64_t at, n;

	while (digest_field(d, &f, &name, &at, &n)) {
		REQUIRE(at + n <= in.n && n > name.n);
		REQUIRE(slice_istarts(slice_drop(in, at), name));
	}
	REQUIRE(f.left == 0);
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	size_t piece = n > 0 ? 1 + p[0] % 61 : 1;
	struct slice in = slice_drop(slice_of(p, n), 1);
	struct buf whole = { 0 }, cut = { 0 };
	struct digest d;

	make(&whole, in, SIZE_MAX);
	make(&cut, in, piece);
	REQUIRE(slice_eq(buf_view(&whole), buf_view(&cut)));
	REQUIRE(digest_open(&d, buf_view(&whole), 0) == DIGEST_OK);
	REQUIRE(d.size == in.n);
	for (uint32_t i = 0; i < d.n_parts; i++)
		check_part(&d, i);
	check_fields(&d, in);
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
