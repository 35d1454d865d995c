/*
 * An OpenSSL provider whose private keys are in another process.
 *
 * It has two key types and two signatures and nothing else.  A key of it is a
 * public key of the default provider, to which all questions about sizes and
 * groups go, and the name (SPKI hash) under which the key process has the
 * private one.  A TLS handshake gives the bytes to be signed to `sign`,
 * which makes a call; the task sleeps in it, inside SSL_accept.
 *
 * Found out the hard way (and needed):
 *  - The default provider comes first and stays preferred ("?provider"), or
 *    ephemeral keys of the handshake are looked for here, where none can be
 *    made.
 *  - Without import and match a certificate and its key do not compare.
 *  - There is no export: OpenSSL would sign with the exported public copy.
 *  - Only one-shot digest_sign: it alone sees the bytes and not their hash.
 */
#include "common/task/tls_private.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "common/core/log.h"

enum { SIGN_WAIT = 4000 };	/* ms, twice: a handshake may take 10 s */

#define PROVIDER	"postino"
#define PROPERTY	"provider=" PROVIDER
#define PARAM_SPKI	"postino-spki"

struct remote_key {
	const char	*type;		/* "RSA" or "EC" */
	EVP_PKEY	*public;	/* of the default provider */
	unsigned char	 spki[SPKI_HASH];
	bool		 private;	/* spki names a key that can sign */
};

struct signing {
	struct remote_key *key;		/* borrowed: OpenSSL holds it longer */
	char		 digest[16];
	bool		 pss;
};

static struct link	*key_link;

void
key_provider_link(struct link *l)
{
	key_link = l;
}

/* ---- keys */

static void *
rsa_new(void *provider)
{
	struct remote_key *k = mem_zero(sizeof *k);

	(void)provider;
	k->type = "RSA";
	return k;
}

static void *
ec_new(void *provider)
{
	struct remote_key *k = mem_zero(sizeof *k);

	(void)provider;
	k->type = "EC";
	return k;
}

static void
key_free(void *key)
{
	struct remote_key *k = key;

	if (k == NULL)
		return;
	EVP_PKEY_free(k->public);
	free(k);
}

static int
key_has(const void *key, int selection)
{
	const struct remote_key *k = key;

	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && !k->private)
		return 0;
	return k->public != NULL;
}

static int
key_match(const void *a, const void *b, int selection)
{
	const struct remote_key *x = a, *y = b;

	(void)selection;
	return x->public != NULL && y->public != NULL &&
	    EVP_PKEY_eq(x->public, y->public) == 1;
}

static EVP_PKEY *
public_from(const char *type, const OSSL_PARAM *params)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type,
	    "provider=default");
	EVP_PKEY *key = NULL;
	/* It is only read, but OpenSSL's prototype forgot to say so. */
	union { const OSSL_PARAM *in; OSSL_PARAM *out; } p = { .in = params };

	if (c == NULL || EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, p.out) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(c);
	return key;
}

static int
key_import(void *key, int selection, const OSSL_PARAM params[])
{
	struct remote_key *k = key;
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, PARAM_SPKI);
	void *spki = k->spki;
	size_t n;

	(void)selection;
	if (p != NULL)
		k->private = OSSL_PARAM_get_octet_string(p, &spki,
		    sizeof k->spki, &n) == 1 && n == sizeof k->spki;
	EVP_PKEY_free(k->public);
	k->public = public_from(k->type, params);
	return k->public != NULL;
}

static const OSSL_PARAM *
rsa_import_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_octet_string(PARAM_SPKI, NULL, 0),
		OSSL_PARAM_END
	};

	(void)selection;
	return types;
}

static const OSSL_PARAM *
ec_import_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_octet_string(PARAM_SPKI, NULL, 0),
		OSSL_PARAM_END
	};

	(void)selection;
	return types;
}

static int
key_get_params(void *key, OSSL_PARAM params[])
{
	struct remote_key *k = key;

	return k->public != NULL && EVP_PKEY_get_params(k->public, params);
}

