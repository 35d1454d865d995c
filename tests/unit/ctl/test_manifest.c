/* The manifest of a backup: what is written is read back, what is damaged or
   leads out of the folder is not believed.  DUR-11, UX-9. */
#include "ctl/manifest.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite.h"

#define SUM "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define PART "part 0600 67108864 " SUM " store/s00000001-1f2e3d4c"
#define DAMAGED "damaged 0600 9 " SUM " store-1/s00000002-1f2e3d4c"
#define CONFIG "config 0640 12 " SUM " files/9f86-postino.conf " \
	"/etc/postino/postino.conf"

static bool
reads(struct manifest *m, const char *lines, unsigned *line)
{
	manifest_free(m);
	return manifest_parse(m, slice_str(lines), line);
}

START_TEST(what_is_written_is_read)
{
	struct manifest m = { 0 }, again = { 0 };
	struct buf b = { 0 }, c = { 0 };
	struct slice s;
	unsigned line;

	ck_assert(reads(&m, "postino backup 1\n# people\ntaken now\n"
	    "host a.example\n" PART "\n" CONFIG " with a blank\n" DAMAGED
	    "\n", &line));
	ck_assert_uint_eq(m.n, 3);
	ck_assert_int_eq(m.v[2].kind, ENTRY_DAMAGED);
	ck_assert(entry_is_part(&m.v[0]) && !entry_is_part(&m.v[1]) &&
	    entry_is_part(&m.v[2]));
	ck_assert(slice_eq(m.taken, SLICE("now")));
	ck_assert(slice_eq(m.host, SLICE("a.example")));
	ck_assert_int_eq(m.v[0].kind, ENTRY_PART);
	ck_assert_uint_eq(m.v[0].bytes, 67108864);
	ck_assert_str_eq(m.v[0].sum, SUM);
	ck_assert_str_eq(m.v[0].name.p, "store/s00000001-1f2e3d4c");
	ck_assert_uint_eq(m.v[1].mode, 0640);
	ck_assert_str_eq(m.v[1].origin.p,
	    "/etc/postino/postino.conf with a blank");
	manifest_put(&b, &m);
	s = buf_view(&b);
	ck_assert(manifest_whole(&s));
	ck_assert(manifest_parse(&again, s, &line));
	manifest_put(&c, &again);
	ck_assert(slice_eq(buf_view(&b), buf_view(&c)));
	manifest_free(&m);
	manifest_free(&again);
	buf_free(&b);
	buf_free(&c);
}
END_TEST

/* Any bit, and any end. */
START_TEST(damage_is_seen)
{
	struct manifest m = { 0 };
	struct buf b = { 0 };
	unsigned line;

	ck_assert(reads(&m, "postino backup 1\n" PART "\n", &line));
	manifest_put(&b, &m);
	for (size_t i = 0; i < b.n; i++) {
		struct slice cut = slice_take(buf_view(&b), i);
		struct slice s = buf_view(&b);

		ck_assert(!manifest_whole(&cut));
		b.p[i] = (char)(b.p[i] ^ 4);
		ck_assert(!manifest_whole(&s));
		b.p[i] = (char)(b.p[i] ^ 4);
	}
	manifest_free(&m);
	buf_free(&b);
}
END_TEST

START_TEST(nonsense_is_not_believed)
{
	static const char *const lines[] = {
		"", "part", "PART" , PART " more", "x" PART,
		DAMAGED " more", "damaged 0600 9 " SUM " files/a",
		"part 0600 -1 " SUM " store/s00000001-1f2e3d4c",
		"part 0600 9223372036854775808 " SUM " store/s00000001-1f2e3d4c",
		"part 1777 1 " SUM " store/s00000001-1f2e3d4c",
		"part 0600 1 " SUM "0 store/s00000001-1f2e3d4c",
		"part 0600 1 " SUM " store/../s00000001-1f2e3d4c",
		"part 0600 1 " SUM " ../s00000001-1f2e3d4c",
		"part 0600 1 " SUM " key/s00000001-1f2e3d4c",
		"part 0600 1 " SUM " store-0/s00000001-1f2e3d4c",
		"part 0600 1 " SUM " store-01/s00000001-1f2e3d4c",
		"part 0600 1 " SUM " store-64/s00000001-1f2e3d4c",
		"part 0600 1 " SUM " store/s0000001-1f2e3d4c",
		"part 0600 1 " SUM " store/S00000001-1f2e3d4c",
		"part 0600 1 " SUM " store/s00000001-1F2e3d4c",
		"part 0600 1 " SUM " store/b00000001-1f2e3d4c",
		"config 0600 1 " SUM " files/a",
		"config 0600 1 " SUM " files/a etc/passwd",
		"config 0600 1 " SUM " files/a /etc/\x1b[2J",
		"file 0600 1 " SUM " files/.a /etc/passwd",
		"file 0600 1 " SUM " files/../a /etc/passwd",
		"file 0600 1 " SUM " files/a/b /etc/passwd",
		"file 0600 1 " SUM " /etc/shadow /etc/passwd",
	};
	struct manifest m = { 0 };
	struct buf b = { 0 };
	unsigned line;

	buf_printf(&b, "postino backup 1\n" PART "\n%s\n", lines[_i]);
	ck_assert_msg(!reads(&m, buf_cstr(&b), &line), "%s", lines[_i]);
	ck_assert_uint_eq(line, 3);
	ck_assert(!reads(&m, "postino backup 2\n", &line));
	manifest_free(&m);
	buf_free(&b);
}
END_TEST

