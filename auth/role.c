/* auth as a process. */
#include "auth/auth.h"

#include "auth/login.h"
#include "auth/password.h"
#include "auth/secret.h"
#include "auth/session.h"
#include "common/core/daemon.h"
#include "common/engine/serve.h"

enum {
	SEGMENT = 4 * 1024 * 1024,	/* accounts are small */
	FLOOR = 16 * 1024 * 1024,	/* they may still change when mail is
					   refused for want of room */
};

static struct engine	*engine;

static struct link *
store_link(unsigned shard)
{
	return daemon_link(ROLE_STORE, shard);
}

static void
load(const struct conf *c)
{
	(void)c;
	secret_init();
}

static void
open_engine(const struct conf *c)
{
	struct engine_conf e = { .dir = ".", .cache = c->cache,
		.segment = SEGMENT, .floor = FLOOR, .readers = 1 };

	password_init(0);
	engine = engine_open_file(&e);
}

static void
start(const struct conf *c)
{
	auth_configure(c);
	auth.shards = c->workers[ROLE_STORE];
	auth.store = store_link;
	auth.idle = daemon_idle;
	if (!auth_begin(engine))
		daemon_refuse();
	engine_serve(engine, daemon_again);
}

static void
reload(const struct conf *c, struct buf *restart)
{
	(void)restart;
	auth_configure(c);
}

static void
stop(void)
{
	login_stop();
	if (auth.busy == 0)
		daemon_idle();
}

static void
end(void)
{
	engine_close(engine);
}

static void
stats(struct figures *f)
{
	struct engine_figures e;

	engine_figures(engine, &e);
	figure_add(f, "domains", auth.dir.n_domains);
	figure_add(f, "users", auth.dir.n_users);
	figure_add(f, "aliases", auth.dir.n_aliases);
	figure_add(f, "sessions", session_count());
	figure_add(f, "logins", auth.counts.granted);
	figure_add(f, "logins_remembered", auth.counts.from_memory);
	figure_add(f, "logins_denied", auth.counts.denied);
	figure_add(f, "logins_put_off", auth.counts.put_off);
	figure_add(f, "hashes", password_hashes());
	figure_add(f, "hashes_waiting", password_waiting());
	figure_add(f, "changes", auth.counts.changes);
	figure_add(f, "revoked", auth.counts.revoked);
	figure_add(f, "commits", e.commits);
	figure_add(f, "syncs", e.syncs);
}

const struct daemon daemon_role = {
	.name = "auth",
	.load = load,
	.open = open_engine,
	.start = start,
	.reload = reload,
	.stop = stop,
	.end = end,
	.stats = stats,
};
