/*
 * peers.h - who works for the queue: two mdas with the store behind them, and
 * a relay with the world behind it.
 */
#ifndef CRASH_PEERS_H
#define CRASH_PEERS_H

#include "common/core/link.h"

struct link	*post_link(enum role);
void		 peers_begin(void);
void		 peers_end(void);
/* An mda that died is started again. */
void		 peers_mend(void);
/* Message m, as sent; it lives until the next call. */
const char	*mail_text(uint32_t m);

#endif
