/* Options as other mail systems have had them; the message made whole
   (RFC 5322 3.6); who it is for. */
#include "sendmail/sendmail.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/mail/header.h"

#define S(lit)	SLICE(lit)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static void
setup(void)
{
	memset(&front, 0, sizeof front);
	front.conf.server_name = S("mail.example.org");
	front.conf.message_max = 100000;
	front.user = S("ann");
	front.name = S("Ann");
}

/* ---- options */

static struct options *
options(const char *line)
{
	static struct options o;
	static char *argv[20], copy[200], name[] = "sendmail";
	int n = 0;

	strcpy(copy, line);
	argv[n++] = name;
	for (char *w = strtok(copy, " "); w != NULL; w = strtok(NULL, " "))
		argv[n++] = strcmp(w, "''") == 0 ? w + 2 : w;
	argv[n] = NULL;
	options_read(n, argv, &o);
	return &o;
}

START_TEST(options_alone_and_together)
{
	struct options *o = options("-t -i -f a@b -F Ann -oem -odb c d");

	ck_assert(o->mode == MODE_SEND && o->from_header && !o->dots);
	ck_assert_str_eq(o->sender, "a@b");
	ck_assert_str_eq(o->full_name, "Ann");
	ck_assert_str_eq(o->rcpts[0], "c");
	ck_assert_str_eq(o->rcpts[1], "d");
	ck_assert_ptr_null(o->rcpts[2]);
	o = options("-ti -fa@b");
	ck_assert(o->from_header && !o->dots);
	ck_assert_str_eq(o->sender, "a@b");
	ck_assert(options("a")->dots);
	ck_assert(!options("-oi a")->dots);
	ck_assert(options("-oem a")->dots);
	/* cron(8), smartd(8), PHP */
	o = options("-FCronDaemon -i -B8BITMIME -oem root");
	ck_assert_str_eq(o->rcpts[0], "root");
	ck_assert(!o->dots);
	o = options("-f '' -- -x");
	ck_assert_str_eq(o->sender, "");
	ck_assert_str_eq(o->rcpts[0], "-x");
	o = options("-N success,delay -R hdrs -V xyz a");
	ck_assert(o->notify == (NOTIFY_SUCCESS | NOTIFY_DELAY) &&
	    o->ret == RET_HDRS);
	ck_assert_str_eq(o->envid, "xyz");
}
END_TEST

START_TEST(modes)
{
	ck_assert_int_eq(options("-bs")->mode, MODE_TALK);
	ck_assert_int_eq(options("-bp")->mode, MODE_LIST);
	ck_assert_int_eq(options("-bi")->mode, MODE_ALIASES);
	ck_assert_int_eq(options("-I")->mode, MODE_ALIASES);
	ck_assert_int_eq(options("-q")->mode, MODE_FLUSH);
	ck_assert_int_eq(options("-q15m")->mode, MODE_FLUSH);
	ck_assert_int_eq(options("-bm a")->mode, MODE_SEND);
}
END_TEST

static const char *const wrong[] = { "-bd", "-bD", "-bv a", "-f", "-Z a",
	"-N often a", "-N never,delay a", "-R some a" };

START_TEST(wrong_options_are_64)
{
	options(wrong[_i]);
}
END_TEST

/* ---- recipients */

START_TEST(addresses_get_our_name)
{
	struct dropped d = { 0 };

	rcpts_add(S("root, Bob B. <bob@Example.NET>, <c@x>, \"d e\"@x, c@x"),
	    &d);
	ck_assert_uint_eq(d.n, 4);
	ck_assert(slice_eq(d.to[0], S("root@mail.example.org")));
	ck_assert(slice_eq(d.to[1], S("bob@example.net")));
	ck_assert(slice_eq(d.to[2], S("c@x")));
	ck_assert(slice_eq(d.to[3], S("\"d e\"@x")));
}
END_TEST

START_TEST(a_header_names_them)
{
	struct dropped d = { 0 }, resent = { 0 };

	rcpts_of_header(S("From: x\r\nTo: a@x,\r\n b@x\r\nCc: c@x\r\n"
	    "bcc: friends: d@x;\r\nReply-To: no@x\r\n\r\n"), &d);
	ck_assert_uint_eq(d.n, 4);
	ck_assert(slice_eq(d.to[3], S("d@x")));
	rcpts_of_header(S("To: a@x\r\nResent-To: b@x\r\n\r\n"), &resent);
	ck_assert_uint_eq(resent.n, 1);
	ck_assert(slice_eq(resent.to[0], S("b@x")));
}
END_TEST

static const struct slice nobody[] = { S("a@"), S("@x"), S("a b@x y"),
	S("a@x\r\nRCPT TO:<b@x>"), S("a@-x-"), S("a@x..y") };

START_TEST(what_is_no_address_is_65)
{
	struct dropped d = { 0 };

	rcpts_add(nobody[_i], &d);
	/* Words without a comma are no address; or they are harmless. */
	for (size_t i = 0; i < d.n; i++)
		ck_assert(slice_find(d.to[i], '\n') == d.to[i].n &&
		    slice_find(d.to[i], '\r') == d.to[i].n);
	exit(EX_DATAERR);
}
END_TEST

/* ---- the message */

