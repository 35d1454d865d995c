/*
 * mime.h - the MIME structure of a message (RFC 2045, RFC 2046) in one pass
 * over its bytes, fed in pieces of any size; the result does not depend on
 * where they are cut.
 *
 * Memory: the header of the part being read (at most HEADER_MAX) and one
 * stack entry per open part.  No recursion.  Parts are reported in the order
 * in which they begin, number 0 being the message itself:
 *
 *	header(0) header(1) ... end(1) header(2) ... end(2) end(0)
 *
 * How broken mail is read:
 * - a boundary line is "--", the boundary, perhaps "--", then blanks only.
 *   RFC 2046 5.1.1 lets more follow; then "a" would also end at "--ab", and
 *   most readers want the whole line.
 * - an inner multipart that is never closed ends where an outer one goes on.
 * - a boundary line inside a header ends the header and the part.
 * - a multipart without a boundary parameter, or nested deeper than
 *   MIME_DEPTH_MAX, is a leaf; so is a message/rfc822 that is encoded.
 * - parts past MIME_PARTS_MAX are not looked at.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include "common/mail/words.h"

enum {					/* PARSE-5 */
	MIME_DEPTH_MAX = 100,
	MIME_PARTS_MAX = 10000,
	MIME_BOUNDARY_MAX = 200,	/* octets; RFC 2046 allows 70 */
};

enum mime_kind {
	MIME_LEAF,
	MIME_MULTIPART,		/* its parts are its children */
	MIME_MESSAGE,		/* message/rfc822 or message/global: its one
				   child is the message in it */
};

struct mime_part {
	uint32_t	 number;
	uint32_t	 parent;	/* the root is its own */
	uint32_t	 depth;		/* of the root: 0 */
	enum mime_kind	 kind;
	bool		 message;	/* its header is a message's: number 0
					   and children of MIME_MESSAGE */
	bool		 want;		/* header() of a leaf sets it to get
					   body() */
	uint64_t	 header_at;	/* octets from the message's start */
	uint64_t	 body_at;	/* behind the empty line */
	uint64_t	 end_at;	/* before the line end that belongs to
					   the boundary; set for end() */
	uint64_t	 lines;		/* line ends in the body; for end() */
};

struct mime_type {
	struct slice	 value;		/* "text/plain" in lower case; never
					   empty, RFC 2045 5.2 */
	const struct mime_param *params;
	size_t		 n;
};

/* The slices live until the function returns.  Any of them may be NULL. */
struct mime_events {
	void		(*header)(void *, struct mime_part *, struct slice
			    header, const struct mime_type *);
	void		(*body)(void *, const struct mime_part *, struct slice);
	void		(*end)(void *, const struct mime_part *);
};

struct mime;

struct mime	*mime_new(const struct mime_events *, void *);
void		 mime_feed(struct mime *, struct slice);
void		 mime_end(struct mime *);	/* the message is complete */
void		 mime_free(struct mime *);
uint64_t	 mime_size(const struct mime *);	/* octets so far */
uint64_t	 mime_lines(const struct mime *);	/* line ends so far */
/* Was a limit passed, so that the structure is not the whole truth? */
bool		 mime_is_cut(const struct mime *);
/* Work done so far, in octets and comparisons: at most a constant times the
   octets fed (PARSE-4). */
uint64_t	 mime_steps(const struct mime *);

#endif
