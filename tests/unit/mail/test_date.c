/* Dates are printed and read as RFC 5322 3.3 and 4.3 write them. */
#include "common/mail/date.h"

#include "tests/unit/suite.h"

#define S(lit)	SLICE(lit)

static const struct {
	struct slice	 in;
	int64_t		 when;
	int		 zone;
} good[] = {
	{ S("Thu, 1 Jan 1970 00:00:00 +0000"), 0, 0 },
	{ S("Fri, 21 Nov 1997 09:55:06 -0600"), 880127706, -360 },
	{ S("21 Nov 97 09:55:06 GMT"), 880106106, 0 },
	{ S("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600"), 880127706,
	    -360 },
	{ S("Thu,\r\n\t13\r\n\t Feb\r\n\t  1969\r\n\t23:32\r\n -0330 (NST)"),
	    -27723480, -210 },
	{ S("Mon, 23 Nov 126 10:11:12 +0000"), 1795428672, 0 },
	{ S("23 Nov 2026 10:11:12 PDT"), 1795453872, -420 },
	{ S("23-Nov-2026 10:11:12 Z"), 1795428672, 0 },
	{ S("Monday, 23 November 2026 10:11:12"), 1795428672, 0 },
	{ S("Thu, 29 Feb 2024 23:59:60 +0530"), 1709231400, 330 },
	{ S("1 Jan 49 00:00:00 +0000"), 2493072000, 0 },
	{ S("1 Jan 50 00:00:00 +0000"), -631152000, 0 },
	{ S("31 Dec 9999 23:59:59 +0000"), 253402300799, 0 },
};

START_TEST(read_dates)
{
	struct date d;

	ck_assert(date_parse(good[_i].in, &d));
	ck_assert_int_eq(d.when, good[_i].when);
	ck_assert_int_eq(d.zone, good[_i].zone);
}
END_TEST

static const struct slice bad[] = {
	S(""), S("now"), S("Mon,"), S("32 Nov 2026 10:11:12 +0000"),
	S("0 Nov 2026 10:11:12 +0000"), S("23 Foo 2026 10:11:12 +0000"),
	S("23 Nov 1 10:11:12 +0000"), S("23 Nov 20266 10:11:12 +0000"),
	S("23 Nov 2026 24:11:12 +0000"), S("23 Nov 2026 10:60:12 +0000"),
	S("23 Nov 2026 10:11:61 +0000"), S("23 Nov 2026 10 +0000"),
	S("23 Nov 2026 10:11:12 +00"), S("23 Nov 2026 10:11:12 +0060"),
	S("(((((23 Nov 2026 10:11:12 +0000"), S("23 Nov 2026 10:11:"),
	S("\\"), S("(\\"),
};

START_TEST(refused_dates)
{
	struct date d;

	ck_assert(!date_parse(bad[_i], &d));
}
END_TEST

START_TEST(print_dates)
{
	struct buf b = { 0 };

	date_print(&b, 1795428672);
	ck_slice(buf_view(&b), S("Mon, 23 Nov 2026 10:11:12 +0000"));
	buf_clear(&b);
	date_print(&b, -1);
	ck_slice(buf_view(&b), S("Wed, 31 Dec 1969 23:59:59 +0000"));
	buf_clear(&b);
	date_print_zone(&b, (struct date){ 880127706, -360 });
	ck_slice(buf_view(&b), S("Fri, 21 Nov 1997 09:55:06 -0600"));
	buf_free(&b);
}
END_TEST

/* Every day of 1900 to 2400, through both functions and print and parse. */
START_TEST(calendar)
{
	struct buf b = { 0 };
	int64_t year, first = date_days(1900, 1, 1), last = date_days(2400, 1, 1);
	unsigned month, day;
	struct date d;

	ck_assert_int_eq(last - first, 182621);
	for (int64_t n = first; n < last; n++) {
		date_civil(n, &year, &month, &day);
		ck_assert_int_eq(date_days(year, month, day), n);
		if (n % 11 != 0)
			continue;
		buf_clear(&b);
		date_print(&b, n * 86400 + 1234);
		ck_assert(date_parse(buf_view(&b), &d));
		ck_assert_int_eq(d.when, n * 86400 + 1234);
	}
	buf_free(&b);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_loop_test(t, read_dates, 0, COUNT(good));
	tcase_add_loop_test(t, refused_dates, 0, COUNT(bad));
	tcase_add_test(t, print_dates);
	tcase_add_test(t, calendar);
}

int
main(void)
{
	return suite_run("date", add);
}
