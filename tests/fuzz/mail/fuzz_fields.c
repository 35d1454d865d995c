/* Field bodies: encoded words, parameters, address lists, dates.  Text comes
   out as UTF-8 and bounded, a printed date is read as the same time. */
#include <stdlib.h>

#include "common/core/utf8.h"
#include "common/mail/addrlist.h"
#include "common/mail/cte.h"
#include "common/mail/date.h"
#include "common/mail/header.h"
#include "common/mail/words.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define REQUIRE(truth) do { if (!(truth)) abort(); } while (0)

static bool
is_utf8(struct slice s)
{
	while (s.n > 0) {
		size_t n = utf8_next(s);
		if (n == 0)
			return false;
		s = slice_drop(s, n);
	}
	return true;
}

static void
check_words(struct slice in)
{
	struct buf b = { 0 };

	words_decode(&b, in, NULL);
	REQUIRE(is_utf8(buf_view(&b)));
	REQUIRE(b.n <= 4 * in.n);
	buf_free(&b);
}

static void
check_params(struct slice in)
{
	struct arena arena = { 0 };
	struct mime_param *v;
	struct slice value;
	size_t n = params_parse(&arena, in, NULL, &value, &v), total = 0;

	REQUIRE(n <= PARAMS_MAX && value.n <= in.n);
	for (size_t i = 0; i < n; i++)
		total += v[i].value.n;
	REQUIRE(total <= 4 * in.n);
	arena_free(&arena);
}

static void
check_addresses(struct slice in)
{
	struct addrlist l = { .rest = in };
	struct arena arena = { 0 };
	struct address a;
	size_t total = 0;
	int open = 0;

	while (addrlist_next(&arena, &l, &a)) {
		total += a.name.n + a.route.n + a.local.n + a.domain.n;
		open += a.kind == ADDRESS_GROUP;
		open -= a.kind == ADDRESS_GROUP_END;
		REQUIRE(open == 0 || open == 1);
	}
	REQUIRE(total <= 2 * in.n);
	REQUIRE(open == 0 || l.n == ADDRLIST_MAX);
	arena_free(&arena);
}

static void
check_date(struct slice in)
{
	struct buf b = { 0 };
	struct date d, again;

	if (date_parse(in, &d) && d.when >= -2208988800) {
		date_print_zone(&b, d);
		REQUIRE(date_parse(buf_view(&b), &again));
		REQUIRE(again.when == d.when && again.zone == d.zone);
	}
	buf_free(&b);
}

static void
check_header(struct slice in)
{
	struct slice header, body;
	struct field f;
	struct buf b = { 0 };

	header_split(in, &header, &body);
	REQUIRE(header.n + body.n == in.n);
	while (header_next(&header, &f)) {
		buf_clear(&b);
		header_unfold(&b, f.body);
		REQUIRE(slice_find(buf_view(&b), '\n') == b.n);
		REQUIRE(f.whole.n > f.name.n + f.body.n && f.name.n > 0);
	}
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	struct slice in = slice_of(p, n);
	struct buf b = { 0 };

	check_words(in);
	check_params(in);
	check_addresses(in);
	check_date(in);
	check_header(in);
	cte_decode(&b, CTE_BASE64, in);
	cte_decode(&b, CTE_QUOTED, in);
	REQUIRE(b.n <= 2 * in.n);
	buf_free(&b);
	return 0;
}
