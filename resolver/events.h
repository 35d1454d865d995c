/*
 * events.h - our loop as libunbound sees it.
 *
 * libunbound can be told to use somebody else's event loop (unbound-event.h):
 * then it has no thread, no child and no pipe of its own, and everything it
 * does happens in callbacks of this loop.  An event is a descriptor, a time
 * limit, or both.
 *
 * Semantics are those of libevent: an event without UB_EV_PERSIST is over
 * when it has fired once; with it, a time limit begins anew each time.  An
 * event may be freed by its own callback.
 */
#ifndef RESOLVER_EVENTS_H
#define RESOLVER_EVENTS_H

struct ub_event_base;

/* The one base; loop_init must have been called. */
struct ub_event_base *events_base(void);

#endif
