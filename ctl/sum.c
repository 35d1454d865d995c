#include "ctl/sum.h"

#include <openssl/evp.h>

#include "common/core/codec.h"
#include "common/core/log.h"

void
sum_begin(struct sum *s)
{
	s->state = EVP_MD_CTX_new();
	if (s->state == NULL ||
	    EVP_DigestInit_ex(s->state, EVP_sha256(), NULL) != 1)
		fatal("SHA-256");
}

void
sum_add(struct sum *s, struct slice bytes)
{
	if (EVP_DigestUpdate(s->state, bytes.p, bytes.n) != 1)
		fatal("SHA-256");
}

void
sum_end(struct sum *s, char out[SUM_TEXT + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct buf hex = { 0 };
	unsigned n = 0;

	if (EVP_DigestFinal_ex(s->state, digest, &n) != 1 ||
	    2 * n != SUM_TEXT)
		fatal("SHA-256");
	EVP_MD_CTX_free(s->state);
	hex_encode(&hex, slice_of(digest, n));
	memcpy(out, buf_cstr(&hex), SUM_TEXT + 1);
	buf_free(&hex);
}

void
sum_so_far(const struct sum *s, char out[SUM_TEXT + 1])
{
	struct sum copy = { .state = EVP_MD_CTX_new() };

	if (copy.state == NULL ||
	    EVP_MD_CTX_copy_ex(copy.state, s->state) != 1)
		fatal("SHA-256");
	sum_end(&copy, out);
}

void
sum_of(struct slice bytes, char out[SUM_TEXT + 1])
{
	struct sum s;

	sum_begin(&s);
	sum_add(&s, bytes);
	sum_end(&s, out);
}
