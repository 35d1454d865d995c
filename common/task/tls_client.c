/*
 * TLS with whom we call.
 *
 * Two contexts, one for each degree of certainty; both are made before
 * confinement, when the authorities' file can be read.
 */
#include "common/task/tls_private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "common/core/log.h"
#include "common/task/conn_private.h"

enum { HANDSHAKE = 60 * 1000 };	/* ms; a busy server is worth waiting for */

static SSL_CTX	*any, *proved;

/* RFC 9325 3.1.1: TLS 1.2 or later. */
static SSL_CTX *
context_new(int level)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	if (c == NULL)
		fatal("OpenSSL: %s", tls_error());
	SSL_CTX_set_security_level(c, level);
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(c, 1);
	if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1)
		fatal("OpenSSL: %s", tls_error());
	return c;
}

bool
tls_client_init(const char *authorities)
{
	bool good;

	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
	    OPENSSL_INIT_NO_ATEXIT, NULL);
	any = context_new(1);
	proved = context_new(2);
	SSL_CTX_set_verify(proved, SSL_VERIFY_PEER, NULL);
	good = SSL_CTX_load_verify_file(proved, authorities) == 1;
	ERR_clear_error();
	return good;
}

/* A certificate's name counts only as a whole or with a star for its first
   label (RFC 9525 6.3). */
static SSL *
ssl_new(const char *host, bool verify)
{
	SSL *ssl = SSL_new(verify ? proved : any);

	/* An address in brackets is no HostName (RFC 6066 3). */
	if (ssl == NULL || (host[0] != '[' &&
	    SSL_set_tlsext_host_name(ssl, host) != 1))
		fatal("OpenSSL: %s", tls_error());
	SSL_set_connect_state(ssl);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (verify && SSL_set1_host(ssl, host) != 1)
		fatal("OpenSSL: %s", tls_error());
	return ssl;
}

/* What OpenSSL says of an unfit certificate is only that it is unfit. */
static void
say_why(struct conn *c, SSL *ssl)
{
	long why = SSL_get_verify_result(ssl);

	if (why != X509_V_OK) {
		c->error = CONN_OK;
		conn_broke(c, CONN_TLS, X509_verify_cert_error_string(why));
	}
}

bool
conn_call_tls(struct conn *c, const char *host, bool verify)
{
	SSL *ssl;

	if (!tls_may_begin(c))
		return false;
	ssl = ssl_new(host, verify);
	if (tls_begin(c, ssl, HANDSHAKE))
		return true;
	if (verify && c->error == CONN_TLS)
		say_why(c, ssl);
	return false;
}
