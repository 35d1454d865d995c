/* queue.h - which messages the admin means, from words and options. */
#ifndef CTL_QUEUE_H
#define CTL_QUEUE_H

#include "ctl/ctl.h"

/* --sender and --recipient; empty: not given. */
struct slice	 queue_sender(void);
struct slice	 queue_recipient(void);
/* "68a1b2c300000002", as queue list prints it. */
uint64_t	 queue_id(struct slice word);

#endif
