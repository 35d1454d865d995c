/* The arguments of MAIL and RCPT are read as RFC 5321 4.1.2 writes them, and
   an address has one spelling only. */
#include "common/mail/addr.h"

#include <string.h>

#include "tests/unit/suite.h"

#define S(lit)	SLICE(lit)

static struct arena arena;

/* Good paths: the spelling we keep, and the flags. */
static const struct {
	struct slice	 in;
	unsigned	 how;
	struct slice	 text;
	unsigned	 flags;
} good[] = {
	{ S("<ann@example.org>"), ADDR_RCPT, S("ann@example.org"), 0 },
	{ S("<Ann@EXAMPLE.org>"), ADDR_RCPT, S("Ann@example.org"), 0 },
	{ S(" <a@b>  "), ADDR_RCPT, S("a@b"), 0 },
	{ S("<>"), ADDR_MAIL, S(""), ADDR_NULL },
	{ S("<Postmaster>"), ADDR_RCPT, S("postmaster"), 0 },
	{ S("<@one.example,@two.example:joe@three>"), ADDR_RCPT,
	    S("joe@three"), ADDR_ROUTE },
	{ S("<\"ann\"@b>"), ADDR_RCPT, S("ann@b"), 0 },
	{ S("<\"a\\n\\n\"@b>"), ADDR_RCPT, S("ann@b"), 0 },
	{ S("<\"a b\"@c>"), ADDR_RCPT, S("\"a b\"@c"), ADDR_QUOTED },
	{ S("<\"a\\\"b\\\\\"@c>"), ADDR_RCPT, S("\"a\\\"b\\\\\"@c"),
	    ADDR_QUOTED },
	{ S("<\"\"@c>"), ADDR_RCPT, S("\"\"@c"), ADDR_QUOTED },
	{ S("<\"a.\"@c>"), ADDR_RCPT, S("\"a.\"@c"), ADDR_QUOTED },
	{ S("<\"a>b\"@c>"), ADDR_RCPT, S("\"a>b\"@c"), ADDR_QUOTED },
	{ S("<\"a@b\"@c>"), ADDR_RCPT, S("\"a@b\"@c"),
	    ADDR_QUOTED | ADDR_ODD },
	{ S("<a%b@c>"), ADDR_RCPT, S("a%b@c"), ADDR_ODD },
	{ S("<b!a@c>"), ADDR_RCPT, S("b!a@c"), ADDR_ODD },
	{ S("<a@[192.0.2.1]>"), ADDR_RCPT, S("a@[192.0.2.1]"), ADDR_LITERAL },
	{ S("<a@[ipv6:2001:DB8::0:1]>"), ADDR_RCPT,
	    S("a@[IPv6:2001:db8::1]"), ADDR_LITERAL },
	{ S("<!#$%&'*+-/=?^_`{|}~.x@a-b.c1>"), ADDR_RCPT,
	    S("!#$%&'*+-/=?^_`{|}~.x@a-b.c1"), ADDR_ODD },
	{ S("<j\xc3\xb6rg@b\xc3\xbc\xc3\xa7her.example>"),
	    ADDR_MAIL | ADDR_MAY_UTF8,
	    S("j\xc3\xb6rg@b\xc3\xbc\xc3\xa7her.example"), ADDR_UTF8 },
};

START_TEST(good_paths)
{
	struct addr_error e;
	struct path p;
	struct addr a;

	ck_assert(path_parse(&arena, good[_i].in, good[_i].how, &p, &e));
	ck_assert_int_eq(e.fault, ADDR_OK);
	ck_slice(addr_text(&arena, &p.addr), good[_i].text);
	ck_assert_uint_eq(p.addr.flags, good[_i].flags);
	ck_assert_uint_eq(p.n, 0);

	/* What we print, we read, and it is the same address. */
	ck_assert(addr_parse(&arena, good[_i].text, good[_i].how, &a, &e));
	ck_assert(addr_eq(&a, &p.addr));
	ck_assert_uint_eq(a.flags, good[_i].flags & ~(unsigned)ADDR_ROUTE);
}
END_TEST

