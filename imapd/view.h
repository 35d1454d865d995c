/*
 * view.h - the selected mailbox as one client sees it.
 *
 * Sequence number n is the n-th UID of `uids`.  What others expunge stays
 * there, and in `gone`, until the client may be told (RFC 9051 7.5.1), so
 * numbers change only where the client knows.  Nothing is kept per message.
 *
 * A watch call is always under way while a mailbox is selected: when it is
 * answered something changed, `dirty`, and the end of the next command (or
 * IDLE) tells the client what.
 */
#ifndef IMAPD_VIEW_H
#define IMAPD_VIEW_H

#include "common/core/link.h"
#include "common/core/ranges.h"

struct session;
struct seqset;
struct task;

struct view {
	uint32_t	 mailbox;	/* 0: none is selected */
	uint32_t	 uidvalidity, uidnext;
	uint64_t	 modseq;	/* what is up to here was told */
	bool		 readonly;	/* EXAMINE */
	struct ranges	 uids, gone;
	uint64_t	 own;		/* MODSEQ of our own STORE: not told twice */
	struct arena	 arena;		/* of the keywords */
	struct slice	*keywords;	/* bit 5 + k is the k-th */
	size_t		 n_keywords;

	struct call	*watch;
	bool		 dirty;
	struct task	*idler;		/* woken when dirty */
};

/* Selects; out as store answered it, in s->arena.  Nothing is written. */
enum wire_status view_open(struct session *, struct slice name, bool readonly,
		    struct box_open_out *out);
void		 view_close(struct session *);

/* The UIDs that a set of the client names: numbers, or UIDs if s->uid, or the
   saved ones.  Of UIDs only those that are there, gone ones too.  False: a
   number beyond the last; BAD was said (RFC 9051 6.4.5: an error). */
bool		 view_resolve(struct session *, const struct seqset *,
		    struct ranges *to);
/* The same as the list that calls take, without those that are gone; in
   s->arena.  *n may be 0. */
struct wire_range *view_ranges(struct session *, const struct ranges *,
		    size_t *n);
/* Sequence number of a UID; 0: not there. */
uint32_t	 view_number(const struct view *, uint32_t uid);

/* Bits of flags named by the client; makes keywords that the mailbox does not
   have.  False: the reply was written. */
bool		 view_bits(struct session *, struct view *, const struct
		    flag_names *, uint64_t *bits);
/* "\Seen $Junk", the flags of these bits with blanks between. */
void		 view_flags(const struct view *, struct buf *, uint64_t bits);
/* Reads the keywords again if the mailbox has more than we know. */
bool		 view_keywords(struct session *, uint32_t have);

/* sync.c: tells what changed since, in untagged responses.  expunge: sequence
   numbers may change now.  False: the mailbox or the channel is gone, and the
   session ends. */
bool		 view_sync(struct session *, bool expunge);

#endif
