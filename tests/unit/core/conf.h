/* conf.h - a configuration under test, and what was said of it. */
#ifndef UNIT_CORE_CONF_H
#define UNIT_CORE_CONF_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/conf.h"
#include "tests/unit/suite.h"

#define FILENAME "postino.conf"
#define MIB (1024 * 1024ULL)

static struct conf conf;
static struct buf errors, shown;

static inline void
setup(void)
{
	memset(&conf, 0, sizeof conf);
	buf_clear(&errors);
	buf_clear(&shown);
}

static inline void
teardown(void)
{
	conf_free(&conf);
	buf_free(&errors);
	buf_free(&shown);
}

static inline unsigned
parse(const char *text)
{
	conf_free(&conf);
	buf_clear(&errors);
	return conf_parse(&conf, slice_str(text), FILENAME, &errors);
}

/* What the last step said, as a string. */
static inline const char *
said(void)
{
	return buf_cstr(&errors);
}

static inline const char *
show(const struct conf *c)
{
	buf_clear(&shown);
	conf_show(c, &shown);
	return buf_cstr(&shown);
}

static inline int
conf_suite(const char *name, void (*add)(TCase *))
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, teardown);
	add(t);
	suite_add_tcase(s, t);
	return suite_end(s);
}

#endif
