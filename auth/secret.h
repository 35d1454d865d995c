/*
 * secret.h - keyed hashes: HMAC-SHA256 over parts, each preceded by its
 * length, so that different parts never make the same text.
 *
 * secret_hash has a random key of this process, for what must be recognised
 * again but may not be kept, or predicted by strangers (LOGIN-4): worthless to
 * anybody else and after a restart.
 */
#ifndef AUTH_SECRET_H
#define AUTH_SECRET_H

#include "common/core/buf.h"

enum { SECRET_HASH = 32 };		/* bytes */

void		 secret_init(void);	/* before confinement */
void		 secret_hash(const struct slice *, size_t n,
		    unsigned char hash[SECRET_HASH]);
void		 keyed_hash(struct slice key, const struct slice *, size_t n,
		    unsigned char hash[SECRET_HASH]);
/* The first 8 bytes of a secret_hash, never 0. */
uint64_t	 secret_number(const struct slice *, size_t n);

#endif
