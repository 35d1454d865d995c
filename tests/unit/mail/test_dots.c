/* Dots come off and on as RFC 5321 4.5.2 says, wherever the stream is cut, and
   nothing but CR LF . CR LF ends a message (SMTP-1). */
#include "common/mail/dots.h"

#include "tests/unit/suite.h"

#define S(lit)	SLICE(lit)

struct outcome {
	enum undot_result result;
	struct buf	 out;
	size_t		 left;
	struct undot	 u;
};

/* Feeds in pieces of `piece` octets. */
static struct outcome
undot(struct slice in, size_t piece, uint64_t limit)
{
	struct outcome o = { .result = UNDOT_MORE };

	undot_init(&o.u, limit);
	while (in.n > 0 && o.result == UNDOT_MORE) {
		struct slice part = slice_take(in, piece);
		size_t n = part.n;
		o.result = undot_feed(&o.u, &part, &o.out);
		in = slice_drop(in, n - part.n);
	}
	o.left = in.n;
	return o;
}

static const struct {
	struct slice	 in;
	enum undot_result result;
	struct slice	 out;
	size_t		 left;
} cases[] = {
	{ S("a\r\n.\r\n"), UNDOT_END, S("a\r\n"), 0 },
	{ S(".\r\n"), UNDOT_END, S(""), 0 },
	{ S("\r\n.\r\n"), UNDOT_END, S("\r\n"), 0 },
	{ S("..\r\n.\r\n"), UNDOT_END, S(".\r\n"), 0 },
	{ S("...a\r\n.b\r\n.\r\nQUIT\r\n"), UNDOT_END, S("..a\r\nb\r\n"), 6 },
	{ S("a.\r\n.\r\n"), UNDOT_END, S("a.\r\n"), 0 },
	{ S("no end\r\n."), UNDOT_MORE, S("no end\r\n"), 0 },
	{ S("a\0b\xff\r\n.\r\n"), UNDOT_END, S("a\0b\xff\r\n"), 0 },
	/* The sequences smugglers use (SMTP-1). */
	{ S("a\n.\n"), UNDOT_BARE_LF, S(""), 0 },
	{ S("a\n.\r\n"), UNDOT_BARE_LF, S(""), 0 },
	{ S("a\r\n.\n"), UNDOT_BARE_LF, S(""), 0 },
	{ S("a\r.\r"), UNDOT_BARE_CR, S(""), 0 },
	{ S("a\r.\r\n"), UNDOT_BARE_CR, S(""), 0 },
	{ S("a\r\r\n.\r\n"), UNDOT_BARE_CR, S(""), 0 },
	{ S("a\r\n.\r\r\n"), UNDOT_BARE_CR, S(""), 0 },
	{ S("a\r\n.\rx"), UNDOT_BARE_CR, S(""), 0 },
	{ S("\na"), UNDOT_BARE_LF, S(""), 0 },
	{ S("\ra"), UNDOT_BARE_CR, S(""), 0 },
	{ S(".a\n"), UNDOT_BARE_LF, S(""), 0 },
	{ S("a\nb\r\n.\r\n"), UNDOT_BARE_LF, S(""), 0 },
};

START_TEST(undot_cases)
{
	for (size_t piece = 1; piece < 8; piece++) {
		struct outcome o = undot(cases[_i].in, piece, 1000);
		ck_assert_int_eq(o.result, cases[_i].result);
		if (o.result <= UNDOT_END) {
			ck_slice(buf_view(&o.out), cases[_i].out);
			ck_assert_uint_eq(o.left, cases[_i].left);
			ck_assert_uint_eq(o.u.octets, cases[_i].out.n);
		}
		buf_free(&o.out);
	}
}
END_TEST

START_TEST(results_stay)
{
	struct slice more = S("more\r\n");
	struct outcome o = undot(S(".\r\n"), 1, 10);

	ck_assert_int_eq(undot_feed(&o.u, &more, &o.out), UNDOT_END);
	ck_assert_uint_eq(more.n, 6);
	ck_assert_uint_eq(o.out.n, 0);
	buf_free(&o.out);
}
END_TEST

/* Over the limit the end is still found, so that the session goes on. */
START_TEST(limit_keeps_reading)
{
	struct slice in = S("12345\r\n67890\r\n.\r\n");

	for (size_t piece = 1; piece < 20; piece++) {
		struct outcome o = undot(in, piece, 13);
		ck_assert_int_eq(o.result, UNDOT_END);
		ck_assert(o.u.over);
		ck_assert_uint_eq(o.u.octets, 14);
		ck_assert_uint_le(o.out.n, 13);
		buf_free(&o.out);
		o = undot(in, piece, 14);
		ck_assert(!o.u.over);
		ck_assert_uint_eq(o.out.n, 14);
		buf_free(&o.out);
	}
}
END_TEST

START_TEST(longest_line)
{
	for (size_t piece = 1; piece < 20; piece++) {
		struct outcome o = undot(S("12\r\n..345678\r\n\r\n1\r\n.\r\n"),
		    piece, 100);
		ck_assert_uint_eq(o.u.longest, 7);
		buf_free(&o.out);
	}
}
END_TEST

static const struct {
	struct slice	 in, out;
} sent[] = {
	{ S(""), S(".\r\n") },
	{ S("a"), S("a\r\n.\r\n") },
	{ S("a\r\n"), S("a\r\n.\r\n") },
	{ S(".\r\n"), S("..\r\n.\r\n") },
	{ S("a\r\n.b\r\n..c"), S("a\r\n..b\r\n...c\r\n.\r\n") },
	{ S("\r\n\r\n"), S("\r\n\r\n.\r\n") },
	/* Never a bare CR or LF (SMTP-3). */
	{ S("a\n.b\n"), S("a\r\n..b\r\n.\r\n") },
	{ S("a\r.b\r"), S("a\r\n..b\r\n.\r\n") },
	{ S("a\r\r\n"), S("a\r\n\r\n.\r\n") },
	{ S("\n\r\n"), S("\r\n\r\n.\r\n") },
};

START_TEST(dots_cases)
{
	for (size_t piece = 1; piece < 8; piece++) {
		struct slice in = sent[_i].in;
		struct dots d = { 0 };
		struct buf out = { 0 };
		while (in.n > 0) {
			dots_feed(&d, slice_take(in, piece), &out);
			in = slice_drop(in, piece);
		}
		dots_end(&d, &out);
		ck_slice(buf_view(&out), sent[_i].out);
		buf_free(&out);
	}
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_loop_test(t, undot_cases, 0, COUNT(cases));
	tcase_add_test(t, results_stay);
	tcase_add_test(t, limit_keeps_reading);
	tcase_add_test(t, longest_line);
	tcase_add_loop_test(t, dots_cases, 0, COUNT(sent));
}

int
main(void)
{
	return suite_run("dots", add);
}
