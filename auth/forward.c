#include "auth/forward.h"

#include <sys/random.h>
#include <time.h>

#include "auth/auth.h"
#include "common/core/log.h"

static struct srs_key	 fresh;		/* on its way to the disk */
static bool		 making;

static uint64_t
today(void)
{
	return (uint64_t)time(NULL) / (24 * 3600);
}

/* ---- the secret */

static void
secret_done(void *arg, enum engine_status status)
{
	(void)arg;
	making = false;
	if (status == ENGINE_OK) {
		auth.dir.srs = fresh;
		auth.dir.has_srs = true;
	} else if (status != ENGINE_FULL)
		fatal("the secret of return paths was lost");
	mem_wipe(&fresh, sizeof fresh);
}

/* If the disk is full it is made when it is needed. */
void
forward_begin(void)
{
	struct buf key = { 0 }, value = { .secret = true };
	struct txn *t;

	if (auth.dir.has_srs || making)
		return;
	making = true;
	if (getrandom(fresh.bytes, sizeof fresh.bytes, 0) !=
	    (ssize_t)sizeof fresh.bytes)
		fatal("getrandom");
	row_key(&key, ROW_SECRET, slice_of("", 0));
	row_secret_put(&value, &fresh);
	t = txn_begin(auth.engine, ROWS_UNIT);
	txn_put(t, ENGINE_ROWS, buf_view(&key), buf_view(&value), 0);
	buf_free(&key);
	buf_free(&value);
	txn_commit(t, secret_done, NULL);
}

/* ---- both ways */

static bool
is_ours(const struct directory *d, struct slice domain)
{
	const struct domain *o = directory_domain(d, domain);

	return o != NULL && o->live;
}

/* A report must find its way back here: the domain the mail was for or, if it
   was for <postmaster> alone, another of ours. */
static struct slice
domain_of(const struct directory *d, const struct rules *rules,
    const struct addr *to)
{
	if (is_ours(d, to->domain))
		return to->domain;
	if (is_ours(d, rules->server_name) || d->first == NULL)
		return rules->server_name;
	return d->first->domain->name;
}

bool
forward_path(const struct directory *d, const struct rules *rules,
    struct arena *arena, struct slice return_path, const struct addr *to,
    struct slice *path)
{
	struct addr sender;

	if (return_path.n == 0 || !address_read(arena, return_path, &sender) ||
	    sender.domain.n == 0 || is_ours(d, sender.domain))
		return true;
	if (!d->has_srs) {
		forward_begin();
		return false;
	}
	*path = srs_make(arena, &d->srs, &sender, domain_of(d, rules, to),
	    today());
	if (path->n == 0)
		LOG(sender_too_long, .sender = return_path,
		    .rcpt = addr_text(arena, to));
	return true;
}

enum srs
forward_sender(const struct directory *d, struct arena *arena,
    const struct addr *a, struct slice *sender)
{
	return d->has_srs ? srs_read(arena, &d->srs, a->local, today(),
	    sender) : SRS_NOT;
}
