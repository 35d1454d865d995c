/*
 * box.h - reading mailboxes: box_open, box_list, box_digest, box_watch.
 */
#ifndef STORE_BOX_H
#define STORE_BOX_H

#include "store/session.h"

enum {
	LIST_ENTRIES = WIRE_LIST_MAX,	/* in one answer */
	LIST_ROWS = 50000,		/* looked at for one answer */
};

/* Answers who watches b, if its MODSEQ rose.  After every landed change. */
void		 box_notify(struct box *);

/* A message as its rows say. */
struct message {
	struct message_row row;
	uint64_t	 blob;
	struct buf	 bytes, side;	/* row, head and digest are in them */
	struct slice	 head, digest;
};

/* Reads a message.  want_side: also its digest (a long head comes anyway).
   False: answered, NONE (no such message) or AGAIN (damaged, logged). */
bool		 message_read(struct request *, struct session *, uint32_t box,
		    uint32_t uid, bool want_side, struct message *);
void		 message_free(struct message *);

#endif
