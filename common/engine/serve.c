#include "common/engine/serve.h"

#include <stdlib.h>

#include "common/core/link.h"
#include "common/core/log.h"

enum {
	PART = 4 << 20,		/* bytes compacted in a go */
	WHILE = 300,			/* ms of it in a call */
	AT_MAX = ENGINE_KEY_MAX + 1,
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

void
engine_serve(struct engine *e, void (*again)(void))
{
	engine = e;
	start_again = again;
	serve(WIRE_keeper_check, serve_check);
	serve(WIRE_keeper_compact, serve_compact);
	serve(WIRE_keeper_rebuild, serve_rebuild);
}
