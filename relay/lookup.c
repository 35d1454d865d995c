/* What resolver says of a name. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail/rdata.h"
#include "relay/relay.h"

/* Whatever goes wrong between us and resolver is "try again later". */
static enum dns
query(struct arena *arena, struct slice name, enum rr type,
    struct dns_query_out *out)
{
	struct dns_query_in in = { .name = name, .type = type };

	if (dns_query(relay.resolver, &in, out, arena, DNS_WAIT) != WIRE_OK ||
	    out->result > DNS_FAILED)
		return DNS_FAILED;
	return (enum dns)out->result;
}

/* ---- MX (RFC 5321 5.1) */

static int
by_preference(const void *a, const void *b)
{
	const struct mail_host *x = a, *y = b;

	return (x->preference > y->preference) -
	    (x->preference < y->preference);
}

/* Those of one preference in an order drawn by lot, to spread the load.  Any
   order will do where nobody is harmed by guessing it: random(3). */
static void
shuffle(struct mail_host *hosts, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = (size_t)random() % i;
		struct mail_host h = hosts[i - 1];

		hosts[i - 1] = hosts[j];
		hosts[j] = h;
	}
}

static struct slice
host_text(struct arena *arena, const struct dname *name)
{
	struct buf text = { 0 };
	struct slice s;

	dname_show(name, &text);
	s = slice_str(arena_str(arena, buf_view(&text)));
	buf_free(&text);
	return s;
}

/* Takes what can be used, the best of it: a name that is no host's leads
   nowhere. */
static size_t
take_hosts(struct arena *arena, const struct dns_query_out *found,
    struct mail_host *hosts, size_t most)
{
	struct mail_host *all = arena_array(arena, found->n_answers + 1,
	    sizeof *all);
	size_t n = 0;

	for (size_t i = 0; i < found->n_answers; i++) {
		struct mx mx;

		if (!rdata_mx(found->answers[i].data, &mx) ||
		    !dname_is_host(&mx.host))
			continue;
		all[n].preference = mx.preference;
		all[n++].name = host_text(arena, &mx.host);
	}
	shuffle(all, n);
	qsort(all, n, sizeof *all, by_preference);
	n = n < most ? n : most;
	memcpy(hosts, all, n * sizeof *hosts);
	return n;
}

static bool
is_null_mx(const struct dns_query_out *found)
{
	struct mx mx;

	return found->n_answers == 1 &&
	    rdata_mx(found->answers[0].data, &mx) && dname_is_root(&mx.host);
}

bool
lookup_mx(struct arena *arena, struct slice domain, struct mail_host *hosts,
    size_t *n, struct verdict *why)
{
	struct dns_query_out found;

	switch (query(arena, domain, RR_MX, &found)) {
	case DNS_FOUND:
		if (is_null_mx(&found)) {
			*why = verdict_own(FATE_REFUSED, "5.1.10",
			    SLICE("the domain takes no mail (null MX)"));
			return false;
		}
		*n = take_hosts(arena, &found, hosts, *n);
		*why = verdict_own(FATE_REFUSED, "5.4.4",
		    SLICE("the domain's MX records name no host"));
		return *n > 0;
	case DNS_NODATA:	/* the implicit MX */
		hosts[0] = (struct mail_host){ .name =
			slice_str(arena_str(arena, domain)) };
		*n = 1;
		return true;
	case DNS_NXDOMAIN:
		*why = verdict_own(FATE_REFUSED, "5.1.2",
		    SLICE("there is no such domain"));
		return false;
	case DNS_BOGUS:
		*why = verdict_own(FATE_NEXT, "4.7.5",
		    SLICE("the domain's DNS answers are signed wrongly"));
		return false;
	default:
		*why = verdict_own(FATE_NEXT, "4.4.3",
		    SLICE("the DNS gave no answer about the domain"));
		return false;
	}
}

/* ---- addresses */

static void
server_add(struct arena *arena, enum rr type, struct slice data,
    struct server *to)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&to->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&to->address;
	char text[RDATA_ADDRESS_TEXT];

	if (type == RR_A) {
		v4->sin_family = AF_INET;
		memcpy(&v4->sin_addr, data.p, sizeof v4->sin_addr);
		to->size = sizeof *v4;
	} else {
		v6->sin6_family = AF_INET6;
		memcpy(&v6->sin6_addr, data.p, sizeof v6->sin6_addr);
		to->size = sizeof *v6;
	}
	rdata_address(type, data, text);
	to->text = arena_slice(arena, slice_str(text));
}

static enum dns
add_addresses(struct arena *arena, struct slice host, enum rr type,
    struct server *servers, size_t *n)
{
	struct dns_query_out found;
	enum dns result = query(arena, host, type, &found);
	char text[RDATA_ADDRESS_TEXT];

	for (size_t i = 0; result == DNS_FOUND && i < found.n_answers &&
	    *n < SERVERS_MAX; i++) {
		if (!rdata_address(type, found.answers[i].data, text))
			continue;
		servers[*n] = (struct server){ .host = host };
		server_add(arena, type, found.answers[i].data, &servers[*n]);
		++*n;
	}
	return result;
}

/* IPv6 first and by turns (RFC 8305 4): where one family leads nowhere, the
   other is tried second. */
static void
by_turns(struct server *v, size_t n6, size_t n)
{
	struct server six[SERVERS_MAX], four[SERVERS_MAX];
	size_t a = 0, b = 0, n4 = n - n6;

	memcpy(six, v, n6 * sizeof *v);
	memcpy(four, v + n6, n4 * sizeof *v);
	for (size_t i = 0; i < n; i++)
		v[i] = a < n6 && (a <= b || b == n4) ? six[a++] : four[b++];
}

enum dns
lookup_host(struct arena *arena, struct slice host, struct server *servers,
    size_t *n)
{
	size_t first = *n, n6;
	enum dns six = add_addresses(arena, host, RR_AAAA, servers, n), four;

	n6 = *n - first;
	four = add_addresses(arena, host, RR_A, servers, n);
	by_turns(servers + first, n6, *n - first);
	if (*n > first)
		return DNS_FOUND;
	/* Of two answers the one that leaves more hope counts. */
	return four > six ? four : six;
}
