/*
 * usage.h - how much each user's mail takes, as the stores tell us.
 *
 * A call to each store is always under way (store_usage), answered when
 * somebody's use changed.  What is known may be a moment old: the store itself
 * enforces the limit, we only refuse early, at RCPT.
 */
#ifndef AUTH_USAGE_H
#define AUTH_USAGE_H

void		 usage_begin(void);
void		 usage_end(void);	/* of a test's process */

#endif