static const OSSL_PARAM *
key_gettable_params(void *provider)
{
	static const OSSL_PARAM table[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL,
		    0),
		OSSL_PARAM_utf8_string(
		    OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0),
		OSSL_PARAM_END
	};

	(void)provider;
	return table;
}

/* Which signature a key type is for. */
static const char *
rsa_signature(int operation)
{
	(void)operation;
	return "RSA";
}

static const char *
ec_signature(int operation)
{
	(void)operation;
	return "ECDSA";
}

/* ---- signatures */

static void *
signing_new(void *provider, const char *properties)
{
	(void)provider, (void)properties;
	return mem_zero(sizeof(struct signing));
}

static void
signing_free(void *signing)
{
	free(signing);
}

static void *
signing_dup(void *signing)
{
	return memcpy(mem_alloc(sizeof(struct signing)), signing,
	    sizeof(struct signing));
}

/* Salt as long as the digest, MGF1 with the same digest: in TLS there is
   nothing else (RFC 8446 4.2.3), so those two parameters are not looked at. */
static int
signing_set(void *signing, const OSSL_PARAM params[])
{
	struct signing *s = signing;
	const OSSL_PARAM *p = params == NULL ? NULL :
	    OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	int mode = 0;

	if (p == NULL)
		return 1;
	if (p->data_type == OSSL_PARAM_UTF8_STRING)
		mode = strcmp(p->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0 ?
		    RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
	else if (OSSL_PARAM_get_int(p, &mode) != 1)
		return 0;
	s->pss = mode == RSA_PKCS1_PSS_PADDING;
	return s->pss || mode == RSA_PKCS1_PADDING;
}

static const OSSL_PARAM *
signing_settable(void *signing, void *provider)
{
	static const OSSL_PARAM table[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL,
		    0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL,
		    0),
		OSSL_PARAM_END
	};

	(void)signing, (void)provider;
	return table;
}

static int
sign_init(void *signing, const char *digest, void *key,
    const OSSL_PARAM params[])
{
	struct signing *s = signing;

	s->key = key;
	if (key == NULL || !s->key->private || digest == NULL ||
	    strlen(digest) >= sizeof s->digest)
		return 0;
	strcpy(s->digest, digest);
	return signing_set(s, params);
}

/* A key process that dies takes the call with it, but nothing else: the next
   one may be asked again. */
static bool
ask_signature(const struct key_sign_in *in, struct key_sign_out *out,
    struct arena *arena)
{
	enum wire_status status = WIRE_GONE;

	for (int i = 0; i < 2 && status == WIRE_GONE && key_link != NULL; i++)
		status = key_sign(key_link, in, out, arena, SIGN_WAIT);
	return status == WIRE_OK;
}

/* The task sleeps here.  Meanwhile others leave their errors in the queue of
   this thread, which would be taken for this handshake's. */
static int
sign(void *signing, unsigned char *to, size_t *n, size_t room,
    const unsigned char *tbs, size_t tbs_n)
{
	const struct signing *s = signing;
	struct key_sign_in in = {
		.spki = slice_of(s->key->spki, sizeof s->key->spki),
		.digest = slice_str(s->digest), .pss = s->pss,
		.tbs = slice_of(tbs, tbs_n) };
	struct key_sign_out out;
	struct arena arena = { 0 };
	bool good;

	if (to == NULL) {
		*n = (size_t)EVP_PKEY_get_size(s->key->public);
		return 1;
	}
	good = ask_signature(&in, &out, &arena) && out.signature.n > 0 &&
	    out.signature.n <= room;
	ERR_clear_error();
	if (good) {
		memcpy(to, out.signature.p, out.signature.n);
		*n = out.signature.n;
	}
	arena_free(&arena);
	return good;
}

/* ---- the tables OpenSSL looks into */

#define ROW(id, fn)	{ OSSL_FUNC_##id, (void (*)(void))fn }

