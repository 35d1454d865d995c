/*
 * sync.h - who watches a mailbox, and what changed in it.
 */
#ifndef STORE_SYNC_H
#define STORE_SYNC_H

#include "store/mailbox.h"

struct session;

/* Answers who watches b, if its MODSEQ rose; with NONE if it is gone.  After
   every landed change. */
void		 box_notify(struct box *);
/* The session is being told what it did itself, the only change after `before`
   up to now: that is no news for it. */
void		 box_saw(struct box *, struct session *, uint64_t before);

#endif
