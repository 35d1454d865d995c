/* Rows and blobs of the `mem` engine. */
#include "common/engine/mem.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/log.h"
#include "common/engine/record.h"

struct mem_incoming {
	struct blob	 blob;
	struct buf	 bytes;
};

/* ---- blobs */

static struct mem_blob *
blob_find(const struct mem *m, uint64_t number)
{
	struct map_node *n = map_get(&m->blobs, number);

	return n == NULL ? NULL : CONTAINER(n, struct mem_blob, node);
}

static void
blob_over(struct mem *m, struct mem_blob *b)
{
	if (b->refs > 0 || b->held > 0)
		return;
	map_del(&m->blobs, &b->node);
	buf_free(&b->bytes);
	free(b);
}

void
mem_refer(struct mem *m, uint64_t number, bool more)
{
	struct mem_blob *b = number == 0 ? NULL : blob_find(m, number);

	if (b == NULL)
		return;
	if (more) {
		b->refs++;
		return;
	}
	b->refs--;
	blob_over(m, b);
}

uint64_t
mem_blob_add(struct engine *e, const struct slice *v, size_t n)
{
	struct mem *m = MEM_OF(e);
	struct mem_blob *b = mem_zero(sizeof *b);

	for (size_t i = 0; i < n; i++)
		buf_slice(&b->bytes, v[i]);
	b->held = 1;
	map_put(&m->blobs, &b->node, ++m->next_blob);
	return m->next_blob;
}

struct blob *
mem_blob_begin(struct engine *e)
{
	struct mem_incoming *b = mem_zero(sizeof *b);

	b->blob.engine = e;
	return &b->blob;
}

enum engine_status
mem_blob_write(struct blob *blob, struct slice s)
{
	buf_slice(&CONTAINER(blob, struct mem_incoming, blob)->bytes, s);
	return ENGINE_OK;
}

void
mem_blob_drop(struct blob *blob)
{
	struct mem_incoming *b = CONTAINER(blob, struct mem_incoming, blob);

	buf_free(&b->bytes);
	free(b);
}

void
mem_blob_end(struct blob *blob, void (*done)(void *, enum engine_status,
    uint64_t), void *arg)
{
	struct mem_incoming *b = CONTAINER(blob, struct mem_incoming, blob);
	struct slice s = buf_view(&b->bytes);
	uint64_t number = mem_blob_add(blob->engine, &s, 1);

	mem_blob_drop(blob);
	done(arg, ENGINE_OK, number);
}

void
mem_blob_release(struct engine *e, uint64_t number)
{
	struct mem_blob *b = blob_find(MEM_OF(e), number);

	CHECK(b != NULL && b->held > 0);
	b->held--;
	blob_over(MEM_OF(e), b);
}

enum engine_status
mem_blob_size(struct engine *e, uint64_t number, uint64_t *size)
{
	struct mem_blob *b = blob_find(MEM_OF(e), number);

	if (b != NULL)
		*size = b->bytes.n;
	return b != NULL ? ENGINE_OK : ENGINE_NONE;
}

void
mem_blob_read(struct engine *e, uint64_t number, uint64_t offset,
    size_t length, engine_bytes *fn, void *arg)
{
	struct mem_blob *b = blob_find(MEM_OF(e), number);
	struct buf copy = { 0 };

	if (b == NULL) {
		fn(arg, ENGINE_NONE, SLICE(""));
		return;
	}
	if (length > ENGINE_VALUE_MAX)
		length = ENGINE_VALUE_MAX;
	/* The callback may release it. */
	buf_slice(&copy, slice_take(slice_drop(buf_view(&b->bytes), offset),
	    length));
	fn(arg, ENGINE_OK, buf_view(&copy));
	buf_free(&copy);
}

/* ---- rows */

/* The place of the first row not below the key. */
static size_t
row_place(const struct table *t, struct slice key)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (slice_cmp(buf_view(&t->v[mid].key), key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
row_is(const struct table *t, size_t i, struct slice key)
{
	return i < t->n && slice_eq(buf_view(&t->v[i].key), key);
}

static void
rows_delete(struct mem *m, struct table *t, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		mem_refer(m, t->v[i].blob, false);
		buf_free(&t->v[i].key);
		buf_free(&t->v[i].value);
	}
	if (to > from) {
		memmove(t->v + from, t->v + to, (t->n - to) * sizeof *t->v);
		t->n -= to - from;
	}
}

static void
row_put(struct mem *m, struct table *t, const struct op *op)
{
	size_t i = row_place(t, op->key);
	struct mem_row *row;

	mem_refer(m, op->blob, true);
	if (row_is(t, i, op->key))
		rows_delete(m, t, i, i + 1);
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? 64 : t->cap * 2;
		t->v = mem_grow(t->v, t->cap * sizeof *t->v);
	}
	row = t->v + i;
	memmove(row + 1, row, (t->n - i) * sizeof *row);
	t->n++;
	*row = (struct mem_row){ .blob = op->blob };
	buf_slice(&row->key, op->key);
	buf_slice(&row->value, op->value);
}

void
mem_apply(struct mem *m, uint64_t unit, struct slice body)
{
	const struct record r = { .type = RECORD_ROWS, .id = unit };
	struct op op;

	while (op_next(&body, &r, &op)) {
		struct table *t = &m->tables[op.space];
		size_t i = row_place(t, op.key);

		if (op.kind == OP_PUT) {
			row_put(m, t, &op);
		} else if (op.kind == OP_DEL) {
			if (row_is(t, i, op.key))
				rows_delete(m, t, i, i + 1);
		} else {
			for (t = m->tables; t < m->tables + ENGINE_SPACES; t++)
				rows_delete(m, t, row_place(t, op.key),
				    row_place(t, op.value));
		}
	}
}

enum engine_status
mem_get(struct engine *e, enum engine_space space, struct slice key,
    struct buf *out, uint64_t *blob)
{
	const struct table *t = &MEM_OF(e)->tables[space];
	size_t i = row_place(t, key);

	if (!row_is(t, i, key))
		return ENGINE_NONE;
	if (out != NULL)
		buf_slice(out, buf_view(&t->v[i].value));
	if (blob != NULL)
		*blob = t->v[i].blob;
	return ENGINE_OK;
}

enum engine_status
mem_scan(struct engine *e, enum engine_space space, struct slice from,
    struct slice to, bool back, engine_row *fn, void *arg)
{
	const struct table *t = &MEM_OF(e)->tables[space];
	size_t low = row_place(t, from), high = row_place(t, to);

	if (low >= high)
		return ENGINE_NONE;
	for (size_t n = 0; n < high - low; n++) {
		const struct mem_row *row = t->v +
		    (back ? high - 1 - n : low + n);

		if (!fn(arg, buf_view(&row->key), buf_view(&row->value),
		    row->blob))
			break;
	}
	return ENGINE_OK;
}

/* ---- the end */

static void
blob_lose(struct map_node *n, void *arg)
{
	struct mem *m = arg;
	struct mem_blob *b = CONTAINER(n, struct mem_blob, node);

	b->held = 0;
	blob_over(m, b);
}

void
mem_unhold(struct mem *m)
{
	map_each(&m->blobs, blob_lose, m);
}

void
mem_forget(struct mem *m)
{
	for (size_t i = 0; i < ENGINE_SPACES; i++) {
		rows_delete(m, &m->tables[i], 0, m->tables[i].n);
		free(m->tables[i].v);
	}
	mem_unhold(m);
	map_free(&m->blobs);
}
