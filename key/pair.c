/* A certificate chain and its private key. */
#include "key/key.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/core/log.h"

enum {
	RSA_LEAST = 2048,	/* bits (RFC 9325 4.5) */
	BITS_LEAST = 112,	/* of security: level 2 of OpenSSL */
};

/* Nobody is there to type a passphrase. */
static int
no_passphrase(char *to, int size, int writing, void *arg)
{
	(void)to, (void)size, (void)writing, (void)arg;
	return -1;
}

static const char *
key_read(struct slice path, EVP_PKEY **key)
{
	struct slice text;
	const char *fault = file_text(path, true, &text);
	BIO *pem;

	if (fault == NULL) {
		pem = BIO_new_mem_buf(text.p, (int)text.n);
		*key = PEM_read_bio_PrivateKey(pem, NULL, no_passphrase, NULL);
		BIO_free(pem);
		if (*key == NULL)
			fault = "no private key in it that can be read "
			    "without a passphrase";
		ERR_clear_error();
	}
	return fault;
}

STACK_OF(X509) *
chain_parse(struct slice pem)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	STACK_OF(X509) *chain = sk_X509_new_null();
	X509 *next;

	while ((next = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL)
		sk_X509_push(chain, next);
	ERR_clear_error();	/* the end of the text counts as one */
	BIO_free(in);
	return chain;
}

/* Only the certificates are written anew: the same file may hold the key. */
static void
chain_write(STACK_OF(X509) *chain, struct buf *to)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *p;
	long n;

	for (int i = 0; i < sk_X509_num(chain); i++)
		PEM_write_bio_X509(out, sk_X509_value(chain, i));
	n = BIO_get_mem_data(out, &p);
	buf_add(to, p, (size_t)n);
	BIO_free(out);
}

/* What the talkers' OpenSSL refuses at its security level 2.  Nobody looks at
   the signature of a certificate that is its own authority. */
static bool
is_strong(X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	int bits;

	if (key == NULL || EVP_PKEY_get_security_bits(key) < BITS_LEAST)
		return false;
	return (X509_get_extension_flags(x) & EXFLAG_SS) != 0 ||
	    (X509_get_signature_info(x, NULL, NULL, &bits, NULL) == 1 &&
	    bits >= BITS_LEAST);
}

/* RFC 5246 7.4.2: each certificate must certify the one before it.  Some
   clients forgive another order and some do not. */
static const char *
chain_fault(STACK_OF(X509) *chain)
{
	static char said[96];

	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);

		if (!is_strong(x))
			return "a certificate has a weak key, or a signature "
			    "made with a weak hash";
		if (i == 0 || (X509_check_issued(x, sk_X509_value(chain,
		    i - 1)) == X509_V_OK && X509_verify(sk_X509_value(chain,
		    i - 1), X509_get0_pubkey(x)) == 1))
			continue;
		snprintf(said, sizeof said, "wrong order: its certificate %d "
		    "is not the issuer of certificate %d", i + 1, i);
		return said;
	}
	return NULL;
}

static const char *
chain_read(struct slice path, STACK_OF(X509) **chain)
{
	struct slice text;
	const char *fault = file_text(path, false, &text);

	if (fault != NULL)
		return fault;
	*chain = chain_parse(text);
	return sk_X509_num(*chain) == 0 ? "no certificate in it" : NULL;
}

/* Of the server's own certificate, which must come first. */
static const char *
fit_fault(STACK_OF(X509) *chain, EVP_PKEY *key)
{
	if (X509_check_private_key(sk_X509_value(chain, 0), key) == 1)
		return NULL;
	for (int i = 1; i < sk_X509_num(chain); i++)
		if (X509_check_private_key(sk_X509_value(chain, i), key) == 1)
			return "wrong order: the key is that of a later "
			    "certificate, the server's own must be the first";
	return "the key is not that of the first certificate";
}

