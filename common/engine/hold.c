/*
 * Numbers of blobs that must not die though no row may name them: given out
 * and not yet released, or named by a txn that is in flight.
 */
#include "common/engine/file.h"

#include <stdlib.h>

struct hold *
hold_find(const struct file *f, uint64_t number)
{
	struct map_node *n = map_get(&f->holds, number);

	return n == NULL ? NULL : CONTAINER(n, struct hold, node);
}

struct hold *
hold_get(struct file *f, uint64_t number)
{
	struct hold *h = hold_find(f, number);

	if (h == NULL) {
		h = mem_zero(sizeof *h);
		map_put(&f->holds, &h->node, number);
	}
	return h;
}

bool
hold_over(struct file *f, struct hold *h)
{
	if (h->held > 0 || h->flying > 0)
		return false;
	map_del(&f->holds, &h->node);
	free(h);
	return true;
}

void
hold_fly(struct file *f, uint64_t number)
{
	hold_get(f, number)->flying++;
}

void
hold_land(struct file *f, uint64_t number)
{
	struct hold *h = hold_find(f, number);

	h->flying--;
	hold_over(f, h);
}

struct losing {
	struct file	*f;
	struct group	*group;
};

static void
lose(struct map_node *n, void *arg)
{
	struct hold *h = CONTAINER(n, struct hold, node);
	const struct losing *l = arg;

	if (h->group != l->group)
		return;
	if (h->own)
		blob_doom(l->f, n->key);
	h->group = NULL;
	h->own = false;
	h->lost = true;
}

void
hold_lose(struct file *f, struct group *g)
{
	struct losing l = { f, g };

	map_each(&f->holds, lose, &l);
}
