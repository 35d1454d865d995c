/*
 * mailbox.h - mailboxes in memory.
 *
 * The counters are those of the row.  The sets of UIDs are made when first
 * asked for, by one walk over the keys (or none, if nothing was ever removed),
 * and kept right by every change that lands: a few bytes a range.
 *
 * What changed lately is noted too, once somebody follows the mailbox: so
 * telling a watcher what is new costs what is new (box_sync).
 */
#ifndef STORE_MAILBOX_H
#define STORE_MAILBOX_H

#include "common/core/ranges.h"
#include "store/user.h"

/* UIDs from `from` to `to` came or changed, the last of them at modseq. */
struct touch {
	uint64_t	 modseq;
	uint32_t	 from, to;
};

struct box {
	struct map_node	 by_number;	/* in its user's map */
	struct user	*user;
	uint32_t	 number;
	struct box_row	 now, seen;	/* without name; seen.uidvalidity 0:
					   not durable */
	char		*name;		/* as of now */
	struct buf	 keywords;	/* as of now: a KEYWORDS row */
	bool		 gone;		/* deleted, or about to be */
	struct node	 watchers;	/* sync.c */
	uint32_t	 told;		/* a session that may write knows of
					   all UIDs below: not \Recent */
	unsigned	 history_rows;	/* history.c; 0: not counted */
	size_t		 history_bytes;

	/* As of seen, private. */
	struct ranges	 present, marked;	/* all; those with \Deleted */
	bool		 present_known, marked_known;
	bool		 followed;
	struct entries	*entries;	/* entries.c; or NULL */
	struct touch	*touches;	/* oldest first, all above `since` */
	size_t		 ntouches, touches_cap;
	uint64_t	 touched_since;
};

/* NULL: there is none (or its row is damaged). */
struct box	*box_get(struct user *, uint32_t number);
struct box	*box_named(struct user *, struct slice name);
/* Made in memory if it is not there yet; the first change of it creates it.
   NULL only if it is damaged. */
struct box	*box_inbox(struct user *);
/* A new mailbox in memory only, likewise. */
struct box	*box_new(struct user *, uint32_t number, struct slice name);
/* Reads the rows again and counts anew; false: they are damaged. */
bool		 box_reload(struct box *);
void		 box_free(struct box *);

/* Is this how INBOX may be written (RFC 9051 5.1)? */
bool		 box_is_inbox(struct slice name);
/* The last UID that may be shown of a range that ends at `to`. */
uint32_t	 uid_last(const struct box *, uint32_t to);

/* All UIDs, those with \Deleted, as seen; good until the loop turns. */
const struct ranges *box_present(struct box *);
const struct ranges *box_marked(struct box *);
/* How many messages no session was told of; told: this one is now. */
uint32_t	 box_recent(struct box *, bool told);

/* From now on box_touched knows what changes. */
void		 box_follow(struct box *);
/* Adds the UIDs that may have changed since, more rather than fewer; false:
   that is not known. */
bool		 box_touched(const struct box *, uint64_t since,
		    struct ranges *);
void		 box_touch(struct box *, struct range);

/* The keyword's bit in flags, 0: the mailbox does not have it. */
uint64_t	 keyword_bit(const struct box *, struct slice name);
/* Adds a name (now); its bit, or 0: there are KEYWORDS_MAX. */
uint64_t	 keyword_new(struct box *, struct slice name);
/* Takes the last n back. */
void		 keywords_cut(struct box *, unsigned n);
/* All bits that flags of this mailbox may have. */
uint64_t	 flags_known(const struct box *);

#endif
