/* The role: keeper of the spool (architecture.md sections 4 and 6). */
#include "common/core/daemon.h"
#include "common/engine/serve.h"
#include "queue/queue.h"
#include "queue/route.h"

static struct engine	*engine;

static void
open_spool(const struct conf *c)
{
	struct engine_conf conf = { .dir = ".", .cache = c->cache,
		.segment = c->segment, .floor = c->free_floor, .readers = 2,
		.linger = c->linger };

	engine = engine_open_file(&conf);
	/* No number follows from rows that rot may have taken: ids are of this
	   life. */
	engine_mended(engine);
}

static void
start(const struct conf *c)
{
	queue_limits(c);
	route_load(c);
	queue_setup();
	queue_open(engine);
	engine_serve(engine, daemon_again);
}

static void
reload(const struct conf *c, struct buf *restart)
{
	(void)restart;
	queue_limits(c);
	engine_floor(engine, c->free_floor);
}

static void
end(void)
{
	engine_close(engine);
}

static void
add_figure(void *arg, const char *name, uint64_t value)
{
	figure_add(arg, name, value);
}

static void
figures(struct figures *f)
{
	queue_figures(add_figure, f);
}

const struct daemon daemon_role = {
	.name = "queue",
	.open = open_spool,
	.start = start,
	.reload = reload,
	.end = end,
	.stats = figures,
};
