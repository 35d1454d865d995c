#include "ctl/keeper.h"

#include <sysexits.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/say.h"

const char *
keeper_name(enum role role, unsigned instance)
{
	return instance == 0 ? role_name(role) :
	    text("%s-%u", role_name(role), instance);
}

int
keepers_each(enum role role, int (*fn)(const struct keeper *))
{
	struct master_status_in in = { 0 };
	struct master_status_out out;
	struct keeper k = { .role = role };
	int code = EX_OK, one;

	ask_must(master_status(master_link(), &in, &out, &ctl.arena, ASK_WAIT),
	    "cannot ask master");
	for (size_t i = 0; i < out.n_children; i++) {
		if (out.children[i].role != (uint32_t)k.role)
			continue;
		k.instance = out.children[i].instance;
		k.pid = out.children[i].pid;
		k.name = keeper_name(k.role, k.instance);
		if ((one = fn(&k)) > code)
			code = one;
	}
	return code;
}

struct link *
keeper_dial(const struct keeper *k)
{
	struct link *l = role_try(k->role, k->instance);

	if (l == NULL)
		fail(EX_TEMPFAIL, text("cannot ask %s", k->name),
		    "the process is not ready", "status");
	return l;
}
