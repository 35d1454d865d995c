/* The role: names and their records. */
#include "common/core/daemon.h"
#include "common/core/sandbox.h"

static void
load(const struct conf *c)
{
	sandbox_datagrams();
	sandbox_connects(53);
	for (size_t i = 0; i < c->n_forwarders; i++)
		sandbox_connects((uint16_t)c->forwarders[i].port);
}

const struct daemon daemon_role = {
	.name = "resolver",
	.load = load,
};
