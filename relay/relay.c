/* The role: mail to other servers. */
#include "common/core/daemon.h"
#include "common/core/sandbox.h"
#include "common/task/task.h"

static void
load(const struct conf *c)
{
	(void)c;
	sandbox_connects(25);
}

static void
start(const struct conf *c)
{
	(void)c;
	task_init();
}

const struct daemon daemon_role = {
	.name = "relay",
	.load = load,
	.start = start,
};
