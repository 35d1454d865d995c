/* Names: what is shown is read again as the same octets (RFC 1035 5.1), and
   no text holds what would break a line of ours.  Data: read or refused. */
#include <stdlib.h>

#include "common/mail/rdata.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define REQUIRE(truth) do { if (!(truth)) abort(); } while (0)

static void
check_same(const struct dname *d)
{
	struct buf text = { 0 };
	struct slice wire = slice_of(d->wire, d->n);
	struct dname again;

	REQUIRE(d->n >= 1 && d->wire[d->n - 1] == 0);
	dname_show(d, &text);
	REQUIRE(text.n > 0 && text.n <= DNAME_TEXT_MAX);
	for (size_t i = 0; i < text.n; i++)
		REQUIRE(text.p[i] > ' ' && text.p[i] < 0x7f);
	REQUIRE(dname_parse(buf_view(&text), &again) && dname_eq(d, &again));
	REQUIRE(dname_cut(&wire, &again) && wire.n == 0);
	REQUIRE(dname_eq(d, &again));
	dname_is_host(d);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	struct slice in = slice_of(p, n), rest = in;
	char address[RDATA_ADDRESS_TEXT];
	struct dname d;
	struct mx mx;

	if (dname_parse(in, &d))
		check_same(&d);
	while (dname_cut(&rest, &d))
		check_same(&d);
	if (rdata_name(in, &d))
		check_same(&d);
	if (rdata_mx(in, &mx))
		check_same(&mx.host);
	rdata_address(RR_A, in, address);
	rdata_address(RR_AAAA, in, address);
	return 0;
}
