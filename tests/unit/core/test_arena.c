/* Pieces of an arena are aligned, do not overlap and live until the reset;
   what it holds stays within a small factor of what was asked for. */
#include "common/core/arena.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

enum { PIECES = 3000 };

static uint64_t seed;

static unsigned
next_random(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33);
}

static size_t
piece_size(void)
{
	unsigned r = next_random();

	return r % 50 == 0 ? r % 100000 : r % 7 == 0 ? r % 3000 : r % 60;
}

static void
fill_and_verify(struct arena *a)
{
	static struct slice pieces[PIECES];

	for (unsigned i = 0; i < PIECES; i++) {
		size_t n = piece_size();
		char *p = arena_alloc(a, n);
		ck_assert_uint_eq((uintptr_t)p % 16, 0);
		memset(p, (char)i, n);
		pieces[i] = slice_of(p, n);
	}
	for (unsigned i = 0; i < PIECES; i++)
		for (size_t k = 0; k < pieces[i].n; k++)
			if (pieces[i].p[k] != (char)i)
				ck_abort_msg("piece %u, octet %zu", i, k);
}

START_TEST(pieces_do_not_overlap)
{
	struct arena a = { 0 };

	seed = (uint64_t)_i;
	for (int round = 0; round < 3; round++) {
		fill_and_verify(&a);
		arena_reset(&a);
		ck_assert_uint_le(arena_size(&a), 4096 + 64);
	}
	arena_free(&a);
	ck_assert_uint_eq(arena_size(&a), 0);
	ck_assert(a.blocks == NULL && a.at == NULL && a.end == NULL);
}
END_TEST

START_TEST(starts_small_and_doubles)
{
	struct arena a = { 0 };
	size_t asked = 0;

	ck_assert_uint_eq(arena_size(&a), 0);
	arena_alloc(&a, 1);
	ck_assert_uint_le(arena_size(&a), 1100);
	while (asked < 1000000) {
		arena_alloc(&a, 1000);
		asked += 1000;
		ck_assert_uint_le(arena_size(&a),
		    asked * 21 / 10 + 2048 < asked + 70000 ?
		    asked * 21 / 10 + 2048 : asked + asked / 16 + 70000);
	}
	arena_free(&a);
}
END_TEST

/* A large piece between small ones must not cost them their block. */
START_TEST(large_pieces_stand_alone)
{
	struct arena a = { 0 };
	char *first = arena_alloc(&a, 16), *second;

	memset(arena_alloc(&a, 1000000), 1, 1000000);
	second = arena_alloc(&a, 16);
	ck_assert_uint_lt((size_t)(second - first), 100);
	ck_assert_uint_lt(arena_size(&a), 1000000 + 2000);
	arena_alloc(&a, 1500);		/* nor make the next one large */
	ck_assert_uint_lt(arena_size(&a), 1000000 + 4000);
	arena_free(&a);
}
END_TEST

START_TEST(large_piece_comes_first)
{
	struct arena a = { 0 };

	memset(arena_alloc(&a, 100000), 1, 100000);
	memset(arena_alloc(&a, 100), 2, 100);
	memset(arena_alloc(&a, 200000), 3, 200000);
	ck_assert_uint_lt(arena_size(&a), 302000);
	arena_reset(&a);
	ck_assert_uint_le(arena_size(&a), 2000);
	memset(arena_alloc(&a, 100), 2, 100);
	arena_free(&a);
	arena_alloc(&a, 100000);
	arena_reset(&a);
	ck_assert_uint_eq(arena_size(&a), 0);
	arena_reset(&a);
	arena_free(&a);
}
END_TEST

/* Also when the memory was used before. */
START_TEST(arrays_are_zero)
{
	struct arena a = { 0 };
	const char *p;

	memset(arena_alloc(&a, 900), 0xff, 900);
	arena_reset(&a);
	p = arena_array(&a, 300, 3);
	for (int i = 0; i < 900; i++)
		ck_assert_int_eq(p[i], 0);
	ck_assert_ptr_nonnull(arena_array(&a, 0, 8));
	arena_free(&a);
}
END_TEST

START_TEST(copies)
{
	struct arena a = { 0 };
	char from[] = "a\0b";
	struct slice s = arena_slice(&a, slice_of(from, 3));
	const char *p = arena_str(&a, slice_of(from, 3));

	from[0] = 'x';
	ck_assert(slice_eq(s, SLICE("a\0b")));
	ck_assert_int_eq(memcmp(p, "a\0b", 4), 0);
	ck_assert_uint_eq(arena_slice(&a, (struct slice){ 0 }).n, 0);
	ck_assert_str_eq(arena_str(&a, (struct slice){ 0 }), "");
	ck_assert_str_eq(arena_printf(&a, "%s %d", "n", 7), "n 7");
	ck_assert_uint_eq(strlen(arena_printf(&a, "%99999d", 7)), 99999);
	arena_free(&a);
}
END_TEST

#ifdef __SANITIZE_ADDRESS__
START_TEST(sanitizer_sees_misuse)
{
	struct arena a = { 0 };
	char *p = arena_alloc(&a, 32);
	char *q = arena_alloc(&a, 5);

	ck_assert(!__asan_address_is_poisoned(p + 31));
	ck_assert(__asan_address_is_poisoned(p + 32));
	ck_assert(!__asan_address_is_poisoned(q + 4));
	ck_assert(__asan_address_is_poisoned(q + 5));
	arena_reset(&a);
	ck_assert(__asan_address_is_poisoned(p));
	arena_free(&a);
}
END_TEST
#endif

int
main(void)
{
	Suite *s = suite_create("arena");
	TCase *t = tcase_create("arena");

	tcase_add_loop_test(t, pieces_do_not_overlap, 0, 5);
	tcase_add_test(t, starts_small_and_doubles);
	tcase_add_test(t, large_pieces_stand_alone);
	tcase_add_test(t, large_piece_comes_first);
	tcase_add_test(t, arrays_are_zero);
	tcase_add_test(t, copies);
#ifdef __SANITIZE_ADDRESS__
	tcase_add_test(t, sanitizer_sees_misuse);
#endif
	suite_add_tcase(s, t);
	return suite_end(s);
}
