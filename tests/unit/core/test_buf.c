/* Slices never look past their ends, buffers keep their bytes when they grow,
   and memory that cannot be had ends the process (PARSE-2, PARSE-3). */
#include "common/core/buf.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/suite.h"

#define S(lit)	SLICE(lit)

static const struct slice nothing;

static void
assert_slice(struct slice got, struct slice expected)
{
	ck_assert_uint_eq(got.n, expected.n);
	ck_assert(slice_eq(got, expected));
}

START_TEST(slices_compare)
{
	ck_assert(slice_eq(S("ab"), S("ab")));
	ck_assert(!slice_eq(S("ab"), S("aB")));
	ck_assert(!slice_eq(S("ab"), S("abc")));
	ck_assert(slice_eq(S(""), nothing));
	ck_assert(slice_eq(S("a\0b"), S("a\0b")));
	ck_assert(!slice_eq(S("a\0b"), S("a\0c")));
	ck_assert_int_eq(slice_cmp(S("a"), S("a")), 0);
	ck_assert_int_lt(slice_cmp(S("a"), S("ab")), 0);
	ck_assert_int_gt(slice_cmp(S("b"), S("ab")), 0);
	ck_assert_int_lt(slice_cmp(S("a"), S("\xff")), 0);
	ck_assert_int_lt(slice_cmp(nothing, S("\0")), 0);
	ck_assert_int_eq(slice_cmp(nothing, nothing), 0);
}
END_TEST

/* Only the 26 letters: octets that differ by the same bit are not equal. */
START_TEST(case_is_ascii)
{
	ck_assert(slice_ieq(S("Az09-z"), S("aZ09-Z")));
	ck_assert(slice_ieq(S("A\0b"), S("a\0B")));
	ck_assert(!slice_ieq(S("A\0b"), S("a\0c")));
	ck_assert(!slice_ieq(S("@"), S("`")));
	ck_assert(!slice_ieq(S("["), S("{")));
	ck_assert(!slice_ieq(S("\xc4"), S("\xe4")));
	ck_assert(!slice_ieq(S("a"), S("aa")));
	ck_assert(slice_ieq(nothing, S("")));
}
END_TEST

START_TEST(prefixes)
{
	ck_assert(slice_starts(S("MAIL FROM"), S("MAIL")));
	ck_assert(slice_starts(S("MAIL"), S("MAIL")));
	ck_assert(!slice_starts(S("MAI"), S("MAIL")));
	ck_assert(!slice_starts(S("mail"), S("MAIL")));
	ck_assert(slice_istarts(S("mail"), S("MAIL")));
	ck_assert(!slice_istarts(S("mai"), S("MAIL")));
	ck_assert(slice_starts(nothing, S("")));
	ck_assert(slice_istarts(nothing, nothing));
}
END_TEST

START_TEST(pieces)
{
	assert_slice(slice_drop(S("abc"), 0), S("abc"));
	assert_slice(slice_drop(S("abc"), 2), S("c"));
	assert_slice(slice_drop(S("abc"), 3), S(""));
	assert_slice(slice_drop(S("abc"), SIZE_MAX), S(""));
	assert_slice(slice_drop(nothing, 1), S(""));
	assert_slice(slice_take(S("abc"), 2), S("ab"));
	assert_slice(slice_take(S("abc"), SIZE_MAX), S("abc"));
	assert_slice(slice_str(NULL), S(""));
	assert_slice(slice_str("abc"), S("abc"));
	ck_assert_uint_eq(slice_find(S("abcb"), 'b'), 1);
	ck_assert_uint_eq(slice_find(S("abc"), '\0'), 3);
	ck_assert_uint_eq(slice_find(nothing, 'a'), 0);
	assert_slice(slice_trim(S(" \t a b\t ")), S("a b"));
	assert_slice(slice_trim(S(" \t ")), S(""));
	assert_slice(slice_trim(S("\r a\n")), S("\r a\n"));
	assert_slice(slice_trim(nothing), S(""));
}
END_TEST

