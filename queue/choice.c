#include "queue/choice.h"

bool
choice_message(const struct choice *c, const struct message *m)
{
	if (m->state != MESSAGE_SPOOLED && m->state != MESSAGE_SET_ASIDE)
		return false;
	if (c->id != 0 && c->id != m->id)
		return false;
	if (slice_eq(c->sender, SLICE("<>")))
		return m->env.return_path.n == 0;
	return c->sender.n == 0 || slice_ieq(c->sender, m->env.return_path);
}

bool
choice_rcpt(const struct choice *c, const struct rcpt *r)
{
	if (c->recipient.n == 0)
		return true;
	if (c->recipient.p[0] == '@')
		return slice_ieq(slice_drop(c->recipient, 1),
		    address_domain(r->row.address));
	return slice_ieq(c->recipient, r->row.address);
}
