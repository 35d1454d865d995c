/*
 * secret.h - a keyed hash with a random key of this process.
 *
 * For what must be recognised again but may not be kept, or predicted by
 * strangers: HMAC-SHA256 over the parts, each preceded by its length, so that
 * different parts never make the same text (LOGIN-4).  Worthless to anybody
 * else and after a restart.
 */
#ifndef AUTH_SECRET_H
#define AUTH_SECRET_H

#include "common/core/buf.h"

enum { SECRET_HASH = 32 };		/* bytes */

void		 secret_init(void);	/* before confinement */
void		 secret_hash(const struct slice *, size_t n,
		    unsigned char hash[SECRET_HASH]);
/* Its first 8 bytes, never 0. */
uint64_t	 secret_number(const struct slice *, size_t n);

#endif
