/*
 * usage.h - whose use of space changed (store_usage).
 *
 * auth refuses mail for a full mailbox at RCPT, so it must know how full each
 * is.  It asks with the position it has seen; the answer comes when something
 * changed since, at most every USAGE_PAUSE, and begins with everybody (`all`)
 * when the position is not of this life of the process.
 */
#ifndef STORE_USAGE_H
#define STORE_USAGE_H

#include <stdbool.h>
#include <stdint.h>

enum { USAGE_PAUSE = 250 };	/* ms */

/* Learns every user's use from the rows.  False: they cannot be read. */
bool		 usage_open(void);
void		 usage_close(void);
/* A commit of this user is durable; bytes is the new sum. */
void		 usage_changed(uint64_t user, uint64_t bytes);

#endif
