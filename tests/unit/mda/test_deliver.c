/* mda between a queue, an auth and two stores of the test's own: what it asks
   of whom, and what it reports (architecture.md sections 4 and 6, rule 3). */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/daemon.h"
#include "common/core/log.h"
#include "common/mail/digest.h"
#include "common/task/task.h"
#include "mda/mda.h"

enum { BIG = 10 * 1024 * 1024, SMALL_BUFFER = 4096, MOST = 64 };

/* ---- the world */

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

static void
credit_lost(struct request *r)
{
	struct credit *c = r->owner;

	list_del(&c->node);
	answer(r, WIRE_GONE, NULL);
}

static void
fake_next(struct request *r)
{
	struct credit *c = arena_array(&r->arena, 1, sizeof *c);

	c->request = r;
	r->owner = c;
	r->lost = credit_lost;
	list_push(&credits, &c->node);
	loop_stop();
}

static void
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

static void
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

static struct fake_store *
store_of(const struct request *r)
{
	return r->from == stores[0].serving ? &stores[0] : &stores[1];
}

static void
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

static char
pattern(uint64_t at)
{
	return at % 64 == 63 ? '\n' : (char)('a' + at * 2654435761u % 23);
}

static void
sink_again(struct timer *t)
{
	loop_mod(&CONTAINER(t, struct sink, timer)->watch, LOOP_IN);
}

static void
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

static void
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

static void
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
static struct link *
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

static void
quiet(const char *line, size_t n)
{
	(void)line;
	(void)n;
}

static struct link	*servings[2];	/* of queue and auth */

/* Once for all tests: mda's tasks live as long as the process. */
static void
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

static void
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
static void
give(const struct queue_next_out *out)
{
	struct credit *c;

	while (list_empty(&credits))
		loop_run();
	c = CONTAINER(list_pop(&credits), struct credit, node);
	c->request->lost = NULL;
	answer(c->request, WIRE_OK, out);
}

static void
wait_done(unsigned n)
{
	while (done < n)
		loop_run();
}

/* A small message for the addresses given, and its end awaited. */
static void
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

#define ck_text(have, want) do {					\
	struct slice have_ = (have), want_ = slice_str(want);		\
	if (!slice_eq(have_, want_))					\
		ck_abort_msg("have \"%.*s\" want \"%.*s\"",		\
		    (int)have_.n, have_.p, (int)want_.n, want_.p);	\
} while (0)

#define SLICE_INIT(lit) { "" lit, sizeof(lit) - 1 }
#define MESSAGE "From: bob\r\nSubject: hi\r\n\r\nhello\r\n"

/* ---- small messages */

/* A store that stays away holds up nobody's mail but its own users', and that
   not for long. */
START_TEST(store_away)
{
	uint64_t begun;

	setup();
	link_close(stores[1].serving);
	while (link_up(daemon_link(ROLE_STORE, 1)))
		loop_run();
	BOOK({ "ann@a", USER(5, 0) }, { "bob@a", USER(6, 1) });
	begun = loop_clock();
	SEND(MESSAGE, "ann@a", "bob@a");
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
	ck_assert_uint_eq(OUTCOME_LATER, results[1].outcome);
	ck_assert_uint_ge(loop_clock() - begun, STORE_AWAY / 2);
	done = 0;
	begun = loop_clock();
	SEND(MESSAGE, "ann@a", "bob@a");
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
	ck_assert_uint_eq(OUTCOME_LATER, results[1].outcome);
	ck_assert_uint_lt(loop_clock() - begun, STORE_AWAY / 2);
	setup();
	SEND(MESSAGE, "bob@a");
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
}
END_TEST

/* Everything the store must know comes with the copy; the digest reads. */
START_TEST(delivered)
{
	struct digest d;

	setup();
	BOOK({ "ann@example.org", USER(5, 0) });
	SEND(MESSAGE, "ann@example.org");
	ck_assert_uint_eq(77, done_id);
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
	ck_text(results[0].code, "2.1.5");
	ck_assert_uint_eq(1, stores[0].appends);
	ck_assert_uint_eq(0, stores[1].appends);
	ck_assert_uint_eq(77, stores[0].id);
	ck_assert_uint_eq(70, stores[0].low_water);
	ck_assert_uint_eq(1234, stores[0].when);
	ck_text(stores[0].token, "token");
	ck_text(stores[0].body, MESSAGE);
	ck_assert_uint_eq(5, stores[0].copies[0].user);
	ck_assert_uint_eq(99, stores[0].copies[0].limit);
	ck_text(stores[0].copies[0].head,
	    "Return-Path: <bob@example.net>\r\n"
	    "Delivered-To: ann@example.org\r\n");
	ck_assert_int_eq(DIGEST_OK, digest_open(&d, stores[0].digest,
	    (uint32_t)stores[0].copies[0].head.n));
	ck_assert_uint_eq(strlen(MESSAGE) + stores[0].copies[0].head.n,
	    d.size);
}
END_TEST

