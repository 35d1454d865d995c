/*
 * mail_world.h - a store on the engine and the sessions of its users, made of
 * what the unit tests of store have for that.
 */
#ifndef CRASH_MAIL_WORLD_H
#define CRASH_MAIL_WORLD_H

#include "tests/crash/store/mail.h"
#include "tests/unit/store/boxes.h"

/* A store below root, and a session of each user. */
static struct link	*sessions[MAIL_USERS];

static inline void
mail_open(const char *root)
{
	const struct engine_conf c = { .dir = root, .cache = 1 << 20,
		.segment = 128 << 10, .readers = 1 };

	loop_init();
	link_suspend = world_suspend;
	link_wake = world_wake;
	store.message_max = 100000;
	store.users_max = 4096;
	store_open(engine_open_file(&c));
	world.mda = world_link(ROLE_MDA);
	world.auth = world_link(ROLE_AUTH);
	for (unsigned i = 0; i < MAIL_USERS; i++) {
		sessions[i] = grant(MAIL_FIRST_USER + i, i + 1, RIGHT_IMAP);
		create(sessions[i], "Copies");
	}
}

static inline void
mail_close(void)
{
	struct engine *e = store.engine;

	for (unsigned i = 0; i < MAIL_USERS; i++)
		link_close(sessions[i]);
	world_hang_up();
	store_close();
	engine_close(e);
	arena_reset(&world.arena);
}

#endif
