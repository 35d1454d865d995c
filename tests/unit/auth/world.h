/* world.h - auth as its askers see it: over real links, on the mem engine. */
#ifndef UNIT_AUTH_WORLD_H
#define UNIT_AUTH_WORLD_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/auth.h"
#include "auth/password.h"
#include "auth/secret.h"
#include "auth/session.h"
#include "common/core/log.h"
#include "tests/unit/suite.h"

enum { SHARDS = 2, SECONDS = 1000 };

/* crypt(3) of "secret", cheap: the tests are not about its strength. */
#define HASH	"$6$rounds=1000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepN" \
		"XNKJ/otop/Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/"

static struct link	*smtpd, *submission, *pop3d, *mda, *ctl;
static struct link	*stores[SHARDS];
static struct engine	*engine;
static struct conf	 conf;
static struct arena	 arena;
static char		 log_text[65536];
static uint32_t		 world_shards = SHARDS;	/* that run */

/* What the stores were told. */
static struct store_grant_in	 grants[16];
static struct store_revoke_in	 revokes[16];
static unsigned			 n_grants, n_revokes;
static struct request		*usage[SHARDS];
static uint64_t			 drops[16];
static unsigned			 n_drops;
static enum wire_status		 drop_status;

/* ---- the loop, as link_ask wants it */

static inline void
world_wake(struct link_wait *w)
{
	(void)w;
	loop_stop();
}

static inline void
world_stop(struct timer *t)
{
	(void)t;
	loop_stop();
}

static inline void
world_suspend(struct link *l, struct link_wait *w)
{
	struct timer t = { .fire = world_stop };

	(void)l;
	timer_set(&t, loop_clock() + 10 * SECONDS);
	while (!w->done && t.node.at != 0)
		loop_run();
	timer_stop(&t);
	ck_assert_msg(w->done, "no answer in 10 seconds");
}

/* Runs the loop for so many ms. */
static inline void
world_run(uint64_t ms)
{
	struct timer t = { .fire = world_stop };

	timer_set(&t, loop_clock() + ms);
	while (t.node.at != 0)
		loop_run();
}

/* ---- the others */

static inline struct link *
world_link(enum role asking, enum role answering)
{
	struct link *ask = link_new(answering, 0, LINK_LASTING);
	struct link *serving = link_new(asking, 0, LINK_ONCE);
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	link_serve(serving);
	link_attach(ask, pair[0]);
	link_attach(serving, pair[1]);
	return ask;
}

static inline void
keep_log(const char *line, size_t n)
{
	if (strlen(log_text) + n < sizeof log_text)
		strncat(log_text, line, n);
}

static inline void
store_granted(struct request *r)
{
	const struct store_grant_in *in = REQUEST(store_grant, r);

	ck_assert_uint_lt(n_grants, 16);
	grants[n_grants++] = *in;
	answer(r, WIRE_OK, NULL);
}

static inline void
store_revoked(struct request *r)
{
	ck_assert_uint_lt(n_revokes, 16);
	revokes[n_revokes++] = *REQUEST(store_revoke, r);
	answer(r, WIRE_OK, NULL);
}

static inline void
store_dropped(struct request *r)
{
	struct store_drop_out out = { .messages = 3, .bytes = 4000 };

	ck_assert_uint_lt(n_drops, 16);
	drops[n_drops++] = REQUEST(store_drop, r)->user;
	answer(r, drop_status, &out);
}

static inline void
store_usage_lost(struct request *r)
{
	for (int i = 0; i < SHARDS; i++)
		if (usage[i] == r)
			usage[i] = NULL;
	answer(r, WIRE_GONE, NULL);
}

/* They ask in the order of their shards, and one after an answer. */
static inline void
store_usage_asked(struct request *r)
{
	for (int i = 0; i < SHARDS; i++)
		if (usage[i] == NULL) {
			usage[i] = r;
			r->lost = store_usage_lost;
			return;
		}
	ck_abort_msg("two calls to one store");
}

static inline struct link *
world_store(unsigned shard)
{
	ck_assert_uint_lt(shard, SHARDS);
	return stores[shard];
}

/* ---- life */

static inline void
world_configure(const char *text)
{
	struct buf errors = { 0 };

	conf_free(&conf);
	ck_assert_uint_eq(conf_parse(&conf, slice_str(text), "test.conf",
	    &errors), 0);
	auth_configure(&conf);
}

/* auth dies and comes again, on the same rows. */
static inline void
world_begin(void)
{
	auth.shards = world_shards;
	auth.store = world_store;
	ck_assert(auth_begin(engine));
	penalties_free(auth.penalties);
	auth.penalties = penalties_new(256, 10);	/* no time to lose */
	smtpd = world_link(ROLE_SMTPD, ROLE_AUTH);
	submission = world_link(ROLE_SUBMISSION, ROLE_AUTH);
	pop3d = world_link(ROLE_POP3D, ROLE_AUTH);
	mda = world_link(ROLE_MDA, ROLE_AUTH);
	ctl = world_link(ROLE_CTL, ROLE_AUTH);
}

