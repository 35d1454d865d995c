/*
 * token.h - retry tokens: which transactions the queue remembers that their
 * peer may send again (hand-off rule 10).
 *
 * A token is smtpd's keyed hash of client, MAIL FROM and the bytes as sent; an
 * empty one never matches.  Together with a recipient's address it says "the
 * same copy of the same message".  Remembered for 24 hours are
 *
 *	unanswered	the session was lost while the message was in memory:
 *			the retry takes the same id and the same numbers
 *	spooled		it is or was in the spool, and its session was lost or
 *			belonged to an older life: 250, nothing is created
 *
 *	once		its token is no other message's (what drop submits)
 *
 * Any other transaction that was answered within this life never matches, or
 * a message sent twice on purpose would be swallowed (TOKEN_ALWAYS).
 *
 * Addresses are kept as 64-bit hashes; who finds a collision loses a copy of
 * a message of his own.
 */
#ifndef QUEUE_TOKEN_H
#define QUEUE_TOKEN_H

#include "common/engine/engine.h"
#include "queue/message.h"

enum { TOKEN_MAX = 64 };		/* bytes */

/* What is remembered of an unanswered transaction. */
struct memory;

/* Of an address, the same in every life. */
uint64_t	 token_hash(struct slice);

/* ---- a message arrives */

/* The message of a lost session that is being written: wait for it. */
struct message	*token_writing(struct slice token);
/* Is this recipient's copy in the spool, or was it, unheard? */
bool		 token_covers(struct slice token, uint64_t hash,
		    uint32_t likely_number);
/* The unanswered transaction that this one repeats, or NULL. */
struct memory	*token_unanswered(struct slice token);
uint64_t	 memory_id(const struct memory *);
/* The hashes of its recipients, in order of number. */
const uint64_t	*memory_rcpts(const struct memory *, uint32_t *n);
/* A retry has taken id and numbers over: it is a message again. */
void		 memory_taken(struct memory *);

/* ---- a session ends, a message is written, a message ends */

/* Neither yes nor no has reached the session, and the message leaves. */
void		 token_forsaken(const struct message *);
/* Its session was lost while it is being written. */
void		 token_unheard(struct message *);
/* Answered, and nothing of it has to be kept. */
void		 token_answered(const struct message *);
/* Its commit: adds the token's row. */
void		 token_write(struct txn *, const struct message *);
/* ... and that is durable.  over: it was also the message's last. */
void		 token_written(const struct message *, bool over);
/* Its last commit: drops the row if no retry needs it. */
void		 token_finish(struct txn *, const struct message *);

/* From the spool: the row of an older life. */
void		 token_found(struct slice token, uint64_t id,
		    struct slice value);
void		 token_forget(void);
size_t		 token_count(void);

#endif
