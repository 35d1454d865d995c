/* show.h - what the admin sees: queue_list, queue_show, queue_body. */
#ifndef QUEUE_SHOW_H
#define QUEUE_SHOW_H

#include "queue/message.h"

/* One row a recipient that is not finished, messages in order of id.  What is
   only held in memory is not listed: it is gone within the hold time. */
void		 show_list(struct request *);
/* All there is to say of one message, and each of its recipients. */
void		 show_message(struct request *);
void		 show_body(struct request *);

#endif
