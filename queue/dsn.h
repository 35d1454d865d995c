/*
 * dsn.h - the report to a sender about some recipients of a message: failed,
 * late, delivered or passed on (RFC 3461 6, RFC 3464, RFC 6522).
 *
 *	multipart/report
 *	  text/plain			what happened, for people, with the
 *					words of whoever refused
 *	  message/delivery-status	the same for programs
 *	  text/rfc822-headers		the header of the message; or
 *	  message/rfc822		all of it, if something failed, RET=FULL
 *					asks, and it is not over DSN_FULL_MAX
 *
 * For a message with SMTPUTF8 the parts are those of RFC 6533.
 *
 * It goes from the null path, so it never causes another (RFC 5321 4.5.5).
 */
#ifndef QUEUE_DSN_H
#define QUEUE_DSN_H

#include "queue/message.h"

enum {
	DSN_HEADER_MAX = 32 * 1024,	/* bytes of the header returned */
	DSN_FULL_MAX = 200 * 1024,	/* ... of the whole body */
};

/* Our name in reports. */
void		 dsn_host(struct slice server_name);
/* No octet above 127? */
bool		 dsn_ascii(struct slice);
/* How much of the body a report may want. */
size_t		 dsn_wants(const struct message *);

/* The report about each recipient of m whose `report` is not NONE.
   id: the report's own; body: of m, at least the beginning. */
void		 dsn_build(struct buf *, uint64_t id, const struct message *,
		    struct slice body);

#endif
