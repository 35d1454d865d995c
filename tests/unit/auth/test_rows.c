/* Names and rows: what is written is read again, anything else is refused. */
#include "auth/rows.h"

#include <check.h>
#include <string.h>

#include "auth/name.h"
#include "tests/unit/suite.h"

static struct buf	 key, value, from, to;
static struct arena	 arena;

static void
teardown(void)
{
	buf_free(&key);
	buf_free(&value);
	buf_free(&from);
	buf_free(&to);
	arena_free(&arena);
}

/* The same bytes whoever reads them: a later version must open this. */
START_TEST(bytes_of_a_user)
{
	static const char want[] = "\1\1\0\0\0\7\1\2\3\4\5\6\7\10"
	    "\0\0\0\0\0\0\4\0";
	struct row_user u = { .number = 0x0102030405060708, .limit = 1024,
		.shard = 7, .disabled = true }, v;

	row_user_put(&value, &u);
	ck_assert_uint_eq(value.n, sizeof want - 1);
	ck_assert_mem_eq(value.p, want, value.n);
	ck_assert(row_user_get(buf_view(&value), &v));
	ck_assert_uint_eq(v.number, u.number);
	ck_assert_uint_eq(v.limit, u.limit);
	ck_assert_uint_eq(v.shard, u.shard);
	ck_assert(v.disabled);
	row_key(&key, ROW_USER, SLICE("b.c\0a"));
	ck_assert_uint_eq(key.n, 14);
	ck_assert_mem_eq(key.p, "\0\0\0\0\0\0\0\0Ub.c\0a", 14);
}
END_TEST

START_TEST(keys)
{
	struct slice about;
	uint64_t user;

	row_key(&key, ROW_DOMAIN, SLICE("b.c"));
	ck_assert(row_about(buf_view(&key), ROW_DOMAIN, &about));
	ck_assert(slice_eq(about, SLICE("b.c")));
	ck_assert(!row_about(buf_view(&key), ROW_ALIAS, &about));
	row_password_key(&key, 77);
	ck_assert(row_password_about(buf_view(&key), &user));
	ck_assert_uint_eq(user, 77);
	buf_char(&key, 0);
	ck_assert(!row_password_about(buf_view(&key), &user));
	ck_assert(!row_about(SLICE("\0\0\0\0\0\0\0\1Ux"), ROW_USER, &about));
	ck_assert(!row_about(SLICE("U"), ROW_USER, &about));
}
END_TEST

START_TEST(ranges)
{
	row_range(&from, &to, ROW_USER, SLICE("b.c\0a"));
	row_key(&key, ROW_USER, SLICE("b.c\0a"));
	ck_assert_int_lt(slice_cmp(buf_view(&key), buf_view(&from)), 0);
	row_key(&key, ROW_USER, SLICE("b.c\0a\1"));
	ck_assert_int_ge(slice_cmp(buf_view(&key), buf_view(&from)), 0);
	row_key(&key, ROW_USER, SLICE("\377\377"));
	ck_assert_int_lt(slice_cmp(buf_view(&key), buf_view(&to)), 0);
}
END_TEST

START_TEST(aliases)
{
	struct slice in[] = { SLICE("a@b.c"), SLICE(""), SLICE("d@e.f") };
	static struct slice out[ROW_TARGETS_MAX];
	size_t n;

	row_alias_put(&value, in, 3);
	ck_assert(row_alias_get(buf_view(&value), out, &n));
	ck_assert_uint_eq(n, 3);
	for (size_t i = 0; i < n; i++)
		ck_assert(slice_eq(in[i], out[i]));
	for (size_t i = 0; i < value.n; i++)
		ck_assert(!row_alias_get(slice_take(buf_view(&value), i), out,
		    &n));
	buf_char(&value, 'x');
	ck_assert(!row_alias_get(buf_view(&value), out, &n));
	/* More targets than there may be. */
	ck_assert(!row_alias_get(SLICE("\1\377\377"), out, &n));
}
END_TEST

START_TEST(damage)
{
	struct row_user u = { .number = 1 };
	struct slice hash;
	uint64_t last;

	row_user_put(&value, &u);
	for (size_t i = 0; i < value.n; i++)
		ck_assert(!row_user_get(slice_take(buf_view(&value), i), &u));
	value.p[1] = 2;		/* a flag of a later version */
	ck_assert(!row_user_get(buf_view(&value), &u));
	ck_assert(!row_domain_get(SLICE("")));
	ck_assert(!row_domain_get(SLICE("\2")));
	ck_assert(!row_domain_get(SLICE("\1x")));
	ck_assert(!row_last_get(SLICE("\1\0\0\0\0\0\0\0"), &last));
	ck_assert(!row_password_get(SLICE("\1$6$\0"), &hash));
	row_last_put(&value, 99);
	ck_assert(row_last_get(buf_view(&value), &last));
	ck_assert_uint_eq(last, 99);
	row_password_put(&value, SLICE("$y$"));
	ck_assert(row_password_get(buf_view(&value), &hash));
	ck_assert(slice_eq(hash, SLICE("$y$")));
}
END_TEST

/* RFC 5321 2.3.11, 4.1.2: one mailbox, one name, and back to one spelling. */
START_TEST(names)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "Ann@Example.ORG", "ann@example.org" },
		{ "\"ann\"@example.org", "ann@example.org" },
		{ "\"Ann B\"@example.org", "\"ann b\"@example.org" },
		{ "\"a..b\"@example.org", "\"a..b\"@example.org" },
		{ "\"a\\\"b\"@example.org", "\"a\\\"b\"@example.org" },
		{ "\"a@b\"@example.org", "\"a@b\"@example.org" },
		{ "\".\"@example.org", "\".\"@example.org" },
		{ "j\xc3\xb6rg@example.org", "j\xc3\xb6rg@example.org" },
	};
	struct name name;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct slice text;

		ck_assert_msg(address_name(&arena, slice_str(rows[i].in),
		    false, &name), "%s", rows[i].in);
		text = name_text(&arena, name_view(&name));
		ck_assert_msg(slice_eq(text, slice_str(rows[i].out)),
		    "%s became %.*s", rows[i].in, (int)text.n, text.p);
	}
}
END_TEST

START_TEST(no_names)
{
	static const char *const rows[] = { "", "ann", "@", "@b.c", "ann@",
		"ann@b.c@d", "ann@[127.0.0.1]", "a b@c.d", "ann@b.c ",
		"\"\"@b.c", "<ann@b.c>" };
	char text[300];
	struct name name;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ck_assert_msg(!address_name(&arena, slice_str(rows[i]), false,
		    &name), "%s", rows[i]);
	ck_assert(address_name(&arena, SLICE("@B.c"), true, &name));
	ck_assert(slice_eq(name_view(&name), SLICE("b.c\0")));
	ck_assert(slice_eq(name_text(&arena, name_view(&name)),
	    SLICE("@b.c")));
	memset(text, 'a', sizeof text);
	memcpy(text + 251, "@b.c", 4);
	ck_assert(!address_name(&arena, slice_of(text, 255), false, &name));
	ck_assert(!address_name(&arena, SLICE("a\0b@c.d"), false, &name));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("rows");
	TCase *t = tcase_create("rows");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, bytes_of_a_user);
	tcase_add_test(t, keys);
	tcase_add_test(t, ranges);
	tcase_add_test(t, aliases);
	tcase_add_test(t, damage);
	tcase_add_test(t, names);
	tcase_add_test(t, no_names);
	suite_add_tcase(s, t);
	return suite_end(s);
}
