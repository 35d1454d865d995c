#include "common/engine/serve.h"

#include <stdlib.h>

#include "common/core/link.h"
#include "common/core/list.h"
#include "common/core/log.h"

enum {
	PART = 4 << 20,		/* bytes compacted in a go */
	WHILE = 300,			/* ms of it in a call */
	AT_MAX = ENGINE_KEY_MAX + 1,
	PARTS = 5000,			/* listed in an answer */
};

static struct engine	*engine;
static void		(*start_again)(void);

/* ---- keeper_check */

struct checking {
	struct engine_check check;	/* first */
	struct request	*request;
};

static void
checked(struct engine_check *c)
{
	struct checking *k = CONTAINER(c, struct checking, check);
	struct request *r = k->request;
	struct engine_figures f;
	struct keeper_check_out out = { .at = buf_view(&c->at),
		.rows = c->rows, .bytes = c->bytes };

	engine_figures(engine, &f);
	out.log = f.live + f.dead;
	out.quarantined = f.quarantined;
	out.faults = arena_array(&r->arena, c->n + 1, sizeof *out.faults);
	for (size_t i = 0; i < c->n; i++) {
		const struct engine_fault *x = &c->faults[i];

		out.faults[out.n_faults++] = (struct wire_fault){
			.kind = (uint8_t)x->kind, .unit = x->unit,
			.blob = x->blob, .segment = x->segment,
			.offset = x->offset, .bytes = x->bytes };
	}
	answer(r, WIRE_OK, &out);
	buf_free(&c->at);
	free(k);
}

static void
serve_check(struct request *r)
{
	const struct keeper_check_in *in = REQUEST(keeper_check, r);
	struct checking *k;

	if (in->at.n > AT_MAX) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	k = mem_zero(sizeof *k);
	k->request = r;
	k->check.full = in->full != 0;
	k->check.done = checked;
	buf_slice(&k->check.at, in->at);
	engine_check(engine, &k->check);
}

/* ---- keeper_compact */

struct compacting {
	struct request	*request;
	uint64_t	 until;		/* ms */
};

static void
compacted(void *arg, enum engine_status status)
{
	struct compacting *k = arg;
	struct engine_figures f;
	struct keeper_compact_out out = { .more = status == ENGINE_OK };

	if (status == ENGINE_OK && loop_now() < k->until) {
		engine_compact(engine, PART, compacted, k);
		return;
	}
	engine_figures(engine, &f);
	out.live = f.live;
	out.dead = f.dead;
	out.segments = f.segments;
	answer(k->request, status == ENGINE_OK || status == ENGINE_NONE ?
	    WIRE_OK : WIRE_AGAIN, &out);
	free(k);
}

static void
flushed(void *arg, enum engine_status status)
{
	struct compacting *k = arg;

	if (status == ENGINE_OK)
		engine_compact(engine, PART, compacted, k);
	else
		compacted(k, status);
}

/* What the index has not flushed yet must stay: so first of all that. */
static void
serve_compact(struct request *r)
{
	struct compacting *k = mem_zero(sizeof *k);

	k->request = r;
	k->until = loop_now() + WHILE;
	if (REQUEST(keeper_compact, r)->first)
		engine_checkpoint(engine, flushed, k);
	else
		engine_compact(engine, PART, compacted, k);
}

/* ---- keeper_rebuild */

static void
serve_rebuild(struct request *r)
{
	engine_distrust(engine);
	answer(r, WIRE_OK, NULL);
	start_again();
}

/* ---- keeper_cut, keeper_read */

/* Of one connection. */
struct cutting {
	struct node	 node;		/* in cuts */
	struct link	*link;		/* NULL: it ended */
	struct engine_cut *cut;		/* NULL: not yet listed */
	struct request	*request;	/* what waits for that */
};

static struct node	 cuts;

static struct cutting *
cutting_of(const struct link *l)
{
	LIST_EACH(n, &cuts) {
		struct cutting *k = CONTAINER(n, struct cutting, node);

		if (k->link == l)
			return k;
	}
	return NULL;
}

static void
cutting_free(struct cutting *k)
{
	cut_end(k->cut);
	list_del(&k->node);
	free(k);
}

static void
link_ended(struct link *l)
{
	struct cutting *k = cutting_of(l);

	k->link = NULL;
	if (k->cut != NULL)
		cutting_free(k);
}

static void
answer_parts(struct request *r, const struct engine_cut *c)
{
	struct keeper_cut_out out = { .all = c->n };
	size_t from = REQUEST(keeper_cut, r)->from;

	out.parts = arena_array(&r->arena, PARTS, sizeof *out.parts);
	for (; from < c->n && out.n_parts < PARTS; from++) {
		const struct engine_part *p = &c->parts[from];

		out.parts[out.n_parts++] = (struct wire_part){
			.kind = (uint8_t)p->kind, .grows = p->grows,
			.rotten = p->rotten, .number = p->number,
			.tag = p->tag, .length = p->length };
	}
	answer(r, WIRE_OK, &out);
}

static void
listed(void *arg, struct engine_cut *c)
{
	struct cutting *k = arg;

	k->cut = c;
	answer_parts(k->request, c);
	if (k->link == NULL)
		cutting_free(k);
}

static void
serve_cut(struct request *r)
{
	struct cutting *k = cutting_of(r->from);

	if (k != NULL && k->cut != NULL && REQUEST(keeper_cut, r)->from > 0) {
		answer_parts(r, k->cut);
		return;
	}
	if (k != NULL || REQUEST(keeper_cut, r)->from > 0) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	k = mem_zero(sizeof *k);
	k->link = r->from;
	k->request = r;
	list_push(&cuts, &k->node);
	link_on_end(r->from, link_ended);
	engine_cut(engine, listed, k);
}

static void
part_read(void *arg, enum engine_status status, struct slice bytes)
{
	struct keeper_read_out out = { .damaged = status == ENGINE_CORRUPT,
		.bytes = bytes };

	answer(arg, status == ENGINE_NONE ? WIRE_NONE : WIRE_OK, &out);
}

static void
serve_read(struct request *r)
{
	const struct keeper_read_in *in = REQUEST(keeper_read, r);
	struct cutting *k = cutting_of(r->from);

	if (k == NULL || k->cut == NULL)
		answer(r, WIRE_BAD, NULL);
	else
		cut_read(k->cut, in->part, in->offset, in->length, part_read,
		    r);
}

void
engine_serve(struct engine *e, void (*again)(void))
{
	engine = e;
	list_init(&cuts);
	start_again = again;
	serve(WIRE_keeper_check, serve_check);
	serve(WIRE_keeper_compact, serve_compact);
	serve(WIRE_keeper_rebuild, serve_rebuild);
	serve(WIRE_keeper_cut, serve_cut);
	serve(WIRE_keeper_read, serve_read);
}
