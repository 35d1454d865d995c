/*
 * world.h - mda between a queue, an auth and two stores of the test's own.
 *
 * mda's tasks live as long as the process: a program has one world, and each
 * test begins with setup().  At its end every task must wait for a message
 * again; world_run sees to that itself.
 */
#ifndef UNIT_MDA_WORLD_H
#define UNIT_MDA_WORLD_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/daemon.h"
#include "common/core/log.h"
#include "common/task/task.h"
#include "mda/mda.h"
#include "tests/unit/suite.h"

enum { SMALL_BUFFER = 4096, MOST = 64 };

static struct node	 credits;	/* struct credit */
static struct arena	 kept;		/* what the fakes remember */
static unsigned		 done;		/* results reported */
static struct wire_result results[MOST];
static uint64_t		 done_id;

struct credit {
	struct node	 node;
	struct request	*request;
};

/* An address auth knows. */
struct known {
	const char	*address;
	struct auth_route_out out;
};
static const struct known *book;
static size_t		 book_n;
static bool		 auth_deaf;
static struct slice	 asked_path;	/* last */

/* What a store was asked, and how it is to behave. */
struct fake_store {
	struct link	*serving;
	unsigned	 appends, bodies, wrong;
	struct wire_copy copies[MOST];
	size_t		 n_copies;
	struct slice	 body, digest;
	uint64_t	 number, id, low_water, when;
	struct slice	 token;
	uint8_t		 outcome[MOST];	/* by user */
	const char	*text;
	enum wire_status status;	/* of the next appends */
	uint64_t	 dies_after;	/* bytes of a body; 0: not */
	unsigned	 pace;		/* ms between reads; 0: none */
};
static struct fake_store stores[2];

static inline void
credit_lost(struct request *r)
{
	struct credit *c = r->owner;

	list_del(&c->node);
	answer(r, WIRE_GONE, NULL);
}

static inline void
fake_next(struct request *r)
{
	struct credit *c = arena_array(&r->arena, 1, sizeof *c);

	c->request = r;
	r->owner = c;
	r->lost = credit_lost;
	list_push(&credits, &c->node);
	loop_stop();
}

static inline void
fake_done(struct request *r)
{
	const struct queue_done_in *in = REQUEST(queue_done, r);

	done_id = in->id;
	for (size_t i = 0; i < in->n_results; i++) {
		struct wire_result *to = &results[in->results[i].number];

		*to = in->results[i];
		to->code = arena_slice(&kept, to->code);
		to->text = arena_slice(&kept, to->text);
		to->return_path = arena_slice(&kept, to->return_path);
		to->became = arena_array(&kept, to->n_became + 1,
		    sizeof *to->became);
		for (size_t j = 0; j < to->n_became; j++) {
			to->became[j] = in->results[i].became[j];
			to->became[j].address = arena_slice(&kept,
			    to->became[j].address);
		}
		done++;
	}
	answer(r, WIRE_OK, NULL);
	loop_stop();
}

static inline void
fake_route(struct request *r)
{
	struct slice address = REQUEST(auth_route, r)->address;
	struct auth_route_out out = { .route = ROUTE_UNKNOWN };

	asked_path = arena_slice(&kept, REQUEST(auth_route, r)->return_path);

	for (size_t i = 0; i < book_n; i++)
		if (slice_eq(address, slice_str(book[i].address)))
			out = book[i].out;
	if (auth_deaf)
		answer(r, WIRE_AGAIN, NULL);
	else
		answer(r, WIRE_OK, &out);
}

static inline struct fake_store *
store_of(const struct request *r)
{
	return r->from == stores[0].serving ? &stores[0] : &stores[1];
}

