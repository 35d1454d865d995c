/*
 * token.h - the retry token: a keyed hash that tells a repeated transaction
 * from a new one (architecture, hand-off rule 10).
 *
 * It covers the client (user, or network), the reverse-path and the octets as
 * the peer sent them; queue and store tell the recipients apart.  The key is
 * queue's and lives as long as the spool.
 */
#ifndef SMTPD_TOKEN_H
#define SMTPD_TOKEN_H

#include "smtpd/session.h"

enum { TOKEN_SIZE = 16 };

struct token;

void		 token_key(struct slice key);	/* from queue */
/* NULL if there is no key yet: then no token, and a retry is a new message. */
struct token	*token_begin(void);
void		 token_add(struct token *, struct slice);
bool		 token_end(struct token *, const struct session *,
		    unsigned char out[TOKEN_SIZE]);
void		 token_free(struct token *);
void		 token_random(void *, size_t);

#endif
