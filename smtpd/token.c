#include "smtpd/token.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

#include "common/core/log.h"

enum { KEY_SIZE = 32 };

static unsigned char	key[KEY_SIZE];
static bool		have_key;

void
token_key(struct slice from_queue)
{
	if (from_queue.n != KEY_SIZE)
		return;
	memcpy(key, from_queue.p, KEY_SIZE);
	have_key = true;
}

/* The key goes first and 128 bits of the result are kept, so the hash cannot
   be continued by who does not know it. */
struct token *
token_begin(void)
{
	EVP_MD_CTX *c;

	if (!have_key || (c = EVP_MD_CTX_new()) == NULL)
		return NULL;
	if (EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(c, key, sizeof key) != 1)
		fatal("sha256");
	return (struct token *)c;
}

void
token_add(struct token *t, struct slice s)
{
	if (t != NULL)
		EVP_DigestUpdate((EVP_MD_CTX *)t, s.p, s.n);
}

/* A length before each part keeps "ab","c" and "a","bc" apart. */
static void
add_part(struct token *t, const void *p, size_t n)
{
	uint64_t length = n;

	token_add(t, slice_of(&length, sizeof length));
	token_add(t, slice_of(p, n));
}

/* The user; else the /24 or /64 of the client, since a pool of machines may
   send the retry. */
static void
add_client(struct token *t, const struct session *s)
{
	unsigned char network[16] = { 0 };

	if (s->user != 0)
		add_part(t, &s->user, sizeof s->user);
	else if (inet_pton(AF_INET, conn_peer(s->conn), network) == 1)
		add_part(t, network, 3);
	else if (inet_pton(AF_INET6, conn_peer(s->conn), network) == 1)
		add_part(t, network, 8);
	else
		add_part(t, "local", 5);
}

bool
token_end(struct token *t, const struct session *s,
    unsigned char out[TOKEN_SIZE])
{
	unsigned char whole[EVP_MAX_MD_SIZE];

	if (t == NULL)
		return false;
	add_client(t, s);
	add_part(t, s->tx.return_path.p, s->tx.return_path.n);
	if (EVP_DigestFinal_ex((EVP_MD_CTX *)t, whole, NULL) != 1)
		return false;
	memcpy(out, whole, TOKEN_SIZE);
	return true;
}

void
token_free(struct token *t)
{
	EVP_MD_CTX_free((EVP_MD_CTX *)t);
}

void
token_random(void *to, size_t n)
{
	if (getrandom(to, n, 0) != (ssize_t)n)
		fatal("getrandom");
}
