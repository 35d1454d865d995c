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
struct flag_names;
struct seqset;
struct task;

enum { START_OCTETS = 8 * 1024 };	/* nearly every header fits */

struct view {
	uint32_t	 mailbox;	/* 0: none is selected */
	uint32_t	 uidvalidity, uidnext;
	uint64_t	 modseq;	/* what is up to here was told, */
	uint64_t	 held;		/* ... but for `gone`: they are newer
					   than this; 0: none are */
	bool		 readonly;	/* EXAMINE */
	struct ranges	 uids, gone;
	uint64_t	 own;		/* MODSEQ of our own STORE, */
	bool		 own_told;	/* ... which said all about it */
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
/* The set as the lists that calls take, in pieces: at is 0 first; `to` has room
   for WIRE_LIST_MAX.  Returns how many; 0: that was all. */
size_t		 view_chunk(const struct view *, const struct ranges *set,
		    size_t *at, struct wire_range *to);
/* Calls fn for each message of the set that store still has, in order, with
   what `want` (terms.h) asks for, START_OCTETS with WANT_START; of those whose
   MODSEQ is above since.  fn may wait; the entry lives until it returns; false
   ends it. */
typedef bool view_each_fn(void *, const struct wire_entry *);
enum wire_status view_each(struct session *, const struct ranges *set,
		    uint64_t since, unsigned want, view_each_fn *, void *);
/* Sequence number of a UID; 0: not there. */
uint32_t	 view_number(const struct view *, uint32_t uid);

/* Bits of flags named by the client in any mailbox; makes keywords that it does
   not have.  False: the reply was written. */
bool		 view_bits(struct session *, uint32_t mailbox,
		    const struct flag_names *, uint64_t *bits);
/* "\Seen $Junk": the flags of these bits with blanks between. */
void		 view_flags(const struct view *, struct buf *, uint64_t bits);
/* What flags there are: FLAGS and PERMANENTFLAGS. */
void		 view_tell_flags(struct session *);
/* The mailbox has these keywords now, or so many: told if they are more. */
void		 view_learn(struct session *, const struct wire_keyword *,
		    size_t n);
bool		 view_keywords(struct session *, uint32_t have);
/* From now on a change makes the view dirty. */
void		 view_watch(struct session *);

/* Is there something that view_sync would tell? */
bool		 view_has_news(const struct view *, bool expunge);
/* sync.c: tells what changed since, in untagged responses.  expunge: sequence
   numbers may change now.  False: the mailbox or the channel is gone, and the
   session ends. */
bool		 view_sync(struct session *, bool expunge);
/* Our own APPEND: told at once if nothing else changed, else view_sync will. */
void		 view_added(struct session *, const struct box_append_out *,
		    uint32_t n);
/* A client that resynchronizes by MODSEQ must not believe that it knows what
   went, before it was told (RFC 7162 3.2). */
void		 view_tell_held(struct session *);
/* What changed since an older modseq among the UIDs that the client knows
   (RFC 7162 3.2.5.1), known NULL: all. */
bool		 view_tell_since(struct session *, uint64_t since,
		    const struct ranges *known);
/* Only what went: UID FETCH (VANISHED), RFC 7162 3.2.6. */
bool		 view_tell_vanished(struct session *, uint64_t since,
		    const struct ranges *of);
/* "2,4:7", as sets are written. */
void		 set_print(struct buf *, const struct ranges *);

#endif
