/*
 * mem.c - an engine without a disk, for tests of what is built on engines.
 *
 * It keeps the promises of engine.h that do not need a disk: nothing is seen
 * before it is answered, answers come in order and from the loop, blobs die
 * with their last row.  Rows are a sorted array: made for thousands.
 */
#include "common/engine/ops.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/codec.h"
#include "common/core/log.h"
#include "common/core/loop.h"
#include "common/engine/record.h"

struct mem_row {
	struct buf	 key, value;
	uint64_t	 blob;
};

struct mem_blob {
	struct map_node	 node;
	struct buf	 bytes;
	unsigned	 refs;		/* rows and pending puts */
	unsigned	 held;
};

/* What was committed and not yet answered; without a body: a settle. */
struct pending {
	struct node	 list;
	uint64_t	 unit;
	bool		 commit;
	struct buf	 body, blobs;
	engine_done	*done;
	void		*arg;
};

struct table {
	struct mem_row	*v;
	size_t		 n, cap;
};

struct mem {
	struct engine	 engine;	/* first */
	struct table	 tables[ENGINE_SPACES];
	struct map	 blobs;
	struct node	 pending;
	uint64_t	 sequence, next_blob, commits;
	enum engine_status fault;
	unsigned	 fault_after, fault_count;
	bool		 held;
};

#define MEM_OF(e)	CONTAINER(e, struct mem, engine)

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

static void
blob_refer(struct mem *m, uint64_t number, bool more)
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

static uint64_t
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

static struct blob *
mem_blob_begin(struct engine *e)
{
	struct mem_incoming *b = mem_zero(sizeof *b);

	b->blob.engine = e;
	return &b->blob;
}

static enum engine_status
mem_blob_write(struct blob *blob, struct slice s)
{
	buf_slice(&CONTAINER(blob, struct mem_incoming, blob)->bytes, s);
	return ENGINE_OK;
}

static void
mem_blob_drop(struct blob *blob)
{
	struct mem_incoming *b = CONTAINER(blob, struct mem_incoming, blob);

	buf_free(&b->bytes);
	free(b);
}

static void
mem_blob_end(struct blob *blob, void (*done)(void *, enum engine_status,
    uint64_t), void *arg)
{
	struct mem_incoming *b = CONTAINER(blob, struct mem_incoming, blob);
	struct slice s = buf_view(&b->bytes);
	uint64_t number = mem_blob_add(blob->engine, &s, 1);

	mem_blob_drop(blob);
	done(arg, ENGINE_OK, number);
}

static void
mem_blob_release(struct engine *e, uint64_t number)
{
	struct mem_blob *b = blob_find(MEM_OF(e), number);

	CHECK(b != NULL && b->held > 0);
	b->held--;
	blob_over(MEM_OF(e), b);
}

static enum engine_status
mem_blob_size(struct engine *e, uint64_t number, uint64_t *size)
{
	struct mem_blob *b = blob_find(MEM_OF(e), number);

	if (b != NULL)
		*size = b->bytes.n;
	return b != NULL ? ENGINE_OK : ENGINE_NONE;
}

static void
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
		blob_refer(m, t->v[i].blob, false);
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

	blob_refer(m, op->blob, true);
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

