/* A file of the drop folder is opened without following or waiting, and taken
   only if it is one file, of one name, in sendmail's form (DOS-9). */
#include "drop/drop.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define HEAD	"postino drop 1\nsize 0000000000005\nfrom a@b\nto c@d\n\n"

static struct conf	conf;
static struct letter	letter;
static const char	*why;

static void
setup(void)
{
	static char folder[] = "/tmp/drop-XXXXXX";

	ck_assert_ptr_ne(mkdtemp(folder), NULL);
	ck_assert_int_eq(0, chdir(folder));
	conf.message_max = 100000;
	drop_conf = &conf;
}

static void
teardown(void)
{
	ck_assert_int_eq(0, system("rm -rf \"$PWD\""));
}

static void
file_make(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert(fd >= 0 && write(fd, text, strlen(text)) ==
	    (ssize_t)strlen(text));
	close(fd);
}

static enum open_result
opened(const char *name)
{
	enum open_result r;

	why = "";
	r = letter_open(&letter, name, &why);
	letter_close(&letter);
	return r;
}

START_TEST(a_file_of_sendmails_is_taken)
{
	char text[8] = "";

	file_make("6b.1.2", HEAD "a: b\n");
	ck_assert_int_eq(letter_open(&letter, "6b.1.2", &why), LETTER_OPEN);
	ck_assert_uint_eq(letter.uid, getuid());
	ck_assert_uint_eq(letter.dropped.n, 1);
	/* It stands at the message. */
	ck_assert_int_eq(read(letter.fd, text, 7), 5);
	ck_assert_str_eq(text, "a: b\n");
	letter_close(&letter);
}
END_TEST

START_TEST(a_long_list_of_recipients_is_read)
{
	struct buf b = { 0 };

	buf_str(&b, "postino drop 1\nsize 0000000000001\nfrom \n");
	for (unsigned i = 0; i < DROPPED_RCPTS; i++)
		buf_printf(&b, "to recipient%u@some.domain.example.org\n", i);
	buf_str(&b, "\nx");
	file_make("1", buf_cstr(&b));
	ck_assert_int_eq(opened("1"), LETTER_OPEN);
	buf_free(&b);
}
END_TEST

static const struct {
	const char	*text, *why;
} texts[] = {
	{ "", "it is not what sendmail writes" },
	{ "rubbish\n", "it is not what sendmail writes" },
	/* half written; grown */
	{ HEAD "a: b", "it is not what sendmail writes" },
	{ HEAD, "it is not what sendmail writes" },
	{ HEAD "a: b\n\n", "it is not what sendmail writes" },
	{ "postino drop 1\nsize 0000000000005\nfrom a@b\nto c@d",
	    "it is not what sendmail writes" },
};

START_TEST(another_form_is_refused)
{
	file_make("1", texts[_i].text);
	ck_assert_int_eq(opened("1"), LETTER_BAD);
	ck_assert_str_eq(why, texts[_i].why);
}
END_TEST

START_TEST(links_are_refused)
{
	file_make("1", HEAD "a: b\n");
	ck_assert_int_eq(0, symlink("1", "2"));
	ck_assert_int_eq(opened("2"), LETTER_BAD);
	ck_assert_str_eq(why, "a symbolic link");
	ck_assert_int_eq(0, symlink("/etc/passwd", "3"));
	ck_assert_int_eq(opened("3"), LETTER_BAD);
	ck_assert_int_eq(0, symlink("nowhere", "4"));
	ck_assert_int_eq(opened("4"), LETTER_BAD);
	ck_assert_int_eq(opened("1"), LETTER_OPEN);
	ck_assert_int_eq(0, link("1", "5"));
	ck_assert_int_eq(opened("1"), LETTER_BAD);
	ck_assert_str_eq(why, "it has more than one name");
	ck_assert_int_eq(opened("5"), LETTER_BAD);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "s" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_eq(0, mkdir("d", 0700));
	ck_assert_int_eq(opened("d"), LETTER_BAD);
	ck_assert_str_eq(why, "not a regular file");
	/* Nobody writes to it: nothing waits. */
	ck_assert_int_eq(0, mkfifo("f", 0600));
	ck_assert_int_eq(opened("f"), LETTER_BAD);
	ck_assert_str_eq(why, "not a regular file");
	ck_assert_int_eq(0, bind(fd, (struct sockaddr *)&at, sizeof at));
	ck_assert_int_eq(opened("s"), LETTER_BAD);
	ck_assert_int_eq(opened("none"), LETTER_GONE);
	close(fd);
}
END_TEST

START_TEST(names_of_others_are_refused)
{
	file_make("a\r\nBcc: b", HEAD "a: b\n");
	ck_assert_int_eq(opened("a\r\nBcc: b"), LETTER_BAD);
	ck_assert_int_eq(opened("../x/1"), LETTER_BAD);
	ck_assert_str_eq(why, "sendmail makes no such names");
}
END_TEST

START_TEST(size_is_bounded)
{
	int fd = open("1", O_WRONLY | O_CREAT, 0600);

	ck_assert_int_eq(0, ftruncate(fd, (off_t)1 << 40));
	close(fd);
	ck_assert_int_eq(opened("1"), LETTER_BAD);
	ck_assert_str_eq(why, "it is too large");
}
END_TEST

START_TEST(what_is_refused_is_kept_aside)
{
	file_make("1", "x");
	ck_assert_int_eq(0, mkdir("d", 0700));
	letter_aside("1");
	letter_aside("d");
	ck_assert_int_eq(0, access(".kept.1", F_OK));
	ck_assert_int_eq(0, access(".kept.d", F_OK));
	ck_assert_int_ne(0, access("1", F_OK));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("file");
	TCase *c = tcase_create("file");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_file_of_sendmails_is_taken);
	tcase_add_test(c, a_long_list_of_recipients_is_read);
	tcase_add_loop_test(c, another_form_is_refused, 0,
	    sizeof texts / sizeof *texts);
	tcase_add_test(c, links_are_refused);
	tcase_add_test(c, what_is_no_file_is_refused);
	tcase_add_test(c, names_of_others_are_refused);
	tcase_add_test(c, size_is_bounded);
	tcase_add_test(c, what_is_refused_is_kept_aside);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
