#include "auth/auth.h"

#include "auth/forward.h"
#include "auth/gone.h"
#include "auth/remember.h"
#include "auth/session.h"
#include "auth/shard.h"
#include "auth/usage.h"
#include "common/core/log.h"
#include "common/core/terms.h"

enum {
	PENALTIES = 16384,		/* entries */
	NUMBERS_SKIPPED = 1 << 20,	/* more than a log's record holds */
};

struct auth auth;

void
auth_configure(const struct conf *c)
{
	auth.rules = (struct rules){ .separator = c->separator,
		.postmaster = c->postmaster, .server_name = c->server_name };
	auth.quota = c->quota;
}

static void
number_skipped(void *arg, enum engine_status status)
{
	(void)arg;
	if (status != ENGINE_OK)
		fatal("the numbers of users cannot be written");
	engine_mended(auth.engine);
}

/* Rot in the log may have taken the newest users: their numbers lead to their
   mail, and must not be given to others.  Commits end in order, so nobody has
   a number before this one is durable. */
static void
numbers_skip(struct engine *e)
{
	struct buf key = { 0 }, value = { 0 };
	struct engine_figures f;
	struct txn *t;

	engine_figures(e, &f);
	if (f.lost == 0)
		return;
	auth.dir.last += NUMBERS_SKIPPED;
	row_key(&key, ROW_LAST, slice_of("", 0));
	row_last_put(&value, auth.dir.last);
	t = txn_begin(e, ROWS_UNIT);
	txn_put(t, ENGINE_ROWS, buf_view(&key), buf_view(&value), 0);
	txn_small(t);
	txn_commit(t, number_skipped, NULL);
	buf_free(&key);
	buf_free(&value);
}

bool
auth_begin(struct engine *e)
{
	auth.engine = e;
	auth.penalties = penalties_new(PENALTIES, 1000);
	directory_load(&auth.dir, e);
	LOG(accounts_read, .domains = auth.dir.n_domains,
	    .users = auth.dir.n_users, .aliases = auth.dir.n_aliases);
	if (!shards_suffice())
		return false;
	numbers_skip(e);
	forward_begin();
	ask_serve();
	login_serve();
	session_serve();
	admin_serve();
	domain_serve();
	user_serve();
	alias_serve();
	list_serve();
	usage_begin();
	gone_begin();
	return true;
}

void
auth_end(void)
{
	gone_end();
	usage_end();
	session_end_all();
	remember_drop_all();
	directory_free(&auth.dir);
	penalties_free(auth.penalties);
}

uint64_t
user_limit(const struct user *u)
{
	if (u->row.limit == LIMIT_NONE)
		return 0;
	return u->row.limit != 0 ? u->row.limit : auth.quota;
}

bool
user_is_full(const struct user *u)
{
	uint64_t limit = user_limit(u);

	return limit != 0 && u->used >= limit;
}

void
busy_begin(void)
{
	auth.busy++;
}

void
busy_end(void)
{
	if (--auth.busy == 0 && auth.idle != NULL)
		auth.idle();
}
