/* A digest is hostile input: reading one ends, stays inside, and what is given
   out keeps the promises of digest.h. */
#include <stdlib.h>

#include "common/mail/digest.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define REQUIRE(truth) do { if (!(truth)) abort(); } while (0)

static volatile char sink;

static void
touch(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		sink = s.p[i];
}

static void
read_addresses(struct digest_list l)
{
	struct address a;

	while (digest_address(&l, &a)) {
		touch(a.name);
		touch(a.route);
		touch(a.local);
		touch(a.domain);
	}
}

static void
read_part(const struct digest *d, uint32_t number)
{
	struct digest_envelope e;
	struct digest_part p;
	struct slice s, v;

	if (digest_part(d, number, &p)) {
		REQUIRE(p.header_at <= p.body_at && p.body_at <= p.end_at);
		REQUIRE(p.end_at <= d->size);
		REQUIRE(p.child == 0 || p.child > number);
		REQUIRE(p.next == 0 || p.next > number);
		while (digest_pair(&p.params, &s, &v)) {
			touch(s);
			touch(v);
		}
		while (digest_item(&p.languages, &s))
			touch(s);
	}
	if (digest_envelope(d, number, &e)) {
		touch(e.subject);
		read_addresses(e.from);
		read_addresses(e.sender);
		read_addresses(e.bcc);
	}
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	static const uint32_t path[] = { 1, 2, 1, 1 };
	struct digest_fields f = { .begun = false };
	struct digest_part part;
	struct digest d;
	struct slice s;
	uint64_t at, length;

	if (digest_open(&d, slice_of(p, n), 1000) != DIGEST_OK)
		return 0;
	REQUIRE(d.n_parts <= n);
	for (uint32_t i = 0; i < d.n_parts; i++)
		read_part(&d, i);
	for (size_t i = 0; i <= 4; i++)
		digest_find(&d, path, i, &part);
	while (digest_field(&d, &f, &s, &at, &length)) {
		REQUIRE(at + length <= d.size);
		touch(s);
	}
	touch(digest_preview(&d));
	return 0;
}
