#include "common/engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/codec.h"
#include "common/core/log.h"
#include "common/core/loop.h"
#include "common/engine/ops.h"
#include "common/engine/record.h"

/* All engines of this process: a keeper has one, a test has some. */
static struct node engines;

static void
turn(void)
{
	LIST_EACH(n, &engines) {
		struct engine *e = CONTAINER(n, struct engine, all);

		e->ops->turn(e);
	}
}

void
engine_enter(struct engine *e, const struct engine_ops *ops)
{
	if (engines.next == NULL)
		list_init(&engines);
	loop_hook(LOOP_COMMIT, turn);
	e->ops = ops;
	list_push(&engines, &e->all);
}

void
engine_leave(struct engine *e)
{
	list_del(&e->all);
}

void
engine_close(struct engine *e)
{
	e->ops->close(e);
}

struct txn *
txn_begin(struct engine *e, uint64_t unit)
{
	struct txn *t = mem_zero(sizeof *t);

	t->engine = e;
	t->unit = unit;
	return t;
}

void
txn_free(struct txn *t)
{
	buf_free(&t->body);
	buf_free(&t->blobs);
	free(t);
}

static bool
of_unit(const struct txn *t, struct slice key)
{
	return key.n >= 8 && key.n <= ENGINE_KEY_MAX &&
	    be64_get(key.p) == t->unit;
}

void
txn_put(struct txn *t, enum engine_space space, struct slice key,
    struct slice value, uint64_t blob)
{
	const struct op op = { .kind = OP_PUT, .space = space, .blob = blob,
		.key = key, .value = value };

	CHECK(of_unit(t, key) && value.n <= ENGINE_VALUE_MAX);
	op_add(&t->body, &op, false);
	t->grows = true;
	if (blob != 0)
		buf_add(&t->blobs, &blob, sizeof blob);
}

void
txn_del(struct txn *t, enum engine_space space, struct slice key)
{
	const struct op op = { .kind = OP_DEL, .space = space, .key = key };

	CHECK(of_unit(t, key));
	op_add(&t->body, &op, false);
	t->frees = true;
}

void
txn_delrange(struct txn *t, struct slice from, struct slice to)
{
	const struct op op = { .kind = OP_DELRANGE, .key = from, .value = to };

	CHECK(of_unit(t, from) && to.n >= 8 && to.n <= ENGINE_KEY_MAX);
	CHECK(of_unit(t, to) ||
	    (to.n == 8 && be64_get(to.p) == t->unit + 1));
	op_add(&t->body, &op, false);
	t->frees = true;
}

void
txn_small(struct txn *t)
{
	t->frees = true;
}

size_t
txn_named(const struct txn *t)
{
	return t->blobs.n / sizeof(uint64_t);
}

uint64_t
txn_blob(const struct txn *t, size_t i)
{
	uint64_t number;

	memcpy(&number, t->blobs.p + i * sizeof number, sizeof number);
	return number;
}

void
txn_commit(struct txn *t, engine_done *done, void *arg)
{
	CHECK(t->body.n <= RECORD_MAX);
	/* The counters that go with a delete must not stop it on a full disk;
	   what names a blob is mail coming in. */
	t->grows = t->grows && (t->blobs.n > 0 || !t->frees);
	t->engine->ops->commit(t->engine, t, done, arg);
	txn_free(t);
}

void
txn_drop(struct txn *t)
{
	txn_free(t);
}

uint64_t
blob_add(struct engine *e, const struct slice *v, size_t n)
{
	return e->ops->blob_add(e, v, n);
}

struct blob *
blob_begin(struct engine *e)
{
	return e->ops->blob_begin(e);
}

enum engine_status
blob_write(struct blob *b, struct slice s)
{
	return b->engine->ops->blob_write(b, s);
}

void
blob_end(struct blob *b, void (*done)(void *, enum engine_status, uint64_t),
    void *arg)
{
	b->engine->ops->blob_end(b, done, arg);
}

void
blob_drop(struct blob *b)
{
	b->engine->ops->blob_drop(b);
}

void
blob_release(struct engine *e, uint64_t number)
{
	e->ops->blob_release(e, number);
}

enum engine_status
engine_get(struct engine *e, enum engine_space space, struct slice key,
    struct buf *out, uint64_t *blob)
{
	return e->ops->get(e, space, key, out, blob);
}

enum engine_status
engine_scan(struct engine *e, enum engine_space space, struct slice from,
    struct slice to, engine_row *fn, void *arg)
{
	return e->ops->scan(e, space, from, to, false, fn, arg);
}

enum engine_status
engine_scan_back(struct engine *e, enum engine_space space, struct slice from,
    struct slice to, engine_row *fn, void *arg)
{
	return e->ops->scan(e, space, from, to, true, fn, arg);
}

enum engine_status
blob_size(struct engine *e, uint64_t number, uint64_t *size)
{
	return e->ops->blob_size(e, number, size);
}

void
blob_read(struct engine *e, uint64_t number, uint64_t offset, size_t length,
    engine_bytes *fn, void *arg)
{
	e->ops->blob_read(e, number, offset, length, fn, arg);
}

void
engine_settle(struct engine *e, uint64_t unit, engine_done *done, void *arg)
{
	e->ops->settle(e, unit, done, arg);
}

bool
engine_room(struct engine *e, uint64_t bytes)
{
	return e->ops->room(e, bytes);
}

void
engine_floor(struct engine *e, uint64_t bytes)
{
	e->ops->floor(e, bytes);
}

void
engine_figures(struct engine *e, struct engine_figures *f)
{
	e->ops->figures(e, f);
}

/* Both engines here are local: the lock of the folder is the ownership. */
enum engine_status
engine_acquire(struct engine *e, uint64_t shard)
{
	(void)e;
	(void)shard;
	return ENGINE_OK;
}

void
engine_release(struct engine *e, uint64_t shard)
{
	(void)e;
	(void)shard;
}

uint64_t
engine_deadline(struct engine *e, uint64_t shard)
{
	(void)e;
	(void)shard;
	return 0;
}

void
engine_checkpoint(struct engine *e, engine_done *done, void *arg)
{
	e->ops->checkpoint(e, done, arg);
}

void
engine_compact(struct engine *e, uint64_t bytes, engine_done *done, void *arg)
{
	e->ops->compact(e, bytes, done, arg);
}

void
engine_check(struct engine *e, struct engine_check *c)
{
	e->ops->check(e, c);
}

void
engine_distrust(struct engine *e)
{
	e->ops->distrust(e);
}

void
engine_mended(struct engine *e)
{
	e->ops->mended(e);
}

void
engine_cut(struct engine *e, void (*listed)(void *, struct engine_cut *),
    void *arg)
{
	e->ops->cut(e, listed, arg);
}

void
cut_read(struct engine_cut *c, size_t part, uint64_t offset, size_t length,
    engine_bytes *fn, void *arg)
{
	c->ops->cut_read(c, part, offset, length, fn, arg);
}

void
cut_end(struct engine_cut *c)
{
	c->ops->cut_end(c);
}

enum engine_status
engine_export(struct engine *e, uint64_t after, engine_record *fn, void *arg)
{
	return e->ops->export(e, after, fn, arg);
}

enum engine_status
engine_import(struct engine *e, struct slice record)
{
	return e->ops->import(e, record);
}
