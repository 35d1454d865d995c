/*
 * sync.h - who watches a mailbox, and what changed in it.
 */
#ifndef STORE_SYNC_H
#define STORE_SYNC_H

#include "store/mailbox.h"

/* Answers who watches b, if its MODSEQ rose; with NONE if it is gone.  After
   every landed change. */
void		 box_notify(struct box *);

#endif
