#include "common/task/who.h"

#include "common/task/task.h"

static void
one_task(void *arg, struct task *t, const char *name, const char *waits,
    uint64_t ms, uint64_t session)
{
	(void)t;
	figure_session(arg, slice_str(name), slice_str(waits), ms, session);
}

void
tasks_who(struct figures *f)
{
	task_each(one_task, f);
}
