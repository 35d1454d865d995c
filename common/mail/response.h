/*
 * response.h - what a remote server replied (RFC 5321 4.2), read within bounds.
 *
 * A reply is one or more lines "250-text", the last "250 text"; all with the
 * same code.  Feed it line by line, without the line ends, until it is DONE
 * or BAD.  What a stranger says is kept printable: an octet that is neither
 * printable ASCII nor part of good UTF-8 becomes \xHH, so text can go to logs,
 * spool rows and reports as it is.
 *
 * Bounds (SMTP-13): RESPONSE_LINES lines; of each line RESPONSE_LINE octets
 * are kept, escapes counted.  A line too long is cut, one line too many makes
 * the reply BAD, as do a code that is none, a code that changes and a wrong
 * separator: such a server is not understood, and nothing is concluded from
 * its words but that (callers put the mail off).
 */
#ifndef MAIL_RESPONSE_H
#define MAIL_RESPONSE_H

#include "common/core/buf.h"

enum {
	RESPONSE_LINES = 100,
	RESPONSE_LINE = 512,
	RESPONSE_TEXT = 1000,		/* octets of response_show */
	RESPONSE_STATUS = 12,		/* "5.123.123" and a NUL */
};

enum response_fed {
	RESPONSE_MORE,			/* there are lines to come */
	RESPONSE_DONE,
	RESPONSE_BAD,
};

/* A zeroed one is ready; response_clear makes it so again, and keeps its
   memory, which response_free gives back. */
struct response {
	unsigned	 code;		/* 200 to 599; 0: none yet, or BAD */
	char		 status[RESPONSE_STATUS];	/* enhanced, or "" */
	unsigned	 lines;
	struct buf	 text;		/* of each line with a LF behind it,
					   without code and separator */
};

void		 response_clear(struct response *);
void		 response_free(struct response *);
enum response_fed response_line(struct response *, struct slice line);
/* The whole reply in one line, "550 5.1.1 nobody here", cut at
   RESPONSE_TEXT; of a BAD one what there is of it. */
void		 response_show(const struct response *, struct buf *);
/* Its enhanced status, or the plainest one for its code (RFC 3463 3.1). */
struct slice	 response_status(const struct response *);
/* Appends text with what is not printable escaped, at most max octets. */
void		 text_escape(struct buf *, struct slice, size_t max);

#endif