static inline void
world_end(void)
{
	struct link *links[] = { smtpd, submission, pop3d, mda, ctl };

	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		link_close(links[i]);
	world_run(5);
	auth_end();
	for (int i = 0; i < SHARDS; i++)
		if (usage[i] != NULL) {
			answer(usage[i], WIRE_AGAIN, NULL);
			usage[i] = NULL;
		}
}

static inline void
world_setup(void)
{
	log_divert(keep_log);
	log_text[0] = '\0';
	n_grants = n_revokes = n_drops = 0;
	drop_status = WIRE_OK;
	loop_init();
	link_identity(ROLES);
	link_suspend = world_suspend;
	link_wake = world_wake;
	serve(WIRE_store_grant, store_granted);
	serve(WIRE_store_revoke, store_revoked);
	serve(WIRE_store_usage, store_usage_asked);
	serve(WIRE_store_drop, store_dropped);
	secret_init();
	password_init(1);
	engine = engine_open_mem();
	world_configure("server name mail.example.org\n");
	for (int i = 0; i < SHARDS; i++)
		stores[i] = world_link(ROLE_AUTH, ROLE_STORE);
	world_begin();
}

static inline void
world_teardown(void)
{
	world_end();
	for (int i = 0; i < SHARDS; i++)
		link_close(stores[i]);
	for (unsigned i = 0; i < n_grants; i++)
		if (grants[i].fd > 0)
			close(grants[i].fd);
	world_run(5);
	engine_close(engine);
	password_end();
	conf_free(&conf);
	arena_reset(&arena);
	log_divert(NULL);
}

/* ---- the usual calls */

static inline void
add_domain(const char *name)
{
	struct domain_add_in in = { .name = slice_str(name) };

	ck_assert_int_eq(domain_add(ctl, &in, NULL, &arena, SECONDS), WIRE_OK);
}

static inline struct user_add_out
try_user(const char *address, const char *password, const char *hash)
{
	struct user_add_in in = { .address = slice_str(address),
		.password = slice_str(password), .hash = slice_str(hash) };
	struct user_add_out out;

	ck_assert_int_eq(user_add(ctl, &in, &out, &arena, SECONDS), WIRE_OK);
	return out;
}

static inline uint64_t
add_user(const char *address)
{
	struct user_add_out out = try_user(address, "", HASH);

	ck_text(out.why, "");
	ck_assert_uint_ne(out.user, 0);
	return out.user;
}

static inline enum wire_status
alias_call(const char *address, bool set, const char *const *targets,
    struct alias_add_out *out)
{
	struct wire_target rows[16];
	struct alias_add_in in = { .address = slice_str(address), .set = set,
		.targets = rows };

	for (; targets[in.n_targets] != NULL; in.n_targets++)
		rows[in.n_targets].address = slice_str(targets[in.n_targets]);
	return alias_add(ctl, &in, out, &arena, SECONDS);
}

static inline struct slice
try_alias(const char *address, const char *const *targets)
{
	struct alias_add_out out;

	ck_assert_int_eq(alias_call(address, false, targets, &out), WIRE_OK);
	return out.why;
}

#define add_alias(address, ...)						\
	ck_text(try_alias(address,					\
	    (const char *const []){ __VA_ARGS__, NULL }), "")

static inline enum route
rcpt(const char *address)
{
	struct auth_rcpt_in in = { .address = slice_str(address) };
	struct auth_rcpt_out out;

	ck_assert_int_eq(auth_rcpt(smtpd, &in, &out, &arena, SECONDS),
	    WIRE_OK);
	return (enum route)out.route;
}

static inline struct auth_route_out
route(const char *address)
{
	struct auth_route_in in = { .address = slice_str(address) };
	struct auth_route_out out;

	ck_assert_int_eq(auth_route(mda, &in, &out, &arena, SECONDS), WIRE_OK);
	return out;
}

static inline struct auth_sender_out
sender(uint64_t user, uint64_t stamp, const char *address)
{
	struct auth_sender_in in = { .user = user, .stamp = stamp,
		.address = slice_str(address) };
	struct auth_sender_out out;

	ck_assert_int_eq(auth_sender(submission, &in, &out, &arena, SECONDS),
	    WIRE_OK);
	return out;
}

/* May he send as this address, who has just logged in? */
static inline bool
owns(uint64_t user, const char *address)
{
	const struct user *u = directory_number(&auth.dir, user);

	return sender(user, u == NULL ? 0 : session_stamp(u), address).owns;
}

static inline struct auth_login_out
login(struct link *l, const char *name, const char *password,
    const char *client)
{
	struct auth_login_in in = { .name = slice_str(name),
		.password = slice_str(password), .client = slice_str(client) };
	struct auth_login_out out;

	ck_assert_int_eq(auth_login(l, &in, &out, &arena, 60 * SECONDS),
	    WIRE_OK);
	return out;
}

static inline int
world_suite(const char *name, void (*add)(TCase *))
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);
	SRunner *r;
	int failed;

	log_init(name, LOG_INFO);
	tcase_add_checked_fixture(t, world_setup, world_teardown);
	tcase_set_timeout(t, 60);
	add(t);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	/* A check that fails inside a call would leave its frame behind. */
	srunner_set_fork_status(r, CK_FORK);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	arena_free(&arena);
	return failed != 0;
}

#endif
