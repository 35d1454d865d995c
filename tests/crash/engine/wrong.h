/*
 * wrong.h - engines that do it in the wrong order, so that we know that the
 * harness can fail.
 *
 * Not in the engine: each is made of the recording of a right one, by taking
 * back a sync that it did, or moving it behind the answers it was for.  And
 * one above it: what is one txn is taken apart into its operations (split.c).
 * And one below: Berkeley DB goes on when it is refused memory (told.c), which
 * is to be taken for nothing but a crash.
 */
#ifndef CRASH_WRONG_H
#define CRASH_WRONG_H

#include "tests/crash/engine/check.h"

/* Tries of those in `which`, a bit each, what this recording allows, at so many
   places each.  Those that were not caught: whether one shows in a recording
   depends on what happened to share a sync. */
enum { WRONG_ALL = 0xff };
unsigned	 wrong_orders(const char *what, check_fn *, const struct trace *,
		    unsigned cuts, unsigned which);
/* The same for the recording of a run with txn_split; false: not caught. */
bool		 wrong_split(const char *what, check_fn *, const struct trace *,
		    unsigned cuts);

/* Each operation of a txn is a txn of its own, committed at once, in order;
   the txn's own commit comes last. */
extern bool	 txn_split;
/* Berkeley DB gets its memory from malloc, and is told when there is none. */
extern bool	 memory_told;

#endif
