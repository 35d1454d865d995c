/*
 * list.h - entries of messages and keywords as they are told to sessions.
 */
#ifndef STORE_LIST_H
#define STORE_LIST_H

#include "common/core/link.h"
#include "store/mailbox.h"

enum {
	LIST_ENTRIES = 1800,		/* in one answer: about 100 KiB, so that
					   it goes in one send and one read */
	LIST_ROWS = 50000,		/* looked at for one answer */
	LIST_BYTES = 192 * 1024,	/* digests and bodies of one answer */
	UIDS_BYTES = 256 * 1024,	/* ranges in one answer */
};

struct wire_entry entry_of(uint32_t uid, const struct message_row *);
/* Room for one more entry than n in an array that grows in an arena. */
struct wire_entry *entries_room(struct arena *, struct wire_entry *, size_t n,
		    size_t *cap);

/* The keywords of a mailbox, as seen: slices into its own memory. */
struct wire_keyword *keywords_list(const struct box *, struct arena *,
		    size_t *n);

#endif
