/*
 * mend.h - after rot in the log took rows of mailboxes.
 *
 * A record that is damaged may have been the newest of its mailbox, and then
 * UIDNEXT and HIGHESTMODSEQ are what they were before it; or an older one,
 * and then the counters count what is no longer there.  So when the engine
 * has left out records at its start, all mailboxes are looked at: messages
 * are counted anew, a mailbox that lost its name gets it back, and UIDs and
 * MODSEQs go on far above all that may have been lost, since a UID once seen
 * must never name another message (RFC 9051 2.3.1.1).
 *
 * Until that is durable no user can be had: whoever asks is told "again".
 */
#ifndef STORE_MEND_H
#define STORE_MEND_H

#include <stdbool.h>

/* usage_open is done. */
void		 mend_begin(void);
void		 mend_close(void);
bool		 mend_pending(void);

#endif
