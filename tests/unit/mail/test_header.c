/* Header fields are found in good and in broken mail (RFC 5322 2.2, 4.5). */
#include "common/mail/header.h"

#include "tests/unit/suite.h"

#define S(lit)	SLICE(lit)

START_TEST(splitting)
{
	struct slice h, b;

	header_split(S("A: b\r\n\r\nbody\r\n"), &h, &b);
	ck_slice(h, S("A: b\r\n\r\n"));
	ck_slice(b, S("body\r\n"));
	header_split(S("A: b\n\nbody"), &h, &b);
	ck_slice(b, S("body"));
	header_split(S("\r\nbody"), &h, &b);
	ck_slice(h, S("\r\n"));
	ck_slice(b, S("body"));
	header_split(S("A: b\r\n"), &h, &b);
	ck_slice(h, S("A: b\r\n"));
	ck_slice(b, S(""));
	header_split(S(""), &h, &b);
	ck_slice(h, S(""));
	/* A blank in it makes a line not empty; a bare CR does neither. */
	header_split(S("A: b\r\n \r\nC: d\r\n\r\r\n\r\nx"), &h, &b);
	ck_slice(b, S("x"));
}
END_TEST

START_TEST(fields)
{
	struct slice h = S("From x\r\n lost\r\nA: 1\r\nLong : 2\r\n\t3\r\n 4\r\n"
	    "no colon\r\n: empty\r\nb a d: x\r\nE:\r\nF:last");
	struct field f;
	struct buf b = { 0 };

	ck_assert(header_next(&h, &f));
	ck_slice(f.name, S("A"));
	ck_slice(f.body, S(" 1"));
	ck_slice(f.whole, S("A: 1\r\n"));
	ck_assert(header_next(&h, &f));
	ck_slice(f.name, S("Long"));
	ck_slice(f.whole, S("Long : 2\r\n\t3\r\n 4\r\n"));
	header_unfold(&b, f.body);
	ck_slice(buf_view(&b), S("2\t3 4"));
	ck_assert(header_next(&h, &f));
	ck_slice(f.name, S("E"));
	ck_slice(f.body, S(""));
	ck_assert(header_next(&h, &f));
	ck_slice(f.name, S("F"));
	ck_slice(f.body, S("last"));
	ck_assert(!header_next(&h, &f));
	buf_free(&b);
}
END_TEST

START_TEST(body_is_not_header)
{
	struct slice h = S("A: 1\r\n\r\nB: 2\r\n");
	struct field f;

	ck_assert(header_find(h, "a", &f));
	ck_assert(!header_find(h, "b", &f));
}
END_TEST

START_TEST(counting)
{
	struct slice h = S("Received: a\r\nX: Received: b\r\nRECEIVED: c\r\n"
	    "Received-SPF: d\r\n");

	ck_assert_uint_eq(header_count(h, "Received"), 2);
	ck_assert_uint_eq(header_count(h, "To"), 0);
}
END_TEST

static const struct {
	struct slice	 in, out;
} folds[] = {
	{ S(" a\r\n b"), S("a b") },
	{ S(" \r\n \r\n a \r\n \r\n"), S("a") },
	{ S("\r\n\ta"), S("a") },
	{ S(""), S("") },
	{ S(" \t "), S("") },
	{ S("a\n  b"), S("a  b") },
};

START_TEST(unfolding)
{
	struct buf b = { 0 };

	buf_str(&b, "x ");
	header_unfold(&b, folds[_i].in);
	ck_slice(slice_drop(buf_view(&b), 2), folds[_i].out);
	buf_free(&b);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, splitting);
	tcase_add_test(t, fields);
	tcase_add_test(t, body_is_not_header);
	tcase_add_test(t, counting);
	tcase_add_loop_test(t, unfolding, 0, COUNT(folds));
}

int
main(void)
{
	return suite_run("header", add);
}
