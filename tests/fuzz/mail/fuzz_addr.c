/* Addresses: what is printed is read again as the same address, with the same
   spelling (RFC 5321 4.1.2); xtext likewise (RFC 3461 4). */
#include <stdlib.h>

#include "common/mail/addr.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define REQUIRE(truth) do { if (!(truth)) abort(); } while (0)

static void
check_same(struct arena *arena, const struct addr *a)
{
	unsigned how = ADDR_MAY_NULL | ADDR_MAY_BARE | ADDR_MAY_UTF8;
	struct slice text = addr_text(arena, a);
	struct addr_error e;
	struct addr b;

	/* inet_ntop may write a few octets more than the path had. */
	if (text.n + 2 > ADDR_PATH_MAX && (a->flags & ADDR_LITERAL))
		return;
	REQUIRE(addr_parse(arena, text, how, &b, &e));
	REQUIRE(addr_eq(a, &b));
	REQUIRE(b.flags == (a->flags & ~(unsigned)ADDR_ROUTE));
	REQUIRE(slice_eq(addr_text(arena, &b), text));
	for (size_t i = 0; i < text.n; i++)
		REQUIRE((unsigned char)text.p[i] >= ' ' && text.p[i] != 127);
}

static void
check_xtext(struct slice in)
{
	struct buf text = { 0 }, back = { 0 };

	if (xtext_decode(&text, in)) {
		xtext_encode(&back, buf_view(&text));
		buf_clear(&text);
		REQUIRE(xtext_decode(&text, buf_view(&back)));
	} else
		REQUIRE(text.n == 0);
	buf_free(&text);
	buf_free(&back);
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	unsigned how = n > 0 ? p[0] & 7 : 0;
	struct slice in = slice_drop(slice_of(p, n), 1);
	struct arena arena = { 0 };
	struct addr_error e;
	struct path path;
	struct addr a;

	if (path_parse(&arena, in, how, &path, &e))
		check_same(&arena, &path.addr);
	else
		REQUIRE(e.fault != ADDR_OK && e.at <= in.n);
	if (addr_parse(&arena, in, how, &a, &e))
		check_same(&arena, &a);
	else
		REQUIRE(e.fault != ADDR_OK && e.at <= in.n);
	check_xtext(in);
	addr_is_literal(in);
	arena_free(&arena);
	return 0;
}