/* Each recipient goes where auth says now; the stores are asked once each. */
START_TEST(routed)
{
	setup();
	BOOK({ "ann@a", USER(5, 0) }, { "ann+x@a", { .route = ROUTE_LOCAL,
	    .user = 5, .mailbox = SLICE("x") } }, { "eve@a", USER(6, 1) },
	    { "far@b", { .route = ROUTE_REMOTE } },
	    { "full@a", { .route = ROUTE_FULL, .user = 8 } },
	    { "off@a", { .route = ROUTE_DISABLED, .user = 9, .shard = 1 } },
	    { "odd@a", { .route = ROUTE_LOCAL } });
	SEND(MESSAGE, "ann@a", "ann+x@a", "eve@a", "far@b", "full@a", "off@a",
	    "nobody@a", "odd@a");
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
	ck_assert_uint_eq(OUTCOME_STORED, results[1].outcome);
	ck_assert_uint_eq(OUTCOME_STORED, results[2].outcome);
	ck_assert_uint_eq(OUTCOME_REMOTE, results[3].outcome);
	ck_assert_uint_eq(OUTCOME_STORED, results[4].outcome);
	ck_assert_uint_eq(OUTCOME_REFUSED, results[5].outcome);
	ck_text(results[5].code, "5.2.1");
	ck_text(results[5].text, "the account takes no mail");
	ck_assert_uint_eq(OUTCOME_REFUSED, results[6].outcome);
	ck_text(results[6].code, "5.1.1");
	ck_assert_uint_eq(OUTCOME_LATER, results[7].outcome);
	ck_assert_uint_eq(1, stores[0].appends);
	ck_assert_uint_eq(3, stores[0].n_copies);
	ck_text(stores[0].copies[1].mailbox, "x");
	ck_assert_uint_eq(1, stores[1].appends);
	ck_assert_uint_eq(2, stores[1].n_copies);
	ck_assert(!stores[1].copies[0].refuse);
	ck_assert(stores[1].copies[1].refuse);	/* settled in store too */
}
END_TEST

/* An alias becomes its targets, with the return path auth made of the one it
   came with, and no store hears of it. */
START_TEST(alias)
{
	static struct wire_forward targets[] = { { SLICE_INIT("x@a"), 0 },
		{ SLICE_INIT("y@b"), 1 } };

	setup();
	BOOK({ "all@a", { .route = ROUTE_LOCAL, .became = targets,
	    .n_became = 2, .return_path = SLICE_INIT("srs0=x@a") } });
	SEND(MESSAGE, "all@a");
	ck_text(asked_path, "bob@example.net");
	ck_assert_uint_eq(OUTCOME_BECAME, results[0].outcome);
	ck_assert_uint_eq(2, results[0].n_became);
	ck_text(results[0].became[1].address, "y@b");
	ck_assert_uint_eq(0, results[0].became[0].remote);
	ck_assert_uint_eq(1, results[0].became[1].remote);
	ck_text(results[0].return_path, "srs0=x@a");
	ck_assert_uint_eq(0, stores[0].appends);
}
END_TEST

/* A mailbox that others get a copy of: its own is stored first, and what store
   refuses nobody gets. */
START_TEST(also)
{
	static struct wire_forward targets[] = { { SLICE_INIT("x@b"), 0 } };

	setup();
	BOOK({ "ann@a", { .route = ROUTE_LOCAL, .user = 5, .became = targets,
	    .n_became = 1, .return_path = SLICE_INIT("srs0=x@a") } }, { "eve@a", { .route = ROUTE_LOCAL, .user = 6,
	    .became = targets, .n_became = 1 } });
	stores[0].outcome[6] = OUTCOME_FULL;
	stores[0].text = "5.2.2 the mailbox is full";
	SEND(MESSAGE, "ann@a", "eve@a");
	ck_assert_uint_eq(2, stores[0].n_copies);
	ck_assert_uint_eq(OUTCOME_BECAME, results[0].outcome);
	ck_text(results[0].code, "2.1.5");
	ck_assert_uint_eq(1, results[0].n_became);
	ck_text(results[0].became[0].address, "x@b");
	ck_text(results[0].return_path, "srs0=x@a");
	ck_assert_uint_eq(OUTCOME_FULL, results[1].outcome);
	ck_assert_uint_eq(0, results[1].n_became);
}
END_TEST

