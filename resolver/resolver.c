#include "resolver/resolver.h"

#include "common/core/daemon.h"
#include "common/core/log.h"
#include "common/core/sandbox.h"
#include "resolver/context.h"

enum { DNS_PORT = 53 };		/* RFC 1035 4.2 */

/* Forwarders in effect, and the ports TCP may lead to since the start. */
static struct buf	forwarders;
static uint16_t		ports[CONF_LIST_MAX + 1];
static size_t		nports;

static void
port_allow(uint16_t port)
{
	for (size_t i = 0; i < nports; i++)
		if (ports[i] == port)
			return;
	ports[nports++] = port;
	sandbox_connects(port);
}

static void
forwarders_list(const struct conf *c, struct buf *b)
{
	for (size_t i = 0; i < c->n_forwarders; i++)
		buf_printf(b, "%s@%u ", c->forwarders[i].address.p,
		    c->forwarders[i].port);
}

static void
use(const struct conf *c)
{
	query_use(c);
	buf_clear(&forwarders);
	forwarders_list(c, &forwarders);
	LOG(names_ready, .forwarders = c->n_forwarders, .anchor = c->anchor,
	    .names = c->names);
}

static void
load(const struct conf *c)
{
	context_load(c);
	sandbox_datagrams();
	port_allow(DNS_PORT);
	for (size_t i = 0; i < c->n_forwarders; i++)
		port_allow((uint16_t)c->forwarders[i].port);
}

static void
start(const struct conf *c)
{
	(void)c;
	serve(WIRE_dns_query, query_take);
}

/* UDP works with any port; TCP, for long answers, with those the kernel was
   told at the start. */
static void
tell_ports(const struct conf *c, struct buf *restart)
{
	for (size_t i = 0; i < c->n_forwarders; i++) {
		bool known = sandbox_landlock() < 4;

		for (size_t j = 0; j < nports && !known; j++)
			known = ports[j] == c->forwarders[i].port;
		if (!known)
			buf_printf(restart, "%sresolve names through %s "
			    "port %u", restart->n > 0 ? ", " : "",
			    c->forwarders[i].address.p, c->forwarders[i].port);
	}
}

static void
reload(const struct conf *c, struct buf *restart)
{
	struct buf fresh = { 0 };

	forwarders_list(c, &fresh);
	if (!slice_eq(buf_view(&fresh), buf_view(&forwarders)))
		use(c);
	buf_free(&fresh);
	tell_ports(c, restart);
}

static void
stats(struct figures *f)
{
	figure_add(f, "queries", counts.queries);
	figure_add(f, "under_way", queries_under_way());
	figure_add(f, "found", counts.results[DNS_FOUND]);
	figure_add(f, "nodata", counts.results[DNS_NODATA]);
	figure_add(f, "nxdomain", counts.results[DNS_NXDOMAIN]);
	figure_add(f, "bogus", counts.results[DNS_BOGUS]);
	figure_add(f, "failed", counts.results[DNS_FAILED]);
	figure_add(f, "refused", counts.refused);
	figure_add(f, "secure", counts.secure);
	figure_add(f, "waited_ms", counts.ms);
}

static void
one_query(void *arg, struct slice name, uint64_t ms)
{
	figure_session(arg, name, SLICE("the DNS"), ms, 0);
}

static void
who(struct figures *f)
{
	queries_each(one_query, f);
}

const struct daemon daemon_role = {
	.name = "resolver",
	.load = load,
	.open = use,
	.start = start,
	.reload = reload,
	.stats = stats,
	.who = who,
};
