#include "mda/mda.h"

#include <stdio.h>

#include "common/core/daemon.h"
#include "common/core/log.h"
#include "common/task/task.h"
#include "common/task/who.h"

struct mda mda;
static unsigned busy;		/* tasks with a message */

/* While the queue is away the call waits for it.  What is not a message is
   asked for again, but not at once. */
static bool
next(struct queue_next_out *out, struct arena *arena)
{
	struct queue_next_in in = { .work = WORK_LOCAL };
	enum wire_status s = queue_next(mda.queue, &in, out, arena, 0);

	if (s != WIRE_OK && s != WIRE_GONE)
		task_sleep("the queue recovers", 1000);
	return s == WIRE_OK;
}

/* A task for ever: a credit with the queue, or a message. */
static void
work(void *arg)
{
	struct arena arena = { 0 };
	struct queue_next_out out;

	(void)arg;
	while (!daemon_stopping()) {
		if (next(&out, &arena)) {
			busy++;
			task_name("delivery of %016llx",
			    (unsigned long long)out.id);
			task_session(out.session);
			deliver(&arena, &out);
			task_name("delivery");
			task_session(0);
			busy--;
		}
		arena_reset(&arena);
	}
	arena_free(&arena);
	if (busy == 0)
		daemon_idle();
}

/* ---- the role */

static struct link *
store_link(uint32_t shard)
{
	return daemon_link(ROLE_STORE, shard);
}

static void
start(const struct conf *c)
{
	(void)c;
	mda.queue = daemon_link(ROLE_QUEUE, 0);
	mda.auth = daemon_link(ROLE_AUTH, 0);
	mda.store = store_link;
	task_init();
	for (int i = 0; i < MDA_TASKS; i++)
		if (!task_spawn("delivery", work, NULL))
			fatal("no memory for a task");
}

/* Deliveries under way are finished; tasks that wait for one end with us. */
static void
stop(void)
{
	if (busy == 0)
		daemon_idle();
}

static void
stats(struct figures *f)
{
	figure_add(f, "messages", mda.messages);
	figure_add(f, "stored", mda.stored);
	figure_add(f, "refused", mda.refused);
	figure_add(f, "became", mda.became);
	figure_add(f, "later", mda.later);
}

const struct daemon daemon_role = {
	.name = "mda",
	.start = start,
	.stop = stop,
	.stats = stats,
	.who = tasks_who,
};
