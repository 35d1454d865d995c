/*
 * pack.h - what waits for long takes little memory.
 *
 * Once a message is in the spool, and nobody is busy with it, its texts are
 * put into one block of just their size, and the prefix of its body, which is
 * most of them, stays on the disk until it is needed.
 */
#ifndef QUEUE_PACK_H
#define QUEUE_PACK_H

#include "queue/message.h"

/* No-op if somebody may still point at its texts, or too little is won. */
void		 message_pack(struct message *);

#endif
