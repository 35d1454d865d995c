/* What the key process signs: RFC 8446 4.4.3 and RFC 8422 5.4, nothing else. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "key/shape.h"
#include "tests/unit/suite.h"

static char	bytes[256];

static struct slice
tls13(size_t hash)
{
	memset(bytes, ' ', 64);
	memcpy(bytes + 64, "TLS 1.3, server CertificateVerify", 34);
	memset(bytes + 98, 0x5a, hash);
	return slice_of(bytes, 98 + hash);
}

static struct slice
tls12(unsigned curve, size_t point, char first)
{
	memset(bytes, 0xa5, sizeof bytes);
	bytes[64] = 3;
	bytes[65] = (char)(curve >> 8);
	bytes[66] = (char)curve;
	bytes[67] = (char)point;
	bytes[68] = first;
	return slice_of(bytes, 68 + point);
}

START_TEST(test_tls13)
{
	ck_assert_int_eq(shape_of(tls13(32)), SHAPE_TLS13);
	ck_assert_int_eq(shape_of(tls13(48)), SHAPE_TLS13);
	ck_assert_int_eq(shape_of(tls13(31)), SHAPE_NONE);
	ck_assert_int_eq(shape_of(tls13(33)), SHAPE_NONE);
	ck_assert_int_eq(shape_of(tls13(64)), SHAPE_NONE);
}
END_TEST

/* Each byte of the context counts, also the zero that ends it. */
START_TEST(test_context)
{
	for (size_t i = 0; i < 98; i++) {
		struct slice s = tls13(32);

		bytes[i] ^= 1;
		ck_assert_int_eq(shape_of(s), SHAPE_NONE);
	}
	memcpy(bytes + 64, "TLS 1.3, client CertificateVerify", 34);
	ck_assert_int_eq(shape_of(slice_of(bytes, 130)), SHAPE_NONE);
}
END_TEST

START_TEST(test_tls12)
{
	ck_assert_int_eq(shape_of(tls12(29, 32, 0)), SHAPE_TLS12);
	ck_assert_int_eq(shape_of(tls12(23, 65, 4)), SHAPE_TLS12);
	ck_assert_int_eq(shape_of(tls12(24, 97, 4)), SHAPE_TLS12);
	ck_assert_int_eq(shape_of(tls12(23, 33, 2)), SHAPE_NONE);
	ck_assert_int_eq(shape_of(tls12(23, 65, 2)), SHAPE_NONE);
	ck_assert_int_eq(shape_of(tls12(25, 133, 4)), SHAPE_NONE);
	ck_assert_int_eq(shape_of(tls12(29, 0, 0)), SHAPE_NONE);
}
END_TEST

/* Nothing in front, nothing behind, nothing cut off. */
START_TEST(test_length)
{
	struct slice s = tls12(29, 32, 0);

	for (size_t n = 0; n < 200; n++)
		ck_assert_int_eq(shape_of(slice_of(bytes, n)),
		    n == s.n ? SHAPE_TLS12 : SHAPE_NONE);
	bytes[64] = 1;		/* explicit_prime */
	ck_assert_int_eq(shape_of(s), SHAPE_NONE);
	ck_assert_int_eq(shape_of(slice_of(NULL, 0)), SHAPE_NONE);
}
END_TEST

/* Things somebody would like to have signed. */
START_TEST(test_others)
{
	static const char *const texts[] = {
		"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyb290In0",
		"from:a@example.org; to:b@example.com; dkim-signature: v=1",
		"TLS 1.3, server CertificateVerify",
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		ck_assert_int_eq(shape_of(slice_str(texts[i])), SHAPE_NONE);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("shape");
	TCase *c = tcase_create("shape");

	tcase_add_test(c, test_tls13);
	tcase_add_test(c, test_context);
	tcase_add_test(c, test_tls12);
	tcase_add_test(c, test_length);
	tcase_add_test(c, test_others);
	suite_add_tcase(s, c);
	return suite_end(s);
}
