/*
 * key.h - the process that has the private keys, and can only sign.
 *
 * Nobody gets a key from it, not even master: the talkers ask for the chains
 * (key_chains, answered again whenever they change) and for signatures of TLS
 * handshakes (key_sign).
 *
 *	key.c	 the role: what is read, and what is served of it
 *	pair.c	 a certificate chain and its key, read and checked
 *	files.c	 files that master opened
 *	chains.c who has the chains, and who waits for new ones
 *	show.c	 what is served, for the admin
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
#include <openssl/x509.h>

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
/* When it was changed last: ns since 1970; 0: it was not opened. */
uint64_t	 file_time(struct slice path);
void		 files_forget(void);	/* and wipe */

/* ---- pair.c */

enum { SPKI_HASH = 32 };	/* bytes of a SHA-256 */

struct pair {
	char		*chain_path;
	EVP_PKEY	*key;
	unsigned char	 spki[SPKI_HASH];
	struct buf	 pem;		/* the certificates, nothing else */
	uint64_t	 since, until;	/* valid; ms since 1970 */
};

/* Reads and checks one; false: *why says what is wrong.  That text is good
   until the next call and files_forget. */
bool		 pair_read(struct pair *, const struct certificate *,
		    const char **why);
/* "expired", "not valid yet", or NULL: it is valid now. */
const char	*pair_untimely(const struct pair *);
bool		 pair_copy(struct pair *, const struct pair *);
void		 pair_free(struct pair *);
/* The certificates of a text; to be freed with sk_X509_pop_free. */
STACK_OF(X509)	*chain_parse(struct slice pem);

/* ---- key.c */

/* All pairs of one reading of the files that can be served. */
struct generation {
	struct pair	*pairs;
	size_t		 n;
};
extern struct generation generation;	/* of now */

/* What came of a pair of the configuration when it was read last. */
struct reading {
	char		*chain, *key;	/* paths */
	uint64_t	 chain_time, key_time;
	char		*fault;		/* NULL: this is what is served */
};
extern struct reading	*readings;
extern size_t		 n_readings;

/* The configuration of now. */
const struct conf *key_conf(void);
/* What is served under this path; NULL: nothing. */
const struct pair *pair_of(const struct generation *, struct slice chain_path);
/* The private key with this SPKI hash, or NULL.  The caller has a reference
   of its own, to be given back with EVP_PKEY_free. */
EVP_PKEY	*key_named(struct slice spki);
/* Takes what master gave; how many pairs were refused. */
unsigned	 pairs_renew(void);

/* ---- chains.c */

void		 chains_open(void);
/* There are new pairs: whoever waits gets them. */
void		 chains_changed(void);
/* Talkers that have not asked yet for what follows the chains of now, and so
   may not use these. */
unsigned	 talkers_late(void);
void		 serve_chains(struct request *);
void		 serve_reload(struct request *);

/* ---- show.c */

void		 serve_show(struct request *);

/* ---- sign.c */

void		 sign_open(void);	/* threads: before the seal */
void		 sign_close(void);
void		 serve_sign(struct request *);
uint64_t	 signatures_made(void);
uint64_t	 signatures_denied(void);

#endif
