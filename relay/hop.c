/* The next hop: the servers a message goes to (RFC 5321 5.1). */
#include <arpa/inet.h>
#include <string.h>

#include "relay/relay.h"

enum { HOSTS_MAX = 10 };	/* mail exchangers looked at */

static void
none(struct hop *r, enum fate fate, const char *code, struct slice text)
{
	if (r->n == 0)
		r->none = verdict_own(fate, code, text);
}

static void
set_port(struct server *s, uint16_t port)
{
	if (s->address.ss_family == AF_INET)
		((struct sockaddr_in *)&s->address)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)&s->address)->sin6_port = htons(port);
}

/* ---- address literals (RFC 5321 4.1.3) */

static void
find_literal(struct hop *r, struct lease *l)
{
	struct slice text = l->next.destination, inner;
	struct server *to = &r->servers[0];
	struct sockaddr_in *v4 = (struct sockaddr_in *)&to->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&to->address;
	const char *p;

	inner = slice_of(text.p + 1, text.n - 2);
	if (slice_istarts(inner, SLICE("IPv6:")))
		inner = slice_drop(inner, 5);
	p = arena_str(l->arena, inner);
	if (inet_pton(AF_INET, p, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		to->size = sizeof *v4;
	} else if (inet_pton(AF_INET6, p, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		to->size = sizeof *v6;
	} else {
		none(r, FATE_REFUSED, "5.1.2", SLICE("no such kind of address "
		    "literal"));
		return;
	}
	to->host = slice_str(arena_str(l->arena, text));
	to->text = slice_str(p);
	set_port(to, relay.port);
	if (address_is_ours(&to->address))
		none(r, FATE_REFUSED, "5.4.6", SLICE("mail for this address "
		    "loops back to us"));
	else
		r->n = 1;
}

/* ---- hosts */

/* Adds the addresses of one host.  False: it is ourselves, and nobody behind
   it in the list may be asked (RFC 5321 5.1). */
static bool
add_host(struct hop *r, struct lease *l, struct slice host, uint16_t port,
    enum dns *result)
{
	size_t first = r->n;

	if (slice_ieq(host, relay.conf->server_name))
		return false;
	*result = lookup_host(l->arena, host, r->servers, &r->n);
	for (size_t i = first; i < r->n; i++) {
		set_port(&r->servers[i], port);
		if (address_is_ours(&r->servers[i].address)) {
			r->n = first;
			return false;
		}
	}
	return true;
}

/* No address: what is said of the hop if there is none at all.  As long as
   one host may have some, there is hope. */
static void
nowhere(struct hop *r, enum dns result)
{
	if (result == DNS_FOUND || (r->none.text.n > 0 &&
	    r->none.fate != FATE_REFUSED))
		return;
	if (result == DNS_NODATA || result == DNS_NXDOMAIN)
		none(r, FATE_REFUSED, "5.4.4", SLICE("none of its mail hosts "
		    "has an address"));
	else
		none(r, FATE_NEXT, "4.4.3", SLICE("the DNS gave no answer "
		    "about its mail hosts"));
}

/* We are at this preference: those that are not better must not be asked, or
   the message would come back. */
static void
cut(struct hop *r, const struct mail_host *hosts, size_t at,
    const size_t *firsts)
{
	size_t i = at;

	while (i > 0 && hosts[i - 1].preference == hosts[at].preference)
		i--;
	r->n = firsts[i];
	if (i == 0)
		none(r, FATE_REFUSED, "5.4.6", SLICE("mail for this domain "
		    "loops back to us"));
}

static void
find_mx(struct hop *r, struct lease *l)
{
	struct mail_host hosts[HOSTS_MAX];
	size_t n = HOSTS_MAX, firsts[HOSTS_MAX];

	if (!lookup_mx(l->arena, l->next.destination, hosts, &n, &r->none))
		return;
	r->none.text.n = 0;
	for (size_t i = 0; i < n && r->n < SERVERS_MAX; i++) {
		enum dns result;

		firsts[i] = r->n;
		if (!add_host(r, l, hosts[i].name, relay.port, &result)) {
			cut(r, hosts, i, firsts);
			return;
		}
		nowhere(r, result);
	}
}

/* That a smarthost has no address is the admin's error, and no reason to
   refuse anybody's mail; nor that queue has begun with another configuration
   than we. */
static void
find_smarthost(struct hop *r, struct lease *l)
{
	enum dns result;

	r->smart = smart_named(l->next.destination);
	if (r->smart == NULL)
		none(r, FATE_LATER, "4.3.5", SLICE("relay does not know this "
		    "smarthost yet: restart"));
	else if (!add_host(r, l, r->smart->host, r->smart->port, &result))
		none(r, FATE_NEXT, "4.4.6", SLICE("the smarthost is "
		    "ourselves"));
	else
		none(r, FATE_NEXT, "4.4.3", SLICE("the smarthost's address "
		    "was not found"));
}

void
hop_find(struct hop *r, struct lease *l)
{
	struct slice to = l->next.destination;

	*r = (struct hop){ .key = to };
	r->servers = arena_array(l->arena, SERVERS_MAX, sizeof *r->servers);
	if (slice_starts(to, SLICE(">")))
		find_smarthost(r, l);
	else if (to.n > 2 && to.p[0] == '[')
		find_literal(r, l);
	else
		find_mx(r, l);
}
