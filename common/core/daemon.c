#include "common/core/daemon.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/core/alive.h"
#include "common/core/log.h"
#include "common/core/sandbox.h"

enum {
	HEAP_KEPT = 2 * 1024 * 1024,	/* bytes free at the end of the heap */
	MASTER_FD = 3,		/* where master puts our channel to it */
	PEERS_MAX = SHARDS_MAX + ROLES,	/* links on which we ask */
	PAGE_MAX = WIRE_FRAME_MAX / 2,	/* bytes of texts in one answer */
	SLEEPER = 32,		/* ... of a session without its texts */
};

struct figures {
	struct wire_figure	*figures;
	struct wire_sleeper	*sleepers;
	size_t			 n, cap;
	struct arena		*arena;

	/* sessions: a page of them */
	uint64_t		 from, at, next;
	size_t			 bytes;
};

static const enum kind kinds[] = {
#define ROLE(name, NAME, program, kind, user)	KIND_##kind,
#include "common/core/roles.def"
};

static enum role	 self = ROLES;
static unsigned		 own_instance;
static struct conf	*conf;
static struct link	*asked[PEERS_MAX];
static unsigned		 nasked;
static void		(*on_asker)(struct link *);
static bool		 stopping, again;
static uint32_t		 running[ROLES];	/* processes of each role */
static struct timer	 stop_timer;

/* ---- links */

enum role
daemon_self(void)
{
	return self;
}

unsigned
daemon_instance(void)
{
	return own_instance;
}

struct link *
daemon_link(enum role answerer, unsigned instance)
{
	for (unsigned i = 0; i < nasked; i++)
		if (link_peer(asked[i]) == answerer &&
		    link_instance(asked[i]) == instance)
			return asked[i];
	CHECK(nasked < PEERS_MAX);
	return asked[nasked++] = link_new(answerer, instance, LINK_LASTING);
}

void
daemon_on_asker(void (*fn)(struct link *))
{
	on_asker = fn;
}

static void
take_link(struct request *r)
{
	const struct role_link_in *in = REQUEST(role_link, r);
	enum role peer = (enum role)in->peer;
	struct link *l;

	if (in->fd <= 0 || in->peer >= ROLES || self == ROLES) {
		if (in->fd > 0)
			close(in->fd);
		answer(r, WIRE_BAD, NULL);
		return;
	}
	if (in->ask)
		link_attach(daemon_link(peer, in->instance), in->fd);
	else {
		l = link_new(peer, in->instance, LINK_ONCE);
		link_serve(l);
		link_attach(l, in->fd);
		if (on_asker != NULL)
			on_asker(l);
	}
	answer(r, WIRE_OK, NULL);
}

static void
take_ping(struct request *r)
{
	struct role_ping_out out = { 0 };

	for (unsigned i = 0; i < nasked; i++)
		if (link_up(asked[i]))
			continue;
		else if (link_peer(asked[i]) == ROLE_STORE)
			out.stores |= UINT64_C(1) << link_instance(asked[i]);
		else
			out.lost |= UINT64_C(1) << link_peer(asked[i]);
	answer(r, WIRE_OK, &out);
}

static void
take_listen(struct request *r)
{
	const struct role_listen_in *in = REQUEST(role_listen, r);
	bool good = in->fd > 0 && in->service < SERVICES &&
	    daemon_role.listen != NULL && self != ROLES;

	if (good)
		daemon_role.listen(in->fd, (enum service)in->service);
	else if (in->fd > 0)
		close(in->fd);
	answer(r, good ? WIRE_OK : WIRE_BAD, NULL);
}

/* Files come before the configuration that names them. */
static void
take_file(struct request *r)
{
	const struct role_file_in *in = REQUEST(role_file, r);

	if (daemon_role.file != NULL)
		daemon_role.file(in->path, in->fd > 0 ? in->fd : -1, in->why);
	else if (in->fd > 0)
		close(in->fd);
	answer(r, daemon_role.file != NULL ? WIRE_OK : WIRE_BAD, NULL);
}

/* ---- life */

/* The file may have been changed since master began: what it runs is what
   counts. */
