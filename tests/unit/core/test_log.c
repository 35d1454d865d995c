/* The log: one line an event, whoever writes it. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/log.h"
#include "tests/unit/suite.h"

enum { THREADS = 4, LINES = 2000 };

static unsigned lines, broken;

/* Called with the log's own lock held, so the counts need none. */
static void
look(const char *p, size_t n)
{
	static const char end[] = " error died what=\"a thread\" "
	    "error=\"of several\"\n";

	lines++;
	broken += n < sizeof end || memcmp(p + n - (sizeof end - 1), end,
	    sizeof end - 1) != 0 || memchr(p, '\n', n) != p + n - 1;
}

static void *
write_lines(void *arg)
{
	(void)arg;
	for (int i = 0; i < LINES; i++)
		LOG(died, .what = SLICE("a thread"),
		    .error = SLICE("of several"));
	return NULL;
}

/* A keeper's threads log beside its loop: no line is mixed with another. */
START_TEST(threads)
{
	pthread_t t[THREADS];

	log_divert(look);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, write_lines,
		    NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	log_divert(NULL);
	ck_assert_uint_eq(lines, THREADS * LINES);
	ck_assert_uint_eq(broken, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("all");

	tcase_add_test(t, threads);
	suite_add_tcase(s, t);
	return suite_end(s);
}