START_TEST(cuts)
{
	struct slice s = S("a,,b");

	assert_slice(slice_cut(&s, ','), S("a"));
	assert_slice(slice_cut(&s, ','), S(""));
	assert_slice(s, S("b"));
	assert_slice(slice_cut(&s, ','), S("b"));
	assert_slice(s, S(""));
	assert_slice(slice_cut(&s, ','), S(""));
	s = S("a,");
	assert_slice(slice_cut(&s, ','), S("a"));
	assert_slice(s, S(""));
}
END_TEST

static const struct {
	struct slice	 text;
	uint64_t	 max;
	bool		 good;
	uint64_t	 value;
} numbers[] = {
	{ S("0"), 0, true, 0 },
	{ S("1"), 0, false, 0 },
	{ S("0010"), 10, true, 10 },
	{ S("11"), 10, false, 0 },
	{ S("18446744073709551615"), UINT64_MAX, true, UINT64_MAX },
	{ S("18446744073709551616"), UINT64_MAX, false, 0 },
	{ S("18446744073709551625"), UINT64_MAX, false, 0 },
	{ S("99999999999999999999"), UINT64_MAX, false, 0 },
	{ S("28446744073709551615"), UINT64_MAX, false, 0 },
	{ S("4294967296"), UINT32_MAX, false, 0 },
	{ S(""), 9, false, 0 },
	{ S("+1"), 9, false, 0 },
	{ S("-1"), 9, false, 0 },
	{ S(" 1"), 9, false, 0 },
	{ S("1 "), 9, false, 0 },
	{ S("1\0"), 9, false, 0 },
	{ S("0x1"), 9, false, 0 },
	{ S("1:"), 99, false, 0 },
	{ S("/"), 99, false, 0 },
};

START_TEST(u64_cases)
{
	uint64_t n = 42;
	bool good = slice_u64(numbers[_i].text, numbers[_i].max, &n);

	ck_assert_int_eq(good, numbers[_i].good);
	ck_assert_uint_eq(n, good ? numbers[_i].value : 42);
}
END_TEST

START_TEST(buf_grows)
{
	struct buf b = { 0 };

	for (unsigned i = 0; i < 100000; i++)
		buf_char(&b, (char)(i % 251));
	ck_assert_uint_eq(b.n, 100000);
	for (unsigned i = 0; i < 100000; i++)
		ck_assert_int_eq(b.p[i], (char)(i % 251));
	ck_assert_uint_lt(b.cap, 300000);
	buf_clear(&b);
	ck_assert_uint_eq(b.n, 0);
	ck_assert_uint_gt(b.cap, 0);
	buf_free(&b);
	ck_assert(b.p == NULL && b.n == 0 && b.cap == 0);
	buf_free(&b);
}
END_TEST

START_TEST(buf_texts)
{
	struct buf b = { 0 };

	ck_assert_str_eq(buf_cstr(&b), "");
	buf_add(&b, NULL, 0);
	buf_slice(&b, nothing);
	buf_str(&b, "n=");
	buf_u64(&b, 0);
	buf_char(&b, ' ');
	buf_u64(&b, UINT64_MAX);
	buf_slice(&b, S(" x"));
	buf_printf(&b, "%s%d", "", -7);
	ck_assert_str_eq(buf_cstr(&b), "n=0 18446744073709551615 x-7");
	ck_assert_uint_eq(b.n, 28);
	buf_printf(&b, "%5000d", 1);
	ck_assert_uint_eq(b.n, 5028);
	ck_assert(slice_starts(buf_view(&b), S("n=0 ")));
	buf_free(&b);
}
END_TEST

