/*
 * key.h - the process that has the private keys, and can only sign.
 *
 * Nobody gets a key from it, not even master: the talkers ask for the chains
 * (key_chains, answered again whenever they change) and for signatures of TLS
 * handshakes (key_sign).
 *
 *	key.c	 the role: chains, and who waits for new ones
 *	pair.c	 a certificate chain and its key, read and checked
 *	files.c	 files that master opened
 *	sign.c	 signatures, on threads
 *	shape.c	 what may be signed
 *
 * The files belong to root, usually, and lie where this process cannot look.
 * So master opens them, before the start and before each reload, and hands
 * over the descriptors without reading from them (role_file).  Whatever a path
 * says, links and all, is understood as root understands it, and what comes of
 * it is parsed here, confined.
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
/* Takes the descriptor of the file with this path, or -1 and why there is
   none, and keeps what is in it until files_forget. */
void		 file_given(struct slice path, int fd, struct slice why);
/* The text of a file that was given; NULL, or what is wrong with it. */
const char	*file_text(struct slice path, bool secret, struct slice *text);
void		 files_forget(void);	/* and wipe */

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