static struct conf *
conf_read(struct slice text)
{
	struct conf *c = mem_zero(sizeof *c);
	struct buf errors = { 0 };

	if (conf_parse(c, text, "postino.conf", &errors) == 0) {
		memcpy(c->workers, running, sizeof running);
		buf_free(&errors);
		return c;
	}
	LOG(config_wrong, .what = buf_view(&errors));
	buf_free(&errors);
	conf_free(c);
	free(c);
	return NULL;
}

static void
confine(const struct role_start_in *in)
{
	struct sandbox box = {
		.kind = kinds[self], .drop = in->drop != 0, .uid = in->uid,
		.gid = in->gid, .root = mem_str(in->root), .files = in->files };

	if (daemon_role.load != NULL)
		daemon_role.load(conf);
	sandbox_enter(&box);
	if (daemon_role.open != NULL)
		daemon_role.open(conf);
	sandbox_seal(&box);
}

/* In the log, as in `postino status`: store, store-1. */
static const char *
own_name(void)
{
	static char name[32];

	if (own_instance == 0)
		return role_name(self);
	snprintf(name, sizeof name, "%s-%u", role_name(self), own_instance);
	return name;
}

/* The links it will ask on exist from now, so that ping tells of them. */
static void
links_make(void)
{
	for (unsigned role = 0; role < ROLES; role++) {
		unsigned n = role == ROLE_STORE ? running[role] : 1;

		if (role == ROLE_MASTER ||
		    !wire_connected(self, (enum role)role))
			continue;
		for (unsigned i = 0; i < n; i++)
			daemon_link((enum role)role, i);
	}
}

static void
running_take(const struct role_start_in *in)
{
	for (size_t i = 0; i < in->n_workers; i++)
		if (in->workers[i].role < ROLES)
			running[in->workers[i].role] = in->workers[i].number;
	CHECK(running[ROLE_STORE] <= SHARDS_MAX);
}

static void
take_start(struct request *r)
{
	const struct role_start_in *in = REQUEST(role_start, r);

	if (in->fd > 0)
		alive_begin(in->fd);
	running_take(in);
	if (in->hash != wire_hash())
		fatal("this program and master are of different builds");
	if (self != ROLES || in->role >= ROLES ||
	    (conf = conf_read(in->config)) == NULL)
		fatal("cannot start");
	self = (enum role)in->role;
	own_instance = in->instance;
	link_identity(self);
	log_init(own_name(), conf->log_level);
	links_make();
	confine(in);
	if (daemon_role.start != NULL)
		daemon_role.start(conf);
	LOG(started, .version = SLICE(POSTINO_VERSION),
	    .privileges = in->drop ? SLICE("drop") : SLICE("none"),
	    .landlock = (uint64_t)sandbox_landlock());
	alive_end();
	answer(r, WIRE_OK, NULL);
}

static void
take_config(struct request *r)
{
	struct role_config_out out = { 0 };
	struct buf restart = { 0 };
	struct conf *fresh = self == ROLES ? NULL :
	    conf_read(REQUEST(role_config, r)->config);

	if (fresh == NULL) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	log_init(own_name(), fresh->log_level);
	if (daemon_role.reload != NULL)
		daemon_role.reload(fresh, &restart);
	conf_free(conf);
	free(conf);
	conf = fresh;
	out.restart = buf_view(&restart);
	LOG(config_applied, .restart = out.restart);
	answer(r, WIRE_OK, &out);
	buf_free(&restart);
}

static void
stop_now(struct timer *t)
{
	(void)t;
	loop_stop();
}

/* One more turn of the loop, so that the last answers leave. */
void
daemon_idle(void)
{
	if (stopping)
		timer_set(&stop_timer, loop_now() + 1);
}

bool
daemon_stopping(void)
{
	return stopping;
}

void
daemon_again(void)
{
	again = true;
	stop_timer.fire = stop_now;
	timer_set(&stop_timer, loop_now() + 1);
}

void
daemon_refuse(void)
{
	_exit(EX_CONFIG);
}

static void
take_stop(struct request *r)
{
	stop_timer.fire = stop_now;
	timer_set(&stop_timer, loop_now() + REQUEST(role_stop, r)->ms + 1);
	answer(r, WIRE_OK, NULL);
	if (stopping)
		return;
	stopping = true;
	if (daemon_role.stop != NULL)
		daemon_role.stop();
	else
		daemon_idle();
}