/* What store answered is what is reported. */
START_TEST(store_decides)
{
	setup();
	BOOK({ "ann@a", USER(5, 0) }, { "eve@a", USER(6, 0) });
	stores[0].outcome[5] = OUTCOME_FULL;
	stores[0].outcome[6] = OUTCOME_LATER;
	stores[0].text = "5.2.2 the mailbox is full";
	SEND(MESSAGE, "ann@a", "eve@a");
	ck_assert_uint_eq(OUTCOME_FULL, results[0].outcome);
	ck_text(results[0].code, "5.2.2");
	ck_text(results[0].text, "the mailbox is full");
	ck_assert_uint_eq(OUTCOME_LATER, results[1].outcome);
}
END_TEST

/* Whatever goes wrong on the way is LATER, never an end. */
START_TEST(trouble_is_later)
{
	static const enum wire_status trouble[] = { WIRE_AGAIN, WIRE_STALE,
		WIRE_NONE, WIRE_BAD, WIRE_GONE };

	BOOK({ "ann@a", USER(5, 0) }, { "eve@a", USER(6, 1) });
	for (size_t i = 0; i < sizeof trouble / sizeof *trouble; i++) {
		setup();
		stores[0].status = trouble[i];
		SEND(MESSAGE, "ann@a", "eve@a");
		ck_assert_uint_eq(OUTCOME_LATER, results[0].outcome);
		ck_assert_uint_eq(OUTCOME_STORED, results[1].outcome);
	}
	setup();
	auth_deaf = true;
	SEND(MESSAGE, "ann@a");
	ck_assert_uint_eq(OUTCOME_LATER, results[0].outcome);
	ck_assert_uint_eq(0, stores[0].appends);
}
END_TEST

/* An expired recipient is settled by store: it may have been stored. */
START_TEST(expired)
{
	struct wire_due due = { .number = 0, .address = SLICE("ann@a"),
		.expired = 1 };

	setup();
	BOOK({ "ann@a", USER(5, 0) });
	give(&(struct queue_next_out){ .id = 78, .recipients = &due,
	    .n_recipients = 1, .body = SLICE(MESSAGE),
	    .size = sizeof MESSAGE - 1 });
	wait_done(1);
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_text(results[0].code, "4.4.7");
	ck_assert(stores[0].copies[0].refuse);
}
END_TEST

/* Our own Delivered-To (any case), for that recipient only; it goes last, as
   of one user the first outcome counts (SMTP-9). */
START_TEST(delivered_before)
{
	setup();
	BOOK({ "ann+x@a", USER(5, 0) }, { "ann@a", USER(5, 0) });
	SEND("Received: by us\r\nDelivered-To: ANN+X@a\r\n" MESSAGE,
	    "ann+x@a", "ann@a");
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_text(results[0].code, "5.4.6");
	ck_assert_uint_eq(OUTCOME_STORED, results[1].outcome);
	ck_assert_uint_eq(2, stores[0].n_copies);
	ck_assert(!stores[0].copies[0].refuse);
	ck_assert(stores[0].copies[1].refuse);
}
END_TEST

/* Over 100 hops (RFC 5321 6.3), and what only looks like one in the body. */
START_TEST(too_many_hops)
{
	struct buf m = { 0 };

	setup();
	BOOK({ "ann@a", USER(5, 0) });
	for (int i = 0; i < 100; i++)
		buf_str(&m, "Received: by host\r\n");
	buf_str(&m, "\r\nReceived: by nobody\r\nDelivered-To: ann@a\r\n");
	SEND(buf_cstr(&m), "ann@a");
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
	setup();
	buf_clear(&m);
	for (int i = 0; i < 101; i++)
		buf_str(&m, "RECEIVED: by host\r\n");
	buf_str(&m, "\r\nbody\r\n");
	SEND(buf_cstr(&m), "ann@a");
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_text(results[0].code, "5.4.6");
	buf_free(&m);
}
END_TEST

#define ALIAS { .route = ROUTE_LOCAL, .became = only_far, .n_became = 1 }
static struct wire_forward only_far[] = { { SLICE_INIT("x@b"), 1 } };

/* Aliases too: what comes back to one, or was on the road too long, is not
   sent round again.  Beside a mailbox and without one (RFC 5321 6.3). */
