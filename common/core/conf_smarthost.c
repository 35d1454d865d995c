/* Which smarthost, and what it is called between queue and relay. */
#include "common/core/conf.h"

static const struct smarthost *
find(const struct smarthost *v, size_t n, struct slice to, struct slice from)
{
	for (size_t i = 0; i < n; i++)
		if (slice_ieq(v[i].to, to) && slice_ieq(v[i].from, from))
			return &v[i];
	return NULL;
}

const struct smarthost *
smarthost_for(const struct smarthost *v, size_t n, struct slice to,
    struct slice from)
{
	const struct slice none = SLICE("");
	const struct smarthost *s = to.n > 0 ? find(v, n, to, none) : NULL;

	if (s == NULL && from.n > 0)
		s = find(v, n, none, from);
	return s != NULL ? s : find(v, n, none, none);
}

void
smarthost_name(const struct smarthost *s, struct buf *to)
{
	buf_printf(to, ">%.*s:%u %.*s", (int)s->host.n, s->host.p, s->port,
	    (int)s->user.n, s->user.p);
}
