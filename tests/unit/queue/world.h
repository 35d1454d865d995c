/*
 * world.h - a queue with a mem engine, driven over real links by a fake smtpd
 * and fake mdas, all on one loop.  crash() is kill -9 of queue: its links end,
 * its memory goes, what the engine had not answered is lost, a new life begins.
 */
#ifndef TESTS_QUEUE_WORLD_H
#define TESTS_QUEUE_WORLD_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/log.h"
#include "queue/message.h"
#include "queue/queue.h"
#include "queue/route.h"
#include "queue/schedule.h"
#include "queue/spool.h"
#include "queue/stats.h"
#include "tests/unit/suite.h"

enum { MDAS = 8, RELAYS = 2, JOBS = 256, ANSWERS = 256 };

/* The answer to one submit or commit. */
struct heard {
	bool		 got;
	enum wire_status status;
	uint64_t	 id;
	size_t		 n;
	struct wire_verdict v[8];
	char		 texts[8][128];
};

/* One job that an mda was given. */
struct given {
	uint64_t	 id, low_water, size;
	size_t		 n;
	uint32_t	 number[8];
	char		 address[8][64];
	bool		 expired;
	struct buf	 body, token;
	char		 destination[64], return_path[64];
	int		 fd;
	int		 mda;
};

static struct engine	*engine;
static struct engine	*(*world_open)(void) = engine_open_mem;
static struct link	*smtpd, *submission, *mda[MDAS], *ctl,
			*relay[RELAYS];
static struct conf	 conf;
static uint64_t		 test_time;
static struct given	 jobs[JOBS];
static size_t		 n_jobs;
static struct heard	 heard[ANSWERS];
static size_t		 n_asked;
static size_t		 done_ok, done_again, relay_none, relay_denied;
static struct buf	 world_log;

static uint64_t
test_clock(void)
{
	return test_time;
}

static void
world_keep_log(const char *line, size_t n)
{
	buf_add(&world_log, line, n);
}

/* At least so many turns of the loop, however loaded the machine is. */
enum { TURNS = 8 };

struct run {
	struct timer	 timer;
	unsigned	 turns;
	uint64_t	 until;
};

static void
run_on(struct timer *t)
{
	struct run *r = CONTAINER(t, struct run, timer);

	if (++r->turns >= TURNS && loop_clock() >= r->until)
		loop_stop();
	else
		timer_set(t, loop_clock() + 1);
}

static void
run(uint64_t ms)
{
	struct run r = { .timer.fire = run_on, .until = loop_clock() + ms };

	timer_set(&r.timer, loop_clock() + 1);
	loop_run();
}

static struct link *
connect_instance(enum role role, unsigned instance)
{
	struct link *asks = link_new(ROLE_QUEUE, 0, LINK_LASTING);
	struct link *answers = link_new(role, instance, LINK_ONCE);
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	link_attach(asks, pair[0]);
	link_serve(answers);
	link_attach(answers, pair[1]);
	return asks;
}

static struct link *
connect_as(enum role role)
{
	return connect_instance(role, 0);
}

static void
hang_up(struct link **l)
{
	if (*l != NULL)
		link_close(*l);
	*l = NULL;
	run(3);
}

static void
connect_all(void)
{
	smtpd = connect_as(ROLE_SMTPD);
	submission = connect_as(ROLE_SUBMISSION);
	ctl = connect_as(ROLE_CTL);
	mda[0] = connect_as(ROLE_MDA);
	run(2);
}

static void
hang_up_all(void)
{
	hang_up(&smtpd);
	hang_up(&submission);
	hang_up(&ctl);
	for (int i = 0; i < MDAS; i++)
		hang_up(&mda[i]);
	for (int i = 0; i < RELAYS; i++)
		hang_up(&relay[i]);
}

static void
forget_jobs(void)
{
	for (size_t i = 0; i < n_jobs; i++) {
		buf_free(&jobs[i].body);
		buf_free(&jobs[i].token);
		if (jobs[i].fd > 0)
			close(jobs[i].fd);
	}
	memset(jobs, 0, sizeof jobs);
	n_jobs = 0;
}

