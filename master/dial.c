/* Who is connected to whom: exactly where wire.def has a call. */
#include "master/master.h"

#include <sys/socket.h>
#include <unistd.h>

#include "common/core/log.h"

/* asker gets one end and asks on it, answerer the other and answers. */
static void
connect_two(struct child *asker, struct child *answerer)
{
	struct role_link_in to_asker = { .peer = (uint32_t)answerer->role,
		.instance = answerer->instance, .ask = 1 };
	struct role_link_in to_answerer = { .peer = (uint32_t)asker->role,
		.instance = asker->instance };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		fatal("socketpair");
	to_asker.fd = pair[0];
	to_answerer.fd = pair[1];
	link_call(answerer->link, WIRE_role_link, &to_answerer, 0, NULL, NULL);
	link_call(asker->link, WIRE_role_link, &to_asker, 0, NULL, NULL);
	asker->connects++;
}

void
dial_all(struct child *c)
{
	LIST_EACH(n, &children) {
		struct child *other = CONTAINER(n, struct child, node);

		if (!other->ready || other == c)
			continue;
		if (wire_connected(c->role, other->role))
			connect_two(c, other);
		if (wire_connected(other->role, c->role))
			connect_two(other, c);
	}
}

static bool
has_lost(const struct role_ping_out *out, const struct child *other)
{
	uint64_t bits = other->role == ROLE_STORE ? out->stores : out->lost;
	unsigned bit = other->role == ROLE_STORE ? other->instance :
	    (unsigned)other->role;

	return (bits >> bit & 1) != 0;
}

/* Only those it lost: a new connection ends what is under way on the old. */
void
dial_lost(struct child *c, const struct role_ping_out *out)
{
	LIST_EACH(n, &children) {
		struct child *other = CONTAINER(n, struct child, node);

		if (other->ready && other != c && has_lost(out, other) &&
		    wire_connected(c->role, other->role))
			connect_two(c, other);
	}
}

int
dial_ctl(enum role role, unsigned instance)
{
	LIST_EACH(n, &children) {
		struct child *c = CONTAINER(n, struct child, node);
		struct role_link_in in = { .peer = ROLE_CTL };
		int pair[2];

		if (!c->ready || c->role != role || c->instance != instance)
			continue;
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
			return -1;
		in.fd = pair[1];
		link_call(c->link, WIRE_role_link, &in, 0, NULL, NULL);
		return pair[0];
	}
	return -1;
}
