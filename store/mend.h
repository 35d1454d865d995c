/*
 * mend.h - mailboxes of which clients may know more than we do.
 *
 * A UID once seen must never name another message (RFC 9051 2.3.1.1), and two
 * things take from a store what its clients have seen:
 *
 *	rot	A record of the log that is damaged may have been the newest
 *		of its mailbox, and then UIDNEXT and HIGHESTMODSEQ are what they
 *		were before it; or an older one, and then the counters count
 *		what is no longer there.
 *	restore	A backup is as of a moment.  What came later is lost.  And ids
 *		of messages that the queue, whose part of the backup is a
 *		moment older, still has may be below the low-water mark.
 *
 * So in the start that finds one of them all mailboxes are looked at: messages
 * are counted anew, a mailbox that lost its name gets it back, and UIDs and
 * MODSEQs go on far above all that may have been lost.  What is there keeps its
 * UID, and nobody has to fetch it again; UIDs that a client knows and we do not
 * have vanished.  After a restore the mark is forgotten, too: the next message
 * brings the queue's.
 *
 * postino restore leaves the file `restored` in the folder of each store.  It
 * is removed when all is durable; if a crash comes first it is done again.
 * Until then no user can be had: whoever asks is told "again".
 */
#ifndef STORE_MEND_H
#define STORE_MEND_H

#include "store/rows.h"

/* More than can have been given out since a backup; and what each piece of rot
   is feared to have held, whose own length comes on top. */
#define RAISE_UID	(UINT32_C(1) << 20)
#define RAISE_MODSEQ	(UINT64_C(1) << 32)

/* known_open and usage_open are done. */
void		 mend_begin(void);
void		 mend_close(void);
bool		 mend_pending(void);

/* lost: bytes of the log that cannot be read, however many. */
void		 box_raise(struct box_row *, uint64_t lost);

#endif
