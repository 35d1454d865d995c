/*
 * quick.h - libcheck without a note of each assertion that held.
 *
 * libcheck writes one down whenever an assertion is passed, to tell where a
 * test was that crashed: half a million in one of these tests, most of its
 * time.  Here only what fails is told; crashes are the sanitizers' to explain.
 * Every unit test is compiled with this (Makefile).
 */
#ifndef TESTS_UNIT_QUICK_H
#define TESTS_UNIT_QUICK_H

#include <check.h>

#undef fail	/* an old name of libcheck's, and one of ours */
#undef ck_assert_msg
#define ck_assert_msg(truth, ...)					\
	((truth) ? (void)0 : _ck_assert_failed(__FILE__, __LINE__,	\
	    "Assertion '" #truth "' failed", ##__VA_ARGS__))

#endif
