/* Replies of remote servers: whatever comes, what is kept is bounded and
   printable, and ends (SMTP-13). */
#include <stdlib.h>

#include "common/mail/response.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define REQUIRE(truth) do { if (!(truth)) abort(); } while (0)

static void
check(const struct response *r, enum response_fed fed)
{
	struct buf text = { 0 };

	REQUIRE(r->lines <= RESPONSE_LINES);
	REQUIRE(r->text.n <= (RESPONSE_LINES + 1) * (RESPONSE_LINE + 1));
	REQUIRE(fed == RESPONSE_BAD ? r->code == 0 :
	    r->code >= 200 && r->code <= 599);
	response_show(r, &text);
	REQUIRE(text.n <= RESPONSE_TEXT + 1);
	for (size_t i = 0; i < text.n; i++)
		REQUIRE((unsigned char)text.p[i] >= ' ' && text.p[i] != 127);
	REQUIRE(response_status(r).n >= 5);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	struct slice in = slice_of(p, n);
	struct response r = { 0 };

	while (in.n > 0) {
		enum response_fed fed = response_line(&r, slice_cut(&in, '\n'));

		check(&r, fed);
		if (fed != RESPONSE_MORE)
			response_clear(&r);
	}
	response_free(&r);
	return 0;
}
