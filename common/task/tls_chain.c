/*
 * The chains, and what we offer in a handshake.
 *
 * All that is common to handshakes is one SSL_CTX.  New chains make a new
 * one; connections hold the one they began with, and the last of them frees
 * it.  The first RSA and the first ECDSA chain are what a client gets that
 * names no host, or one that no certificate is for (RFC 6066 3).
 */
#include "common/task/tls_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/core/log.h"

enum { ASK_AGAIN = 1000 };	/* ms after the key process failed us */

struct chain {
	X509		*leaf;
	STACK_OF(X509)	*rest;
	EVP_PKEY	*key;
	bool		 rsa;
};

struct chains {
	size_t		 n;
	struct chain	 v[];
};

static SSL_CTX		*current;
static int		 chains_index = -1;	/* ex_data of an SSL_CTX */
static unsigned char	 protocol[32];		/* ALPN: length, name */
static unsigned		 protocol_n;
static bool		 protocol_said;		/* to the client, when chosen */

static struct link	*key;
static uint64_t		 version;
static struct timer	 ask_timer;

const char *
tls_error(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	ERR_clear_error();
	return reason != NULL ? reason : "unknown error";
}

SSL_CTX *
tls_context(void)
{
	return current;
}

bool
tls_ready(void)
{
	return current != NULL;
}

/* ---- which chain */

static const struct chain *
fitting(const struct chains *chains, const char *host, bool rsa)
{
	for (size_t i = 0; i < chains->n; i++) {
		const struct chain *c = &chains->v[i];

		if (c->rsa == rsa && (host == NULL ||
		    X509_check_host(c->leaf, host, 0, 0, NULL) == 1))
			return c;
	}
	return NULL;
}

/* The context has the default chains; a connection gets others only if the
   client names a host that other certificates are for. */
static int
choose_chain(SSL *ssl, void *arg)
{
	const struct chains *chains = SSL_CTX_get_ex_data(
	    SSL_get_SSL_CTX(ssl), chains_index);
	const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct chain *found[2];

	(void)arg;
	if (host == NULL || chains->n < 2)
		return 1;
	found[0] = fitting(chains, host, false);
	found[1] = fitting(chains, host, true);
	if ((found[0] == NULL && found[1] == NULL) ||
	    (found[0] == fitting(chains, NULL, false) &&
	    found[1] == fitting(chains, NULL, true)))
		return 1;
	SSL_certs_clear(ssl);
	for (int i = 0; i < 2; i++)
		if (found[i] != NULL && SSL_use_cert_and_key(ssl,
		    found[i]->leaf, found[i]->key, found[i]->rest, 1) != 1)
			return 0;
	return 1;
}

/* ---- the context */

/* RFC 7301 3.2: with a list in which we are not, no_application_protocol
   (alert 120).  A browser made to talk to us gives itself away (ALPACA). */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n,
    const unsigned char *list, unsigned n, void *arg)
{
	unsigned i = 0;

	(void)ssl, (void)arg;
	for (; i < n; i += list[i] + 1u)
		if (n - i >= protocol_n &&
		    memcmp(list + i, protocol, protocol_n) == 0)
			break;
	if (i >= n)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = list + i + 1;
	*out_n = list[i];
	return protocol_said ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/* RFC 9325: ECDHE and AEAD only.  No tickets and no cache: resumption would
   save a client little, and ticket keys are secrets of another kind. */
static SSL_CTX *
context_new(void)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	if (c == NULL)
		fatal("OpenSSL: %s", tls_error());
	SSL_CTX_set_security_level(c, 2);
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	    SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
	    SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	/* Half the memory of an idle connection. */
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(c, 1);
	if (SSL_CTX_set_num_tickets(c, 0) != 1 ||
	    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
	    SSL_CTX_set1_groups_list(c, "X25519:P-256:P-384") != 1 ||
	    SSL_CTX_set1_sigalgs_list(c, "ECDSA+SHA256:ECDSA+SHA384:"
	    "ECDSA+SHA512:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
	    "RSA+SHA256:RSA+SHA384:RSA+SHA512") != 1)
		fatal("OpenSSL: %s", tls_error());
	SSL_CTX_set_alpn_select_cb(c, choose_protocol, NULL);
	SSL_CTX_set_cert_cb(c, choose_chain, NULL);
	return c;
}

