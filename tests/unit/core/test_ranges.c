/* A set of UIDs as ranges: compared with a plain array of booleans through
   many random changes, and bytes that are no ranges. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/ranges.h"
#include "tests/unit/suite.h"

enum { SPACE = 3000, CHANGES = 4000, EVERY = 97 };

static struct ranges	 set;
static bool		 model[SPACE + 2];

/* A sequence that is the same every time. */
static uint32_t
next_random(void)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

/* Ascending, apart from each other, and counted right. */
static void
check_form(const struct ranges *s)
{
	uint32_t count = 0, last = 0;

	for (size_t i = 0; i < s->n; i++) {
		ck_assert_uint_ge(s->r[i].to, s->r[i].from);
		ck_assert_uint_gt(s->r[i].from, i == 0 ? 0 : last + 1);
		last = s->r[i].to;
		count += s->r[i].to - s->r[i].from + 1;
	}
	ck_assert_uint_eq(count, ranges_count(s));
	ck_assert_uint_eq(last, ranges_last(s));
}

static void
check_all(void)
{
	uint32_t n = 0, floor = 0;

	check_form(&set);
	for (uint32_t uid = 1; uid <= SPACE; uid++) {
		if (model[uid]) {
			n++;
			floor = uid;
		}
		ck_assert_int_eq(model[uid], ranges_has(&set, uid));
		ck_assert_uint_eq(model[uid] ? n : 0, ranges_rank(&set, uid));
		ck_assert_uint_eq(n, ranges_upto(&set, uid));
		ck_assert_uint_eq(floor, ranges_floor(&set, uid));
		if (model[uid]) {
			ck_assert_uint_eq(uid, ranges_nth(&set, n));
			ck_assert_uint_eq(uid, ranges_next(&set, uid));
		}
	}
	ck_assert_uint_eq(n, ranges_count(&set));
	ck_assert_uint_eq(0, ranges_nth(&set, n + 1));
	ck_assert_uint_eq(0, ranges_nth(&set, 0));
}

static void
change(uint32_t from, uint32_t to, bool add)
{
	for (uint32_t uid = from; uid <= to; uid++)
		model[uid] = add;
	if (add)
		ranges_add(&set, from, to);
	else
		ranges_del(&set, from, to);
}

static void
begin(void)
{
	memset(model, 0, sizeof model);
	ranges_clear(&set);
}

/* Few long changes (_i 0), many single ones (1), and those that leave every
   second one, so that there are many ranges (2). */
START_TEST(random_changes)
{
	begin();
	if (_i == 2)
		for (uint32_t uid = 1; uid < SPACE; uid += 2)
			change(uid, uid, true);
	for (int i = 0; i < CHANGES; i++) {
		uint32_t from = next_random() % SPACE + 1;
		uint32_t to = from + (_i == 0 ? next_random() % 200 : 0);

		change(from, to > SPACE ? SPACE : to, next_random() % 2);
		if (i % EVERY == 0)
			check_all();
	}
	check_all();
}
END_TEST

/* One by one, from every side, until nothing is left: each step is checked
   where the blocks of sums end. */
START_TEST(to_nothing)
{
	begin();
	change(1, SPACE, true);
	for (uint32_t i = 0; i < SPACE; i++) {
		uint32_t uid = _i == 0 ? i + 1 : _i == 1 ? SPACE - i :
		    (i * 1237 + 11) % SPACE + 1;

		ck_assert(ranges_has(&set, uid));
		change(uid, uid, false);
		if (i % EVERY == 0)
			check_all();
	}
	ck_assert_uint_eq(0, set.n);
	ck_assert_uint_eq(0, ranges_first(&set));
	ck_assert_uint_eq(0, ranges_next(&set, 1));
}
END_TEST

/* The largest UID there is (RFC 9051 9, nz-number). */
START_TEST(the_ends)
{
	struct ranges s = { 0 };

	ranges_add(&s, UINT32_MAX, UINT32_MAX);
	ranges_add(&s, 1, 1);
	ck_assert_uint_eq(2, s.n);
	ck_assert_uint_eq(UINT32_MAX, ranges_next(&s, 2));
	ck_assert_uint_eq(0, ranges_next(&s, UINT32_MAX + 1u));
	ck_assert_uint_eq(1, ranges_floor(&s, UINT32_MAX - 1));
	ranges_add(&s, 2, UINT32_MAX - 1);
	ck_assert_uint_eq(1, s.n);
	ck_assert_uint_eq(UINT32_MAX, ranges_count(&s));
	ck_assert_uint_eq(UINT32_MAX, ranges_rank(&s, UINT32_MAX));
	ck_assert_uint_eq(UINT32_MAX, ranges_nth(&s, UINT32_MAX));
	ranges_del(&s, UINT32_MAX, UINT32_MAX);
	ck_assert_uint_eq(UINT32_MAX - 1, ranges_last(&s));
	ranges_del(&s, 1, UINT32_MAX);
	ck_assert_uint_eq(0, ranges_count(&s));
	ranges_free(&s);
}
END_TEST

