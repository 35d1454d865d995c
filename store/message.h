/*
 * message.h - reading the rows of messages: one, or those of a set of UIDs.
 */
#ifndef STORE_MESSAGE_H
#define STORE_MESSAGE_H

#include "common/core/link.h"
#include "store/mailbox.h"

struct session;

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

/* A list of a call as a set.  They must rise and not overlap: false if not,
   or if there are none. */
bool		 uids_take(struct ranges *, const struct wire_range *, size_t);

/* Each message of the set from this UID on, in order, as far as it may be
   shown.  Rows that are damaged are left out and logged.  Slices live until
   the callback returns; false ends the walk; it must not call the engine's
   reading side. */
typedef bool message_fn(void *arg, uint32_t uid, const struct message_row *,
    uint64_t blob);
void		 messages_scan(const struct box *, const struct ranges *,
		    uint32_t from, message_fn *, void *arg);
/* Likewise, and the damaged ones as rows of no size.  NULL: all there are. */
void		 messages_any(const struct box *, const struct ranges *,
		    message_fn *, void *arg);
/* Likewise what SIDE has of them: a long head, and the digest. */
typedef bool side_fn(void *arg, uint32_t uid, struct slice);
void		 sides_scan(const struct box *, const struct ranges *,
		    uint32_t from, side_fn *, void *arg);

#endif