static const struct {
	struct slice	 in;
	enum addr_fault	 fault;
	size_t		 at;
} bad[] = {
	{ S(""), ADDR_SYNTAX, 0 },
	{ S("a@b"), ADDR_SYNTAX, 0 },
	{ S("<a@b"), ADDR_SYNTAX, 4 },
	{ S("<>"), ADDR_SYNTAX, 1 },
	{ S("<@b>"), ADDR_SYNTAX, 3 },
	{ S("<a>"), ADDR_SYNTAX, 2 },
	{ S("<a@>"), ADDR_SYNTAX, 3 },
	{ S("<a@b.>"), ADDR_SYNTAX, 5 },
	{ S("<a@.b>"), ADDR_SYNTAX, 3 },
	{ S("<a@-b>"), ADDR_SYNTAX, 3 },
	{ S("<a@b->"), ADDR_SYNTAX, 5 },
	{ S("<a@b_c>"), ADDR_SYNTAX, 4 },
	{ S("<a..b@c>"), ADDR_SYNTAX, 3 },
	{ S("<.a@c>"), ADDR_SYNTAX, 1 },
	{ S("<a.@c>"), ADDR_SYNTAX, 3 },
	{ S("<a b@c>"), ADDR_SYNTAX, 2 },
	{ S("<\"a@c>"), ADDR_SYNTAX, 6 },
	{ S("<\"a\"b@c>"), ADDR_SYNTAX, 4 },
	{ S("<\"a\0\"@c>"), ADDR_SYNTAX, 3 },
	{ S("<a\0@c>"), ADDR_SYNTAX, 2 },
	{ S("<a@b@c>"), ADDR_SYNTAX, 4 },
	{ S("<a@[1.2.3]>"), ADDR_SYNTAX, 3 },
	{ S("<a@[1.2.3.4>"), ADDR_SYNTAX, 3 },
	{ S("<a@[IPv6:::1"), ADDR_SYNTAX, 3 },
	{ S("<a@[IPv6:1.2.3.4]>"), ADDR_SYNTAX, 3 },
	{ S("<a@[x:y]>"), ADDR_SYNTAX, 3 },
	{ S("<@a:>"), ADDR_SYNTAX, 4 },
	{ S("<@a,b:c@d>"), ADDR_SYNTAX, 4 },
	{ S("<j\xc3\xb6rg@x>"), ADDR_NONASCII, 2 },
	{ S("<a@b>x"), ADDR_SYNTAX, 5 },
	{ S("<a@b> ="), ADDR_PARAM, 6 },
	{ S("<a@b> A="), ADDR_PARAM, 8 },
	{ S("<a@b> A=b=c"), ADDR_PARAM, 9 },
	{ S("<a@b> -A"), ADDR_PARAM, 6 },
	{ S("<a@b> A=1 a=2"), ADDR_PARAM, 13 },
};

START_TEST(bad_paths)
{
	struct addr_error e;
	struct path p;

	ck_assert(!path_parse(&arena, bad[_i].in, ADDR_RCPT, &p, &e));
	ck_assert_int_eq(e.fault, bad[_i].fault);
	ck_assert_uint_eq(e.at, bad[_i].at);
}
END_TEST

START_TEST(bad_utf8)
{
	struct addr_error e;
	struct path p;

	ck_assert(!path_parse(&arena, S("<\xc3@x>"),
	    ADDR_RCPT | ADDR_MAY_UTF8, &p, &e));
	ck_assert_int_eq(e.fault, ADDR_SYNTAX);
	ck_assert(!path_parse(&arena, S("<a\xc2\x85@x>"),
	    ADDR_RCPT | ADDR_MAY_UTF8, &p, &e));
}
END_TEST

START_TEST(parameters)
{
	const struct param *size, *body;
	struct addr_error e;
	struct path p;

	ck_assert(path_parse(&arena,
	    S("<> SIZE=100  BODY=8BITMIME SMTPUTF8 AUTH=<> "), ADDR_MAIL, &p,
	    &e));
	ck_assert_uint_eq(p.n, 4);
	ck_assert_ptr_nonnull(size = path_param(&p, "size"));
	ck_slice(size->value, S("100"));
	ck_assert_ptr_nonnull(body = path_param(&p, "BODY"));
	ck_slice(body->value, S("8BITMIME"));
	ck_assert_ptr_null(path_param(&p, "SMTPUTF8")->value.p);
	ck_slice(path_param(&p, "AUTH")->value, S("<>"));
	ck_assert_ptr_null(path_param(&p, "RET"));
}
END_TEST

START_TEST(too_many_parameters)
{
	struct buf b = { 0 };
	struct addr_error e;
	struct path p;

	buf_str(&b, "<>");
	for (int i = 0; i < ADDR_PARAMS_MAX; i++)
		buf_printf(&b, " P%d", i);
	ck_assert(path_parse(&arena, buf_view(&b), ADDR_MAIL, &p, &e));
	buf_str(&b, " Q");
	ck_assert(!path_parse(&arena, buf_view(&b), ADDR_MAIL, &p, &e));
	ck_assert_int_eq(e.fault, ADDR_PARAMS);
	buf_free(&b);
}
END_TEST

