/* Which store keeps whose mail: the emptiest takes a new user, and that holds;
   too few of them are refused before anything is served (shard.h). */
#include "world.h"

static void
restart(void)
{
	world_run(5);
	world_end();
	world_begin();
}

static void
rm_user(const char *address)
{
	struct user_rm_in in = { .address = slice_str(address) };
	struct user_rm_out out;

	ck_assert_int_eq(user_rm(ctl, &in, &out, &arena, SECONDS), WIRE_OK);
}

START_TEST(emptiest)
{
	add_domain("b.c");
	add_user("ann@b.c");
	add_user("bob@b.c");
	add_user("joe@b.c");
	ck_assert_uint_eq(route("ann@b.c").shard, 0);
	ck_assert_uint_eq(route("bob@b.c").shard, 1);
	ck_assert_uint_eq(route("joe@b.c").shard, 0);
	rm_user("ann@b.c");
	rm_user("joe@b.c");
	add_user("zoe@b.c");
	restart();
	add_user("eve@b.c");
	add_user("max@b.c");
	ck_assert_uint_eq(route("bob@b.c").shard, 1);
	ck_assert_uint_eq(route("zoe@b.c").shard, 0);
	ck_assert_uint_eq(route("eve@b.c").shard, 0);
	ck_assert_uint_eq(route("max@b.c").shard, 1);
}
END_TEST

/* auth, with one store. */
static bool
one_suffices(void)
{
	bool good;

	world_run(5);
	world_end();
	log_text[0] = '\0';
	auth.shards = 1;
	good = auth_begin(engine);
	if (good)
		auth_end();
	else {
		directory_free(&auth.dir);
		penalties_free(auth.penalties);
	}
	world_run(5);
	for (int i = 0; i < SHARDS; i++)
		if (usage[i] != NULL) {
			answer(usage[i], WIRE_AGAIN, NULL);
			usage[i] = NULL;
		}
	world_begin();
	return good;
}

START_TEST(too_few)
{
	add_domain("b.c");
	add_user("ann@b.c");
	ck_assert(one_suffices());
	add_user("bob@b.c");
	ck_assert(!one_suffices());
	ck_assert_ptr_nonnull(strstr(log_text,
	    "shards_missing users=1 needed=2 running=1"));
	ck_assert_uint_eq(route("bob@b.c").shard, 1);
	ck_assert_uint_eq(login(submission, "bob@b.c", "secret", "").login,
	    LOGIN_OK);
}
END_TEST

/* The mail of one who was removed must still be dropped. */
START_TEST(too_few_for_the_gone)
{
	add_domain("b.c");
	add_user("ann@b.c");
	add_user("bob@b.c");
	drop_status = WIRE_AGAIN;
	rm_user("bob@b.c");
	ck_assert(!one_suffices());
	drop_status = WIRE_OK;
	restart();
	world_run(20);
	ck_assert(one_suffices());
}
END_TEST

/* More than before: new users fill them up, and nobody moves. */
START_TEST(one_more)
{
	world_end();
	world_shards = 1;
	world_begin();
	add_domain("b.c");
	add_user("ann@b.c");
	add_user("bob@b.c");
	ck_assert_uint_eq(route("bob@b.c").shard, 0);
	world_end();
	world_shards = SHARDS;
	world_begin();
	add_user("joe@b.c");
	add_user("zoe@b.c");
	ck_assert_uint_eq(route("bob@b.c").shard, 0);
	ck_assert_uint_eq(route("joe@b.c").shard, 1);
	ck_assert_uint_eq(route("zoe@b.c").shard, 1);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, emptiest);
	tcase_add_test(t, too_few);
	tcase_add_test(t, too_few_for_the_gone);
	tcase_add_test(t, one_more);
}

int
main(void)
{
	return world_suite("shard", add);
}