#define KEY_ROWS(type)						\
	ROW(KEYMGMT_NEW, type##_new),				\
	ROW(KEYMGMT_FREE, key_free),				\
	ROW(KEYMGMT_HAS, key_has),				\
	ROW(KEYMGMT_MATCH, key_match),				\
	ROW(KEYMGMT_IMPORT, key_import),			\
	ROW(KEYMGMT_IMPORT_TYPES, type##_import_types),		\
	ROW(KEYMGMT_GET_PARAMS, key_get_params),		\
	ROW(KEYMGMT_GETTABLE_PARAMS, key_gettable_params),	\
	ROW(KEYMGMT_QUERY_OPERATION_NAME, type##_signature),	\
	{ 0, NULL }

static const OSSL_DISPATCH rsa_rows[] = { KEY_ROWS(rsa) };
static const OSSL_DISPATCH ec_rows[] = { KEY_ROWS(ec) };

static const OSSL_DISPATCH signing_rows[] = {
	ROW(SIGNATURE_NEWCTX, signing_new),
	ROW(SIGNATURE_FREECTX, signing_free),
	ROW(SIGNATURE_DUPCTX, signing_dup),
	ROW(SIGNATURE_DIGEST_SIGN_INIT, sign_init),
	ROW(SIGNATURE_DIGEST_SIGN, sign),
	ROW(SIGNATURE_SET_CTX_PARAMS, signing_set),
	ROW(SIGNATURE_SETTABLE_CTX_PARAMS, signing_settable),
	{ 0, NULL }
};

static const OSSL_ALGORITHM key_types[] = {
	{ "RSA:rsaEncryption", PROPERTY, rsa_rows, "RSA, elsewhere" },
	{ "EC:id-ecPublicKey", PROPERTY, ec_rows, "EC, elsewhere" },
	{ NULL, NULL, NULL, NULL }
};

static const OSSL_ALGORITHM signatures[] = {
	{ "RSA:rsaEncryption", PROPERTY, signing_rows, "RSA, elsewhere" },
	{ "ECDSA", PROPERTY, signing_rows, "ECDSA, elsewhere" },
	{ NULL, NULL, NULL, NULL }
};

static const OSSL_ALGORITHM *
query(void *provider, int operation, int *no_cache)
{
	(void)provider;
	*no_cache = 0;
	return operation == OSSL_OP_KEYMGMT ? key_types :
	    operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int
provider_init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **provider)
{
	static const OSSL_DISPATCH rows[] = {
		ROW(PROVIDER_QUERY_OPERATION, query), { 0, NULL } };

	(void)in;
	*out = rows;
	*provider = (void *)(uintptr_t)core;
	return 1;
}

void
key_provider_load(void)
{
	static bool loaded;

	if (loaded)
		return;
	if (OSSL_PROVIDER_load(NULL, "default") == NULL ||
	    OSSL_PROVIDER_add_builtin(NULL, PROVIDER, provider_init) != 1 ||
	    OSSL_PROVIDER_load(NULL, PROVIDER) == NULL ||
	    EVP_set_default_properties(NULL, "?provider=default") != 1)
		fatal("OpenSSL's providers: %s", tls_error());
	loaded = true;
}

EVP_PKEY *
key_remote(X509 *leaf, struct slice spki)
{
	EVP_PKEY *public = X509_get0_pubkey(leaf), *key = NULL;
	unsigned char hash[SPKI_HASH];
	OSSL_PARAM name[] = {
		OSSL_PARAM_octet_string(PARAM_SPKI, hash, sizeof hash),
		OSSL_PARAM_END };
	OSSL_PARAM *params = NULL, *all = NULL;
	EVP_PKEY_CTX *c;

	if (public == NULL || spki.n != sizeof hash ||
	    (!EVP_PKEY_is_a(public, "RSA") && !EVP_PKEY_is_a(public, "EC")))
		return NULL;
	memcpy(hash, spki.p, sizeof hash);
	c = EVP_PKEY_CTX_new_from_name(NULL,
	    EVP_PKEY_is_a(public, "RSA") ? "RSA" : "EC", PROPERTY);
	if (c == NULL ||
	    EVP_PKEY_todata(public, EVP_PKEY_PUBLIC_KEY, &params) != 1 ||
	    (all = OSSL_PARAM_merge(params, name)) == NULL ||
	    EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &key, EVP_PKEY_KEYPAIR, all) != 1)
		key = NULL;
	OPENSSL_free(all);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(c);
	return key;
}