static inline void
fake_append(struct request *r)
{
	const struct store_append_in *in = REQUEST(store_append, r);
	struct fake_store *s = store_of(r);
	struct store_append_out out = { .results = arena_array(&r->arena,
		in->n_copies, sizeof *out.results),
		.n_results = in->n_copies };

	s->appends++;
	s->id = in->id;
	s->low_water = in->low_water;
	s->when = in->when;
	s->number = in->number;
	s->token = arena_slice(&kept, in->token);
	s->body = arena_slice(&kept, in->body);
	s->digest = arena_slice(&kept, in->digest);
	s->n_copies = in->n_copies;
	for (size_t i = 0; i < in->n_copies; i++) {
		struct wire_copy *c = &s->copies[i];

		*c = in->copies[i];
		c->head = arena_slice(&kept, c->head);
		c->text = arena_slice(&kept, c->text);
		c->mailbox = arena_slice(&kept, c->mailbox);
		out.results[i].outcome = c->refuse ? OUTCOME_REFUSED :
		    s->outcome[c->user % MOST];
		out.results[i].text = c->refuse ? c->text : slice_str(s->text);
	}
	if (s->status == WIRE_GONE)
		link_close(r->from);
	answer(r, s->status, &out);
}

/* A body on its way into a fake store. */
struct sink {
	struct watch	 watch;
	struct timer	 timer;
	struct request	*request;
	struct fake_store *store;
	uint64_t	 at, size;
};

static inline char
pattern(uint64_t at)
{
	return at % 64 == 63 ? '\n' : (char)('a' + at * 2654435761u % 23);
}

static inline void
sink_again(struct timer *t)
{
	loop_mod(&CONTAINER(t, struct sink, timer)->watch, LOOP_IN);
}

static inline void
sink_end(struct sink *s, enum wire_status status)
{
	struct store_body_out out = { .number = 1000 + s->store->bodies };

	loop_del(&s->watch);
	timer_stop(&s->timer);
	close(s->watch.fd);
	if (status == WIRE_GONE && s->request->from != NULL)
		link_close(s->request->from);
	answer(s->request, status, &out);
	free(s);
}

static inline void
sink_ready(struct watch *w, unsigned events)
{
	struct sink *s = CONTAINER(w, struct sink, watch);
	static char piece[64 * 1024];
	ssize_t n = recv(w->fd, piece, sizeof piece, MSG_DONTWAIT);

	(void)events;
	for (ssize_t i = 0; i < n; i++)
		s->store->wrong += piece[i] != pattern(s->at + (uint64_t)i);
	if (n > 0)
		s->at += (uint64_t)n;
	if (s->store->dies_after > 0 && s->at >= s->store->dies_after)
		sink_end(s, WIRE_GONE);
	else if (s->at == s->size)
		sink_end(s, WIRE_OK);
	else if (n == 0 || (n < 0 && errno != EAGAIN))
		sink_end(s, WIRE_BAD);
	else if (s->store->pace > 0) {
		loop_mod(w, 0);
		timer_set(&s->timer, loop_clock() + s->store->pace);
	}
}

static inline void
fake_body(struct request *r)
{
	const struct store_body_in *in = REQUEST(store_body, r);
	struct sink *s = mem_zero(sizeof *s);

	*s = (struct sink){ .watch = { .fd = in->fd, .ready = sink_ready },
		.timer = { .fire = sink_again }, .request = r,
		.store = store_of(r), .size = in->size };
	s->store->bodies++;
	ck_assert(loop_add(&s->watch, LOOP_IN, false));
}

