/*
 * office.h - auth on the engine in one process with an admin and a store, over
 * real links.
 */
#ifndef CRASH_OFFICE_H
#define CRASH_OFFICE_H

#include "auth/auth.h"
#include "tests/crash/auth/accounts.h"

struct engine	*office_open(const char *root);
void		 office_close(void);
/* Asks for this state of a thing that is not changing. */
void		 office_change(unsigned i, uint64_t state);
/* Everybody works once, and all that was committed before is durable. */
void		 office_turn(void);
void		 office_wait(unsigned most);	/* until so few are changing */

extern unsigned	 office_asked, office_answered;
/* The store answers; else it says "again". */
extern bool	 office_drops;
/* What the store is asked to drop is looked at; NULL while recording. */
extern struct verdict *office_verdict;
check_fn	 check_auth;

#endif
