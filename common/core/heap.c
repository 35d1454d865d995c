#include "common/core/list.h"

#include <stdlib.h>

#include "common/core/buf.h"

/* Places count from 1, so that the parent of i is i / 2 and 0 says "out". */
static void
set(struct heap *h, size_t at, struct heap_node *n)
{
	h->v[at - 1] = n;
	n->at = at;
}

static struct heap_node *
get(const struct heap *h, size_t at)
{
	return h->v[at - 1];
}

/* A node may say a place in a heap that is gone (heap_free): it is believed
   only if it is found there. */
static bool
is_in(const struct heap *h, const struct heap_node *n)
{
	return n->at != 0 && n->at <= h->n && get(h, n->at) == n;
}

/* Puts n at the free place `at` or above it. */
static void
rise(struct heap *h, size_t at, struct heap_node *n)
{
	while (at > 1 && n->key < get(h, at / 2)->key) {
		set(h, at, get(h, at / 2));
		at /= 2;
	}
	set(h, at, n);
}

/* Puts n at the free place `at` or below it. */
static void
sink(struct heap *h, size_t at, struct heap_node *n)
{
	for (size_t child; (child = 2 * at) <= h->n; at = child) {
		if (child < h->n && get(h, child + 1)->key < get(h, child)->key)
			child++;
		if (n->key <= get(h, child)->key)
			break;
		set(h, at, get(h, child));
	}
	set(h, at, n);
}

void
heap_put(struct heap *h, struct heap_node *n, uint64_t key)
{
	heap_del(h, n);
	if (h->n == h->cap) {
		size_t cap = h->cap == 0 ? 16 : 2 * h->cap;
		h->v = mem_grow(h->v, cap * sizeof(*h->v));
		h->cap = cap;
	}
	n->key = key;
	rise(h, ++h->n, n);
}

void
heap_del(struct heap *h, struct heap_node *n)
{
	struct heap_node *last;
	size_t at = n->at;

	if (!is_in(h, n))
		return;
	n->at = 0;
	last = get(h, h->n--);
	if (last == n)
		return;
	if (at > 1 && last->key < get(h, at / 2)->key)
		rise(h, at, last);
	else
		sink(h, at, last);
}

struct heap_node *
heap_top(const struct heap *h)
{
	return h->n == 0 ? NULL : get(h, 1);
}

void
heap_free(struct heap *h)
{
	free(h->v);
	*h = (struct heap){ 0 };
}