/* What the talkers' provider can sign with (tls_key.c, RFC 9325). */
static bool
is_kind_known(EVP_PKEY *key)
{
	char group[32] = "";

	if (EVP_PKEY_is_a(key, "RSA"))
		return EVP_PKEY_get_bits(key) >= RSA_LEAST;
	return EVP_PKEY_is_a(key, "EC") &&
	    EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
	    (strcmp(group, "prime256v1") == 0 ||
	    strcmp(group, "secp384r1") == 0);
}

static bool
spki_hash(X509 *leaf, unsigned char *to)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
	bool good = n > 0 && EVP_Digest(der, (size_t)n, to, NULL, EVP_sha256(),
	    NULL) == 1;

	OPENSSL_free(der);
	return good;
}

static uint64_t
ms_of(const ASN1_TIME *t)
{
	struct tm tm;
	time_t seconds;

	if (ASN1_TIME_to_tm(t, &tm) != 1 || (seconds = timegm(&tm)) < 0)
		return 0;
	return (uint64_t)seconds * 1000;
}

const char *
pair_untimely(const struct pair *p)
{
	uint64_t now = (uint64_t)time(NULL) * 1000;

	if (now > p->until)
		return "expired";
	return now < p->since ? "not valid yet" : NULL;
}

static void
pair_tell(const struct pair *p, X509 *leaf)
{
	char name[256] = "", kind[32], until[32] = "";
	time_t seconds = (time_t)(p->until / 1000);
	struct tm tm;

	X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName,
	    name, sizeof name);
	snprintf(kind, sizeof kind, "%s-%d", EVP_PKEY_get0_type_name(p->key),
	    EVP_PKEY_get_bits(p->key));
	LOG(key_loaded, .chain = slice_str(p->chain_path),
	    .kind = slice_str(kind), .subject = slice_str(name));
	if ((uint64_t)seconds >= (uint64_t)time(NULL))
		return;
	if (gmtime_r(&seconds, &tm) != NULL)
		strftime(until, sizeof until, "%Y-%m-%d %H:%M:%S UTC", &tm);
	LOG(key_expired, .chain = slice_str(p->chain_path),
	    .until = slice_str(until));
}

static const char *
pair_fault(struct pair *p, const struct certificate *c, STACK_OF(X509) **chain)
{
	const char *why;

	if ((why = chain_read(c->chain, chain)) != NULL ||
	    (why = key_read(c->key, &p->key)) != NULL ||
	    (why = fit_fault(*chain, p->key)) != NULL)
		return why;
	if (!is_kind_known(p->key))
		return "neither RSA of 2048 bits or more, nor ECDSA with "
		    "P-256 or P-384";
	if ((why = chain_fault(*chain)) == NULL &&
	    !spki_hash(sk_X509_value(*chain, 0), p->spki))
		why = "its public key cannot be read";
	return why;
}

bool
pair_read(struct pair *p, const struct certificate *c, const char **why)
{
	STACK_OF(X509) *chain = NULL;
	X509 *leaf;

	*p = (struct pair){ .chain_path = mem_str(c->chain) };
	*why = pair_fault(p, c, &chain);
	ERR_clear_error();
	if (*why == NULL) {
		leaf = sk_X509_value(chain, 0);
		p->since = ms_of(X509_get0_notBefore(leaf));
		p->until = ms_of(X509_get0_notAfter(leaf));
		chain_write(chain, &p->pem);
		pair_tell(p, leaf);
	} else
		pair_free(p);
	sk_X509_pop_free(chain, X509_free);
	return *why == NULL;
}

bool
pair_copy(struct pair *to, const struct pair *from)
{
	*to = *from;
	to->chain_path = mem_str(slice_str(from->chain_path));
	to->pem = (struct buf){ 0 };
	buf_slice(&to->pem, buf_view(&from->pem));
	return EVP_PKEY_up_ref(to->key) == 1;
}

/* OpenSSL wipes the numbers of a private key when the last reference ends. */
void
pair_free(struct pair *p)
{
	EVP_PKEY_free(p->key);
	buf_free(&p->pem);
	free(p->chain_path);
	*p = (struct pair){ 0 };
}
