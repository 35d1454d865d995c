/*
 * world.h - relay between a queue and a resolver of the test's own, in one
 * loop, and a remote server in a child process that plays a script.
 *
 * Each test has a process to itself (check forks), so everything here is
 * begun once and never ended.
 */
#ifndef TESTS_UNIT_RELAY_WORLD_H
#define TESTS_UNIT_RELAY_WORLD_H

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/daemon.h"
#include "common/core/log.h"
#include "common/mail/rdata.h"
#include "common/task/task.h"
#include "relay/relay.h"

enum { SERVERS = 4, LEASES = 16, RCPTS = 64, RECORDS = 64, HELD = 32768 };

struct told {				/* what was reported of a recipient */
	struct slice	 address;
	struct wire_result result;
	unsigned	 times;
};

struct record {				/* of the DNS */
	struct slice	 name;
	enum rr		 type;
	enum dns	 result;
	struct slice	 data;
};

static struct {
	struct conf	 conf;
	struct arena	 arena;		/* for as long as the test */
	int		 doors[SERVERS];	/* 127.0.0.1 to .4, listening */
	uint16_t	 port;

	struct queue_next_out leases[LEASES];
	size_t		 given, n_leases;
	struct request	*credit;	/* a queue_next that waits */
	struct told	 told[RCPTS];
	size_t		 n_told, asked_more;

	unsigned	 hellos;	/* queue_relay, the last page of it */
	unsigned	 pages;
	struct wire_held held[HELD];	/* in the last hello */
	size_t		 n_held;
	bool		 deaf;		/* queue_done is not answered */
	struct request	*unanswered;
	bool		 dies;		/* ... but the link ends, once */

	struct record	 dns[RECORDS];
	size_t		 n_dns;
	struct link	*serving[ROLES];
	pid_t		 remote;	/* 0: none */
	int		 remote_status;
	struct timer	 look;
	uint64_t	 end;		/* when to give up */
} world;

/* ---- the queue */

static inline void
credit_lost(struct request *r)
{
	world.credit = NULL;
	answer(r, WIRE_GONE, NULL);
}

static inline void
give(struct request *r)
{
	struct queue_next_out *l = &world.leases[world.given++];

	answer(r, WIRE_OK, l);
}

static inline void
fake_next(struct request *r)
{
	const struct queue_next_in *in = REQUEST(queue_next, r);
	bool left = world.given < world.n_leases;

	ck_assert_uint_eq(in->work, WORK_REMOTE);
	ck_assert_uint_gt(world.hellos, 0);
	if (in->destination.n > 0) {
		world.asked_more++;
		if (left && slice_eq(in->destination,
		    world.leases[world.given].destination))
			give(r);
		else
			answer(r, WIRE_NONE, NULL);
	} else if (left)
		give(r);
	else {
		world.credit = r;
		r->lost = credit_lost;
	}
}

static inline struct slice
address_of(uint64_t id, uint32_t number)
{
	for (size_t i = 0; i < world.n_leases; i++)
		for (size_t k = 0; world.leases[i].id == id &&
		    k < world.leases[i].n_recipients; k++)
			if (world.leases[i].recipients[k].number == number)
				return world.leases[i].recipients[k].address;
	ck_abort_msg("a result of nobody");
}

static inline struct told *
told_of(struct slice address)
{
	for (size_t i = 0; i < world.n_told; i++)
		if (slice_eq(world.told[i].address, address))
			return &world.told[i];
	return NULL;
}

static inline void
tell(uint64_t id, const struct wire_result *r)
{
	struct slice address = address_of(id, r->number);
	struct told *t = told_of(address);

	if (t == NULL) {
		ck_assert_uint_lt(world.n_told, RCPTS);
		t = &world.told[world.n_told++];
		t->address = address;
	}
	t->times++;
	t->result = *r;
	t->result.code = arena_slice(&world.arena, r->code);
	t->result.text = arena_slice(&world.arena, r->text);
	t->result.remote = arena_slice(&world.arena, r->remote);
}

static inline void
fake_done(struct request *r)
{
	const struct queue_done_in *in = REQUEST(queue_done, r);

	for (size_t i = 0; !world.dies && i < in->n_results; i++)
		tell(in->id, &in->results[i]);
	if (world.dies) {
		world.dies = false;
		link_close(r->from);
	}
	if (world.deaf)
		world.unanswered = r;
	else
		answer(r, WIRE_OK, NULL);
}

static inline void
fake_relay(struct request *r)
{
	const struct queue_relay_in *in = REQUEST(queue_relay, r);

	if (world.pages++ == 0)
		world.n_held = 0;
	ck_assert_uint_le(world.n_held + in->n_jobs, HELD);
	for (size_t i = 0; i < in->n_jobs; i++)
		world.held[world.n_held++] = in->jobs[i];
	if (!in->more) {
		world.hellos++;
		world.pages = 0;
	}
	answer(r, WIRE_OK, NULL);
}

/* ---- the resolver */

static inline void
dns_add(const char *name, enum rr type, enum dns result, struct slice data)
{
	ck_assert_uint_lt(world.n_dns, RECORDS);
	world.dns[world.n_dns++] = (struct record){
		arena_slice(&world.arena, slice_str(name)), type, result,
		arena_slice(&world.arena, data) };
}

