/*
 * words.h - text other than ASCII in header fields: encoded words (RFC 2047)
 * and parameters (RFC 2045 5.1, RFC 2231).
 *
 * The result is UTF-8.  us-ascii, utf-8 and iso-8859-1 are converted here;
 * for any other charset the caller may give a converter, which runs in its
 * sandbox (PARSE-8).  What cannot be converted stays as it was written.
 * Everything is linear and bounded: the output is at most four times the
 * input, and there are at most PARAMS_MAX parameters.
 */
#ifndef MAIL_WORDS_H
#define MAIL_WORDS_H

#include "common/core/arena.h"

enum {
	PARAMS_MAX = 100,		/* PARSE-5; further ones are dropped */
};

/* Appends text in this charset to out as UTF-8; false: cannot (and out is
   as before).  It must not append more than four times the text. */
struct charsets {
	bool		(*convert)(const struct charsets *, struct slice name,
			    struct slice text, struct buf *out);
};

/* To UTF-8 with our three charsets, else with cs (may be NULL); false: cannot.
   Octets that are not what they claim become U+FFFD.  us-ascii is read as
   utf-8: senders often mean that. */
bool		 charset_is_utf8(struct slice name);
bool		 charset_utf8(const struct charsets *cs, struct slice name,
		    struct slice text, struct buf *out);

/* Appends an unfolded field body as UTF-8, its encoded words decoded.  Words
   that follow each other in one charset are converted together, since some
   senders cut a character in two. */
void		 words_decode(struct buf *out, struct slice, const struct
		    charsets *cs);
struct mime_param {
	struct slice	 name;		/* lower case; ends with * if the value
					   was RFC 2231 encoded, as RFC 9051
					   7.5.2 wants it in BODYSTRUCTURE */
	struct slice	 value;		/* UTF-8 if it could be had */
};

/* "text/plain; charset=x" and the like: the value before the first ";" into
   *value (lower case), the parameters into *params, n of them.  All lies in
   the arena. */
size_t		 params_parse(struct arena *, struct slice body, const struct
		    charsets *cs, struct slice *value,
		    struct mime_param **params);
/* The value of a parameter, encoded or not; empty if there is none. */
struct slice	 params_get(const struct mime_param *, size_t n,
		    const char *name);

#endif