START_TEST(names_of_parts)
{
	static const struct part_name parts[] = {
		{ ROLE_STORE, 0, 's', 1, 0x1f2e3d4c },
		{ ROLE_STORE, 63, 's', 0xffffffff, 0xffffffff },
		{ ROLE_QUEUE, 0, 'b', 1, UINT64_MAX },
		{ ROLE_AUTH, 0, 'b', UINT64_MAX, 0 },
	};
	static const char *const names[] = { "store/s00000001-1f2e3d4c",
		"store-63/sffffffff-ffffffff",
		"queue/b0000000000000001-ffffffffffffffff",
		"auth/bffffffffffffffff-0000000000000000" };
	struct part_name p;
	struct buf b = { 0 };

	part_name_put(&b, &parts[_i]);
	ck_assert_str_eq(buf_cstr(&b), names[_i]);
	ck_assert(part_name_parse(buf_view(&b), &p));
	ck_assert_int_eq(p.role, parts[_i].role);
	ck_assert_uint_eq(p.instance, parts[_i].instance);
	ck_assert_int_eq(p.kind, parts[_i].kind);
	ck_assert_uint_eq(p.number, parts[_i].number);
	ck_assert_uint_eq(p.tag, parts[_i].tag);
	buf_free(&b);
}
END_TEST

/* Of a run that was cut off, and of the one after it: what is whole counts, and
   of two the longer. */
START_TEST(journals)
{
	static const char lines[] = "\n"
		"part 0600 10 " SUM " auth/s00000001-00000001\n"
		"part 0600 20 " SUM " queue/s00000001-00000001\n"
		"part 0600 30 " SUM " que\n"
		"part 0600 40 " SUM " auth/s00000001-00000001\n"
		"part 0600 30 " SUM " auth/s00000001-00000001\n"
		"part 0600 50 " SUM " auth/s00000002-00000001";
	struct manifest m = { 0 };

	manifest_journal(&m, slice_str(lines));
	ck_assert_uint_eq(m.n, 4);
	ck_assert_uint_eq(manifest_find(&m,
	    SLICE("auth/s00000001-00000001"))->bytes, 40);
	ck_assert_uint_eq(manifest_find(&m,
	    SLICE("queue/s00000001-00000001"))->bytes, 20);
	ck_assert_ptr_null(manifest_find(&m,
	    SLICE("auth/s00000002-00000001")));
	manifest_free(&m);
	ck_assert_ptr_null(manifest_find(&m, SLICE("")));
}
END_TEST

/* FIPS 180-4; the value is what sha256sum(1) prints for "test". */
START_TEST(sums)
{
	char sum[SUM_TEXT + 1];
	struct sum s;

	sum_of(SLICE("test"), sum);
	ck_assert_str_eq(sum, SUM);
	sum_begin(&s);
	sum_add(&s, SLICE("te"));
	sum_so_far(&s, sum);
	ck_assert_str_ne(sum, SUM);
	sum_add(&s, SLICE("st"));
	sum_so_far(&s, sum);
	ck_assert_str_eq(sum, SUM);
	sum_end(&s, sum);
	ck_assert_str_eq(sum, SUM);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("manifest");
	TCase *t = tcase_create("manifest");

	tcase_add_test(t, what_is_written_is_read);
	tcase_add_test(t, damage_is_seen);
	tcase_add_loop_test(t, nonsense_is_not_believed, 0, 28);
	tcase_add_loop_test(t, names_of_parts, 0, 4);
	tcase_add_test(t, journals);
	tcase_add_test(t, sums);
	suite_add_tcase(s, t);
	return suite_end(s);
}
