/* What a decoder accepts is what its encoder makes of the result: no text has
   two meanings and no bytes have two texts (RFC 4648 3.5).  And both ways to
   the checksum agree, wherever it is cut in two. */
#include "common/core/codec.h"

#include <stdlib.h>

int	 LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static void
expect(bool truth)
{
	if (!truth)
		abort();
}

static void
try_base64(struct slice in)
{
	struct buf bytes = { 0 }, text = { 0 };

	if (base64_decode(&bytes, in)) {
		base64_encode(&text, buf_view(&bytes));
		expect(slice_eq(buf_view(&text), in));
	}
	buf_clear(&bytes);
	buf_clear(&text);
	base64_encode(&text, in);
	expect(base64_decode(&bytes, buf_view(&text)));
	expect(slice_eq(buf_view(&bytes), in));
	buf_free(&bytes);
	buf_free(&text);
}

static void
try_hex(struct slice in)
{
	struct buf bytes = { 0 }, text = { 0 };

	if (hex_decode(&bytes, in)) {
		hex_encode(&text, buf_view(&bytes));
		expect(slice_ieq(buf_view(&text), in));
	}
	buf_clear(&bytes);
	buf_clear(&text);
	hex_encode(&text, in);
	expect(hex_decode(&bytes, buf_view(&text)));
	expect(slice_eq(buf_view(&bytes), in));
	buf_free(&bytes);
	buf_free(&text);
}

static void
try_crc32c(struct slice in)
{
	size_t cut = in.n == 0 ? 0 : (unsigned char)in.p[0] % in.n;
	struct slice rest = slice_drop(in, cut);
	uint32_t whole = crc32c(0, in.p, in.n);

	expect(crc32c_table(0, in.p, in.n) == whole);
	expect(crc32c(crc32c_table(0, in.p, cut), rest.p, rest.n) == whole);
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	struct slice in = slice_of(p, n);

	try_base64(in);
	try_hex(in);
	try_crc32c(in);
	return 0;
}
