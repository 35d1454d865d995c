/*
 * world.h - a store in one loop with those who ask it, over real links, on the
 * mem engine or on the file engine in a folder of its own.
 *
 * Calls are made with the typed functions of link.h: while one waits, the
 * loop runs and everybody else with it.
 */
#ifndef UNIT_STORE_WORLD_H
#define UNIT_STORE_WORLD_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/log.h"
#include "store/session.h"
#include "store/store.h"
#include "store/usage.h"
#include "tests/unit/suite.h"

enum { WAIT = 20000, TURNS = 20 };	/* ms; sanitizers are slow */

static struct {
	bool		 file;
	char		 dir[64];
	uint64_t	 floor;		/* free space the file engine keeps */
	struct link	*mda, *auth;
	struct arena	 arena;
} world;

static inline void
world_suspend(struct link *l, struct link_wait *w)
{
	(void)l;
	while (!w->done)
		loop_run();
}

static inline void
world_wake(struct link_wait *w)
{
	(void)w;
	loop_stop();
}

static inline void
world_quiet(const char *line, size_t n)
{
	(void)line;
	(void)n;
}

struct world_timer {
	struct timer	 timer;
	bool		 over;
};

static inline void
world_stop(struct timer *t)
{
	CONTAINER(t, struct world_timer, timer)->over = true;
	loop_stop();
}

/* Lets everything happen that is going to: so many ms and, on a machine that
   is busy with other things, so many turns of the loop at least. */
static inline void
world_run(uint64_t ms)
{
	uint64_t until = loop_clock() + ms;

	for (int turns = 0; turns < TURNS || loop_clock() < until; turns++) {
		struct world_timer t = { .timer = { .fire = world_stop } };

		timer_set(&t.timer, loop_clock() + 1);
		while (!t.over)
			loop_run();
	}
}

static inline struct link *
world_link(enum role asker)
{
	struct link *ask = link_new(ROLE_STORE, 0, LINK_LASTING);
	struct link *serve = link_new(asker, 0, LINK_ONCE);
	int fds[2];

	ck_assert_int_eq(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds));
	link_serve(serve);
	link_attach(serve, fds[0]);
	link_attach(ask, fds[1]);
	return ask;
}

static inline struct engine *
world_engine(void)
{
	struct engine_conf c = { .dir = world.dir, .cache = 1024 * 1024,
		.segment = 4 * 1024 * 1024, .readers = 1,
		.floor = world.floor };

	return world.file ? engine_open_file(&c) : engine_open_mem();
}

static inline void
world_open(bool file)
{
	static bool once;

	if (!once) {
		loop_init();
		log_init("test", LOG_ERROR);
		link_suspend = world_suspend;
		link_wake = world_wake;
		once = true;
	}
	world.file = file;
	strcpy(world.dir, "/tmp/postino-store-XXXXXX");
	if (file)
		ck_assert_ptr_nonnull(mkdtemp(world.dir));
	store.message_max = 1000;
	store.users_max = 4096;
	store_open(world_engine());
	world.mda = world_link(ROLE_MDA);
	world.auth = world_link(ROLE_AUTH);
}

static inline void
world_hang_up(void)
{
	link_close(world.mda);
	link_close(world.auth);
	world_run(20);
}

static inline void
world_close(void)
{
	struct engine *e = store.engine;
	char command[128];

	world_hang_up();
	store_close();
	engine_close(e);
	arena_free(&world.arena);
	if (world.file) {
		snprintf(command, sizeof command, "rm -rf %s", world.dir);
		ck_assert_int_eq(0, system(command));
	}
}

/* Memory is lost, what is durable stays. */
static inline void
world_restart(void)
{
	struct engine *e = store.engine;

	world_hang_up();
	store_close();
	if (world.file) {
		engine_close(e);
		e = world_engine();
	}
	store_open(e);
	world.mda = world_link(ROLE_MDA);
	world.auth = world_link(ROLE_AUTH);
}

/* ---- what is asked */

/* A message; what is not set is what is usual. */
struct sent {
	uint64_t	 id, low_water, user, limit, when, number;
	const char	*body, *head, *token, *mailbox, *digest, *refuse;
};