static inline void
setup(void)
{
	test_time = 1700000000000u;
	queue_clock = test_clock;
	log_init("queue", LOG_DEBUG);
	log_divert(world_keep_log);
	buf_clear(&world_log);
	loop_init();
	link_identity(ROLES);
	memset(heard, 0, sizeof heard);
	n_asked = 0;
	done_ok = done_again = relay_none = relay_denied = 0;
	conf = (struct conf){ .message_max = 50000000, .hold_time = 2000,
		.hold_memory = 64000000, .retry_first = 300000,
		.retry_most = 14400000, .expire_after = 432000000,
		.destination_max = 20, .smarthost_max = 20, .workers = { [ROLE_RELAY] = 1 },
		.server_name = SLICE("mx.example.org") };
	queue_limits(&conf);
	route_load(&conf);
	queue_setup();
	engine = world_open();
	queue_open(engine);
	connect_all();
}

static inline void
teardown(void)
{
	hang_up_all();
	queue_forget();
	engine_close(engine);
	forget_jobs();
	log_divert(NULL);
	buf_free(&world_log);
}

/* kill -9 of queue, and its new life one second later. */
static inline void
crash(void)
{
	engine_mem_hold(engine, true);
	hang_up_all();
	engine_mem_crash(engine);
	queue_forget();
	test_time += 1000;
	queue_open(engine);
	connect_all();
}

/* Time goes by. */
static inline void
pass(uint64_t ms)
{
	test_time += ms;
	schedule_look();
	run(5);
}

static inline bool
logged(const char *what)
{
	return strstr(buf_cstr(&world_log), what) != NULL;
}

/* ---- smtpd */

static void
keep_verdicts(struct heard *h, const struct wire_verdict *v, size_t n)
{
	h->n = n;
	for (size_t i = 0; i < n && i < 8; i++) {
		h->v[i].outcome = v[i].outcome;
		snprintf(h->texts[i], sizeof h->texts[i], "%.*s %.*s",
		    (int)v[i].code.n, v[i].code.p, (int)v[i].text.n,
		    v[i].text.p);
	}
}

static void
hear_submit(void *arg, enum wire_status status, const void *out)
{
	const struct queue_submit_out *o = out;
	struct heard *h = arg;

	h->got = true;
	h->status = status;
	if (o == NULL)
		return;
	h->id = o->id;
	keep_verdicts(h, o->verdicts, o->n_verdicts);
}

struct letter {
	const char	*from, *to[4], *token, *body;
	bool		 remote[4], each, once;
	uint8_t		 sender, notify, ret;
	const char	*envid, *orcpt;
	struct link	*by;
};

static struct wire_recipient	letter_to[4];

static size_t
address(const struct letter *l)
{
	size_t n = 0;

	for (; n < 4 && l->to[n] != NULL; n++)
		letter_to[n] = (struct wire_recipient){
			.address = slice_str(l->to[n]),
			.local = !l->remote[n], .notify = l->notify,
			.orcpt = slice_str(l->orcpt) };
	return n;
}

/* Returns where the answer will be. */
static inline struct heard *
submit(const struct letter *l)
{
	struct queue_submit_in in = { .return_path = slice_str(l->from),
		.sender = l->sender, .each = l->each, .once = l->once,
		.token = slice_str(l->token), .session = 7, .ret = l->ret,
		.envid = slice_str(l->envid),
		.recipients = letter_to, .n_recipients = address(l),
		.before = SLICE("Received: by mx id "), .after = SLICE("\r\n"),
		.body = l->body == NULL ?
		    SLICE("Subject: hi\r\nMessage-ID: <1@x>\r\n\r\nhello\r\n") :
		    slice_str(l->body) };
	struct heard *h = &heard[n_asked++];

	ck_assert_uint_le(n_asked, ANSWERS);
	link_call(l->by != NULL ? l->by : smtpd, WIRE_queue_submit, &in, 0,
	    hear_submit, h);
	run(5);
	return h;
}

