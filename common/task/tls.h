/*
 * tls.h - OpenSSL, all of it: no other file of Postino's talkers names it.
 *
 * The private key is not here.  Chains come from the key process, and a
 * signature is a call to it made inside OpenSSL's sign callback, by a small
 * provider of our own (tls_key.c): the task sleeps, other handshakes go on.
 *
 * OpenSSL's error queue is per thread and so shared by all tasks: it is
 * cleared before each call and read before the next suspension.
 *
 * Server side (RFC 8314 and RFC 9325): TLS 1.2 and 1.3, ECDHE and AEAD only, no
 * renegotiation, no compression, no early data, session tickets off.  RSA
 * and ECDSA chains side by side.  ALPN: a client that offers a list without
 * our protocol's name is refused (TLS-2; RFC 7301 3.2).
 *
 * Client side: with a server that was found by unsigned MX records, TLS that
 * proves no name is still better than none (RFC 7435), so somewhat weaker keys
 * are taken there; where the name must be proved they are not.
 */
#ifndef TASK_TLS_H
#define TASK_TLS_H

#include "common/core/buf.h"

struct link;

/* Before confinement: loads OpenSSL's tables and providers.  alpn is this
   service's name ("pop3", "imap") or NULL if none is registered (SMTP: then
   only a list that names "smtp" is let pass, and not confirmed). */
void		 tls_init(const char *alpn);
/* After confinement: asks key for the chains, now and whenever they change
   (key_chains answers late); existing sessions keep what they have. */
void		 tls_follow_key(struct link *key);
/* Have chains come yet?  Until then STARTTLS is not offered. */
bool		 tls_ready(void);

/* For conn_call_tls; before confinement, as it reads the PEM file of trusted
   authorities.  False: the file gives none, and nothing can be verified. */
bool		 tls_client_init(const char *authorities);

#endif
