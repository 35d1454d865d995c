/* suite.h - what every unit test of common/mail has in common. */
#ifndef UNIT_MAIL_SUITE_H
#define UNIT_MAIL_SUITE_H

#include <check.h>
#include <stdio.h>

#include "common/core/arena.h"

#define COUNT(array)	(int)(sizeof(array) / sizeof *(array))

/* Compares text and shows both when they differ. */
#define ck_text(have, want) do {					\
	struct slice have_ = (have), want_ = (want);			\
	if (!slice_eq(have_, want_))					\
		ck_abort_msg("have \"%.*s\" want \"%.*s\"",		\
		    (int)have_.n, have_.p, (int)want_.n, want_.p);	\
} while (0)

static inline int
suite_run(const char *name, void (*add)(TCase *))
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);
	SRunner *r;
	int failed;

	add(t);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}

#endif