START_TEST(buf_drops)
{
	struct buf b = { 0 };

	buf_drop(&b, 1);
	buf_str(&b, "abcdef");
	buf_drop(&b, 0);
	buf_drop(&b, 2);
	ck_assert_str_eq(buf_cstr(&b), "cdef");
	buf_drop(&b, 4);
	ck_assert_uint_eq(b.n, 0);
	buf_str(&b, "x");
	buf_drop(&b, SIZE_MAX);
	ck_assert_uint_eq(b.n, 0);
	buf_free(&b);
}
END_TEST

/* A C string of exactly the buffer's length needs one octet more. */
START_TEST(cstr_at_the_brim)
{
	struct buf b = { 0 };

	buf_char(&b, 'a');
	while (b.n < b.cap)
		buf_char(&b, 'a');
	ck_assert_uint_eq(strlen(buf_cstr(&b)), b.n);
	buf_free(&b);
}
END_TEST

START_TEST(memory)
{
	char *p = mem_array(1000, 3), *q;

	for (int i = 0; i < 3000; i++)
		ck_assert_int_eq(p[i], 0);
	memcpy(p, "secret", 6);
	p = mem_grow(p, 100000);
	ck_assert_int_eq(memcmp(p, "secret", 7), 0);
	mem_wipe(p, 6);
	ck_assert_int_eq(memcmp(p, "\0\0\0\0\0\0", 6), 0);
	mem_wipe(NULL, 0);
	free(p);
	q = mem_str(S("a\0b"));
	ck_assert_int_eq(memcmp(q, "a\0b", 4), 0);
	free(q);
	q = mem_str(nothing);
	ck_assert_str_eq(q, "");
	free(q);
	ck_assert(mem_same("abc", "abd", 2));
	ck_assert(!mem_same("abc", "abd", 3));
	ck_assert(!mem_same("\x80", "\0", 1));
	ck_assert(mem_same("", "x", 0));
}
END_TEST

static void
take_too_much(int how)
{
	struct buf b = { 0 };

	buf_str(&b, "x");
	if (how == 0)
		buf_reserve(&b, SIZE_MAX);
	else if (how == 1)
		buf_reserve(&b, SIZE_MAX / 2);
	else
		free(mem_array(SIZE_MAX / 2, 4));
}

START_TEST(no_memory_is_the_end)
{
	int status = 0;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(STDERR_FILENO);
		take_too_much(_i);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
#ifdef __SANITIZE_ADDRESS__	/* it reports, and ends the process, itself */
	ck_assert_int_ne(WEXITSTATUS(status), 0);
#else
	ck_assert_int_eq(WEXITSTATUS(status), 75);
#endif
}
END_TEST

/* What a secret buf leaves, it leaves wiped (PRIV-8). */
START_TEST(secret_is_wiped)
{
	struct buf b = { .secret = true };

	buf_str(&b, "secret");
	buf_drop(&b, 2);
	ck_assert_mem_eq(b.p, "cret\0\0", 6);
	buf_reserve(&b, 10000);
	ck_assert_mem_eq(b.p, "cret", 4);
	buf_clear(&b);
	ck_assert_mem_eq(b.p, "\0\0\0\0", 4);
	buf_free(&b);
	ck_assert_ptr_null(b.p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("buf");
	TCase *t = tcase_create("buf");

	tcase_add_test(t, slices_compare);
	tcase_add_test(t, case_is_ascii);
	tcase_add_test(t, prefixes);
	tcase_add_test(t, pieces);
	tcase_add_test(t, cuts);
	tcase_add_loop_test(t, u64_cases, 0, sizeof numbers / sizeof *numbers);
	tcase_add_test(t, buf_grows);
	tcase_add_test(t, buf_texts);
	tcase_add_test(t, buf_drops);
	tcase_add_test(t, cstr_at_the_brim);
	tcase_add_test(t, secret_is_wiped);
	tcase_add_test(t, memory);
	tcase_add_loop_test(t, no_memory_is_the_end, 0, 3);
	suite_add_tcase(s, t);
	return suite_end(s);
}