START_TEST(alias_loops)
{
	struct buf m = { 0 };

	setup();
	BOOK({ "all@a", ALIAS }, { "new@a", ALIAS }, { "ann@a", USER(5, 0) });
	SEND("Delivered-To: All@a\r\n" MESSAGE, "all@a", "new@a");
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_text(results[0].code, "5.4.6");
	ck_text(results[0].text, "a mail loop: it has been here before");
	ck_assert_uint_eq(0, results[0].n_became);
	ck_assert_uint_eq(OUTCOME_BECAME, results[1].outcome);
	ck_assert_uint_eq(0, stores[0].appends);
	setup();
	SEND("Delivered-To: all@a\r\n" MESSAGE, "all@a", "ann@a");
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_assert_uint_eq(OUTCOME_STORED, results[1].outcome);
	setup();
	for (int i = 0; i < 101; i++)
		buf_str(&m, "Received: by host\r\n");
	buf_str(&m, "\r\nbody\r\n");
	SEND(buf_cstr(&m), "all@a");
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_text(results[0].code, "5.4.6");
	buf_free(&m);
}
END_TEST

/* Nobody needs a store to return it. */
START_TEST(alias_expired)
{
	struct wire_due due = { .number = 0, .address = SLICE("all@a"),
		.expired = 1 };

	setup();
	BOOK({ "all@a", ALIAS });
	give(&(struct queue_next_out){ .id = 78, .recipients = &due,
	    .n_recipients = 1, .body = SLICE(MESSAGE),
	    .size = sizeof MESSAGE - 1 });
	wait_done(1);
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_text(results[0].code, "4.4.7");
}
END_TEST

/* ---- long bodies */

/* A body on its way out of the fake queue. */
struct source {
	struct watch	 watch;
	uint64_t	 at, size, ends;
	bool		 header;
};

static void
source_ready(struct watch *w, unsigned events)
{
	struct source *s = CONTAINER(w, struct source, watch);
	static const char top[] = "Delivered-To: old@a\r\n\r\n";
	char piece[8192];
	uint64_t left = s->ends - s->at;
	size_t n = left < sizeof piece ? (size_t)left : sizeof piece;
	ssize_t sent;

	(void)events;
	for (size_t i = 0; i < n; i++)
		piece[i] = s->header && s->at + i < sizeof top - 1 ?
		    top[s->at + i] : pattern(s->at + i);
	sent = send(w->fd, piece, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent > 0)
		s->at += (uint64_t)sent;
	if (s->at == s->ends || (sent < 0 && errno != EAGAIN)) {
		loop_del(w);
		close(w->fd);
		w->fd = -1;
	}
}

/* Offers a long message; its results get the numbers from `first` on. */
static void
give_long(struct source *s, unsigned first, unsigned n,
    const char *const *addresses, uint64_t size, uint64_t ends)
{
	struct wire_due due[MOST];
	int fds[2], small = SMALL_BUFFER;

	ck_assert_int_eq(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds));
	for (int i = 0; i < 2; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small,
		    sizeof small);
	for (unsigned i = 0; i < n; i++)
		due[i] = (struct wire_due){ .number = first + i,
			.address = slice_str(addresses[i]) };
	*s = (struct source){ .header = s->header, .watch = { .fd = fds[1],
		.ready = source_ready }, .size = size, .ends = ends };
	ck_assert(loop_add(&s->watch, LOOP_OUT, false));
	give(&(struct queue_next_out){ .fd = fds[0], .id = 77 + first,
	    .size = size, .recipients = due, .n_recipients = n });
}

/* The source lies on a test's stack: it must have ended. */
static void
source_over(struct source *s)
{
	while (s->watch.fd >= 0)
		loop_run();
}

/* 4 x 10 MB at once, each to two stores, one of them slow: all of it whole,
   parsed once, and small mail passes meanwhile. */
START_TEST(four_at_once)
{
	const char *const both[] = { "ann@a", "eve@a" };
	struct source s[4] = { 0 };

	setup();
	BOOK({ "ann@a", USER(5, 0) }, { "eve@a", USER(6, 1) });
	for (unsigned i = 0; i < 4; i++)
		give_long(&s[i], 2 * i + 1, 2, both, BIG + i, BIG + i);
	SEND(MESSAGE, "ann@a");
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
	wait_done(1 + 4 * 2);
	for (unsigned i = 0; i < 4; i++)
		source_over(&s[i]);
	for (unsigned i = 1; i <= 8; i++)
		ck_assert_uint_eq(OUTCOME_STORED, results[i].outcome);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(4, stores[i].bodies);
		ck_assert_uint_eq(0, stores[i].wrong);
		ck_assert_uint_ge(stores[i].number, 1001);
		ck_assert_uint_eq(0, stores[i].body.n);
	}
}
END_TEST

