#include "store/store.h"

#include <unistd.h>

#include "common/core/daemon.h"
#include "common/core/log.h"
#include "common/engine/serve.h"
#include "store/body.h"
#include "store/fetch.h"
#include "store/known.h"
#include "store/mend.h"
#include "store/session.h"
#include "store/undelete.h"
#include "store/usage.h"

struct store store = { .users_max = 4096, .kept_most = 100000,
	.entries_least = 2000 };

bool
request_bare(struct request *r)
{
	const int *fd = r->in;	/* the first field of every _in struct */

	if (*fd <= 0)
		return true;
	close(*fd);
	answer(r, WIRE_BAD, NULL);
	return false;
}

void
store_open(struct engine *e)
{
	store.engine = e;
	if (!known_open() || !usage_open())
		fatal("the mailboxes cannot be read");
	mend_begin();
	append_serve();
	body_serve();
	session_serve();
	open_serve();
	list_serve();
	sync_serve();
	flags_serve();
	keywords_serve();
	expunge_serve();
	fetch_serve();
	copy_serve();
	box_append_serve();
	names_serve();
	tree_serve();
	usage_serve();
	undelete_serve();
	drop_serve();
}

void
store_close(void)
{
	sweep_close();
	sessions_close();
	users_forget();
	mend_close();
	usage_close();
	known_close();
	store.engine = NULL;
}

/* ---- the role */

static void
limits(const struct conf *c)
{
	store.message_max = c->message_max;
	store.undelete = c->undelete;
	store.homes[0] = (struct home){ ATTRIBUTE_ARCHIVE, c->archive };
	store.homes[1] = (struct home){ ATTRIBUTE_DRAFTS, c->drafts };
	store.homes[2] = (struct home){ ATTRIBUTE_JUNK, c->junk };
	store.homes[3] = (struct home){ ATTRIBUTE_SENT, c->sent };
	store.homes[4] = (struct home){ ATTRIBUTE_TRASH, c->trash };
}

static void
open_engine(const struct conf *c)
{
	const struct engine_conf ec = { .dir = ".", .cache = c->cache,
		.segment = c->segment, .floor = c->free_floor, .readers = 4,
		.linger = c->linger };

	store.engine = engine_open_file(&ec);
}

static void
start(const struct conf *c)
{
	limits(c);
	store_open(store.engine);
	sweep_open();
	engine_serve(store.engine, daemon_again);
}

static void
reload(const struct conf *c, struct buf *restart)
{
	(void)restart;
	limits(c);
	engine_floor(store.engine, c->free_floor);
}

static void
end(void)
{
	struct engine *e = store.engine;

	engine_close(e);
	store_close();
}

static void
stats(struct figures *f)
{
	struct engine_figures e;

	engine_figures(store.engine, &e);
	figure_add(f, "stored", store.stored);
	figure_add(f, "refused", store.refused);
	figure_add(f, "known", store.known);
	figure_add(f, "stale", store.stale);
	figure_add(f, "expunged", store.expunged);
	figure_add(f, "fetched", store.fetched);
	figure_add(f, "sessions", sessions_count());
	figure_add(f, "users_in_memory", users_count());
	figure_add(f, "bodies_coming", bodies_count());
	figure_add(f, "bodies_going", streams_count());
	figure_add(f, "commits", e.commits);
	figure_add(f, "groups", e.groups);
	figure_add(f, "syncs", e.syncs);
	figure_add(f, "bytes_written", e.bytes);
	figure_add(f, "segments", e.segments);
	figure_add(f, "bytes_live", e.live);
	figure_add(f, "bytes_dead", e.dead);
	figure_add(f, "records_replayed", e.replayed);
	figure_add(f, "records_quarantined", e.quarantined);
}

static void
one_session(void *arg, const struct session *s)
{
	struct buf name = { 0 };

	buf_str(&name, "channel of user ");
	buf_u64(&name, s->user->id);
	figure_session(arg, buf_view(&name), SLICE("the session"), 0,
	    s->number);
	buf_free(&name);
}

static void
who(struct figures *f)
{
	sessions_who(one_session, f);
}

const struct daemon daemon_role = {
	.name = "store",
	.open = open_engine,
	.start = start,
	.reload = reload,
	.end = end,
	.stats = stats,
	.who = who,
};