static void
chain_free(struct chain *c)
{
	X509_free(c->leaf);
	sk_X509_pop_free(c->rest, X509_free);
	EVP_PKEY_free(c->key);
}

static void
chains_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
    void *argp)
{
	struct chains *chains = ptr;

	(void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
	for (size_t i = 0; chains != NULL && i < chains->n; i++)
		chain_free(&chains->v[i]);
	free(chains);
}

static bool
chain_read(struct chain *c, const struct wire_chain *from)
{
	BIO *pem = BIO_new_mem_buf(from->pem.p, (int)from->pem.n);
	X509 *next;

	*c = (struct chain){ .rest = sk_X509_new_null() };
	c->leaf = PEM_read_bio_X509(pem, NULL, NULL, NULL);
	while (c->leaf != NULL &&
	    (next = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL)
		sk_X509_push(c->rest, next);
	BIO_free(pem);
	ERR_clear_error();	/* the end of the text counts as one */
	if (c->leaf != NULL)
		c->key = key_remote(c->leaf, from->spki);
	if (c->key == NULL) {
		chain_free(c);
		return false;
	}
	c->rsa = EVP_PKEY_is_a(c->key, "RSA");
	return true;
}

static void
chain_log(const struct wire_chain *c, const char *why)
{
	char hash[2 * SPKI_HASH + 1] = "";

	for (size_t i = 0; i < c->spki.n && i < SPKI_HASH; i++)
		snprintf(hash + 2 * i, 3, "%02x", (unsigned char)c->spki.p[i]);
	LOG(chain_unusable, .chain = slice_str(hash), .why = slice_str(why));
}

/* The first of its kind becomes the default; one OpenSSL does not like (a
   key too short for the security level, say) is left out. */
static bool
chain_use(SSL_CTX *c, const struct chains *before, const struct chain *chain)
{
	if (fitting(before, NULL, chain->rsa) != NULL)
		return true;
	return SSL_CTX_use_cert_and_key(c, chain->leaf, chain->key,
	    chain->rest, 1) == 1;
}

static void
chains_use(const struct key_chains_out *in)
{
	SSL_CTX *c = context_new();
	struct chains *chains = mem_zero(sizeof *chains +
	    in->n_chains * sizeof *chains->v);

	SSL_CTX_set_ex_data(c, chains_index, chains);
	for (size_t i = 0; i < in->n_chains; i++) {
		struct chain *chain = &chains->v[chains->n];

		if (!chain_read(chain, &in->chains[i]))
			chain_log(&in->chains[i], "it cannot be read");
		else if (!chain_use(c, chains, chain)) {
			chain_log(&in->chains[i], tls_error());
			chain_free(chain);
		} else
			chains->n++;
	}
	LOG(chains, .count = chains->n);
	if (chains->n == 0 && current != NULL) {
		SSL_CTX_free(c);	/* better an old chain than none */
		return;
	}
	SSL_CTX_free(current);
	current = chains->n > 0 ? c : NULL;
	if (current == NULL)
		SSL_CTX_free(c);
}

/* ---- following the key process */

static void
chains_came(void *arg, enum wire_status status, const void *out)
{
	const struct key_chains_out *chains = out;

	(void)arg;
	if (status == WIRE_OK) {
		version = chains->version;
		chains_use(chains);
		timer_set(&ask_timer, loop_now());
	} else
		timer_set(&ask_timer, loop_now() + ASK_AGAIN);
}

static void
ask(struct timer *t)
{
	struct key_chains_in in = { .version = version };

	(void)t;
	link_call(key, WIRE_key_chains, &in, 0, chains_came, NULL);
}

void
tls_follow_key(struct link *l)
{
	key = l;
	key_provider_link(l);
	ask_timer.fire = ask;
	ask(&ask_timer);
}

/* Our settings are the ones in this file, not those of the machine's
   openssl.cnf, which a confined process could not read again anyway. */
void
tls_init(const char *alpn)
{
	const char *name = alpn != NULL ? alpn : "smtp";
	size_t n = strlen(name);

	CHECK(n < sizeof protocol);
	protocol_said = alpn != NULL;
	protocol[0] = (unsigned char)n;
	memcpy(protocol + 1, name, n);
	protocol_n = (unsigned)n + 1;
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
	    OPENSSL_INIT_NO_ATEXIT, NULL);
	key_provider_load();
	if (chains_index < 0)
		chains_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL,
		    chains_free);
	SSL_CTX_free(context_new());	/* fetches what it needs, for later */
}
