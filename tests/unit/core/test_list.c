/* Lists, the heap and the map do what a plain model of each does, also when
   nodes leave in the middle of a walk. */
#include "common/core/list.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/suite.h"

struct thing {
	int		 number;
	struct node	 node;
	struct heap_node heap;
	struct map_node	 map;
	bool		 in;
};

enum { THINGS = 2000, STEPS = 40000 };

static struct thing	 things[THINGS];
static uint64_t		 seed;

static unsigned
next_random(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33);
}

static void
setup(void)
{
	for (int i = 0; i < THINGS; i++)
		things[i] = (struct thing){ .number = i };
}

static struct thing *
thing_of(struct node *n)
{
	return CONTAINER(n, struct thing, node);
}

START_TEST(list_order)
{
	struct node head;

	list_init(&head);
	ck_assert(list_empty(&head));
	ck_assert_ptr_null(list_pop(&head));
	list_push(&head, &things[1].node);
	list_push(&head, &things[2].node);
	list_unshift(&head, &things[0].node);
	ck_assert(!list_empty(&head));
	for (int i = 0; i < 3; i++) {
		struct node *n = list_pop(&head);
		ck_assert_int_eq(thing_of(n)->number, i);
		ck_assert(!list_in(n));
	}
	ck_assert(list_empty(&head));
}
END_TEST

START_TEST(list_deletes)
{
	struct node head;

	list_init(&head);
	list_del(&things[0].node);
	for (int i = 0; i < 3; i++)
		list_push(&head, &things[i].node);
	ck_assert(list_in(&things[1].node));
	list_del(&things[1].node);
	list_del(&things[1].node);
	ck_assert(!list_in(&things[1].node));
	ck_assert_ptr_eq(list_pop(&head), &things[0].node);
	ck_assert_ptr_eq(list_pop(&head), &things[2].node);
	ck_assert(list_empty(&head));
	list_push(&head, &things[1].node);
	ck_assert_ptr_eq(list_pop(&head), &things[1].node);
}
END_TEST

START_TEST(list_walk_survives_deletion)
{
	struct node head;
	int seen = 0;

	list_init(&head);
	LIST_EACH(n, &head)
		ck_abort();
	for (int i = 0; i < 10; i++)
		list_push(&head, &things[i].node);
	LIST_EACH(n, &head) {
		ck_assert_int_eq(thing_of(n)->number, seen++);
		list_del(n);
		*n = (struct node){ (void *)1, (void *)1 };
	}
	ck_assert_int_eq(seen, 10);
	ck_assert(list_empty(&head));
}
END_TEST

static uint64_t
least_in(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 50; i++)
		if (things[i].in && things[i].heap.key < least)
			least = things[i].heap.key;
	return least;
}

/* 50 things put, moved and deleted at random: the top is always the least. */
START_TEST(heap_is_like_its_model)
{
	struct heap h = { 0 };

	seed = (uint64_t)_i;
	ck_assert_ptr_null(heap_top(&h));
	for (int step = 0; step < STEPS; step++) {
		struct thing *t = &things[next_random() % 50];
		t->in = next_random() % 3 != 0;
		if (t->in)
			heap_put(&h, &t->heap, next_random() % 100);
		else
			heap_del(&h, &t->heap);
		ck_assert_int_eq(t->heap.at != 0, t->in);
		if (heap_top(&h) == NULL)
			ck_assert_uint_eq(least_in(), UINT64_MAX);
		else
			ck_assert_uint_eq(heap_top(&h)->key, least_in());
	}
	heap_free(&h);
	ck_assert_ptr_null(heap_top(&h));
}
END_TEST

START_TEST(heap_sorts)
{
	struct heap h = { 0 };
	struct heap_node *n;
	uint64_t last = 0;
	int seen = 0;

	for (int i = 0; i < THINGS; i++)
		heap_put(&h, &things[i].heap, next_random());
	for (; (n = heap_top(&h)) != NULL; seen++) {
		ck_assert_uint_ge(n->key, last);
		last = n->key;
		heap_del(&h, n);
		heap_del(&h, n);
	}
	ck_assert_int_eq(seen, THINGS);
	heap_free(&h);
}
END_TEST

/* A node whose heap was freed can go into another. */
START_TEST(heap_forgets)
{
	struct heap h = { 0 };

	for (int i = 0; i < 5; i++)
		heap_put(&h, &things[i].heap, 1);
	heap_free(&h);
	heap_del(&h, &things[3].heap);
	heap_put(&h, &things[4].heap, 1);
	heap_put(&h, &things[3].heap, 2);
	ck_assert_uint_eq(h.n, 2);
	ck_assert_ptr_eq(heap_top(&h), &things[4].heap);
	heap_free(&h);
}
END_TEST

static uint64_t
key_of(const struct thing *t, int kind)
{
	uint64_t n = (uint64_t)t->number;

	return kind == 0 ? n : kind == 1 ? n << 48 : kind == 2 ? ~n :
	    n * 4096;
}