static void
apply(struct mem *m, const struct pending *p)
{
	const struct record r = { .type = RECORD_ROWS, .id = p->unit };
	struct slice body = buf_view(&p->body);
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

static enum engine_status
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

static enum engine_status
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

/* ---- commits */

static struct pending *
pending_new(struct mem *m, uint64_t unit, engine_done *done, void *arg)
{
	struct pending *p = mem_zero(sizeof *p);

	p->unit = unit;
	p->done = done;
	p->arg = arg;
	list_push(&m->pending, &p->list);
	loop_again();
	return p;
}

static void
pending_free(struct mem *m, struct pending *p)
{
	uint64_t number;

	for (size_t i = 0; i < p->blobs.n; i += sizeof number) {
		memcpy(&number, p->blobs.p + i, sizeof number);
		blob_refer(m, number, false);
	}
	buf_free(&p->body);
	buf_free(&p->blobs);
	free(p);
}

static void
mem_commit(struct engine *e, struct txn *t, engine_done *done, void *arg)
{
	struct mem *m = MEM_OF(e);
	struct pending *p = pending_new(m, t->unit, done, arg);

	p->commit = true;
	buf_slice(&p->body, buf_view(&t->body));
	buf_slice(&p->blobs, buf_view(&t->blobs));
	for (size_t i = 0; i < txn_named(t); i++)
		blob_refer(m, txn_blob(t, i), true);
}

static void
mem_settle(struct engine *e, uint64_t unit, engine_done *done, void *arg)
{
	struct mem *m = MEM_OF(e);

	LIST_EACH(n, &m->pending) {
		struct pending *p = CONTAINER(n, struct pending, list);

		if (p->commit && p->unit == unit) {
			pending_new(m, unit, done, arg);
			return;
		}
	}
	done(arg, ENGINE_OK);
}

/* What becomes of a commit.  Of those with an unknown outcome every second
   one has happened. */
static enum engine_status
outcome(struct mem *m, bool *happens)
{
	*happens = true;
	if (m->fault_count == 0)
		return ENGINE_OK;
	if (m->fault_after > 0) {
		m->fault_after--;
		return ENGINE_OK;
	}
	m->fault_count--;
	*happens = m->fault == ENGINE_UNKNOWN && m->fault_count % 2 == 0;
	return m->fault;
}

static void
mem_turn(struct engine *e)
{
	struct mem *m = MEM_OF(e);
	size_t count = 0;

	/* What the callbacks commit is for the next turn. */
	LIST_EACH(n, &m->pending)
		count++;
	while (count-- > 0 && !m->held) {
		struct node *n = list_pop(&m->pending);
		struct pending *p = CONTAINER(n, struct pending, list);
		enum engine_status status = ENGINE_OK;
		bool happens = false;

		if (p->commit) {
			status = outcome(m, &happens);
			m->commits++;
		}
		if (happens) {
			m->sequence++;
			apply(m, p);
		}
		if (p->done != NULL)
			p->done(p->arg, status);
		pending_free(m, p);
	}
}

/* ---- the rest */

static bool
mem_room(struct engine *e, uint64_t bytes)
{
	const struct mem *m = MEM_OF(e);

	(void)bytes;
	return m->fault_count == 0 || m->fault_after > 0 ||
	    m->fault != ENGINE_FULL;
}

/* It has all the memory there is. */
static void
mem_floor(struct engine *e, uint64_t bytes)
{
	(void)e;
	(void)bytes;
}

static void
mem_figures(struct engine *e, struct engine_figures *f)
{
	const struct mem *m = MEM_OF(e);

	*f = (struct engine_figures){ .commits = m->commits,
		.sequence = m->sequence };
}

static void
mem_upkeep(struct engine *e, engine_done *done, void *arg)
{
	(void)e;
	if (done != NULL)
		done(arg, ENGINE_OK);
}

static void
mem_compact(struct engine *e, uint64_t bytes, engine_done *done, void *arg)
{
	(void)e;
	(void)bytes;
	if (done != NULL)
		done(arg, ENGINE_NONE);
}

/* It has no log. */
static enum engine_status
mem_export(struct engine *e, uint64_t after, engine_record *fn, void *arg)
{
	(void)e;
	(void)after;
	(void)fn;
	(void)arg;
	return ENGINE_NONE;
}

static enum engine_status
mem_import(struct engine *e, struct slice record)
{
	(void)e;
	(void)record;
	return ENGINE_NONE;
}

static void
blob_lose(struct map_node *n, void *arg)
{
	struct mem *m = arg;
	struct mem_blob *b = CONTAINER(n, struct mem_blob, node);

	b->held = 0;
	blob_over(m, b);
}

void
engine_mem_crash(struct engine *e)
{
	struct mem *m = MEM_OF(e);
	struct node *n;

	while ((n = list_pop(&m->pending)) != NULL)
		pending_free(m, CONTAINER(n, struct pending, list));
	map_each(&m->blobs, blob_lose, m);
	m->fault_count = 0;
	m->held = false;
}

static void
mem_close(struct engine *e)
{
	struct mem *m = MEM_OF(e);

	m->held = false;
	while (!list_empty(&m->pending))
		mem_turn(e);
	for (size_t i = 0; i < ENGINE_SPACES; i++) {
		rows_delete(m, &m->tables[i], 0, m->tables[i].n);
		free(m->tables[i].v);
	}
	map_each(&m->blobs, blob_lose, m);
	map_free(&m->blobs);
	engine_leave(e);
	free(m);
}

void
engine_mem_fault(struct engine *e, enum engine_status status, unsigned after,
    unsigned count)
{
	struct mem *m = MEM_OF(e);

	m->fault = status;
	m->fault_after = after;
	m->fault_count = count;
}

void
engine_mem_hold(struct engine *e, bool held)
{
	MEM_OF(e)->held = held;
	loop_again();
}

/* It lies nowhere. */
static void
mem_check(struct engine *e, struct engine_check *c)
{
	(void)e;
	buf_clear(&c->at);
	c->rows = c->bytes = 0;
	c->n = 0;
	c->done(c);
}

static void
mem_distrust(struct engine *e)
{
	(void)e;
}

static const struct engine_ops ops = {
	.close = mem_close,
	.commit = mem_commit,
	.blob_add = mem_blob_add,
	.blob_begin = mem_blob_begin,
	.blob_write = mem_blob_write,
	.blob_end = mem_blob_end,
	.blob_drop = mem_blob_drop,
	.blob_release = mem_blob_release,
	.get = mem_get,
	.scan = mem_scan,
	.blob_size = mem_blob_size,
	.blob_read = mem_blob_read,
	.settle = mem_settle,
	.room = mem_room,
	.floor = mem_floor,
	.figures = mem_figures,
	.checkpoint = mem_upkeep,
	.compact = mem_compact,
	.check = mem_check,
	.distrust = mem_distrust,
	.export = mem_export,
	.import = mem_import,
	.turn = mem_turn,
};

struct engine *
engine_open_mem(void)
{
	struct mem *m = mem_zero(sizeof *m);

	list_init(&m->pending);
	engine_enter(&m->engine, &ops);
	return &m->engine;
}
