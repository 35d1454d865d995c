/* The role: see key.h. */
#include "key/key.h"

#include <stdlib.h>

#include "common/core/daemon.h"
#include "common/core/log.h"

/* The one before still signs, until the next reload: for handshakes that began
   with its chains, and talkers that have not heard yet. */
struct generation		 generation;
static struct generation	 before;
struct reading			*readings;
size_t				 n_readings;
static const struct conf	*conf;

/* ---- reading */

static void
generation_free(struct generation *g)
{
	for (size_t i = 0; i < g->n; i++)
		pair_free(&g->pairs[i]);
	free(g->pairs);
	*g = (struct generation){ 0 };
}

const struct conf *
key_conf(void)
{
	return conf;
}

const struct pair *
pair_of(const struct generation *g, struct slice chain_path)
{
	for (size_t i = 0; i < g->n; i++)
		if (slice_eq(slice_str(g->pairs[i].chain_path), chain_path))
			return &g->pairs[i];
	return NULL;
}

static void
readings_free(void)
{
	for (size_t i = 0; i < n_readings; i++) {
		free(readings[i].chain);
		free(readings[i].key);
		free(readings[i].fault);
	}
	free(readings);
	readings = NULL;
	n_readings = 0;
}

static void
reading_begin(struct reading *r, const struct certificate *c)
{
	*r = (struct reading){ .chain = mem_str(c->chain),
		.key = mem_str(c->key), .chain_time = file_time(c->chain),
		.key_time = file_time(c->key) };
}

static void
refuse(struct reading *r, const char *why)
{
	LOG(key_unusable, .chain = slice_str(r->chain),
	    .key = slice_str(r->key), .why = slice_str(why));
	free(r->fault);
	r->fault = mem_str(slice_str(why));
}

/* One pair of the new generation.  What cannot be used, or has expired, does
   not replace what can.  False: there is nothing to serve for it. */
static bool
pair_renew(struct pair *p, const struct certificate *c, struct reading *r)
{
	const struct pair *old = pair_of(&generation, c->chain);
	const char *why, *untimely;
	char said[64];

	if (pair_read(p, c, &why)) {
		untimely = pair_untimely(p);
		if (untimely == NULL || old == NULL ||
		    pair_untimely(old) != NULL)
			return true;
		snprintf(said, sizeof said, "%s; the one before stays",
		    untimely);
		why = said;
		pair_free(p);
	}
	refuse(r, why);
	return old != NULL && pair_copy(p, old);
}

static void
generation_read(struct generation *g)
{
	readings_free();
	n_readings = conf->n_certificates;
	readings = mem_array(n_readings, sizeof *readings);
	*g = (struct generation){ .pairs = mem_array(n_readings,
	    sizeof *g->pairs) };
	for (size_t i = 0; i < n_readings; i++) {
		const struct certificate *c = &conf->certificates[i];

		reading_begin(&readings[i], c);
		g->n += pair_renew(&g->pairs[g->n], c, &readings[i]);
	}
	files_forget();
}

static unsigned
refused(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < n_readings; i++)
		n += readings[i].fault != NULL;
	return n;
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

EVP_PKEY *
key_named(struct slice spki)
{
	const struct generation *const all[] = { &generation, &before };

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < all[k]->n; i++) {
			const struct pair *p = &all[k]->pairs[i];

			if (slice_eq(slice_of(p->spki, SPKI_HASH), spki))
				return EVP_PKEY_up_ref(p->key) == 1 ?
				    p->key : NULL;
		}
	return NULL;
}

/* ---- life */

static void
load(const struct conf *c)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_NO_ATEXIT, NULL);
	secrets_begin(2 * c->n_certificates);
	chains_open();
}

/* At the start all must be right: nobody is served with half of the names. */
static void
start(const struct conf *c)
{
	conf = c;
	generation_read(&generation);
	if (refused() > 0)
		fatal("a certificate or key cannot be used");
	if (!generation_fits(&generation))
		fatal("the certificates are longer than %d bytes",
		    WIRE_FRAME_MAX);
	chains_changed();
	serve(WIRE_key_chains, serve_chains);
	serve(WIRE_key_sign, serve_sign);
	serve(WIRE_key_reload, serve_reload);
	serve(WIRE_key_show, serve_show);
}

static void
threads_open(const struct conf *c)
{
	(void)c;
	sign_open();
}

unsigned
pairs_renew(void)
{
	struct generation fresh;

	generation_read(&fresh);
	if (!generation_fits(&fresh)) {
		for (size_t i = 0; i < n_readings; i++)
			refuse(&readings[i], "too long, all together");
		generation_free(&fresh);
		return refused();
	}
	generation_free(&before);
	before = generation;
	generation = fresh;
	chains_changed();
	return refused();
}

static void
reload(const struct conf *c, struct buf *restart)
{
	(void)restart;
	conf = c;
	pairs_renew();
}

static void
end(void)
{
	sign_close();
	generation_free(&generation);
	generation_free(&before);
	readings_free();
}

static void
stats(struct figures *f)
{
	figure_add(f, "certificates", generation.n);
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
