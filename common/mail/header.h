/*
 * header.h - the fields of a message (RFC 5322 2.2) that is in memory.
 *
 * Mail that arrives is often broken, so this reader never fails: lines may
 * end with CR LF or LF, a line that is neither a field nor a continuation is
 * skipped, and only an empty line (or the end) ends the header.  What streams
 * through mime.h is read by the same rules.
 *
 * Slices point into the message.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "common/core/buf.h"

enum {
	HEADER_MAX = 256 * 1024,	/* octets looked at (PARSE-5) */
	HEADER_NAME_MAX = 76,		/* ours: a longer name is no field */
};

struct field {
	struct slice	 name;		/* without the colon and blanks */
	struct slice	 body;		/* behind the colon, still folded,
					   without its last line end */
	struct slice	 whole;		/* all of it with its last line end */
};

/* header: the fields with the empty line that ends them; body: the rest. */
void		 header_split(struct slice message, struct slice *header,
		    struct slice *body);
/* Takes the next field off *header; false at the end.  Fields past
   HEADER_MAX are still found here: bound what you pass. */
bool		 header_next(struct slice *header, struct field *);
/* The first field of that name, without case. */
bool		 header_find(struct slice header, const char *name,
		    struct field *);
size_t		 header_count(struct slice header, const char *name);

/* Appends the body on one line: line ends go, the blanks stay, blanks at
   both ends go (RFC 5322 2.2.3). */
void		 header_unfold(struct buf *, struct slice body);

/* The next line of *s without its line end. */
struct slice	 line_next(struct slice *s);

#endif
