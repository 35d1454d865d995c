/*
 * Who has which chains.
 *
 * A talker asks with the version that it has, and gets its answer when there
 * is another.  It asks again as soon as it uses what it got; so whose last
 * question names the version of now begins no handshake with older chains.
 */
#include "key/key.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/log.h"

enum { LATE = 5000 };		/* ms until a reload is answered anyway */

struct talker {
	struct node	 node;
	uint64_t	 version;
	struct request	*waits;		/* for other chains; NULL: not yet */
};

/* A reload that is not known to be in force everywhere. */
struct taking {
	struct node	 node;
	struct request	*request;
	struct timer	 timer;
	unsigned	 refused;
};

static uint64_t		 version;
static struct node	 talkers, takings;

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

/* ---- in force */

unsigned
talkers_late(void)
{
	unsigned n = 0;

	LIST_EACH(node, &talkers)
		n += CONTAINER(node, struct talker, node)->version != version;
	return n;
}

static void
taken(struct taking *t)
{
	struct key_reload_out out = { .refused = t->refused,
		.late = talkers_late() };

	LOG(key_applied, .refused = out.refused, .late = out.late);
	list_del(&t->node);
	timer_stop(&t->timer);
	answer(t->request, WIRE_OK, &out);
	free(t);
}

static void
taken_late(struct timer *timer)
{
	taken(CONTAINER(timer, struct taking, timer));
}

static void
look_whether_taken(void)
{
	while (!list_empty(&takings) && talkers_late() == 0)
		taken(CONTAINER(takings.next, struct taking, node));
}

void
serve_reload(struct request *r)
{
	struct taking *t = mem_zero(sizeof *t);

	t->request = r;
	t->refused = pairs_renew();
	t->timer.fire = taken_late;
	timer_set(&t->timer, loop_now() + LATE);
	list_push(&takings, &t->node);
	look_whether_taken();
}

/* ---- chains */

static void
chains_answer(struct request *r)
{
	const struct generation *g = &generation;
	struct key_chains_out out = { .version = version,
		.chains = arena_array(&r->arena, g->n + 1,
		    sizeof *out.chains), .n_chains = g->n };

	for (size_t i = 0; i < g->n; i++)
		out.chains[i] = (struct wire_chain){
			.spki = slice_of(g->pairs[i].spki, SPKI_HASH),
			.pem = buf_view(&g->pairs[i].pem) };
	answer(r, WIRE_OK, &out);
}

static void
talker_gone(struct link *l)
{
	struct talker *t = link_owner(l);

	link_own(l, NULL);
	list_del(&t->node);
	free(t);
	look_whether_taken();
}

static void
request_gone(struct request *r)
{
	struct talker *t = r->owner;

	t->waits = NULL;
	answer(r, WIRE_GONE, NULL);
}

static struct talker *
talker_of(struct link *l)
{
	struct talker *t = link_owner(l);

	if (t != NULL)
		return t;
	t = mem_zero(sizeof *t);
	link_own(l, t);
	link_on_end(l, talker_gone);
	list_push(&talkers, &t->node);
	return t;
}

void
serve_chains(struct request *r)
{
	struct talker *t = talker_of(r->from);

	t->version = REQUEST(key_chains, r)->version;
	if (t->version != version || t->waits != NULL) {
		chains_answer(r);
		return;
	}
	t->waits = r;
	r->owner = t;
	r->lost = request_gone;
	look_whether_taken();
}

void
chains_changed(void)
{
	uint64_t fresh = version_of(&generation);

	if (fresh == version)
		return;
	version = fresh;
	LIST_EACH(n, &talkers) {
		struct talker *t = CONTAINER(n, struct talker, node);
		struct request *r = t->waits;

		t->waits = NULL;
		if (r != NULL)
			chains_answer(r);
	}
}

void
chains_open(void)
{
	list_init(&talkers);
	list_init(&takings);
}
