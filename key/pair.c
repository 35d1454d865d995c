/* A certificate chain and its private key. */
#include "key/key.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/core/log.h"

enum { RSA_LEAST = 2048 };	/* bits (RFC 9325 4.5) */

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

/* Only the certificates are written anew: the same file may hold the key. */
static X509 *
certificates_read(struct slice text, struct buf *to)
{
	BIO *in = BIO_new_mem_buf(text.p, (int)text.n);
	BIO *out = BIO_new(BIO_s_mem());
	X509 *leaf = NULL, *next;
	char *p;
	long n;

	while ((next = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		PEM_write_bio_X509(out, next);
		if (leaf == NULL)
			leaf = next;
		else
			X509_free(next);
	}
	ERR_clear_error();
	n = BIO_get_mem_data(out, &p);
	buf_add(to, p, (size_t)n);
	BIO_free(in);
	BIO_free(out);
	return leaf;
}

static const char *
chain_read(struct slice path, X509 **leaf, struct buf *to)
{
	struct slice text;
	const char *fault = file_text(path, false, &text);

	if (fault == NULL && (*leaf = certificates_read(text, to)) == NULL)
		fault = "no certificate in it";
	return fault;
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

static void
time_tell(const char *path, X509 *leaf)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *p;
	long n;

	ASN1_TIME_print(out, X509_get0_notAfter(leaf));
	n = BIO_get_mem_data(out, &p);
	LOG(key_expired, .chain = slice_str(path),
	    .until = slice_of(p, (size_t)n));
	BIO_free(out);
}

static void
pair_tell(const char *path, X509 *leaf, EVP_PKEY *key)
{
	char name[256] = "", kind[32];

	X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName,
	    name, sizeof name);
	snprintf(kind, sizeof kind, "%s-%d", EVP_PKEY_get0_type_name(key),
	    EVP_PKEY_get_bits(key));
	LOG(key_loaded, .chain = slice_str(path), .kind = slice_str(kind),
	    .subject = slice_str(name));
}

bool
pair_read(struct pair *p, const struct certificate *c, const char **why)
{
	X509 *leaf = NULL;

	*p = (struct pair){ .chain_path = mem_str(c->chain) };
	if ((*why = chain_read(c->chain, &leaf, &p->pem)) != NULL ||
	    (*why = key_read(c->key, &p->key)) != NULL)
		;
	else if (X509_check_private_key(leaf, p->key) != 1)
		*why = "the key is not that of the first certificate";
	else if (!is_kind_known(p->key))
		*why = "neither RSA of 2048 bits or more, nor ECDSA with "
		    "P-256 or P-384";
	else if (!spki_hash(leaf, p->spki))
		*why = "its public key cannot be read";
	ERR_clear_error();
	if (*why == NULL) {
		p->expired = X509_cmp_current_time(
		    X509_get0_notAfter(leaf)) < 0;
		pair_tell(p->chain_path, leaf, p->key);
		if (p->expired)
			time_tell(p->chain_path, leaf);
	} else
		pair_free(p);
	X509_free(leaf);
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
