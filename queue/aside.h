/* aside.h - a message that must not be offered again is kept and shown. */
#ifndef QUEUE_ASIDE_H
#define QUEUE_ASIDE_H

#include "queue/message.h"

/* Of a message in state SPOOLED; later, if a commit of it is under way. */
void		 aside_begin(struct message *, struct slice why);

#endif
