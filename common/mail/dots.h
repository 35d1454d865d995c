/*
 * dots.h - the transparency of DATA and of POP3's multi-line answers
 * (RFC 5321 4.5.2, RFC 1939 3).
 *
 * Both directions are streams: feed them whatever arrived, the result does
 * not depend on where the pieces are cut.
 *
 * Reading is strict (SMTP-1): a line ends with CR LF, the message ends with
 * CR LF . CR LF, and a CR or LF alone anywhere is an error, since two servers
 * that disagree about line ends are how mail is smuggled.  Line lengths are
 * measured, not enforced.
 *
 * Writing never lets a bare CR or LF out (SMTP-3): each becomes CR LF.
 */
#ifndef MAIL_DOTS_H
#define MAIL_DOTS_H

#include "common/core/buf.h"

enum undot_result {
	UNDOT_MORE,		/* all consumed, the end was not seen */
	UNDOT_END,		/* the end; what is behind it is left over */
	UNDOT_BARE_CR,		/* refuse and close: nothing more is safe */
	UNDOT_BARE_LF,
};

struct undot {
	uint64_t	 octets;	/* of the message, dots taken off */
	uint64_t	 limit;		/* more is counted, but not kept */
	size_t		 line;		/* length of the current line so far */
	size_t		 longest;	/* longest line without its CR LF */
	bool		 over;		/* octets passed limit */
	unsigned char	 state;		/* private */
};

void		 undot_init(struct undot *, uint64_t limit);
/* Takes octets off *in and appends the message's to out, until the end, an
   error or the last octet.  END and the errors stay: feed nothing more. */
enum undot_result undot_feed(struct undot *, struct slice *in, struct buf *out);

/* A zeroed struct dots is ready.  dots_end closes an open line and adds the
   line with the dot. */
struct dots {
	bool		 inside;	/* the current line has begun */
	bool		 cr;		/* a CR waits for its LF */
};

void		 dots_feed(struct dots *, struct slice, struct buf *out);
void		 dots_end(struct dots *, struct buf *out);

#endif
