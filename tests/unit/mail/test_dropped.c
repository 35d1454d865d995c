/* What sendmail writes drop reads, and nothing else (dropped.h). */
#include "common/mail/dropped.h"

#include "tests/unit/suite.h"

#define S(lit)	SLICE(lit)
#define TOP	"postino drop 1\nsize 0000000000003\n"

static struct arena	arena;

START_TEST(what_is_written_is_read)
{
	struct slice to[] = { S("bob@example.org"), S("\"a b\"@example.org") };
	struct dropped d = { .from = S("ann@example.org"), .to = to, .n = 2,
		.notify = 6, .ret = 2, .envid = S("a b+c"), .size = 1234567 };
	struct dropped back;
	struct buf b = { 0 };

	dropped_write(&d, &b);
	ck_slice(buf_view(&b), S("postino drop 1\nsize 0000001234567\n"
	    "from ann@example.org\nto bob@example.org\n"
	    "to \"a b\"@example.org\nnotify 6\nret 2\nenvid a b+c\n\n"));
	buf_str(&b, "To: x\r\n\r\n");
	ck_assert(dropped_read(buf_view(&b), &arena, &back));
	ck_slice(back.from, d.from);
	ck_assert_uint_eq(back.n, 2);
	ck_slice(back.to[1], to[1]);
	ck_assert(back.notify == 6 && back.ret == 2);
	ck_slice(back.envid, d.envid);
	ck_assert_uint_eq(back.size, 1234567);
	ck_assert_uint_eq(back.head, b.n - 9);
	buf_free(&b);
}
END_TEST

START_TEST(the_null_path_is_empty)
{
	struct dropped d;

	ck_assert(dropped_read(S(TOP "from \nto a\n\nabc"), &arena, &d));
	ck_slice(d.from, S(""));
}
END_TEST

static const struct slice bad[] = {
	S(""), S("postino drop 1"), S("postino drop 2\n"), S(TOP),
	S(TOP "\n"), S(TOP "from a\n\n"), S(TOP "to a\n\n"),
	S(TOP "from a\nto b\n"), S(TOP "from a\nto b"),
	S(TOP "from a\nfrom a\nto b\n\n"), S(TOP "from a\nto \n\n"),
	S(TOP "from a\nto b\nfoo c\n\n"), S(TOP "from a\nto b\nnotify 16\n\n"),
	S(TOP "from a\nto b\nnotify x\n\n"), S(TOP "from a\nto b\nret 3\n\n"),
	S(TOP "from a\rb\nto b\n\n"), S(TOP "from a\0b\nto b\n\n"),
	S(TOP "from a\nto b\x7f\n\n"), S(TOP "from a\r\nto b\r\n\r\n"),
	S("postino drop 1\nsize 3\nfrom a\nto b\n\n"),
	S("postino drop 1\nsize -000000000003\nfrom a\nto b\n\n"),
	S("postino drop 1\nsize 00000000000003\nfrom a\nto b\n\n"),
	S("postino drop 1\nfrom a\nto b\n\n"),
};

START_TEST(anything_else_is_refused)
{
	struct dropped d;

	ck_assert(!dropped_read(bad[_i], &arena, &d));
}
END_TEST

START_TEST(recipients_are_bounded)
{
	struct buf b = { 0 };
	struct dropped d;

	buf_str(&b, TOP "from a\n");
	for (unsigned i = 0; i < DROPPED_RCPTS; i++)
		buf_printf(&b, "to r%u@example.org\n", i);
	buf_str(&b, "\n");
	ck_assert(dropped_read(buf_view(&b), &arena, &d));
	ck_assert_uint_eq(d.n, DROPPED_RCPTS);
	ck_slice(d.to[9999], S("r9999@example.org"));
	b.n--;
	buf_str(&b, "to x\n\n");
	ck_assert(!dropped_read(buf_view(&b), &arena, &d));
	buf_free(&b);
}
END_TEST

START_TEST(the_head_is_bounded)
{
	struct buf b = { 0 };
	struct dropped d;

	buf_str(&b, TOP "from ");
	while (b.n < DROPPED_HEAD)
		buf_char(&b, 'a');
	buf_str(&b, "\nto b\n\n");
	ck_assert(!dropped_read(buf_view(&b), &arena, &d));
	buf_free(&b);
}
END_TEST

static void
add(TCase *c)
{
	tcase_add_test(c, what_is_written_is_read);
	tcase_add_test(c, the_null_path_is_empty);
	tcase_add_loop_test(c, anything_else_is_refused, 0, COUNT(bad));
	tcase_add_test(c, recipients_are_bounded);
	tcase_add_test(c, the_head_is_bounded);
}

int
main(void)
{
	int failed = suite_run("dropped", add);

	arena_free(&arena);
	return failed;
}
