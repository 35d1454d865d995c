/*
 * key.h - the process that has the private keys, and can only sign.
 *
 * Nobody gets a key from it, not even master: the talkers ask for the chains
 * (key_chains, answered again whenever they change) and for signatures of TLS
 * handshakes (key_sign).
 *
 *	key.c	 the role: chains, and who waits for new ones
 *	pair.c	 a certificate chain and its key, read and checked
 *	files.c	 files below folders that were opened before confinement
 *	sign.c	 signatures, on threads
 *	shape.c	 what may be signed
 *
 * A reload reads the files again, by descriptors of their folders.  So, with
 * `privileges drop`, the user of key must be able to read the key files (own
 * them, best), and symbolic links on the way must be relative, as certbot's
 * are: an absolute one would begin at the empty root folder.  A certificate
 * in a folder that had none at start needs a restart.
 */
#ifndef KEY_KEY_H
#define KEY_KEY_H

#include <openssl/evp.h>

#include "common/core/conf.h"
#include "common/core/link.h"

/* ---- files.c */

/* Before confinement: the process cannot be traced or dumped from here on, and
   private numbers lie in locked memory, big enough for so many keys. */
void		 secrets_begin(size_t keys);
/* Opens the folder of this file, and the one it really lies in. */
void		 folder_open(const char *path);
/* Appends the file to *to; NULL, or what went wrong.  The caller wipes. */
const char	*file_read(const char *path, bool secret, struct buf *to);
/* A file in a folder that was not opened? */
bool		 file_is_strange(const char *path);

/* ---- pair.c */

enum { SPKI_HASH = 32 };	/* bytes of a SHA-256 */

struct pair {
	char		*chain_path;
	EVP_PKEY	*key;
	unsigned char	 spki[SPKI_HASH];
	struct buf	 pem;		/* the certificates, nothing else */
	bool		 expired;
};

/* Reads and checks one; false: *why says what is wrong (static text). */
bool		 pair_read(struct pair *, const struct certificate *,
		    const char **why);
bool		 pair_copy(struct pair *, const struct pair *);
void		 pair_free(struct pair *);

/* ---- key.c */

/* The private key with this SPKI hash, or NULL.  The caller has a reference
   of its own, to be given back with EVP_PKEY_free. */
EVP_PKEY	*key_named(struct slice spki);

/* ---- sign.c */

void		 sign_open(void);	/* threads: before the seal */
void		 sign_close(void);
void		 serve_sign(struct request *);
uint64_t	 signatures_made(void);
uint64_t	 signatures_denied(void);

#endif