/* Both ends of a connection that `ask` asks over. */
static inline struct link *
join(struct link *ask)
{
	struct link *serving = link_new(ROLE_MDA, 0, LINK_ONCE);
	int fds[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	link_serve(serving);
	link_attach(serving, fds[0]);
	link_attach(ask, fds[1]);
	return serving;
}

static inline void
quiet(const char *line, size_t n)
{
	(void)line;
	(void)n;
}

static struct link	*servings[2];	/* of queue and auth */

/* Once for all tests: mda's tasks live as long as the process. */
static inline void
world_begin(void)
{
	loop_init();
	log_init("test", LOG_ERROR);
	log_divert(quiet);
	list_init(&credits);
	serve(WIRE_queue_next, fake_next);
	serve(WIRE_queue_done, fake_done);
	serve(WIRE_auth_route, fake_route);
	serve(WIRE_store_append, fake_append);
	serve(WIRE_store_body, fake_body);
	daemon_role.start(NULL);
	servings[0] = join(daemon_link(ROLE_QUEUE, 0));
	servings[1] = join(daemon_link(ROLE_AUTH, 0));
	for (unsigned i = 0; i < 2; i++)
		stores[i].serving = join(daemon_link(ROLE_STORE, i));
}

static inline void
setup(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct link *serving = stores[i].serving;

		if (!link_up(daemon_link(ROLE_STORE, i)))
			serving = join(daemon_link(ROLE_STORE, i));
		stores[i] = (struct fake_store){ .serving = serving };
	}
	memset(results, 0, sizeof results);
	done = 0;
	auth_deaf = false;
	arena_reset(&kept);
}

#define BOOK(...) do {							\
	static const struct known book_[] = { __VA_ARGS__ };		\
	book = book_;							\
	book_n = sizeof book_ / sizeof *book_;				\
} while (0)

#define USER(n, s) { .route = ROUTE_LOCAL, .user = (n), .shard = (s),	\
	.limit = 99 }

/* Gives a message to the mda that waits longest. */
static inline void
give(const struct queue_next_out *out)
{
	struct credit *c;

	while (list_empty(&credits))
		loop_run();
	c = CONTAINER(list_pop(&credits), struct credit, node);
	c->request->lost = NULL;
	answer(c->request, WIRE_OK, out);
}

static inline void
wait_done(unsigned n)
{
	while (done < n)
		loop_run();
}

/* A small message for the addresses given, and its end awaited. */
static inline void
send_to(const char *body, unsigned n, const char *const *addresses)
{
	struct wire_due due[MOST];

	for (unsigned i = 0; i < n; i++)
		due[i] = (struct wire_due){ .number = i,
			.address = slice_str(addresses[i]) };
	give(&(struct queue_next_out){ .id = 77, .low_water = 70,
	    .return_path = SLICE("bob@example.net"), .accepted = 1234,
	    .token = SLICE("token"), .size = strlen(body),
	    .recipients = due, .n_recipients = n, .body = slice_str(body) });
	wait_done(n);
}

#define SEND(body, ...) do {						\
	const char *const to_[] = { __VA_ARGS__ };			\
	send_to(body, sizeof to_ / sizeof *to_, to_);			\
} while (0)

#define SLICE_INIT(lit) { "" lit, sizeof(lit) - 1 }
/* An alias that leads out of here. */
static struct wire_forward only_far[] = { { SLICE_INIT("x@b"), 1 } };
#define ALIAS { .route = ROUTE_LOCAL, .became = only_far, .n_became = 1 }

#define MESSAGE "From: bob\r\nSubject: hi\r\n\r\nhello\r\n"

/* Last: after all the tests every task waits for a message again. */
START_TEST(all_credits_back)
{
	unsigned waiting = 0;

	setup();
	while (waiting < MDA_TASKS) {
		loop_run();
		waiting = 0;
		LIST_EACH(n, &credits)
			waiting++;
	}
	ck_assert_uint_eq(MDA_TASKS, waiting);
	ck_assert_uint_eq(MDA_TASKS, task_count());
}
END_TEST

static inline void
tick(struct timer *t)
{
	timer_set(t, loop_clock() + 5);
	loop_stop();
}

static inline int
world_run(const char *name, void (*add)(TCase *))
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);
	struct timer ticks = { .fire = tick };
	int failed;

	tcase_set_timeout(t, 110);
	add(t);
	tcase_add_test(t, all_credits_back);
	suite_add_tcase(s, t);
	world_begin();
	tick(&ticks);
	failed = suite_end(s);
	link_close(servings[0]);
	link_close(servings[1]);
	arena_free(&kept);
	return failed;
}

#endif
