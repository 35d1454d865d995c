/* Signatures: what may be signed is checked here, the work is done on a
   thread (an RSA signature takes about a millisecond). */
#include "key/key.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "common/core/log.h"
#include "key/shape.h"

enum {
	THREADS = 2,
	WAITING_MOST = 1000,	/* beyond, handshakes are to fail soon */
	SIGNATURE_MAX = 2048,	/* bytes: RSA of 16384 bits */
};

struct signing {
	struct job	 job;
	struct request	*request;
	EVP_PKEY	*key;
	const EVP_MD	*digest;
	bool		 pss;
	size_t		 n;		/* of the signature; 0: it failed */
	unsigned char	 signature[SIGNATURE_MAX];
};

static struct pool	*pool;
static uint64_t		 made, denied;

uint64_t
signatures_made(void)
{
	return made;
}

uint64_t
signatures_denied(void)
{
	return denied;
}

void
sign_open(void)
{
	pool = pool_new(THREADS);
}

void
sign_close(void)
{
	pool_free(pool);
}

/* On a thread.  PSS as RFC 8446 4.2.3 wants it: the salt as long as the
   digest. */
static void
sign(struct job *job)
{
	struct signing *s = CONTAINER(job, struct signing, job);
	struct slice tbs = REQUEST(key_sign, s->request)->tbs;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;

	s->n = sizeof s->signature;
	if (c == NULL ||
	    EVP_DigestSignInit(c, &how, s->digest, NULL, s->key) != 1 ||
	    (s->pss &&
	    (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST)
	    != 1)) ||
	    EVP_DigestSign(c, s->signature, &s->n,
	    (const unsigned char *)tbs.p, tbs.n) != 1)
		s->n = 0;
	EVP_MD_CTX_free(c);
	ERR_clear_error();
}

static void
sign_done(struct job *job)
{
	struct signing *s = CONTAINER(job, struct signing, job);
	struct key_sign_out out = {
		.signature = slice_of(s->signature, s->n) };

	if (s->n > 0)
		made++;
	answer(s->request, s->n > 0 ? WIRE_OK : WIRE_BAD, &out);
	EVP_PKEY_free(s->key);
	free(s);
}

static void
deny(struct request *r, const char *why)
{
	denied++;
	LOG(sign_denied, .peer = slice_str(r->from == NULL ? "" :
	    role_name(link_peer(r->from))), .why = slice_str(why));
	answer(r, WIRE_DENIED, NULL);
}

/* The names OpenSSL 3 has for the three digests of TLS 1.2 and 1.3 here. */
static const EVP_MD *
digest_named(struct slice name)
{
	if (slice_eq(name, SLICE("SHA256")) ||
	    slice_eq(name, SLICE("SHA2-256")))
		return EVP_sha256();
	if (slice_eq(name, SLICE("SHA384")) ||
	    slice_eq(name, SLICE("SHA2-384")))
		return EVP_sha384();
	if (slice_eq(name, SLICE("SHA512")) ||
	    slice_eq(name, SLICE("SHA2-512")))
		return EVP_sha512();
	return NULL;
}

/* RFC 8446 4.2.3: in TLS 1.3 RSA signs by PSS only. */
static bool
is_way_known(EVP_PKEY *key, enum shape shape, bool pss)
{
	if (!EVP_PKEY_is_a(key, "RSA"))
		return !pss;
	return pss || shape == SHAPE_TLS12;
}

void
serve_sign(struct request *r)
{
	const struct key_sign_in *in = REQUEST(key_sign, r);
	enum shape shape = shape_of(in->tbs);
	const EVP_MD *digest = digest_named(in->digest);
	EVP_PKEY *key;
	struct signing *s;

	if (shape == SHAPE_NONE || digest == NULL) {
		deny(r, "this is not a handshake");
		return;
	}
	if ((key = key_named(in->spki)) == NULL) {
		answer(r, WIRE_NONE, NULL);
		return;
	}
	if (!is_way_known(key, shape, in->pss != 0)) {
		EVP_PKEY_free(key);
		deny(r, "not the kind of signature TLS has for this key");
		return;
	}
	if (pool_waiting(pool) >= WAITING_MOST) {
		EVP_PKEY_free(key);
		answer(r, WIRE_AGAIN, NULL);
		return;
	}
	s = mem_alloc(sizeof *s);
	*s = (struct signing){ .job.work = sign, .job.done = sign_done,
		.request = r, .key = key, .digest = digest,
		.pss = in->pss != 0 };
	pool_add(pool, &s->job);
}
