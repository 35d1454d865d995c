/*
 * trace.h - the trace fields we put in front of a message (RFC 5321 4.4).
 *
 * Each function appends whole fields with CR LF, folded under 78 columns
 * where a blank allows it.  Whatever a stranger said (HELO, addresses) goes
 * through a filter: CR, LF, NUL and other controls become "?", and what could
 * end a comment or a field early is replaced, so no value makes a field of its
 * own.
 */
#ifndef MAIL_TRACE_H
#define MAIL_TRACE_H

#include "common/core/buf.h"

struct trace {
	struct slice	 helo;		/* as the client said it */
	struct slice	 client_name;	/* confirmed reverse name, or empty */
	struct slice	 client_ip;	/* 192.0.2.1 or 2001:db8::1, or empty:
					   a UNIX socket */
	struct slice	 by;		/* our name */
	struct slice	 tls;		/* "TLSv1.3 TLS_AES_256_GCM_SHA384",
					   or empty */
	struct slice	 for_one;	/* the recipient if there is just one,
					   else empty (RFC 5321 7.2) */
	int64_t		 when;		/* seconds since 1970 */
	bool		 esmtp, lmtp, auth, utf8;
};

/* Received.  The queue's id is not known yet (wire.def, queue_submit): what
   comes before it goes to `before`, the rest to `after`.  before + id + after
   is the field, for an id of at most 32 characters. */
void		 trace_received(const struct trace *, struct buf *before,
		    struct buf *after);
/* The protocol name of RFC 3848 and RFC 6531 4.3: ESMTPSA, UTF8LMTPS ... */
void		 trace_with(struct buf *, const struct trace *);
/* Return-Path: <path>; the null path is empty. */
void		 trace_return_path(struct buf *, struct slice path);
void		 trace_delivered_to(struct buf *, struct slice address);

#endif