/* The slowest sets the pace, nobody is dropped for it. */
START_TEST(slow_store)
{
	const char *const both[] = { "ann@a", "eve@a" };
	struct source s = { 0 };

	setup();
	BOOK({ "ann@a", USER(5, 0) }, { "eve@a", USER(6, 1) });
	stores[1].pace = 2;
	give_long(&s, 0, 2, both, 1000000, 1000000);
	wait_done(2);
	source_over(&s);
	ck_assert_uint_eq(OUTCOME_STORED, results[0].outcome);
	ck_assert_uint_eq(OUTCOME_STORED, results[1].outcome);
	ck_assert_uint_eq(0, stores[0].wrong + stores[1].wrong);
}
END_TEST

/* One store dies in the middle: its copy is LATER, the other's is stored. */
START_TEST(store_dies)
{
	const char *const both[] = { "ann@a", "eve@a" };
	struct source s = { 0 };

	setup();
	BOOK({ "ann@a", USER(5, 0) }, { "eve@a", USER(6, 1) });
	stores[0].dies_after = 200000;
	give_long(&s, 0, 2, both, 1000000, 1000000);
	wait_done(2);
	source_over(&s);
	ck_assert_uint_eq(OUTCOME_LATER, results[0].outcome);
	ck_assert_uint_eq(OUTCOME_STORED, results[1].outcome);
	ck_assert_uint_eq(0, stores[0].appends);
	ck_assert_uint_eq(1, stores[1].appends);
}
END_TEST

/* A body that breaks off is no message. */
START_TEST(queue_dies)
{
	const char *const one[] = { "ann@a" };
	struct source s = { 0 };

	setup();
	BOOK({ "ann@a", USER(5, 0) });
	give_long(&s, 0, 1, one, 1000000, 300000);
	wait_done(1);
	source_over(&s);
	ck_assert_uint_eq(OUTCOME_LATER, results[0].outcome);
	ck_assert_uint_eq(0, stores[0].appends);
}
END_TEST

/* Of a long message for an alias only the header is read; without a whole one
   there is no forwarding it. */
START_TEST(alias_long)
{
	const char *const some[] = { "all@a", "old@a" };
	struct source s = { 0 };

	setup();
	BOOK({ "all@a", ALIAS }, { "old@a", ALIAS });
	s.header = true;
	give_long(&s, 0, 2, some, 1000000, 1000000);
	wait_done(2);
	source_over(&s);
	ck_assert_uint_eq(OUTCOME_BECAME, results[0].outcome);
	ck_assert_uint_eq(OUTCOME_REFUSED, results[1].outcome);
	ck_assert_uint_lt(s.at, 500000);
	setup();
	s.header = false;
	give_long(&s, 0, 1, some, 1000000, 20000);
	wait_done(1);
	source_over(&s);
	ck_assert_uint_eq(OUTCOME_LATER, results[0].outcome);
	ck_assert_uint_eq(0, results[0].n_became);
}
END_TEST

/* Nobody wants the bytes: they are not even read. */
START_TEST(long_for_nobody)
{
	const char *const one[] = { "nobody@a" };
	struct source s = { 0 };

	setup();
	give_long(&s, 0, 1, one, 1000000, 1000000);
	wait_done(1);
	source_over(&s);
	ck_assert_uint_eq(OUTCOME_REFUSED, results[0].outcome);
	ck_assert_uint_eq(0, stores[0].bodies);
}
END_TEST

/* Last: after all that, every task waits for a message again. */
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

static void
tick(struct timer *t)
{
	timer_set(t, loop_clock() + 5);
	loop_stop();
}

int
main(void)
{
	Suite *s = suite_create("mda");
	TCase *t = tcase_create("deliver");
	struct timer ticks = { .fire = tick };
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 110);
	tcase_add_test(t, delivered);
	tcase_add_test(t, store_away);
	tcase_add_test(t, routed);
	tcase_add_test(t, alias);
	tcase_add_test(t, also);
	tcase_add_test(t, store_decides);
	tcase_add_test(t, trouble_is_later);
	tcase_add_test(t, expired);
	tcase_add_test(t, delivered_before);
	tcase_add_test(t, too_many_hops);
	tcase_add_test(t, alias_loops);
	tcase_add_test(t, alias_expired);
	tcase_add_test(t, alias_long);
	tcase_add_test(t, four_at_once);
	tcase_add_test(t, slow_store);
	tcase_add_test(t, store_dies);
	tcase_add_test(t, queue_dies);
	tcase_add_test(t, long_for_nobody);
	tcase_add_test(t, all_credits_back);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_set_fork_status(r, CK_NOFORK);
	world_begin();
	tick(&ticks);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	link_close(servings[0]);
	link_close(servings[1]);
	arena_free(&kept);
	return failed != 0;
}
