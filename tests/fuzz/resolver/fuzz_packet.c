/* DNS messages: read or refused within their size, and what was read fits the
   limits of names and numbers (RFC 1035 2.3.4, 4.1).  The first octet of the
   input draws the type, then a name follows, then the message. */
#include <stdlib.h>

#include "resolver/packet.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define REQUIRE(truth) do { if (!(truth)) abort(); } while (0)

static void
check(const struct records *r, unsigned type)
{
	struct dname name;
	struct mx mx;

	REQUIRE(r->canonical.n >= 1 && r->links <= CHAIN_MAX);
	REQUIRE((r->result == DNS_FOUND) == (r->n > 0));
	REQUIRE(r->result != DNS_BOGUS);
	REQUIRE(r->result == DNS_FAILED || r->ttl <= INT32_MAX);
	for (size_t i = 0; i < r->n; i++)
		if (type == RR_MX)
			REQUIRE(rdata_mx(r->data[i], &mx));
		else if (type == RR_CNAME || type == RR_NS || type == RR_PTR)
			REQUIRE(rdata_name(r->data[i], &name));
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	static const unsigned types[] = { RR_A, RR_NS, RR_CNAME, RR_SOA,
		RR_PTR, RR_MX, RR_AAAA, RR_TLSA };
	unsigned type = types[n > 0 ? p[0] % 8 : 0];
	struct slice in = slice_drop(slice_of(p, n), 1);
	struct arena arena = { 0 };
	struct records records;
	struct dname asked;

	if (dname_cut(&in, &asked) &&
	    packet_read(in, &asked, type, &arena, &records))
		check(&records, type);
	arena_free(&arena);
	return 0;
}
