/*
 * ask.h - the connection to master, and through it to one process.
 *
 * Whoever may not ask, and whoever asks a suite that does not run, gets an
 * error that says so and what helps.  A link that ended is gone (LINK_ONCE):
 * after GONE do not use it again.
 */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include "common/core/conf.h"
#include "common/core/link.h"

enum { ASK_WAIT = 30000 };		/* ms for an answer */

/* Made when first asked for. */
struct link	*master_link(void);
/* Waits until master has exited; false: it took longer than that. */
bool		 master_gone(int ms);
/* A new link to a process; NULL: it is not ready. */
struct link	*role_try(enum role, unsigned instance);
/* The same, but the command ends if there is none. */
struct link	*role_dial(enum role);
/* Ends the command: this did not succeed, because of that. */
void		 ask_failed(enum wire_status, const char *what)
		    __attribute__((noreturn));
void		 ask_must(enum wire_status, const char *what);

#endif
