/*
 * spool.h - what of the queue is on disk: rows of an engine.
 *
 * All keys begin with one unit, because an outcome and the report it causes
 * are two messages and one commit (hand-off rule 6), and a txn touches one
 * unit.  Behind it:
 *
 *	'L'			-> life (4), the token key (32)
 *	'M' id(8)		-> envelope (rows.def), and the blob of the body
 *	'R' id(8) number(4)	-> recipient (rows.def)
 *	'T' token id(8)		-> ms since 1970 (8), a hash (8) of each
 *				   recipient's address, in order of number
 *
 * All numbers big endian.  A recipient's row stays until its message goes,
 * so that no number comes back; tokens stay 24 hours (token.h).
 *
 * Id = life . counter (hand-off rule 1).  A life begins with each start, and
 * is durable before its first id; so no id repeats though a message that was
 * cut through leaves nothing here.
 */
#ifndef QUEUE_SPOOL_H
#define QUEUE_SPOOL_H

#include "common/engine/engine.h"
#include "queue/message.h"

enum { SPOOL_KEY = 32 };		/* bytes of the key for tokens */

/* Reads what is there into memory, calling token_found and message_new, and
   begins a life; `ready` is called when that is durable.  The engine must
   stay open. */
void		 spool_open(struct engine *, void (*ready)(void));
void		 spool_forget(void);
struct engine	*spool_engine(void);
bool		 spool_ready(void);
struct slice	 spool_key(void);
/* The next id; 0 for the moment in which a new life is not yet durable. */
uint64_t	 spool_mint(void);
uint32_t	 spool_life(void);
/* Is there room for a message of this size, besides all that is held?  Says
   so in the log once when it becomes full, and once when for some time
   nobody was refused. */
bool		 spool_room(uint64_t bytes);

struct txn	*spool_begin(void);
/* Is the commit durable?  False: no room, and nothing was written.  Any other
   outcome ends the process: the next start finds out what is there. */
bool		 spool_durable(enum engine_status);
/* Envelope and all recipients, with the blob that m->blob names. */
void		 spool_put(struct txn *, const struct message *);
void		 spool_put_envelope(struct txn *, const struct message *);
/* The row as it is on disk; *env points into *row. */
bool		 spool_get_envelope(uint64_t id, struct buf *row,
		    struct envelope_row *env);
void		 spool_put_rcpt(struct txn *, const struct message *,
		    uint32_t number);
void		 spool_remove(struct txn *, uint64_t id);
void		 spool_put_token(struct txn *, struct slice token, uint64_t id,
		    struct slice value);
void		 spool_del_token(struct txn *, struct slice token, uint64_t id);

/* Ids of messages in the spool above this one, in order; at most n. */
size_t		 spool_ids(uint64_t after, uint64_t *ids, size_t n);

#endif
