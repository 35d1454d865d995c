#include "queue/route.h"

#include <stdlib.h>

static struct smarthost	*smarthosts;	/* to and from alone */
static struct slice	*names;
static size_t		 n_smarthosts;

static struct slice
kept(struct slice s)
{
	return slice_of(mem_str(s), s.n);
}

static void
let_go(struct slice s)
{
	free((void *)(uintptr_t)s.p);
}

static void
forget(void)
{
	for (size_t i = 0; i < n_smarthosts; i++) {
		let_go(smarthosts[i].to);
		let_go(smarthosts[i].from);
		let_go(names[i]);
	}
	free(smarthosts);
	free(names);
}

void
route_load(const struct conf *c)
{
	struct buf name = { 0 };

	forget();
	n_smarthosts = c->n_smarthosts;
	smarthosts = mem_array(n_smarthosts + 1, sizeof *smarthosts);
	names = mem_array(n_smarthosts + 1, sizeof *names);
	for (size_t i = 0; i < n_smarthosts; i++) {
		const struct smarthost *s = &c->smarthosts[i];

		buf_clear(&name);
		smarthost_name(s, &name);
		names[i] = kept(buf_view(&name));
		smarthosts[i] = (struct smarthost){ .to = kept(s->to),
			.from = kept(s->from) };
	}
	buf_free(&name);
}

struct slice
route_of(const struct message *m, const struct rcpt *r)
{
	struct slice domain = address_domain(r->row.address);
	const struct smarthost *s = smarthost_for(smarthosts, n_smarthosts,
	    domain, address_domain(rcpt_path(m, r)));

	return s == NULL ? domain : names[s - smarthosts];
}

bool
route_is_smarthost(struct slice name)
{
	return slice_starts(name, SLICE(">"));
}