static void
master_gone(struct link *l)
{
	(void)l;
	loop_stop();
}

/* ---- what is seen from outside */

static void
grow(struct figures *f, size_t size, void **rows)
{
	void *bigger;

	if (f->n < f->cap)
		return;
	bigger = arena_array(f->arena, f->cap * 2 + 32, size);
	if (f->n > 0)
		memcpy(bigger, *rows, f->n * size);
	f->cap = f->cap * 2 + 32;
	*rows = bigger;
}

void
figure_add(struct figures *f, const char *name, uint64_t value)
{
	void *rows = f->figures;

	grow(f, sizeof *f->figures, &rows);
	f->figures = rows;
	f->figures[f->n++] = (struct wire_figure){
		.name = slice_str(name), .value = value };
}

void
figure_session(struct figures *f, struct slice name, struct slice waits,
    uint64_t ms, uint64_t session)
{
	void *rows = f->sleepers;
	uint64_t at = f->at++;

	if (at < f->from || f->next != 0)
		return;
	f->bytes += SLEEPER + name.n + waits.n;
	if (f->n == WIRE_LIST_MAX || (f->n > 0 && f->bytes > PAGE_MAX)) {
		f->next = at;
		return;
	}
	grow(f, sizeof *f->sleepers, &rows);
	f->sleepers = rows;
	f->sleepers[f->n++] = (struct wire_sleeper){
		.name = arena_slice(f->arena, name),
		.waits = arena_slice(f->arena, waits),
		.ms = ms, .session = session };
}

/* What every process counts: the budget of doc/INTERNALS.md is kept with
   these. */
static void
add_usage(struct figures *f)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) != 0)
		return;
	figure_add(f, "cpu_us", (uint64_t)(u.ru_utime.tv_sec +
	    u.ru_stime.tv_sec) * 1000000 +
	    (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec));
	/* Those it asked for; the others tell of the neighbours. */
	figure_add(f, "switches", (uint64_t)u.ru_nvcsw);
	figure_add(f, "ipc_sends", link_sends());
}

static void
take_status(struct request *r)
{
	struct figures f = { .arena = &r->arena };
	struct role_status_out out = { 0 };

	add_usage(&f);
	if (daemon_role.stats != NULL)
		daemon_role.stats(&f);
	out.figures = f.figures;
	out.n_figures = f.n;
	answer(r, WIRE_OK, &out);
}

static void
take_who(struct request *r)
{
	struct figures f = { .arena = &r->arena,
		.from = REQUEST(role_who, r)->from };
	struct role_who_out out = { 0 };

	if (daemon_role.who != NULL)
		daemon_role.who(&f);
	out.sleepers = f.sleepers;
	out.n_sleepers = f.n;
	out.next = f.next;
	answer(r, WIRE_OK, &out);
}

int
daemon_run(void)
{
	struct link *master;

	/* Answers of some hundred KiB come and go: their memory is not given
	   back to the kernel each time, which would clear it each time. */
	mallopt(M_MMAP_THRESHOLD, HEAP_KEPT);
	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
	signal(SIGPIPE, SIG_IGN);
	log_init(daemon_role.name, LOG_INFO);
	loop_init();
	serve(WIRE_role_start, take_start);
	serve(WIRE_role_file, take_file);
	serve(WIRE_role_listen, take_listen);
	serve(WIRE_role_link, take_link);
	serve(WIRE_role_config, take_config);
	serve(WIRE_role_ping, take_ping);
	serve(WIRE_role_stop, take_stop);
	serve(WIRE_role_status, take_status);
	serve(WIRE_role_who, take_who);
	master = link_new(ROLE_MASTER, 0, LINK_ONCE);
	link_serve(master);
	link_on_end(master, master_gone);
	link_attach(master, MASTER_FD);
	loop_run();
	if (daemon_role.end != NULL)
		daemon_role.end();
	LOG(stopped, .why = stopping ? SLICE("asked to") : again ?
	    SLICE("to be started anew") : SLICE("master is gone"));
	return 0;
}
