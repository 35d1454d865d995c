/* Every reply of replies.def is well formed (RFC 5321 4.2, RFC 3463 2), and
   nothing put into one can make a second one. */
#include "common/mail/reply.h"

#include <string.h>

#include <stdio.h>

#include "tests/unit/suite.h"

#define S(lit)	SLICE(lit)

static bool
is_line(struct slice s, unsigned code, char separator)
{
	return s.n <= 510 && s.n >= 4 &&
	    (unsigned)(s.p[0] - '0') == code / 100 &&
	    (unsigned)(s.p[1] - '0') == code / 10 % 10 &&
	    (unsigned)(s.p[2] - '0') == code % 10 && s.p[3] == separator &&
	    memchr(s.p, '\r', s.n) == NULL && memchr(s.p, '\0', s.n) == NULL;
}

/* Lines end with CR LF, carry the code, and only the last has a blank. */
static size_t
check_lines(struct slice s, unsigned code)
{
	size_t n = 0;

	while (s.n > 0) {
		size_t end = slice_find(s, '\n');
		ck_assert_uint_lt(end, s.n);
		ck_assert(end > 0 && s.p[end - 1] == '\r');
		ck_assert(is_line(slice_take(s, end - 1), code,
		    end + 1 == s.n ? ' ' : '-'));
		s = slice_drop(s, end + 1);
		n++;
	}
	return n;
}

START_TEST(every_reply)
{
	const struct reply_row *row = &reply_rows[_i];
	struct buf b = { 0 };
	char text[64];

	ck_assert(row->code >= 200 && row->code <= 599);
	ck_assert(strncmp(row->clause, "RFC ", 4) == 0);
	if (row->enhanced[0] != '\0')
		ck_assert_int_eq(row->enhanced[0] - '0', (int)row->code / 100);
	reply_add(&b, (enum reply)_i, S("detail"));
	ck_assert_uint_eq(check_lines(buf_view(&b), row->code), 1);
	snprintf(text, sizeof text, "%u %s%s%s%s", row->code, row->enhanced,
	    row->enhanced[0] ? " " : "", row->code == 221 ||
	    row->code == 421 ? "detail " : "", row->text);
	ck_assert(slice_starts(buf_view(&b), slice_str(text)));
	buf_free(&b);
}
END_TEST

START_TEST(texts)
{
	struct buf b = { 0 };

	reply_add(&b, REPLY_NO_MAILBOX, S("<a@b>"));
	reply_add(&b, REPLY_NOOP, S(""));
	reply_add(&b, REPLY_BANNER, S("mx.example ESMTP"));
	ck_slice(buf_view(&b), S("550 5.1.1 no such mailbox here: <a@b>\r\n"
	    "250 2.0.0 still here\r\n220 mx.example ESMTP\r\n"));
	buf_free(&b);
}
END_TEST

START_TEST(no_injection)
{
	struct buf b = { 0 };

	reply_add(&b, REPLY_DISABLED, S("a\r\n250 ok\0\x7f"));
	ck_slice(buf_view(&b), S("550 5.2.1 mailbox takes no mail: a??250 ok??\r\n"));
	buf_free(&b);
}
END_TEST

START_TEST(long_details)
{
	struct buf b = { 0 }, detail = { 0 };

	for (int i = 0; i < 300; i++)
		buf_str(&detail, i % 50 == 49 ? " word" : "wordword");
	reply_add(&b, REPLY_DISABLED, buf_view(&detail));
	ck_assert_uint_ge(check_lines(buf_view(&b), 550), 4);
	buf_clear(&b);
	buf_clear(&detail);
	for (int i = 0; i < 5000; i++)
		buf_char(&detail, 'x');
	reply_add(&b, REPLY_BANNER, buf_view(&detail));
	check_lines(buf_view(&b), 220);
	buf_free(&b);
	buf_free(&detail);
}
END_TEST

/* RFC 5321 4.2.2: who closes says who he is, behind the enhanced code. */
START_TEST(last_words)
{
	struct buf b = { 0 };

	reply_add(&b, REPLY_QUIT, S("mx.example"));
	reply_add(&b, REPLY_ERRORS, S("mx.example"));
	reply_add(&b, REPLY_QUIT, S(""));
	ck_slice(buf_view(&b), S("221 2.0.0 mx.example bye\r\n"
	    "421 4.7.0 mx.example too many errors\r\n221 2.0.0 bye\r\n"));
	buf_free(&b);
}
END_TEST

START_TEST(many_lines)
{
	struct slice lines[] = { S("mx.example"), S("SIZE 1000"), S("DSN") };
	struct buf b = { 0 };

	reply_lines(&b, REPLY_EHLO, lines, 3);
	ck_slice(buf_view(&b), S("250-mx.example\r\n250-SIZE 1000\r\n"
	    "250 DSN\r\n"));
	buf_free(&b);
}
END_TEST

static const struct {
	struct slice	 enhanced, out;
} verdicts[] = {
	{ S("2.0.0"), S("250 2.0.0 t\r\n") },
	{ S("5.2.2"), S("552 5.2.2 t\r\n") },
	{ S("5.3.4"), S("552 5.3.4 t\r\n") },
	{ S("5.1.1"), S("550 5.1.1 t\r\n") },
	{ S("4.2.2"), S("452 4.2.2 t\r\n") },
	{ S("4.7.1"), S("451 4.7.1 t\r\n") },
	{ S("5.1.1.1"), S("451 4.3.0 t\r\n") },
	{ S("5.1."), S("451 4.3.0 t\r\n") },
	{ S("3.1.1"), S("451 4.3.0 t\r\n") },
	{ S("5.1.1\r\n"), S("451 4.3.0 t\r\n") },
	{ S(""), S("451 4.3.0 t\r\n") },
};

START_TEST(verdict_codes)
{
	struct buf b = { 0 };

	reply_verdict(&b, verdicts[_i].enhanced, S("t"));
	ck_slice(buf_view(&b), verdicts[_i].out);
	buf_free(&b);
}
END_TEST

START_TEST(foreign_replies)
{
	struct buf b = { 0 };

	reply_text(&b, 550, S("5.7.1"), S("no\r\nx"));
	reply_text(&b, 550, S(""), S("no"));
	reply_text(&b, 550, S("4.7.1"), S("no"));
	reply_text(&b, 700, S(""), S("no"));
	ck_slice(buf_view(&b), S("550 5.7.1 no??x\r\n550 no\r\n"
	    "451 4.3.0 no\r\n451 4.3.0 no\r\n"));
	buf_free(&b);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_loop_test(t, every_reply, 0, REPLIES);
	tcase_add_test(t, texts);
	tcase_add_test(t, no_injection);
	tcase_add_test(t, long_details);
	tcase_add_test(t, last_words);
	tcase_add_test(t, many_lines);
	tcase_add_loop_test(t, verdict_codes, 0, COUNT(verdicts));
	tcase_add_test(t, foreign_replies);
}

int
main(void)
{
	return suite_run("reply", add);
}
