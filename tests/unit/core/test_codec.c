/* Base 64 and base 16 decode exactly what they encode (RFC 4648 3.2, 3.3, 3.5,
   4, 8), CRC-32C is that of RFC 9260 Appendix A, numbers are big endian. */
#include "common/core/codec.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/suite.h"

#define S(lit)	SLICE(lit)

static const struct {
	struct slice	 bytes, text;
} pairs[] = {
	/* RFC 4648 10 */
	{ S(""), S("") },
	{ S("f"), S("Zg==") },
	{ S("fo"), S("Zm8=") },
	{ S("foo"), S("Zm9v") },
	{ S("foob"), S("Zm9vYg==") },
	{ S("fooba"), S("Zm9vYmE=") },
	{ S("foobar"), S("Zm9vYmFy") },
	{ S("\0"), S("AA==") },
	{ S("\0user\0pass"), S("AHVzZXIAcGFzcw==") },
	{ S("\xff\xff\xff"), S("////") },
	{ S("\xfb\xef\xbe"), S("++++") },
};

START_TEST(base64_pairs)
{
	struct buf b = { 0 };

	buf_str(&b, "x");
	base64_encode(&b, pairs[_i].bytes);
	ck_assert(slice_eq(slice_drop(buf_view(&b), 1), pairs[_i].text));
	buf_clear(&b);
	buf_str(&b, "x");
	ck_assert(base64_decode(&b, pairs[_i].text));
	ck_assert(slice_eq(slice_drop(buf_view(&b), 1), pairs[_i].bytes));
	buf_free(&b);
}
END_TEST

static const struct slice not_base64[] = {
	S("Z"), S("Zg"), S("Zg="), S("Zg==="), S("Zg====="),
	S("="), S("=="), S("==="), S("===="), S("Z==="),
	S("Zm9vZ"), S("Zm9vZg"), S("Zm8=Zm8="), S("Zg==Zg=="), S("Zg=a"),
	S("Z=g="), S("=Zg="),
	S("Zh=="), S("Zv=="), S("Zm9="), S("Zm+="),	/* bits left over */
	S("Zm9v\r\n"), S("Zm\r\n9vYg=="), S(" Zm9v"), S("Zm9v    "),
	S("Zm9\0"), S("Zm9-"), S("Zm9_"), S("Zm9\xc3"), S("Zm9*"),
	S("Zm9v****"), S("Zm9@"), S("Zm9["), S("Zm9`"), S("Zm9{"), S("Zm9:"),
	S("Zm9."),
};

START_TEST(base64_refuses)
{
	struct buf b = { 0 };

	buf_str(&b, "x");
	ck_assert(!base64_decode(&b, not_base64[_i]));
	ck_assert_uint_eq(b.n, 1);
	buf_free(&b);
}
END_TEST

/* Of all the texts of four characters over a few, each that decodes is the
   encoding of what it decodes to: none has a second form. */
START_TEST(base64_is_one_to_one)
{
	static const char some[] = "AQgw/+=9z\n";
	struct buf b = { 0 }, again = { 0 };
	int good = 0;

	for (int i = 0; i < 10000; i++) {
		char t[4] = { some[i % 10], some[i / 10 % 10],
			some[i / 100 % 10], some[i / 1000] };
		buf_clear(&b);
		buf_clear(&again);
		if (!base64_decode(&b, slice_of(t, 4)))
			continue;
		good++;
		base64_encode(&again, buf_view(&b));
		ck_assert(slice_eq(buf_view(&again), slice_of(t, 4)));
	}
	/* 8^4 without padding; "=": 8^2 times A g w, and "==": 8 times A g w
	   Q have no bits left over. */
	ck_assert_int_eq(good, 4096 + 64 * 4 + 8 * 4);
	buf_free(&b);
	buf_free(&again);
}
END_TEST

START_TEST(all_octets)
{
	struct buf bytes = { 0 }, text = { 0 }, back = { 0 };

	for (int i = 0; i < 256 + _i; i++)
		buf_char(&bytes, (char)i);
	base64_encode(&text, buf_view(&bytes));
	ck_assert(base64_decode(&back, buf_view(&text)));
	ck_assert(slice_eq(buf_view(&back), buf_view(&bytes)));
	buf_clear(&text);
	buf_clear(&back);
	hex_encode(&text, buf_view(&bytes));
	ck_assert_uint_eq(text.n, 2 * bytes.n);
	ck_assert(hex_decode(&back, buf_view(&text)));
	ck_assert(slice_eq(buf_view(&back), buf_view(&bytes)));
	buf_free(&bytes);
	buf_free(&text);
	buf_free(&back);
}
END_TEST

