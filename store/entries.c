#include "store/entries.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "store/message.h"

struct entries {
	struct node	 node;		/* longest unused first */
	struct box	*box;
	struct entry	*v;
	size_t		 n, cap, old;	/* old: before what is appended now */
	uint64_t	 modseq;	/* they are as of */
};

static struct node	 all;
static size_t		 bytes;

void
entries_drop(struct box *b)
{
	struct entries *e = b->entries;

	if (e == NULL)
		return;
	list_del(&e->node);
	bytes -= e->cap * sizeof *e->v;
	free(e->v);
	free(e);
	b->entries = NULL;
}

static void
grow(struct entries *e)
{
	size_t cap = e->cap == 0 ? e->box->seen.messages + 64 :
	    e->cap + e->cap / 4;

	bytes += (cap - e->cap) * sizeof *e->v;
	e->v = mem_grow(e->v, cap * sizeof *e->v);
	e->cap = cap;
}

/* Where the first one lies that is not below uid, among the old ones. */
static size_t
find(const struct entries *e, uint32_t uid)
{
	size_t low = 0, high = e->old;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (e->v[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Rows come in order: first of those that are there, then new ones. */
static bool
entry_row(void *arg, uint32_t uid, const struct message_row *row,
    uint64_t blob)
{
	struct entries *e = arg;
	size_t i = find(e, uid);

	(void)blob;
	if (i < e->old && e->v[i].uid != uid)
		return true;	/* there, and was damaged before */
	if (i == e->old) {
		if (e->n == e->cap)
			grow(e);
		i = e->n++;
	}
	e->v[i] = (struct entry){ .uid = uid, .side = row->side,
		.head = row->head_n & INT32_MAX, .flags = row->flags,
		.modseq = row->modseq, .size = row->size, .when = row->when,
		.id = row->id };
	return true;
}

/* Leaves out those that are no more. */
static void
sweep(struct entries *e)
{
	const struct ranges *set = box_present(e->box);
	size_t n = 0, at = 0;

	for (size_t i = 0; i < e->n; i++) {
		while (at < set->n && set->r[at].to < e->v[i].uid)
			at++;
		if (at < set->n && set->r[at].from <= e->v[i].uid)
			e->v[n++] = e->v[i];
	}
	e->n = n;
}

static void
refresh(struct entries *e)
{
	struct box *b = e->box;
	struct ranges touched = { 0 };

	if (!box_touched(b, e->modseq, &touched)) {
		e->n = 0;
		ranges_add(&touched, 1, UINT32_MAX);
	}
	e->old = e->n;
	messages_scan(b, &touched, 1, entry_row, e);
	ranges_free(&touched);
	sweep(e);
	e->modseq = b->seen.modseq;
}

static void
make_room(const struct entries *but)
{
	while (bytes > ENTRIES_BYTES) {
		struct entries *e = CONTAINER(all.next, struct entries, node);

		if (e == but)
			return;
		entries_drop(e->box);
	}
}

const struct entry *
entries_get(struct box *b, size_t *n)
{
	struct entries *e = b->entries;

	if (b->seen.messages > ENTRIES_BYTES / sizeof *e->v / 2)
		return NULL;
	if (e == NULL) {
		e = b->entries = mem_zero(sizeof *e);
		e->box = b;
	}
	if (all.next == NULL)
		list_init(&all);
	list_del(&e->node);
	list_push(&all, &e->node);
	if (e->modseq != b->seen.modseq)
		refresh(e);
	make_room(e);
	*n = e->n;
	return e->v;
}
