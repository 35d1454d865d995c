/*
 * restored.h - what a store does in its first start after a restore.
 *
 * A backup is as of a moment.  What came later is lost, but there are clients
 * that saw it: they know UIDs and MODSEQs which this store would give out again,
 * for other messages, under the same UIDVALIDITY (RFC 9051 2.3.1.1).  And ids of
 * messages that the queue, whose part of the backup is a moment older, still
 * has may be below the low-water mark (known.h).
 *
 * So all mailboxes are raised: UIDNEXT by RAISE_UID, HIGHESTMODSEQ by
 * RAISE_MODSEQ, more than can have been given out since the backup.  What is
 * there keeps its UIDs, and nobody has to fetch it again; UIDs that a client
 * knows and this store does not have vanished.  The mark is forgotten: the next
 * message brings the queue's.
 *
 * postino restore leaves the file `restored` in the folder of each store.  It is
 * removed when all this is durable; if a crash comes first it is done again.
 */
#ifndef STORE_RESTORED_H
#define STORE_RESTORED_H

#include "common/engine/engine.h"

#define RAISE_UID	(UINT32_C(1) << 20)
#define RAISE_MODSEQ	(UINT64_C(1) << 32)

/* Is this the first start after a restore? */
bool		 restored_found(void);
/* Commits all of it; who calls it closes the engine, which waits for that. */
void		 restored_raise(struct engine *);
/* It is durable. */
void		 restored_over(void);

#endif
