/* Every reply that smtpd can give is heard in a test: for each row of
   replies.def that smtpd names, "code enhanced text" stands in one of the
   conversations of this folder (RFC 5321 4.2). */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/buf.h"
#include "common/mail/reply.h"
#include "tests/unit/suite.h"

/* All files that the pattern names, behind each other. */
static struct buf
read_all(const char *pattern)
{
	struct buf b = { 0 };
	glob_t g;

	ck_assert_int_eq(glob(pattern, 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "r");
		char line[4096];

		ck_assert_ptr_nonnull(f);
		while (fgets(line, sizeof line, f) != NULL)
			buf_str(&b, line);
		fclose(f);
	}
	globfree(&g);
	return b;
}

static bool
names(const char *text, const char *row)
{
	char word[60];
	const char *at = text;
	size_t n = (size_t)snprintf(word, sizeof word, "REPLY_%s", row);

	while ((at = strstr(at, word)) != NULL) {
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_",
		    at[n]) == NULL)
			return true;
		at += n;
	}
	return false;
}

/* A row without a text is told by its code; 221 and 421 begin with our host's
   name (RFC 5321 4.2.2). */
static bool
heard(const char *text, const struct reply_row *row)
{
	bool ends = row->code == 221 || row->code == 421;
	char want[200];

	snprintf(want, sizeof want, "\"%u %s%s%s%.12s", row->code,
	    row->enhanced, *row->enhanced != '\0' ? " " : "",
	    ends ? "mail.example.org " : "", row->text);
	return strstr(text, want) != NULL;
}

START_TEST(all)
{
	struct buf code = read_all("smtpd/*.c");
	struct buf tests = read_all("tests/unit/smtpd/test_[ms]*.c");
	struct buf talk = read_all("tests/unit/smtpd/talk.h");
	unsigned named = 0, missing = 0;

	buf_slice(&tests, buf_view(&talk));
	for (int i = 0; i < REPLIES; i++) {
		if (!names(buf_cstr(&code), reply_rows[i].name))
			continue;
		named++;
		if (!heard(buf_cstr(&tests), &reply_rows[i])) {
			printf("no test hears %s: %u %s %s\n",
			    reply_rows[i].name, reply_rows[i].code,
			    reply_rows[i].enhanced, reply_rows[i].text);
			missing++;
		}
	}
	ck_assert_uint_gt(named, 50);
	ck_assert_uint_eq(missing, 0);
	buf_free(&code);
	buf_free(&tests);
	buf_free(&talk);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("replies");
	TCase *t = tcase_create("replies");

	tcase_add_test(t, all);
	suite_add_tcase(s, t);
	return suite_end(s);
}
