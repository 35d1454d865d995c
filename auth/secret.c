#include "auth/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/core/log.h"

static unsigned char process_key[32];

static void *
ssl_alloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return n == 0 ? NULL : mem_alloc(n);
}

static void
ssl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static void *
ssl_grow(void *p, size_t n, const char *file, int line)
{
	if (n > 0)
		return mem_grow(p, n);
	ssl_free(p, file, line);
	return NULL;
}

void
secret_init(void)
{
	unsigned char hash[SECRET_HASH];

	if (getrandom(process_key, sizeof process_key, 0) !=
	    (ssize_t)sizeof process_key)
		fatal("getrandom");
	/* Memory that is refused to OpenSSL ends the process, too: it does not
	   look everywhere.  (Once it has begun, it keeps what it has.) */
	CRYPTO_set_mem_functions(ssl_alloc, ssl_grow, ssl_free);
	/* OpenSSL reads its files at the first use. */
	secret_hash(NULL, 0, hash);
}

void
keyed_hash(struct slice key, const struct slice *parts, size_t n,
    unsigned char hash[SECRET_HASH])
{
	struct buf b = { 0 };
	unsigned length;
	size_t room = 1;

	for (size_t i = 0; i < n; i++)
		room += sizeof parts[i].n + parts[i].n;
	buf_reserve(&b, room);	/* growing would leave copies behind */
	for (size_t i = 0; i < n; i++) {
		buf_add(&b, &parts[i].n, sizeof parts[i].n);
		buf_slice(&b, parts[i]);
	}
	if (HMAC(EVP_sha256(), key.p, (int)key.n, (unsigned char *)b.p,
	    b.n, hash, &length) == NULL || length != SECRET_HASH)
		fatal("HMAC-SHA256 failed");
	mem_wipe(b.p, b.n);
	buf_free(&b);
}

void
secret_hash(const struct slice *parts, size_t n,
    unsigned char hash[SECRET_HASH])
{
	keyed_hash(slice_of(process_key, sizeof process_key), parts, n, hash);
}

uint64_t
secret_number(const struct slice *parts, size_t n)
{
	unsigned char hash[SECRET_HASH];
	uint64_t v;

	secret_hash(parts, n, hash);
	memcpy(&v, hash, sizeof v);
	return v == 0 ? 1 : v;
}