/* With keys that count, that differ only high up, ... */
START_TEST(map_is_like_its_model)
{
	struct map m = { 0 };
	size_t n = 0;

	ck_assert_ptr_null(map_get(&m, 0));
	map_del(&m, &things[0].map);
	for (int step = 0; step < STEPS; step++) {
		struct thing *t = &things[next_random() % THINGS];
		uint64_t key = key_of(t, _i);
		ck_assert_ptr_eq(map_get(&m, key), t->in ? &t->map : NULL);
		if (t->in)
			map_del(&m, &t->map);
		else
			map_put(&m, &t->map, key);
		t->in = !t->in;
		n = t->in ? n + 1 : n - 1;
		ck_assert_uint_eq(m.n, n);
	}
	map_free(&m);
	ck_assert_ptr_null(map_get(&m, 0));
}
END_TEST

START_TEST(map_finds_the_newest)
{
	struct map m = { 0 };

	for (int i = 0; i < THINGS; i++)
		map_put(&m, &things[i].map, (uint64_t)i % 500);
	for (int i = THINGS - 1; i >= 0; i--) {
		struct map_node *n = map_get(&m, (uint64_t)i % 500);
		ck_assert_ptr_eq(n, &things[i].map);
		map_del(&m, n);
		map_del(&m, n);
	}
	ck_assert_uint_eq(m.n, 0);
	map_free(&m);
}
END_TEST

static struct map walked;

static void
visit(struct map_node *n, void *arg)
{
	struct thing *t = CONTAINER(n, struct thing, map);

	++*(int *)arg;
	ck_assert(!t->in);
	t->in = true;
	if (t->number % 2 == 0) {
		map_del(&walked, n);
		n->next = (void *)1;
	}
}

START_TEST(map_walk_survives_deletion)
{
	int seen = 0;

	map_each(&walked, visit, &seen);
	for (int i = 0; i < THINGS; i++)
		map_put(&walked, &things[i].map, (uint64_t)i);
	map_each(&walked, visit, &seen);
	ck_assert_int_eq(seen, THINGS);
	ck_assert_uint_eq(walked.n, THINGS / 2);
	map_free(&walked);
}
END_TEST

/* No slot is crowded by keys that have a pattern: with as many keys as slots
   and a perfect hash about 8 nodes share the fullest slot. */
START_TEST(map_spreads)
{
	struct map m = { 0 };

	for (int i = 0; i < THINGS; i++)
		map_put(&m, &things[i].map, key_of(&things[i], _i));
	for (size_t i = 0; i < m.size; i++) {
		int length = 0;
		for (struct map_node *n = m.slots[i]; n != NULL; n = n->next)
			length++;
		ck_assert_int_le(length, 8);
	}
	map_free(&m);
}
END_TEST

START_TEST(hash_mixes)
{
	char text[40] = "ann@example.org";
	uint64_t whole = map_hash(text, sizeof text);
	int changed = 0;

	ck_assert_uint_eq(map_hash(text, sizeof text), whole);
	ck_assert_uint_ne(map_hash(text, 0), map_hash("\0", 1));
	for (size_t n = 1; n < sizeof text; n++)
		ck_assert_uint_ne(map_hash(text, n), map_hash(text, n - 1));
	for (size_t bit = 0; bit < 8 * sizeof text; bit++) {
		text[bit / 8] ^= (char)(1u << bit % 8);
		int n = __builtin_popcountll(map_hash(text, sizeof text) ^
		    whole);
		ck_assert_int_ge(n, 8);
		changed += n;
		text[bit / 8] ^= (char)(1u << bit % 8);
	}
	changed /= (int)(8 * sizeof text);
	ck_assert_int_ge(changed, 30);
	ck_assert_int_le(changed, 34);
}
END_TEST

/* Reading by words must not depend on where the text begins. */
START_TEST(hash_at_any_address)
{
	char text[64] = { 0 };

	for (int shift = 0; shift < 9; shift++) {
		char *p = text + shift;
		for (int i = 0; i < 20; i++)
			p[i] = (char)i;
		ck_assert_uint_eq(map_hash(p, 20),
		    map_hash("\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17"
			     "\20\21\22\23", 20));
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("list");
	TCase *t = tcase_create("list");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, list_order);
	tcase_add_test(t, list_deletes);
	tcase_add_test(t, list_walk_survives_deletion);
	tcase_add_loop_test(t, heap_is_like_its_model, 0, 3);
	tcase_add_test(t, heap_sorts);
	tcase_add_test(t, heap_forgets);
	tcase_add_loop_test(t, map_is_like_its_model, 0, 4);
	tcase_add_test(t, map_finds_the_newest);
	tcase_add_test(t, map_walk_survives_deletion);
	tcase_add_loop_test(t, map_spreads, 0, 4);
	tcase_add_test(t, hash_mixes);
	tcase_add_test(t, hash_at_any_address);
	suite_add_tcase(s, t);
	return suite_end(s);
}
