/*
 * reply.h - SMTP replies as data (RFC 5321 4.2, RFC 3463).
 *
 * Every reply our servers can give is a row of replies.def, so that an
 * operator can read them on one page and a test can try them all.  A reply
 * may carry a detail (an address, an id, a reason) behind its text.
 *
 * No line is over 512 octets (RFC 5321 4.5.3.1.5): a long reply is written as
 * several lines, cut at blanks, each with code and enhanced code.  Controls in
 * a detail become "?".
 */
#ifndef MAIL_REPLY_H
#define MAIL_REPLY_H

#include "common/core/buf.h"

enum reply {
#define REPLY(name, code, enhanced, text, clause) REPLY_##name,
#include "common/mail/replies.def"
	REPLIES
};

struct reply_row {
	const char	*name;
	unsigned	 code;
	const char	*enhanced;	/* "5.1.1", or "" where none belongs */
	const char	*text;
	const char	*clause;
};
extern const struct reply_row reply_rows[REPLIES];

/* Appends "550 5.1.1 text: detail" CR LF; without ": " if detail is empty,
   without text if the row has none.  The detail of 221 and 421 is our host
   name and comes first: "221 2.0.0 host text" (RFC 5321 4.2.2). */
void		 reply_add(struct buf *, enum reply, struct slice detail);
/* One line for each slice, as after EHLO: the row's text is not used, a line
   too long is cut. */
void		 reply_lines(struct buf *, enum reply, const struct slice *,
		    size_t n);
/* A reply decided elsewhere (a verdict, RFC 5321 4.2.1): code 200 to 599,
   enhanced "x.y.z" or empty; anything else becomes 451 4.3.0. */
void		 reply_text(struct buf *, unsigned code, struct slice enhanced,
		    struct slice text);
/* The same from an enhanced code alone, as verdicts carry it (RFC 5248 2.4):
   2.x.y is 250; x.2.2 and x.3.1 (full) are 452 or 552, 5.3.4 (too big) 552;
   else 451 or 550. */
void		 reply_verdict(struct buf *, struct slice enhanced,
		    struct slice text);

#endif