#define SUBMIT(...) submit(&(struct letter){ .from = "s@remote.example", \
	__VA_ARGS__ })

static void
hear_commit(void *arg, enum wire_status status, const void *out)
{
	const struct queue_commit_out *o = out;
	struct heard *h = arg;

	h->got = true;
	h->status = status;
	if (o == NULL)
		return;
	h->id = o->id;
	keep_verdicts(h, o->verdicts, o->n_verdicts);
}

static void
hear_begin(void *arg, enum wire_status status, const void *out)
{
	const struct queue_begin_out *o = out;

	ck_assert_int_eq(status, WIRE_OK);
	*(uint64_t *)arg = o->id;
}

/* queue_begin; our end of the socket in *fd. */
static inline uint64_t
begin(const struct letter *l, int *fd)
{
	struct queue_begin_in in = { .return_path = slice_str(l->from),
		.sender = l->sender, .each = l->each, .once = l->once,
		.recipients = letter_to, .n_recipients = address(l) };
	uint64_t id = 0;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	in.fd = pair[1];
	*fd = pair[0];
	link_call(smtpd, WIRE_queue_begin, &in, 0, hear_begin, &id);
	run(3);
	ck_assert(id != 0);
	return id;
}

static inline struct heard *
commit(uint64_t id, uint64_t size, const char *token)
{
	struct queue_commit_in in = { .id = id, .size = size,
		.token = slice_str(token),
		.before = SLICE("Received: by mx id "), .after = SLICE("\r\n") };
	struct heard *h = &heard[n_asked++];

	link_call(smtpd, WIRE_queue_commit, &in, 0, hear_commit, h);
	run(5);
	return h;
}

/* From somebody else. */
#define SUBMIT_FROM(path, ...) submit(&(struct letter){ .from = path,	\
	__VA_ARGS__ })
#define FAR(...)	SUBMIT(.remote = { true, true, true, true },	\
	.sender = SENDER_AUTHENTICATED, .by = submission, __VA_ARGS__)

/* ---- mda */

static void
hear_job(void *arg, enum wire_status status, const void *out)
{
	const struct queue_next_out *o = out;
	struct given *g;

	if (status != WIRE_OK)
		return;
	ck_assert_uint_lt(n_jobs, JOBS);
	g = &jobs[n_jobs++];
	g->mda = *(int *)arg;
	g->id = o->id;
	g->low_water = o->low_water;
	g->size = o->size;
	g->n = o->n_recipients;
	g->fd = o->fd;
	buf_slice(&g->body, o->body);
	buf_slice(&g->token, o->token);
	snprintf(g->destination, sizeof g->destination, "%.*s",
	    (int)o->destination.n, o->destination.p);
	snprintf(g->return_path, sizeof g->return_path, "%.*s",
	    (int)o->return_path.n, o->return_path.p);
	for (size_t i = 0; i < g->n && i < 8; i++) {
		g->number[i] = o->recipients[i].number;
		g->expired |= o->recipients[i].expired != 0;
		snprintf(g->address[i], sizeof g->address[i], "%.*s",
		    (int)o->recipients[i].address.n,
		    o->recipients[i].address.p);
	}
}

/* Credits of one mda; jobs they bring are behind jobs[]. */
static inline void
next(int which, unsigned credits)
{
	static int names[MDAS] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	struct queue_next_in in = { .work = WORK_LOCAL };

	if (mda[which] == NULL)
		mda[which] = connect_as(ROLE_MDA);
	while (credits-- > 0)
		link_call(mda[which], WIRE_queue_next, &in, 0, hear_job,
		    &names[which]);
	run(5);
}

static void
hear_done(void *arg, enum wire_status status, const void *out)
{
	(void)arg;
	(void)out;
	done_ok += status == WIRE_OK;
	done_again += status == WIRE_AGAIN;
}

static void
report(int which, uint64_t id, struct wire_result *results, size_t n)
{
	struct queue_done_in in = { .id = id, .results = results,
		.n_results = n };

	link_call(mda[which], WIRE_queue_done, &in, 0, hear_done, NULL);
	run(5);
}

/* ---- relays */

