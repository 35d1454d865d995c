/* suite.h - what unit tests have in common: a suite is run in this process, so
   that the sanitizers see all of it. */
#ifndef UNIT_SUITE_H
#define UNIT_SUITE_H

#include <check.h>

#include "common/core/buf.h"

#define COUNT(array)	(int)(sizeof(array) / sizeof *(array))

/* Compares octets, the second with a string, and shows both when they differ. */
#define ck_slice(have, want) do {					\
	struct slice have_ = (have), want_ = (want);			\
	if (!slice_eq(have_, want_))					\
		ck_abort_msg("have \"%.*s\" want \"%.*s\"",		\
		    (int)have_.n, have_.p, (int)want_.n, want_.p);	\
} while (0)
#define ck_text(have, want)	ck_slice(have, slice_str(want))

/* Runs it and frees it; returns main's exit status. */
static inline int
suite_end(Suite *s)
{
	SRunner *r = srunner_create(s);
	int failed;

	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}

/* A suite of one case. */
static inline int
suite_run(const char *name, void (*add)(TCase *))
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);

	add(t);
	suite_add_tcase(s, t);
	return suite_end(s);
}

#endif
