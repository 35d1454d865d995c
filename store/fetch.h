/*
 * fetch.h - bytes of messages on their way out (box_fetch).
 *
 * Up to WIRE_BODY_MAX they go in the answer, more over a socket of their own
 * as fast as it drains.  Nothing of them is kept in memory: what the socket
 * did not take is read again.  A stream ends when all is sent, when the
 * reader closes its end, and with the session.
 */
#ifndef STORE_FETCH_H
#define STORE_FETCH_H

#include "store/session.h"

void		 streams_abort(struct session *);
size_t		 streams_count(void);

#endif