static void
hear_relay_job(void *arg, enum wire_status status, const void *out)
{
	relay_none += status == WIRE_NONE;
	relay_denied += status == WIRE_DENIED;
	hear_job(arg, status, out);
}

static void
hear_relay_hello(void *arg, enum wire_status status, const void *out)
{
	(void)out;
	*(enum wire_status *)arg = status;
}

/* A new connection of this relay, which still holds the first n of held. */
static inline void
relay_hello(int which, struct wire_held *held, size_t n)
{
	struct queue_relay_in in = { .jobs = held, .n_jobs = n };
	enum wire_status status = WIRE_STATUSES;

	hang_up(&relay[which]);
	relay[which] = connect_instance(ROLE_RELAY, (unsigned)which);
	link_call(relay[which], WIRE_queue_relay, &in, 0, hear_relay_hello,
	    &status);
	run(5);
	ck_assert_int_eq(status, WIRE_OK);
}

/* Credits of a relay; to: NULL for any destination. */
static inline void
relay_next(int which, const char *to, unsigned credits)
{
	static int names[RELAYS] = { 0, 1 };
	struct queue_next_in in = { .work = WORK_REMOTE,
		.destination = slice_str(to) };

	if (relay[which] == NULL)
		relay_hello(which, NULL, 0);
	while (credits-- > 0)
		link_call(relay[which], WIRE_queue_next, &in, 0,
		    hear_relay_job, &names[which]);
	run(5);
}

static inline void
relay_report(int which, uint64_t id, struct wire_result *results, size_t n)
{
	struct queue_done_in in = { .id = id, .results = results,
		.n_results = n };

	link_call(relay[which], WIRE_queue_done, &in, 0, hear_done, NULL);
	run(5);
}

/* What a host said about one recipient. */
static inline void
relay_done(int which, uint64_t id, uint32_t number, enum outcome outcome)
{
	struct wire_result r = { .number = number,
		.outcome = (uint8_t)outcome,
		.remote = SLICE("mx.remote.example [192.0.2.9]") };

	if (outcome == OUTCOME_STORED)
		r.text = SLICE("250 2.0.0 taken");
	else if (outcome == OUTCOME_REFUSED) {
		r.code = SLICE("5.1.1");
		r.text = SLICE("550 5.1.1 nobody of that name");
	} else {
		r.code = SLICE("4.7.1");
		r.text = SLICE("451 4.7.1 greylisted");
	}
	relay_report(which, id, &r, 1);
}

/* Nobody could be reached. */
static inline void
relay_away(int which, uint64_t id, uint32_t number)
{
	struct wire_result r = { .number = number, .outcome = OUTCOME_LATER,
		.scope = SCOPE_DESTINATION, .code = SLICE("4.4.1"),
		.text = SLICE("connection timed out") };

	relay_report(which, id, &r, 1);
}

static inline void
done(int which, uint64_t id, uint32_t number, enum outcome outcome)
{
	struct wire_result r = { .number = number,
		.outcome = (uint8_t)outcome };

	if (outcome == OUTCOME_REFUSED || outcome == OUTCOME_FULL) {
		r.code = SLICE("5.2.2");
		r.text = SLICE("mailbox full");
	} else if (outcome == OUTCOME_LATER)
		r.text = SLICE("store is away");
	report(which, id, &r, 1);
}

static inline void
became(int which, uint64_t id, uint32_t number, const char *a, const char *b)
{
	struct wire_forward to[2] = { { .address = slice_str(a) },
		{ .address = slice_str(b) } };
	struct wire_result r = { .number = number, .outcome = OUTCOME_BECAME,
		.became = to, .n_became = b == NULL ? 1 : 2 };

	report(which, id, &r, 1);
}

static inline const char *
body_of(struct given *g)
{
	return buf_cstr(&g->body);
}

#define ck_heard(h, i, want) do {					\
	ck_assert((h)->got);						\
	ck_assert_int_eq((h)->status, WIRE_OK);				\
	ck_assert_int_eq((h)->v[i].outcome, want);			\
} while (0)

#endif
