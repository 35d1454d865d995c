/*
 * tls_private.h - what tls*.c share; nobody else.
 *
 *	tls.c	    a connection's TLS
 *	tls_chain.c the chains and what we offer, for all connections
 *	tls_key.c   private keys that are not here
 *	tls_client.c	whom we call, and how sure we are that it is them
 */
#ifndef TASK_TLS_PRIVATE_H
#define TASK_TLS_PRIVATE_H

#include <openssl/ssl.h>

#include "common/core/link.h"
#include "common/task/tls.h"

enum { SPKI_HASH = 32 };	/* bytes of a SHA-256 */

/* The context of new connections; NULL: no chain has come yet. */
SSL_CTX		*tls_context(void);
struct conn;

/* Makes c a connection of this SSL, which it takes, and shakes hands within so
   many ms.  False: the connection is dead. */
bool		 tls_begin(struct conn *, SSL *, uint64_t ms);
/* Sends what is in the output.  False: something came before the handshake
   (SMTP-5), or the connection has failed. */
bool		 tls_may_begin(struct conn *);
/* What the oldest error in OpenSSL's queue says; static text.  Clears it. */
const char	*tls_error(void);

/* Registers the provider of remote keys, behind the default one. */
void		 key_provider_load(void);
/* Where signatures are asked for. */
void		 key_provider_link(struct link *);
/* The private half of this certificate's key, as far as OpenSSL can tell:
   signing with it asks the key process for a signature by the key with this
   SPKI hash.  NULL: the certificate's key is neither RSA nor ECDSA. */
EVP_PKEY	*key_remote(X509 *, struct slice spki);

#endif