START_TEST(hex)
{
	struct buf b = { 0 };

	hex_encode(&b, S("\0\x1f\xa0\xff"));
	ck_assert(slice_eq(buf_view(&b), S("001fa0ff")));
	buf_clear(&b);
	ck_assert(hex_decode(&b, S("09aAfF")));
	ck_assert(hex_decode(&b, S("")));
	ck_assert(slice_eq(buf_view(&b), S("\x09\xaa\xff")));
	ck_assert(!hex_decode(&b, S("0")));
	ck_assert(!hex_decode(&b, S("000")));
	ck_assert(!hex_decode(&b, S("000g")));
	ck_assert(!hex_decode(&b, S("00 0")));
	ck_assert(!hex_decode(&b, S("0x00")));
	ck_assert(!hex_decode(&b, S("0@")));
	ck_assert(!hex_decode(&b, S("0`")));
	ck_assert(!hex_decode(&b, S(":0")));
	ck_assert(!hex_decode(&b, S("/0")));
	ck_assert(!hex_decode(&b, S("0\xff")));
	ck_assert_uint_eq(b.n, 3);
	buf_free(&b);
}
END_TEST

/* The definition: one bit at a time. */
static uint32_t
crc32c_by_bits(const unsigned char *p, size_t n)
{
	uint32_t sum = UINT32_MAX;

	for (; n > 0; n--) {
		sum ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ ((sum & 1) != 0 ? 0x82f63b78 : 0);
	}
	return ~sum;
}

static uint32_t
both(uint32_t seed, const void *p, size_t n)
{
	uint32_t sum = crc32c(seed, p, n);

	ck_assert_uint_eq(crc32c_table(seed, p, n), sum);
	return sum;
}

/* The check value of the catalogues, and RFC 3720 B.4. */
START_TEST(crc32c_known)
{
	char b[32];

	ck_assert_uint_eq(both(0, "123456789", 9), 0xe3069283);
	ck_assert_uint_eq(both(0, "", 0), 0);
	ck_assert_uint_eq(both(7, NULL, 0), 7);
	memset(b, 0, sizeof b);
	ck_assert_uint_eq(both(0, b, sizeof b), 0x8a9136aa);
	memset(b, 0xff, sizeof b);
	ck_assert_uint_eq(both(0, b, sizeof b), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		b[i] = (char)i;
	ck_assert_uint_eq(both(0, b, sizeof b), 0x46dd794e);
	for (int i = 0; i < 32; i++)
		b[i] = (char)(31 - i);
	ck_assert_uint_eq(both(0, b, sizeof b), 0x113fdb5c);
}
END_TEST

/* Every length, address and place to stop and go on. */
START_TEST(crc32c_in_pieces)
{
	unsigned char b[80];

	for (size_t i = 0; i < sizeof b; i++)
		b[i] = (unsigned char)(i * 37 + 11);
	for (size_t from = 0; from < 9; from++) {
		for (size_t n = 0; n <= 40; n++) {
			uint32_t whole = crc32c_by_bits(b + from, n);
			ck_assert_uint_eq(both(0, b + from, n), whole);
			for (size_t cut = 0; cut <= n; cut++)
				ck_assert_uint_eq(both(both(0, b + from, cut),
				    b + from + cut, n - cut), whole);
		}
	}
}
END_TEST

START_TEST(big_endian)
{
	char b[16];

	memset(b, 0x55, sizeof b);
	be16_put(b + 1, 0x0102);
	ck_assert_int_eq(memcmp(b, "\x55\1\2\x55", 4), 0);
	ck_assert_uint_eq(be16_get(b + 1), 0x0102);
	be32_put(b + 3, 0xf1020304);
	ck_assert_int_eq(memcmp(b + 2, "\2\xf1\2\3\4\x55", 6), 0);
	ck_assert_uint_eq(be32_get(b + 3), 0xf1020304);
	be64_put(b + 5, 0xf102030405060708);
	ck_assert_int_eq(memcmp(b + 5, "\xf1\2\3\4\5\6\7\10\x55", 9), 0);
	ck_assert_uint_eq(be64_get(b + 5), 0xf102030405060708);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("codec");
	TCase *t = tcase_create("codec");

	tcase_add_loop_test(t, base64_pairs, 0, sizeof pairs / sizeof *pairs);
	tcase_add_loop_test(t, base64_refuses, 0,
	    sizeof not_base64 / sizeof *not_base64);
	tcase_add_test(t, base64_is_one_to_one);
	tcase_add_loop_test(t, all_octets, 0, 3);
	tcase_add_test(t, hex);
	tcase_add_test(t, crc32c_known);
	tcase_add_test(t, crc32c_in_pieces);
	tcase_add_test(t, big_endian);
	suite_add_tcase(s, t);
	return suite_end(s);
}
