/*
 * An engine without a disk, for tests of what is built on engines.
 *
 * It keeps the promises of engine.h that do not need a disk: nothing is seen
 * before it is answered, answers come in order and from the loop, blobs die
 * with their last row.  Rows are a sorted array: made for thousands.
 */
#include "common/engine/mem.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/loop.h"

/* What was committed and not yet answered; without a body: a settle. */
struct pending {
	struct node	 list;
	uint64_t	 unit;
	bool		 commit;
	struct buf	 body, blobs;
	engine_done	*done;
	void		*arg;
};

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
		mem_refer(m, number, false);
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
		mem_refer(m, txn_blob(t, i), true);
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
			mem_apply(m, p->unit, buf_view(&p->body));
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

void
engine_mem_crash(struct engine *e)
{
	struct mem *m = MEM_OF(e);
	struct node *n;

	while ((n = list_pop(&m->pending)) != NULL)
		pending_free(m, CONTAINER(n, struct pending, list));
	mem_unhold(m);
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
	mem_forget(m);
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

/* There are no files. */
static void
mem_cut(struct engine *e, void (*listed)(void *, struct engine_cut *),
    void *arg)
{
	struct engine_cut *c = mem_zero(sizeof *c);

	c->ops = e->ops;
	listed(arg, c);
}

static void
mem_cut_read(struct engine_cut *c, size_t part, uint64_t offset,
    size_t length, engine_bytes *fn, void *arg)
{
	(void)c;
	(void)part;
	(void)offset;
	(void)length;
	fn(arg, ENGINE_NONE, SLICE(""));
}

static void
mem_cut_end(struct engine_cut *c)
{
	free(c);
}

static void
mem_distrust(struct engine *e)
{
	(void)e;
}

static void
mem_mended(struct engine *e)
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
	.mended = mem_mended,
	.cut = mem_cut,
	.cut_read = mem_cut_read,
	.cut_end = mem_cut_end,
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
