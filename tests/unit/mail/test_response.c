/* What a remote server replied, read within bounds (RFC 5321 4.2, SMTP-13). */
#include "tests/unit/suite.h"

#include <string.h>

#include "common/mail/response.h"

static struct response r;
static struct buf	 shown;

static enum response_fed
feed(const char *line)
{
	return response_line(&r, slice_str(line));
}

static const char *
show(void)
{
	buf_clear(&shown);
	response_show(&r, &shown);
	return buf_cstr(&shown);
}

/* RFC 5321 4.2.1 */
START_TEST(lines_of_one_reply)
{
	response_clear(&r);
	ck_assert_int_eq(feed("250-mx.example greets"), RESPONSE_MORE);
	ck_assert_int_eq(feed("250-SIZE 10"), RESPONSE_MORE);
	ck_assert_int_eq(feed("250 DSN"), RESPONSE_DONE);
	ck_assert_uint_eq(r.code, 250);
	ck_assert_str_eq(buf_cstr(&r.text), "mx.example greets\nSIZE 10\nDSN\n");
	ck_assert_str_eq(show(), "250 mx.example greets SIZE 10 DSN");
	response_clear(&r);
	ck_assert_int_eq(feed("354"), RESPONSE_DONE);
	ck_assert_str_eq(show(), "354");
	response_clear(&r);
	ck_assert_int_eq(feed("354 "), RESPONSE_DONE);
	response_clear(&r);
	ck_assert_int_eq(feed("354-"), RESPONSE_MORE);
}
END_TEST

/* SMTP-13: code and separator are checked before the text is touched. */
START_TEST(no_reply)
{
	static const char *const bad[] = { "", "2", "25", "2500", "250_x",
		"250\tx", "199 x", "600 x", "-50 x", "2 0 x", "abc x",
		"HTTP/1.1 400 Bad Request", "\xff\xfe\xfd x" };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		response_clear(&r);
		ck_assert_msg(feed(bad[i]) == RESPONSE_BAD, "%s", bad[i]);
		ck_assert_uint_eq(r.code, 0);
	}
	response_clear(&r);
	feed("250-yes");
	ck_assert_int_eq(feed("550 no"), RESPONSE_BAD);
	ck_assert_str_eq(show(), "yes 550 no");
}
END_TEST

START_TEST(bounds)
{
	char line[4096];

	memset(line, 'x', sizeof line - 1);
	memcpy(line, "250-", 4);
	line[sizeof line - 1] = '\0';
	response_clear(&r);
	for (int i = 0; i < RESPONSE_LINES; i++)
		ck_assert_int_eq(feed(line), RESPONSE_MORE);
	ck_assert_uint_le(r.text.n, RESPONSE_LINES * (RESPONSE_LINE + 1));
	ck_assert_int_eq(feed("250 end"), RESPONSE_BAD);
	response_clear(&r);
	memcpy(line, "550 ", 4);
	feed(line);
	ck_assert_uint_le(strlen(show()), RESPONSE_TEXT);
}
END_TEST

/* RFC 2034 4, RFC 3463 2 */
START_TEST(enhanced_codes)
{
	static const struct {
		const char	*line, *status;
	} rows[] = { { "550 5.1.1 no", "5.1.1" }, { "550 5.123.45", "5.123.45" },
		{ "550 5.1 no", "5.0.0" }, { "550 4.1.1 no", "5.0.0" },
		{ "550 5.1.1.1 no", "5.0.0" }, { "550 5.1234.1 no", "5.0.0" },
		{ "550 5.1.1no", "5.0.0" }, { "450", "4.0.0" },
		{ "250 2.0.0 ok", "2.0.0" }, { "250 ok", "2.0.0" },
		{ "354 go", "2.0.0" } };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		response_clear(&r);
		feed(rows[i].line);
		ck_assert_msg(slice_eq(response_status(&r),
		    slice_str(rows[i].status)), "%s", rows[i].line);
	}
	response_clear(&r);
	feed("550-5.7.1 one");
	feed("550 5.7.1 two");
	ck_assert_str_eq(show(), "550 5.7.1 one two");
}
END_TEST

START_TEST(what_is_not_printable)
{
	static const char line[] = "550 a\0b\x1b[1m\x7f \xc3\xa9 \xc3( "
	    "\xc2\x9b \xe2\x82\xac\r";

	response_clear(&r);
	ck_assert_int_eq(response_line(&r, slice_of(line, sizeof line - 1)),
	    RESPONSE_DONE);
	ck_assert_str_eq(show(), "550 a\\x00b\\x1B[1m\\x7F \xc3\xa9 \\xC3( "
	    "\\xC2\\x9B \xe2\x82\xac\\x0D");
	response_free(&r);
	buf_free(&shown);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, lines_of_one_reply);
	tcase_add_test(t, no_reply);
	tcase_add_test(t, bounds);
	tcase_add_test(t, enhanced_codes);
	tcase_add_test(t, what_is_not_printable);
}

int
main(void)
{
	return suite_run("response", add);
}
