/* Address lists are read in the forms of RFC 5322 3.4 and 4.4 and in those
   that only people write. */
#include "common/mail/addrlist.h"

#include "tests/unit/suite.h"

#define S(lit)	SLICE(lit)

static struct arena arena;

/* Addresses as {name}<route:local@domain>, "-" for what is not there; a group
   as name:( and ). */
static const struct {
	struct slice	 in, out;
} lists[] = {
	{ S("ann@example.org"), S("{-}<-:ann@example.org>") },
	{ S("Ann <ann@example.org>, bob@b"),
	    S("{Ann}<-:ann@example.org>{-}<-:bob@b>") },
	{ S("\"Joe Q. \\\"P\\\"\" <john.q.public@example.com>"),
	    S("{Joe Q. \"P\"}<-:john.q.public@example.com>") },
	{ S("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"),
	    S("{Mary Smith}<-:mary@x.test>{-}<-:jdoe@example.org>"
	    "{Who?}<-:one@y.test>") },
	{ S("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;"),
	    S("A Group:({Ed Jones}<-:c@a.test>{-}<-:joe@where.test>"
	    "{John}<-:jdoe@one.test>)") },
	{ S("Undisclosed recipients:;"), S("Undisclosed recipients:()") },
	{ S("a:;, b:c@d;"), S("a:()b:({-}<-:c@d>)") },
	{ S("a: b@c"), S("a:({-}<-:b@c>)") },
	/* RFC 5322 A.5 and A.6.1, A.6.3. */
	{ S("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"),
	    S("{Pete}<-:pete@silly.test>") },
	{ S("Joe Q. Public <john.q.public@example.com>"),
	    S("{Joe Q. Public}<-:john.q.public@example.com>") },
	{ S("Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example"),
	    S("{Mary Smith}<@node.test:mary@example.net>"
	    "{-}<-:jdoe@test.example>") },
	{ S("ann@b (Ann)"), S("{Ann}<-:ann@b>") },
	{ S("(Ann (A)) ann@b"), S("{Ann (A)}<-:ann@b>") },
	{ S("\"a b\"@c"), S("{-}<-:a b@c>") },
	{ S("\"\"@c"), S("{-}<-:@c>") },
	{ S("a@[192.0.2.1]"), S("{-}<-:a@[192.0.2.1]>") },
	{ S("=?utf-8?q?a?=  =?utf-8?q?b?= <a@b>"),
	    S("{=?utf-8?q?a?= =?utf-8?q?b?=}<-:a@b>") },
	{ S("Ann\r\n <ann@b>"), S("{Ann}<-:ann@b>") },
	/* Broken. */
	{ S("Ann"), S("{-}<-:Ann@->") },
	{ S("<>"), S("{-}<-:@->") },
	{ S("Ann <>"), S("{Ann}<-:@->") },
	{ S("Ann <ann@b"), S("{Ann}<-:ann@b>") },
	{ S("Ann <ann"), S("{Ann}<-:ann@->") },
	{ S("a@b <c@d>"), S("{-}<-:a@b>") },
	{ S("a@b c@d, e@f"), S("{-}<-:a@bc@d>{-}<-:e@f>") },
	{ S("\"a"), S("{-}<-:a@->") },
	{ S("(a"), S("") },
	{ S(",;:>,"), S("") },
	{ S(""), S("") },
	{ S("a\0b@c"), S("{-}<-:a\0b@c>") },
	{ S("<a@b>>>,<c@d>"), S("{-}<-:a@b>{-}<-:c@d>") },
	{ S("a <b@c> d, e@f"), S("{a}<-:b@c>{-}<-:e@f>") },
};

static void
show(struct buf *b, struct slice s)
{
	if (s.p == NULL)
		buf_char(b, '-');
	else
		buf_slice(b, s);
}

static void
show_address(struct buf *b, const struct address *a)
{
	if (a->kind == ADDRESS_GROUP) {
		show(b, a->local);
		buf_str(b, ":(");
		return;
	}
	if (a->kind == ADDRESS_GROUP_END) {
		buf_char(b, ')');
		return;
	}
	buf_char(b, '{');
	show(b, a->name);
	buf_str(b, "}<");
	show(b, a->route);
	buf_char(b, ':');
	show(b, a->local);
	buf_char(b, '@');
	show(b, a->domain);
	buf_char(b, '>');
}

START_TEST(reads)
{
	struct addrlist l = { .rest = lists[_i].in };
	struct buf b = { 0 };
	struct address a;

	while (addrlist_next(&arena, &l, &a))
		show_address(&b, &a);
	ck_slice(buf_view(&b), lists[_i].out);
	ck_assert(!addrlist_next(&arena, &l, &a));
	buf_free(&b);
}
END_TEST

START_TEST(is_bounded)
{
	struct addrlist l = { .n = 0 };
	struct buf b = { 0 };
	struct address a;
	size_t n = 0;

	for (int i = 0; i < ADDRLIST_MAX + 5; i++)
		buf_str(&b, "a@b,");
	l.rest = buf_view(&b);
	while (addrlist_next(&arena, &l, &a))
		n++;
	ck_assert_uint_eq(n, ADDRLIST_MAX);
	buf_free(&b);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_loop_test(t, reads, 0, COUNT(lists));
	tcase_add_test(t, is_bounded);
}

int
main(void)
{
	int failed = suite_run("addrlist", add);

	arena_free(&arena);
	return failed;
}