START_TEST(sets)
{
	struct ranges a = { 0 }, b = { 0 }, out = { 0 };

	for (int i = 0; i < 60; i++) {
		uint32_t from = next_random() % SPACE + 1;

		ranges_add(i % 2 ? &a : &b, from, from + next_random() % 40);
	}
	ranges_intersect(&out, &a, &b);
	check_form(&out);
	for (uint32_t uid = 1; uid <= SPACE + 50; uid++)
		ck_assert_int_eq(ranges_has(&a, uid) && ranges_has(&b, uid),
		    ranges_has(&out, uid));
	ranges_unite(&out, &a, &b);
	check_form(&out);
	for (uint32_t uid = 1; uid <= SPACE + 50; uid++)
		ck_assert_int_eq(ranges_has(&a, uid) || ranges_has(&b, uid),
		    ranges_has(&out, uid));
	ranges_subtract(&out, &a, &b);
	check_form(&out);
	for (uint32_t uid = 1; uid <= SPACE + 50; uid++)
		ck_assert_int_eq(ranges_has(&a, uid) && !ranges_has(&b, uid),
		    ranges_has(&out, uid));
	ranges_copy(&out, &a);
	ranges_subtract(&b, &out, &a);
	ck_assert_uint_eq(0, b.n);
	ranges_copy(&out, &b);
	ck_assert_uint_eq(0, out.n);
	ranges_free(&a);
	ranges_free(&b);
	ranges_free(&out);
}
END_TEST

/* In pieces of any size the same set comes out. */
START_TEST(bytes_and_back)
{
	begin();
	for (uint32_t uid = 1; uid < SPACE; uid += 1 + next_random() % 5)
		change(uid, uid, true);
	for (size_t most = 20; most < 3000; most = most * 3 / 2) {
		struct ranges back = { 0 };
		struct buf b = { 0 };
		uint32_t from = 1;

		do {
			buf_clear(&b);
			from = ranges_put(&set, &b, from, most);
			ck_assert_uint_le(b.n, most);
			ck_assert(ranges_get(&back, buf_view(&b)));
		} while (from != 0);
		check_form(&back);
		ck_assert_uint_eq(set.n, back.n);
		ck_assert_int_eq(0, memcmp(set.r, back.r,
		    set.n * sizeof *set.r));
		buf_free(&b);
		ranges_free(&back);
	}
}
END_TEST

/* From the middle of a range, and nothing at all. */
START_TEST(bytes_from)
{
	struct ranges back = { 0 };
	struct buf b = { 0 };

	begin();
	change(5, 90, true);
	ck_assert_uint_eq(0, ranges_put(&set, &b, 50, 20));
	ck_assert(ranges_get(&back, buf_view(&b)));
	ck_assert_uint_eq(50, ranges_first(&back));
	ck_assert_uint_eq(41, ranges_count(&back));
	buf_clear(&b);
	ck_assert_uint_eq(0, ranges_put(&set, &b, 91, 20));
	ck_assert_uint_eq(0, b.n);
	ck_assert(ranges_get(&back, buf_view(&b)));
	buf_free(&b);
	ranges_free(&back);
}
END_TEST

START_TEST(bytes_bad)
{
	static const struct slice bad[] = {
		SLICE("\1"),				/* half */
		SLICE("\1\x80"),			/* cut off */
		SLICE("\x80\x80\x80\x80\x80\1\1"),	/* six bytes */
		SLICE("\xff\xff\xff\xff\x7f\1"),	/* 35 bits */
		SLICE("\xff\xff\xff\xff\x0f\0"),	/* 2^32 */
		SLICE("\1\xff\xff\xff\xff\x0f"),	/* ends above */
	};
	struct ranges s = { 0 };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ranges_clear(&s);
		ck_assert(!ranges_get(&s, bad[i]));
	}
	/* The last UID of all is good; what is not above is not. */
	ranges_clear(&s);
	ck_assert(ranges_get(&s, SLICE("\xfe\xff\xff\xff\x0f\0")));
	ck_assert_uint_eq(UINT32_MAX, ranges_last(&s));
	ck_assert(!ranges_get(&s, SLICE("\1\1")));
	ranges_free(&s);
	/* Any bytes. */
	for (int i = 0; i < 20000; i++) {
		char bytes[12];

		for (size_t k = 0; k < sizeof bytes; k++)
			bytes[k] = (char)next_random();
		ranges_clear(&s);
		ranges_get(&s, slice_of(bytes, next_random() % 13));
		check_form(&s);
	}
	ranges_free(&s);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ranges");
	TCase *t = tcase_create("ranges");
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, random_changes, 0, 3);
	tcase_add_loop_test(t, to_nothing, 0, 3);
	tcase_add_test(t, the_ends);
	tcase_add_test(t, sets);
	tcase_add_test(t, bytes_and_back);
	tcase_add_test(t, bytes_from);
	tcase_add_test(t, bytes_bad);
	suite_add_tcase(s, t);
	failed = suite_end(s);
	ranges_free(&set);
	return failed;
}