static struct slice
read_from(struct slice in)
{
	static struct buf b;
	int fds[2];

	ck_assert_int_eq(0, pipe(fds));
	ck_assert(write(fds[1], in.p, in.n) == (ssize_t)in.n);
	close(fds[1]);
	ck_assert_int_eq(0, dup2(fds[0], STDIN_FILENO));
	close(fds[0]);
	buf_clear(&b);
	letter_read(&b);
	return buf_view(&b);
}

static const struct {
	bool		 dots;
	struct slice	 in, out;
} octets[] = {
	{ true, S("a\nb\n"), S("a\r\nb\r\n") },
	{ true, S("a\r\nb\r\n"), S("a\r\nb\r\n") },
	{ true, S("a\rb\r\n\rc"), S("a\r\nb\r\n\r\nc\r\n") },
	{ true, S("a"), S("a\r\n") },
	{ true, S(""), S("") },
	{ true, S("a\n.\nb\n"), S("a\r\n") },
	{ true, S("a\r\n.\r\nb\n"), S("a\r\n") },
	{ true, S("."), S("") },
	{ true, S("..\n.a\n"), S("..\r\n.a\r\n") },
	{ false, S("a\n.\nb\n"), S("a\r\n.\r\nb\r\n") },
	{ false, S("\0\n\xff"), S("\0\r\n\xff\r\n") },
};

START_TEST(every_line_end_is_one)
{
	front.options.dots = octets[_i].dots;
	ck_assert(slice_eq(read_from(octets[_i].in), octets[_i].out));
}
END_TEST

static struct slice
completed(struct slice in)
{
	static struct buf b;

	buf_clear(&b);
	buf_slice(&b, in);
	letter_complete(&b, S("ann@mail.example.org"));
	return buf_view(&b);
}

#define ALL	"From: a\r\nDate: b\r\nMessage-ID: <c>\r\n"

static const struct {
	struct slice	 in, out;
} letters[] = {
	{ S(ALL "\r\nx\r\n"), S(ALL "\r\nx\r\n") },
	{ S(ALL), S(ALL "\r\n") },
	{ S(ALL "no field\r\n\r\nx\r\n"), S(ALL "\r\nno field\r\n\r\nx\r\n") },
	{ S("From ann Mon Nov 23\r\n" ALL "\r\n"), S(ALL "\r\n") },
	{ S(ALL "Bcc: x,\r\n y\r\nTo: z\r\nReturn-Path: <>\r\n"
	    "CONTENT-LENGTH: 3\r\n\r\nBcc: q\r\n"),
	    S(ALL "To: z\r\n\r\nBcc: q\r\n") },
};

START_TEST(a_header_is_made_whole)
{
	ck_assert(slice_eq(completed(letters[_i].in), letters[_i].out));
}
END_TEST

static const struct {
	struct slice	 name, from;
} names[] = {
	{ S("Ann"), S("Ann <ann@mail.example.org>") },
	{ S("Cron Daemon"), S("Cron Daemon <ann@mail.example.org>") },
	{ S("A. \"B\""), S("\"A. \\\"B\\\"\" <ann@mail.example.org>") },
	{ S("Zo\xc3\xab"), S("=?UTF-8?B?Wm/Dqw==?= <ann@mail.example.org>") },
	{ S("a\r\nBcc: b"), S("<ann@mail.example.org>") },
	{ S(""), S("<ann@mail.example.org>") },
};

START_TEST(missing_fields_are_added)
{
	struct slice header, body;
	struct field f;

	front.name = names[_i].name;
	header_split(completed(S("Subject: s\r\n\r\nx\r\n")), &header, &body);
	ck_assert(header_find(header, "From", &f));
	ck_assert(slice_eq(slice_trim(f.body), names[_i].from));
	ck_assert(header_find(header, "Date", &f));
	ck_assert(header_find(header, "Message-ID", &f));
	ck_assert(header_find(header, "Subject", &f));
	ck_assert_uint_eq(header_count(header, "From"), 1);
	ck_assert(slice_eq(body, S("x\r\n")));
	/* A text without any header. */
	header_split(completed(S("just words\r\n")), &header, &body);
	ck_assert(header_find(header, "From", &f));
	ck_assert(slice_eq(body, S("just words\r\n")));
}
END_TEST

START_TEST(a_message_has_a_size)
{
	front.conf.message_max = 10;
	read_from(S("more than ten octets\n"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("front");
	TCase *c = tcase_create("front");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, options_alone_and_together);
	tcase_add_test(c, modes);
	tcase_add_loop_exit_test(c, wrong_options_are_64, EX_USAGE, 0,
	    COUNT(wrong));
	tcase_add_test(c, addresses_get_our_name);
	tcase_add_test(c, a_header_names_them);
	tcase_add_loop_exit_test(c, what_is_no_address_is_65, EX_DATAERR, 0,
	    COUNT(nobody));
	tcase_add_loop_test(c, every_line_end_is_one, 0, COUNT(octets));
	tcase_add_loop_test(c, a_header_is_made_whole, 0, COUNT(letters));
	tcase_add_loop_test(c, missing_fields_are_added, 0, COUNT(names));
	tcase_add_exit_test(c, a_message_has_a_size, EX_DATAERR);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
