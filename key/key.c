/* The role: see key.h. */
#include "key/key.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/daemon.h"
#include "common/core/log.h"

/* All pairs of one reading of the files. */
struct generation {
	struct pair	*pairs;
	size_t		 n;
};

/* Somebody who has these chains and waits for others. */
struct waiting {
	struct node	 node;
	struct request	*request;
};

/* The one before still signs, until the next reload: for handshakes that began
   with its chains, and talkers that have not heard yet. */
static struct generation now, before;
static uint64_t		 version;
static struct node	 waiters;

/* ---- reading */

static void
generation_free(struct generation *g)
{
	for (size_t i = 0; i < g->n; i++)
		pair_free(&g->pairs[i]);
	free(g->pairs);
	*g = (struct generation){ 0 };
}

static const struct pair *
pair_of(const struct generation *g, struct slice chain_path)
{
	for (size_t i = 0; i < g->n; i++)
		if (slice_eq(slice_str(g->pairs[i].chain_path), chain_path))
			return &g->pairs[i];
	return NULL;
}

/* One pair of the new generation.  What cannot be used, or has expired, does
   not replace what can.  False: there is nothing to serve for it. */
static bool
pair_renew(struct pair *p, const struct certificate *c)
{
	const struct pair *old = pair_of(&now, c->chain);
	const char *why;

	if (pair_read(p, c, &why)) {
		if (!p->expired || old == NULL || old->expired)
			return true;
		why = "expired; the one before stays";
		pair_free(p);
	}
	LOG(key_unusable, .chain = c->chain, .key = c->key,
	    .why = slice_str(why));
	return old != NULL && pair_copy(p, old);
}

static bool
generation_read(struct generation *g, const struct conf *conf)
{
	bool whole = true;

	*g = (struct generation){ .pairs = mem_array(conf->n_certificates,
	    sizeof *g->pairs) };
	for (size_t i = 0; i < conf->n_certificates; i++)
		if (pair_renew(&g->pairs[g->n], &conf->certificates[i]))
			g->n++;
		else
			whole = false;
	files_forget();
	return whole;
}

/* They travel in one frame. */
static bool
generation_fits(const struct generation *g)
{
	size_t all = 0;

	for (size_t i = 0; i < g->n; i++)
		all += g->pairs[i].pem.n + 64;
	return all <= WIRE_FRAME_MAX - 1024;
}

/* The same chains have the same version, also in the next life of this
   process: talkers then keep what they have. */
static uint64_t
version_of(const struct generation *g)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned char hash[EVP_MAX_MD_SIZE];
	uint64_t v;

	EVP_DigestInit_ex(c, EVP_sha256(), NULL);
	for (size_t i = 0; i < g->n; i++)
		EVP_DigestUpdate(c, g->pairs[i].pem.p, g->pairs[i].pem.n);
	EVP_DigestFinal_ex(c, hash, NULL);
	EVP_MD_CTX_free(c);
	memcpy(&v, hash, sizeof v);
	return v == 0 ? 1 : v;	/* 0 is what a talker has at first */
}

EVP_PKEY *
key_named(struct slice spki)
{
	const struct generation *const all[] = { &now, &before };

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < all[k]->n; i++) {
			const struct pair *p = &all[k]->pairs[i];

			if (slice_eq(slice_of(p->spki, SPKI_HASH), spki))
				return EVP_PKEY_up_ref(p->key) == 1 ?
				    p->key : NULL;
		}
	return NULL;
}

/* ---- chains */

static void
chains_answer(struct request *r)
{
	struct key_chains_out out = { .version = version,
		.chains = arena_array(&r->arena, now.n + 1,
		    sizeof *out.chains), .n_chains = now.n };

	for (size_t i = 0; i < now.n; i++)
		out.chains[i] = (struct wire_chain){
			.spki = slice_of(now.pairs[i].spki, SPKI_HASH),
			.pem = buf_view(&now.pairs[i].pem) };
	answer(r, WIRE_OK, &out);
}

static void
waiter_gone(struct request *r)
{
	struct waiting *w = r->owner;

	list_del(&w->node);
	free(w);
	answer(r, WIRE_GONE, NULL);
}

static void
serve_chains(struct request *r)
{
	struct waiting *w;

	if (REQUEST(key_chains, r)->version != version) {
		chains_answer(r);
		return;
	}
	w = mem_zero(sizeof *w);
	w->request = r;
	r->owner = w;
	r->lost = waiter_gone;
	list_push(&waiters, &w->node);
}

static void
waiters_answer(void)
{
	struct node *n;

	while ((n = list_pop(&waiters)) != NULL) {
		struct waiting *w = CONTAINER(n, struct waiting, node);

		chains_answer(w->request);
		free(w);
	}
}

/* ---- life */

static void
load(const struct conf *conf)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_NO_ATEXIT, NULL);
	secrets_begin(2 * conf->n_certificates);
	list_init(&waiters);
}

/* At the start all must be right: nobody is served with half of the names. */
static void
start(const struct conf *conf)
{
	if (!generation_read(&now, conf))
		fatal("a certificate or key cannot be used");
	if (!generation_fits(&now))
		fatal("the certificates are longer than %d bytes",
		    WIRE_FRAME_MAX);
	version = version_of(&now);
	serve(WIRE_key_chains, serve_chains);
	serve(WIRE_key_sign, serve_sign);
}

static void
threads_open(const struct conf *conf)
{
	(void)conf;
	sign_open();
}

static void
reload(const struct conf *conf, struct buf *restart)
{
	struct generation fresh;

	(void)restart;
	generation_read(&fresh, conf);
	if (!generation_fits(&fresh)) {
		LOG(key_unusable, .why = SLICE("too long, all together"));
		generation_free(&fresh);
		return;
	}
	generation_free(&before);
	before = now;
	now = fresh;
	if (version_of(&now) != version) {
		version = version_of(&now);
		waiters_answer();
	}
}

static void
end(void)
{
	sign_close();
	generation_free(&now);
	generation_free(&before);
}

static void
stats(struct figures *f)
{
	figure_add(f, "certificates", now.n);
	figure_add(f, "signatures", signatures_made());
	figure_add(f, "signatures_denied", signatures_denied());
}

const struct daemon daemon_role = {
	.name = "key",
	.file = file_given,
	.load = load,
	.open = threads_open,
	.start = start,
	.reload = reload,
	.end = end,
	.stats = stats,
};