static inline void
dns_mx(const char *name, unsigned preference, const char *host)
{
	struct dname d;
	struct buf data = { 0 };

	ck_assert(dname_parse(slice_str(host), &d));
	buf_char(&data, (char)(preference >> 8));
	buf_char(&data, (char)preference);
	buf_add(&data, d.wire, d.n);
	dns_add(name, RR_MX, DNS_FOUND, buf_view(&data));
	buf_free(&data);
}

static inline void
dns_address(const char *name, const char *text)
{
	char data[16];
	bool six = strchr(text, ':') != NULL;

	ck_assert(inet_pton(six ? AF_INET6 : AF_INET, text, data) == 1);
	dns_add(name, six ? RR_AAAA : RR_A, DNS_FOUND,
	    slice_of(data, six ? 16 : 4));
}

static inline void
fake_query(struct request *r)
{
	const struct dns_query_in *in = REQUEST(dns_query, r);
	struct dns_query_out out = { .result = DNS_NXDOMAIN,
		.canonical = in->name };

	out.answers = arena_array(&r->arena, RECORDS, sizeof *out.answers);
	for (size_t i = 0; i < world.n_dns; i++) {
		const struct record *d = &world.dns[i];

		if (!slice_ieq(d->name, in->name))
			continue;
		if (d->type != in->type) {
			if (out.result == DNS_NXDOMAIN)
				out.result = DNS_NODATA;
			continue;
		}
		out.result = (uint8_t)d->result;
		if (d->result == DNS_FOUND)
			out.answers[out.n_answers++].data = d->data;
	}
	answer(r, WIRE_OK, &out);
}

/* ---- birth */

static inline void
world_join(enum role role)
{
	struct link *serving = link_new(ROLE_RELAY, 0, LINK_ONCE);
	int fds[2];

	ck_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	world.serving[role] = serving;
	link_serve(serving);
	link_attach(serving, fds[0]);
	link_attach(daemon_link(role, 0), fds[1]);
}

/* Listening sockets on one port of several loopback addresses. */
static inline void
world_doors(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;
	int on = 1;

	for (unsigned i = 0; i < SERVERS; i++) {
		world.doors[i] = socket(AF_INET, SOCK_STREAM, 0);
		setsockopt(world.doors[i], SOL_SOCKET, SO_REUSEADDR, &on,
		    sizeof on);
		a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i);
		ck_assert(bind(world.doors[i], (struct sockaddr *)&a,
		    sizeof a) == 0);
		ck_assert(listen(world.doors[i], 16) == 0);
		ck_assert(getsockname(world.doors[i], (struct sockaddr *)&a,
		    &n) == 0);
	}
	world.port = ntohs(a.sin_port);
}

static inline void
world_log(const char *line, size_t n)
{
	if (getenv("LOUD") != NULL || memmem(line, n, " error ", 7) != NULL)
		(void)!write(2, line, n);
}

/* As queue names where it goes: smarthosts have names of their own. */
static inline struct slice
destination_of(struct slice domain, struct slice return_path)
{
	struct slice from = return_path;
	struct buf name = { 0 };
	const struct smarthost *s;
	struct slice to = domain;

	slice_cut(&from, '@');
	s = smarthost_for(world.conf.smarthosts, world.conf.n_smarthosts,
	    domain, from);
	if (s != NULL) {
		smarthost_name(s, &name);
		to = arena_slice(&world.arena, buf_view(&name));
	}
	buf_free(&name);
	return to;
}

/* As master does, at the start and before a reload. */
static inline void
world_files(void)
{
	for (size_t i = 0; i < world.conf.n_smarthosts; i++) {
		struct slice path = world.conf.smarthosts[i].password;

		if (path.n > 0)
			daemon_role.file(path, open(path.p, O_RDONLY),
			    SLICE("it is not there"));
	}
}

static inline void
world_tick(struct timer *t)
{
	int status;

	if (world.remote > 0 &&
	    waitpid(world.remote, &status, WNOHANG) == world.remote) {
		world.remote = 0;
		world.remote_status = status;
	}
	loop_stop();
	timer_set(t, loop_now() + 5);
}

static inline void
world_start(const char *conf)
{
	struct buf errors = { 0 };
	bool good;

	signal(SIGPIPE, SIG_IGN);
	loop_init();
	log_init("test", LOG_DEBUG);
	log_divert(world_log);
	good = conf_parse(&world.conf, slice_str(conf), "test", &errors) == 0;
	ck_assert_msg(good, "%s", buf_cstr(&errors));
	serve(WIRE_queue_next, fake_next);
	serve(WIRE_queue_done, fake_done);
	serve(WIRE_queue_relay, fake_relay);
	serve(WIRE_dns_query, fake_query);
	for (size_t i = 0; i < world.n_leases; i++)
		world.leases[i].destination = destination_of(
		    world.leases[i].destination, world.leases[i].return_path);
	world_files();
	daemon_role.load(&world.conf);
	daemon_role.start(&world.conf);
	world_join(ROLE_QUEUE);
	world_join(ROLE_RESOLVER);
	world.look.fire = world_tick;
	timer_set(&world.look, 1);
	world.end = loop_clock() + 20 * 1000;
}

/* One turn or some; false: it takes too long. */
static inline bool
world_run(void)
{
	loop_run();
	return loop_clock() < world.end;
}

static inline size_t
world_rcpts(void)
{
	size_t n = 0;

	for (size_t i = 0; i < world.n_leases; i++)
		n += world.leases[i].n_recipients;
	return n;
}

#endif