/* "<" local "@" domain ">" of the given lengths. */
static enum addr_fault
fault_of(size_t local, size_t label_count, bool quote)
{
	struct buf b = { 0 };
	struct addr_error e;
	struct path p;

	buf_str(&b, quote ? "<\"" : "<");
	for (size_t i = 0; i < local; i++)
		buf_char(&b, 'a');
	buf_str(&b, quote ? "\"@" : "@");
	for (size_t i = 0; i < label_count; i++)
		buf_char(&b, i % 64 == 63 ? '.' : 'b');
	buf_char(&b, '>');
	path_parse(&arena, buf_view(&b), ADDR_RCPT, &p, &e);
	buf_free(&b);
	return e.fault;
}

START_TEST(lengths)
{
	ck_assert_int_eq(fault_of(64, 189, false), ADDR_OK);
	ck_assert_int_eq(fault_of(64, 190, false), ADDR_LONG);
	ck_assert_int_eq(fault_of(252, 1, false), ADDR_OK);
	ck_assert_int_eq(fault_of(253, 1, false), ADDR_LONG);
	ck_assert_int_eq(fault_of(250, 1, true), ADDR_OK);
	ck_assert_int_eq(fault_of(251, 1, true), ADDR_LONG);
	ck_assert_int_eq(fault_of(1, 258, false), ADDR_LONG);
	ck_assert_int_eq(fault_of(60000, 1, true), ADDR_LONG);
	ck_assert_int_eq(fault_of(60000, 60000, false), ADDR_LONG);
}
END_TEST

START_TEST(label_length)
{
	struct slice s = S("a123456789a123456789a123456789a123456789a123456789"
	    "a123456789abcd"), out;

	ck_assert(!addr_domain(&arena, s, 0, &out));
	ck_assert(addr_domain(&arena, slice_take(s, 63), 0, &out));
	ck_assert(!addr_domain(&arena, S(""), 0, &out));
	ck_assert(addr_domain(&arena, S("A.B"), 0, &out));
	ck_slice(out, S("a.b"));
	ck_assert(addr_is_literal(S("[127.0.0.1]")));
	ck_assert(!addr_is_literal(S("127.0.0.1")));
	ck_assert(!addr_is_literal(S("[127.0.0.1]x")));
	ck_assert(!addr_is_literal(S("[IPv6:::1")));
}
END_TEST

START_TEST(subaddress)
{
	struct slice user, detail;

	ck_assert(addr_split(S("ann+shop+x"), '+', &user, &detail));
	ck_slice(user, S("ann"));
	ck_slice(detail, S("shop+x"));
	ck_assert(!addr_split(S("ann"), '+', &user, &detail));
	ck_slice(user, S("ann"));
	ck_assert(!addr_split(S("+ann"), '+', &user, &detail));
	ck_slice(user, S("+ann"));
	ck_assert(addr_split(S("ann+"), '+', &user, &detail));
	ck_slice(detail, S(""));
	ck_assert(!addr_split(S(""), '+', &user, &detail));
}
END_TEST

START_TEST(xtext)
{
	struct buf b = { 0 };

	ck_assert(xtext_decode(&b, S("rfc822+3Bann+2Bx@y")));
	ck_slice(buf_view(&b), S("rfc822;ann+x@y"));
	ck_assert(!xtext_decode(&b, S("a+2")));
	ck_assert(!xtext_decode(&b, S("a+2b")));
	ck_assert(!xtext_decode(&b, S("a=b")));
	ck_assert(!xtext_decode(&b, S("a b")));
	ck_assert(!xtext_decode(&b, S("a+0A")));
	ck_assert(!xtext_decode(&b, S("a+00")));
	ck_slice(buf_view(&b), S("rfc822;ann+x@y"));
	buf_clear(&b);
	xtext_encode(&b, S("a b+=\xc3"));
	ck_slice(buf_view(&b), S("a+20b+2B+3D+C3"));
	buf_free(&b);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_loop_test(t, good_paths, 0, COUNT(good));
	tcase_add_loop_test(t, bad_paths, 0, COUNT(bad));
	tcase_add_test(t, bad_utf8);
	tcase_add_test(t, parameters);
	tcase_add_test(t, too_many_parameters);
	tcase_add_test(t, lengths);
	tcase_add_test(t, label_length);
	tcase_add_test(t, subaddress);
	tcase_add_test(t, xtext);
}

int
main(void)
{
	int failed = suite_run("addr", add);

	arena_free(&arena);
	return failed;
}