static inline struct store_append_in
append_in(const struct sent *s, struct wire_copy *copy)
{
	*copy = (struct wire_copy){ .user = s->user == 0 ? 7 : s->user,
		.limit = s->limit, .mailbox = slice_str(s->mailbox),
		.head = slice_str(s->head), .refuse = s->refuse != NULL,
		.text = slice_str(s->refuse) };
	return (struct store_append_in){ .id = s->id,
		.low_water = s->low_water, .token = slice_str(s->token),
		.when = s->when, .number = s->number,
		.body = s->number != 0 ? slice_of(NULL, 0) :
		slice_str(s->body == NULL ? "body\r\n" : s->body),
		.digest = slice_str(s->digest), .copies = copy,
		.n_copies = 1 };
}

#define APPEND(...) append_one(&(struct sent){ __VA_ARGS__ })

/* The status as outcome + 100 if the call failed. */
static inline struct wire_copied
append_one(const struct sent *s)
{
	struct wire_copy copy;
	struct store_append_in in = append_in(s, &copy);
	struct store_append_out out;
	enum wire_status status = store_append(world.mda, &in, &out,
	    &world.arena, WAIT);

	if (status != WIRE_OK)
		return (struct wire_copied){
			.outcome = (uint8_t)(100 + status) };
	ck_assert_uint_eq(1, out.n_results);
	return out.results[0];
}

/* A session's channel; NULL if it was not granted. */
static inline struct link *
grant(uint64_t user, uint64_t session, uint32_t rights)
{
	struct link *l = link_new(ROLE_STORE, 0, LINK_ONCE);
	struct store_grant_in in = { .user = user, .session = session,
		.rights = rights };
	int fds[2];

	ck_assert_int_eq(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds));
	in.fd = fds[0];
	link_attach(l, fds[1]);
	ck_assert_int_eq(WIRE_OK, store_grant(world.auth, &in, NULL, NULL,
	    WAIT));
	return l;
}

static inline struct box_open_out
open_box(struct link *l, const char *name)
{
	struct box_open_in in = { .name = slice_str(name) };
	struct box_open_out out;

	ck_assert_int_eq(WIRE_OK, box_open(l, &in, &out, &world.arena, WAIT));
	return out;
}

static inline struct box_list_out
list_box(struct link *l, uint32_t from, uint32_t to, uint64_t since)
{
	struct wire_range range = { from, to };
	struct box_list_in in = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1, .since = since };
	struct box_list_out out;

	ck_assert_int_eq(WIRE_OK, box_list(l, &in, &out, &world.arena, WAIT));
	return out;
}

static inline struct slice
fetch(struct link *l, uint32_t uid)
{
	struct box_fetch_in in = { .mailbox = INBOX, .uid = uid,
		.length = UINT64_MAX };
	struct box_fetch_out out;

	ck_assert_int_eq(WIRE_OK, box_fetch(l, &in, &out, &world.arena, WAIT));
	return out.bytes;
}

static inline enum wire_status
expunge(struct link *l, uint32_t from, uint32_t to,
    struct box_expunge_out *out)
{
	struct wire_range range = { from, to };
	struct box_expunge_in in = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1 };

	return box_expunge(l, &in, out, &world.arena, WAIT);
}

static inline enum wire_status
flag(struct link *l, uint32_t from, uint32_t to, uint8_t change,
    uint64_t flags, struct box_flags_out *out)
{
	struct wire_range range = { from, to };
	struct box_flags_in in = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1, .change = change, .flags = flags,
		.unchanged = UINT64_MAX };

	return box_flags(l, &in, out, &world.arena, WAIT);
}

/* A call that is not waited for. */
struct soon {
	bool		 done;
	enum wire_status status;
	uint64_t	 number;	/* what `keep` finds in the answer */
	uint64_t	(*keep)(const void *);
};

static inline void
soon_done(void *arg, enum wire_status status, const void *out)
{
	struct soon *s = arg;

	s->done = true;
	s->status = status;
	if (status == WIRE_OK && s->keep != NULL)
		s->number = s->keep(out);
}

#endif
