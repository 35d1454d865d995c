/* A name as relay sees it: through resolver, its cache and its checks. */
#include <sysexits.h>

#include "common/mail/rdata.h"
#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

enum { TYPE_MAX = 65535 };

static const struct type {
	const char	*name;
	enum rr		 type;
} types[] = {
	{ "A", RR_A }, { "AAAA", RR_AAAA }, { "CNAME", RR_CNAME },
	{ "MX", RR_MX }, { "NS", RR_NS }, { "PTR", RR_PTR },
	{ "SOA", RR_SOA }, { "TLSA", RR_TLSA }, { "TXT", RR_TXT },
};
enum { TYPES = sizeof types / sizeof *types };

/* RFC 3597 5 for those without a name here. */
static const char *
type_name(uint32_t type)
{
	for (unsigned i = 0; i < TYPES; i++)
		if (types[i].type == type)
			return types[i].name;
	return text("TYPE%u", type);
}

static uint32_t
type_read(struct slice word)
{
	uint64_t number;

	for (unsigned i = 0; i < TYPES; i++)
		if (slice_ieq(word, slice_str(types[i].name)))
			return types[i].type;
	if (slice_istarts(word, SLICE("TYPE")) &&
	    slice_u64(slice_drop(word, 4), TYPE_MAX, &number))
		return (uint32_t)number;
	fail(EX_USAGE, text("\"%s\" is no type of record", show(word)),
	    "A, AAAA, CNAME, MX, NS, PTR, SOA, TLSA, TXT, or TYPE and a "
	    "number", "help dns");
}

/* As in a zone file; what has no form of its own, as RFC 3597 5 says. */
static struct slice
data_text(uint32_t type, struct slice data)
{
	char address[RDATA_ADDRESS_TEXT];
	struct buf b = { 0 };
	struct dname name;
	struct mx mx;

	if (type == RR_MX && rdata_mx(data, &mx)) {
		buf_printf(&b, "%u ", mx.preference);
		dname_show(&mx.host, &b);
	} else if ((type == RR_CNAME || type == RR_NS || type == RR_PTR) &&
	    rdata_name(data, &name)) {
		dname_show(&name, &b);
	} else if ((type == RR_A || type == RR_AAAA) &&
	    rdata_address((enum rr)type, data, address)) {
		buf_str(&b, address);
	} else {
		buf_printf(&b, "\\# %zu ", data.n);
		for (size_t i = 0; i < data.n; i++)
			buf_printf(&b, "%02x", (unsigned char)data.p[i]);
	}
	data = arena_slice(&ctl.arena, buf_view(&b));
	buf_free(&b);
	return data;
}

static int
verdict(const struct dns_query_out *out, struct slice name, uint32_t type)
{
	switch (out->result) {
	case DNS_FOUND:
		return EX_OK;
	case DNS_NODATA:
		fail(EX_NOHOST, text("%s has no %s record", show(name),
		    type_name(type)), NULL, NULL);
	case DNS_NXDOMAIN:
		fail(EX_NOHOST, text("there is no name %s", show(name)), NULL,
		    NULL);
	case DNS_BOGUS:
		fail(EX_TEMPFAIL, text("the records of %s are signed, and the "
		    "signatures are wrong", show(name)),
		    "mail that needs them waits", "queue list");
	default:
		fail(EX_TEMPFAIL, text("no answer about %s", show(name)),
		    "its servers are silent or fail", NULL);
	}
}

int
cmd_dns(void)
{
	static const struct column columns[] = {
		{ "name", COLUMN_TEXT, NULL },
		{ "ttl", COLUMN_NUMBER, NULL },
		{ "type", COLUMN_TEXT, NULL },
		{ "data", COLUMN_TEXT, NULL },
		{ "signed", COLUMN_TEXT, NULL },
	};
	struct dns_query_in in = { .name = ctl.args.words[0], .type = RR_MX };
	struct dns_query_out out;
	struct sheet s;

	if (ctl.args.n > 1)
		in.type = type_read(ctl.args.words[1]);
	/* What cannot be a name never leaves this process. */
	if (!dname_parse(in.name, &(struct dname){ 0 }))
		fail(EX_DATAERR, text("\"%s\" cannot be a name of the DNS",
		    show(in.name)), NULL, "help dns");
	ask_must(dns_query(role_dial(ROLE_RESOLVER), &in, &out, &ctl.arena,
	    2 * ASK_WAIT), "cannot resolve");
	sheet_begin(&s, columns, 5);
	for (size_t i = 0; i < out.n_answers; i++)
		sheet_row(&s, (struct cell[]){ { .text = out.canonical },
		    { .number = out.ttl },
		    { .text = slice_str(type_name(in.type)) },
		    { .text = data_text(in.type, out.answers[i].data) },
		    { .text = out.secure ? SLICE("yes") : SLICE("no") } });
	sheet_end(&s, NULL);
	return verdict(&out, in.name, in.type);
}
