/*
 * box.h - the mailboxes of the store that imapd's tests have: INBOX, number 1,
 * is box.letters; Other, number 2, takes copies and has none.  Any call can be
 * made to fail, to be answered late, or to be the last one.
 */
#ifndef UNIT_IMAPD_BOX_H
#define UNIT_IMAPD_BOX_H

#include <stdio.h>

#include "common/core/ranges.h"
#include "common/core/terms.h"
#include "common/mail/digest.h"
#include "imapd/view.h"
#include "tests/login.h"

enum { LETTERS_MAX = 2000, PAGE = 3, INBOX = 1, OTHER = 2 };

struct letter {
	uint32_t	 uid;
	uint64_t	 flags, modseq;
	struct slice	 text;
	struct buf	 own, digest;	/* own: what text lies in, or empty */
	bool		 gone;		/* modseq says when */
};

/* A body on its way from the session. */
struct incoming {
	struct watch	 watch;		/* fd 0: free */
	struct request	*request;	/* box_body */
	uint64_t	 want;
};

static struct {
	struct letter	 letters[LETTERS_MAX];
	size_t		 n;
	uint32_t	 uidnext, copies;	/* copies: those in Other */
	uint64_t	 modseq;
	char		 keywords[KEYWORDS_MAX][32];
	size_t		 nkeywords;
	struct request	*watch;
	uint64_t	 watched;	/* modseq it waits for more than */
	struct buf	 body;		/* box_body's last one, number 7 */
	struct incoming	 incoming[STREAMS_MAX];
	size_t		 page;		/* entries in an answer */
	/* what is to go wrong: numbers of calls; 0: none */
	unsigned	 fails, dies, late;
	struct request	*held;		/* the late one */
	bool		 full, cut_short, no_digest;
	bool		 no_bytes;	/* box_fetch says NONE */
	/* what was seen */
	unsigned	 calls, lists, syncs;
	unsigned	 wanted;	/* enum want, of all box_list */
} box;

/* ---- letters */

static inline struct letter *
letter_of(uint32_t uid)
{
	for (size_t i = 0; i < box.n; i++)
		if (box.letters[i].uid == uid && !box.letters[i].gone)
			return &box.letters[i];
	return NULL;
}

static inline void
changed(void)
{
	struct box_watch_out out = { .modseq = box.modseq,
		.uidnext = box.uidnext };
	struct request *r = box.watch;

	world_stir();
	box.watch = NULL;
	if (r != NULL)
		answer(r, WIRE_OK, &out);
}

static inline void
letter_add(struct slice text, uint64_t flags)
{
	struct letter *l = &box.letters[box.n++];

	CHECK(box.n <= LETTERS_MAX);
	*l = (struct letter){ .uid = box.uidnext++, .flags = flags,
		.modseq = ++box.modseq, .text = text };
	digest_make(&l->digest, text);
}

static inline void
letter_keep(struct slice text, uint64_t flags)
{
	letter_add(text, flags);
	buf_slice(&box.letters[box.n - 1].own, text);
	box.letters[box.n - 1].text = buf_view(&box.letters[box.n - 1].own);
}

static inline void
letter_remove(uint32_t uid)
{
	struct letter *l = letter_of(uid);

	CHECK(l != NULL);
	l->gone = true;
	l->modseq = ++box.modseq;
}

/* ---- calls */

/* True: the call was dealt with here. */
static inline bool
trouble(struct request *r)
{
	world_stir();
	CHECK(login.ins > 0);
	box.calls++;
	if (box.late == r->call && box.held == NULL) {
		box.held = r;
		return true;
	}
	if (box.dies == r->call)
		channel_cut();
	if (box.dies == r->call || box.fails == r->call) {
		answer(r, WIRE_AGAIN, NULL);
		return true;
	}
	return false;
}

static inline bool
in_ranges(const struct wire_range *v, size_t n, uint32_t uid)
{
	for (size_t i = 0; i < n; i++)
		if (uid >= v[i].from && uid <= v[i].to)
			return true;
	return false;
}

static inline struct slice
ranges_slice(struct request *r, struct ranges *set)
{
	struct buf b = { 0 };
	struct slice s;

	ranges_put(set, &b, 1, 256 * 1024);
	s = arena_slice(&r->arena, buf_view(&b));
	buf_free(&b);
	ranges_free(set);
	return s;
}

static inline uint32_t
mailbox_named(struct slice name)
{
	return slice_eq(name, SLICE("INBOX")) ? INBOX :
	    slice_eq(name, SLICE("Other")) ? OTHER : 0;
}

static inline struct wire_keyword *
keywords_list(struct request *r)
{
	struct wire_keyword *v = arena_array(&r->arena, KEYWORDS_MAX,
	    sizeof *v);

	for (size_t i = 0; i < box.nkeywords; i++)
		v[i].name = slice_str(box.keywords[i]);
	return v;
}

#endif
