/* show.h - queue_list: what waits, for `postino queue list`. */
#ifndef QUEUE_SHOW_H
#define QUEUE_SHOW_H

#include "queue/message.h"

/* One row a recipient that is not finished, messages in order of id.  What is
   only held in memory is not listed: it is gone within the hold time. */
void		 show_list(struct request *);

#endif
