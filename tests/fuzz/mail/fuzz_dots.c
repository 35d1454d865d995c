/* Dots: the result does not depend on where the stream was cut, and what we
   send we read back (RFC 5321 4.5.2, SMTP-3). */
#include <stdlib.h>
#include <string.h>

#include "common/mail/dots.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define REQUIRE(truth) do { if (!(truth)) abort(); } while (0)

static enum undot_result
undot(struct slice in, size_t piece, struct buf *out, struct undot *u,
    size_t *left)
{
	enum undot_result r = UNDOT_MORE;

	undot_init(u, UINT64_MAX);
	while (in.n > 0 && r == UNDOT_MORE) {
		struct slice part = slice_take(in, piece);
		size_t n = part.n;
		r = undot_feed(u, &part, out);
		in = slice_drop(in, n - part.n);
	}
	*left = in.n;
	return r;
}

static void
check_undot(struct slice in, size_t piece)
{
	struct buf whole = { 0 }, cut = { 0 };
	struct undot a, b;
	size_t left_a, left_b;
	enum undot_result r = undot(in, SIZE_MAX, &whole, &a, &left_a);

	REQUIRE(undot(in, piece, &cut, &b, &left_b) == r);
	if (r <= UNDOT_END) {
		REQUIRE(slice_eq(buf_view(&whole), buf_view(&cut)));
		REQUIRE(left_a == left_b);
		REQUIRE(a.octets == whole.n && b.octets == whole.n);
		REQUIRE(a.longest == b.longest);
	}
	buf_free(&whole);
	buf_free(&cut);
}

static void
dots(struct slice in, size_t piece, struct buf *out)
{
	struct dots d = { 0 };

	for (; in.n > 0; in = slice_drop(in, piece))
		dots_feed(&d, slice_take(in, piece), out);
	dots_end(&d, out);
}

/* What dots_feed sends, undot_feed takes; and a second time it is the same. */
static void
check_dots(struct slice in, size_t piece)
{
	struct buf whole = { 0 }, cut = { 0 }, read = { 0 }, again = { 0 };
	struct undot u;
	size_t left;

	dots(in, SIZE_MAX, &whole);
	dots(in, piece, &cut);
	REQUIRE(slice_eq(buf_view(&whole), buf_view(&cut)));
	REQUIRE(undot(buf_view(&whole), SIZE_MAX, &read, &u, &left) ==
	    UNDOT_END);
	REQUIRE(left == 0);
	dots(buf_view(&read), SIZE_MAX, &again);
	REQUIRE(slice_eq(buf_view(&again), buf_view(&whole)));
	buf_free(&whole);
	buf_free(&cut);
	buf_free(&read);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	size_t piece = n > 0 ? 1 + p[0] % 17 : 1;
	struct slice in = slice_drop(slice_of(p, n), 1);

	check_undot(in, piece);
	check_dots(in, piece);
	return 0;
}
