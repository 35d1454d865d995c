/*
 * dsn.h - the report to a sender about recipients that were refused for good
 * (RFC 3461 6, RFC 3464, RFC 6522).
 *
 *	multipart/report
 *	  text/plain			what happened, for people
 *	  message/delivery-status	the same for programs
 *	  text/rfc822-headers		the header of the message, never its body
 *
 * It goes from the null path, so it never causes another (RFC 5321 4.5.5).
 */
#ifndef QUEUE_DSN_H
#define QUEUE_DSN_H

#include "queue/message.h"

enum { DSN_HEADER_MAX = 32 * 1024 };	/* bytes of the header returned */

/* Our name in reports. */
void		 dsn_host(struct slice server_name);

/* The report about each recipient of m whose `then` is still RCPT_SETTLED.
   id: the report's own; body: of m, at least the beginning. */
void		 dsn_build(struct buf *, uint64_t id, const struct message *,
		    struct slice body);

#endif
