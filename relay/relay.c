/* The role: mail to other servers. */
#include "relay/relay.h"

#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "common/core/daemon.h"
#include "common/core/log.h"
#include "common/core/sandbox.h"
#include "common/task/task.h"
#include "common/task/tls.h"
#include "common/task/who.h"

struct relay relay;
static unsigned busy;		/* tasks with a message */

/* ---- who we are (RFC 5321 5.1) */

/* An address as configurations write it. */
struct own {
	char		 text[INET6_ADDRSTRLEN];
};

static struct own	*own;		/* those with a door for SMTP */
static size_t		 n_own;

static void
own_text(struct own *to, const struct sockaddr *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void
	    *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const
	    void *)a;
	const void *from = a->sa_family == AF_INET ? (const void *)&v4->sin_addr
	    : (const void *)&v6->sin6_addr;

	inet_ntop(a->sa_family, from, to->text, sizeof to->text);
}

/* All of this machine's, of a family or of any (0). */
static void
own_interfaces(int family)
{
	struct ifaddrs *all, *i;

	if (getifaddrs(&all) != 0)
		return;
	for (i = all; i != NULL && n_own < CONF_LIST_MAX; i = i->ifa_next)
		if (i->ifa_addr != NULL &&
		    (i->ifa_addr->sa_family == AF_INET ||
		    i->ifa_addr->sa_family == AF_INET6) &&
		    (family == 0 || i->ifa_addr->sa_family == family))
			own_text(&own[n_own++], i->ifa_addr);
	freeifaddrs(all);
}

/* Our doors at the port we call others on.  Interfaces that come later are
   not known: then our name must tell. */
static void
own_load(const struct conf *c)
{
	own = mem_array(2 * CONF_LIST_MAX, sizeof *own);
	for (size_t i = 0; i < c->n_listeners; i++) {
		const struct listener *l = &c->listeners[i];

		if (l->service != SERVICE_SMTP || l->port != c->relay_port ||
		    n_own >= CONF_LIST_MAX)
			continue;
		if (slice_eq(l->address, SLICE("*")))
			own_interfaces(0);
		else if (slice_eq(l->address, SLICE("0.0.0.0")))
			own_interfaces(AF_INET);
		else if (slice_eq(l->address, SLICE("::")))
			own_interfaces(AF_INET6);
		else
			snprintf(own[n_own++].text, sizeof own->text, "%s",
			    l->address.p);
	}
}

bool
address_is_ours(const struct sockaddr_storage *a)
{
	struct own other = { "" };

	own_text(&other, (const struct sockaddr *)a);
	for (size_t i = 0; i < n_own; i++)
		if (strcmp(own[i].text, other.text) == 0)
			return true;
	return false;
}

/* ---- the tasks */

/* More for where we were, if there is any now; else whatever comes. */
static bool
next(struct lease *l, struct slice where)
{
	struct queue_next_in in = { .work = WORK_REMOTE,
		.destination = where };
	enum wire_status s;

	if (where.n > 0 && queue_next(relay.queue, &in, &l->next, l->arena,
	    0) == WIRE_OK)
		return true;
	in.destination = SLICE("");
	s = queue_next(relay.queue, &in, &l->next, l->arena, 0);
	if (s != WIRE_OK && s != WIRE_GONE)
		task_sleep("the queue recovers", 1000);
	return s == WIRE_OK;
}

static void
work_on(struct lease *l, struct buf *where)
{
	busy++;
	task_name("relaying %016llx to %.*s", (unsigned long long)l->next.id,
	    (int)l->next.destination.n, l->next.destination.p);
	task_session(l->next.session);
	buf_clear(where);
	buf_slice(where, l->next.destination);
	deliver(l);
	task_name("relaying");
	task_session(0);
	busy--;
}

/* A task for ever: a credit with the queue, or a message. */
static void
work(void *arg)
{
	struct arena arena = { 0 };
	struct buf where = { 0 };

	(void)arg;
	while (!daemon_stopping()) {
		struct lease l = { .arena = &arena };

		if (next(&l, buf_view(&where))) {
			report_hold(&l);
			work_on(&l, &where);
		} else
			buf_clear(&where);
		arena_reset(&arena);
	}
	arena_free(&arena);
	buf_free(&where);
	if (busy == 0)
		daemon_idle();
}

/* ---- the role */

static void
load(const struct conf *c)
{
	relay.port = (uint16_t)c->relay_port;
	sandbox_connects(relay.port);
	if (!tls_client_init(c->authorities.p))
		LOG(relay_no_authorities, .file = c->authorities);
	smart_load(c);
	srandom((unsigned)getpid() ^ (unsigned)loop_clock());
	own_load(c);
}

static void
start(const struct conf *c)
{
	relay.conf = c;
	relay.queue = daemon_link(ROLE_QUEUE, 0);
	relay.resolver = daemon_link(ROLE_RESOLVER, 0);
	task_init();
	report_start();
	for (unsigned i = 0; i < c->relay_sessions; i++)
		if (!task_spawn("relaying", work, NULL))
			fatal("no memory for a task");
}

static void
reload(const struct conf *c, struct buf *restart)
{
	(void)restart;
	relay.conf = c;
	smart_reload(c);
}

/* Messages under way are finished; tasks that wait for one end with us. */
static void
stop(void)
{
	pool_end();
	if (busy == 0)
		daemon_idle();
}

static void
stats(struct figures *f)
{
	figure_add(f, "messages", relay.messages);
	figure_add(f, "delivered", relay.delivered);
	figure_add(f, "refused", relay.refused);
	figure_add(f, "later", relay.later);
	figure_add(f, "connections", relay.connections);
	figure_add(f, "reused", relay.reused);
	figure_add(f, "sends", conn_sends());
}

const struct daemon daemon_role = {
	.name = "relay",
	.file = smart_file,
	.load = load,
	.start = start,
	.reload = reload,
	.stop = stop,
	.stats = stats,
	.who = tasks_who,
};
