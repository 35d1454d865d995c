/*
 * copy.h - messages under new UIDs: copied or moved (box_copy; INBOX renamed).
 *
 * The bytes are shared by all copies of a message, its digest is copied.  What
 * comes and, if it is moved, what goes is one commit; if it is very much, some
 * in one group: each message is in one of both places whatever happens
 * (RFC 6851 3.3).
 */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include "common/core/arena.h"
#include "common/core/terms.h"
#include "store/change.h"

struct transfer {
	struct user	*user;
	struct box	*from, *to;	/* may be the same */
	bool		 move;
	/* What else goes with the first commit, which is then made even if
	   there is no message; or NULL. */
	void		(*more)(struct transfer *, struct change *);
	void		(*done)(struct transfer *, enum engine_status);

	/* How it ended. */
	struct ranges	 sources;	/* those that were there */
	uint32_t	 first;		/* UID of the first copy, or 0 */

	/* Private. */
	struct arena	 heads;
	struct sent	*rows;
	size_t		 n, cap, at;
	uint32_t	 next;
	uint64_t	 keyword[KEYWORDS_MAX];	/* bits there of those here */
	struct change	*change;	/* being made */
	struct part	*in, *out;	/* of it */
	size_t		 bytes;		/* in it */
	size_t		 left;		/* changes in flight, and one more */
	enum engine_status status;
};

/* Calls done when all is durable or failed, maybe from inside.  The struct is
   the caller's until then. */
void		 transfer_begin(struct transfer *, const struct ranges *);
void		 transfer_free(struct transfer *);

#endif
