/*
 * route.h - what remote mail waits for: the smarthost that is to take it, or
 * its domain.
 *
 * Both are names of destinations (destination.h).  All mail for one smarthost
 * is so one queue with one limit of sessions and one time of the next try,
 * whatever its domains are, and a message for many domains goes there once.
 */
#ifndef QUEUE_ROUTE_H
#define QUEUE_ROUTE_H

#include "common/core/conf.h"
#include "queue/message.h"

/* The smarthosts of this life: only a restart changes them. */
void		 route_load(const struct conf *);
/* It lives as long as the message. */
struct slice	 route_of(const struct message *, const struct rcpt *);
/* Is this the name of a smarthost? */
bool		 route_is_smarthost(struct slice name);

#endif
