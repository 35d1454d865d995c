/*
 * The smarthosts and their passwords, which a reload brings anew; and what
 * becomes of mail for one that we do not know.
 */
#include "tests/unit/relay/world.h"

static char	 path[64];

static void
password_write(const char *text)
{
	FILE *f;

	if (path[0] == '\0') {
		snprintf(path, sizeof path, "/tmp/test-smart-XXXXXX");
		close(mkstemp(path));
	}
	ck_assert((f = fopen(path, "w")) != NULL);
	fputs(text, f);
	fclose(f);
}

static void
start(const char *password)
{
	char conf[512];

	password_write(password);
	snprintf(conf, sizeof conf, "server name mail.a.example\n"
	    "send over at most 1 connection\n"
	    "send mail through smart.example port 587 as us with password in "
	    "%s\nsend mail to open.example through open.example port 25\n",
	    path);
	world_start(conf);
}

static void
reload(void)
{
	struct buf restart = { 0 };

	world_files();
	daemon_role.reload(&world.conf, &restart);
	ck_assert_uint_eq(restart.n, 0);
	unlink(path);
}

static struct slice
password(void)
{
	const struct smart *s = smart_named(SLICE(">smart.example:587 us"));

	ck_assert_ptr_nonnull(s);
	return s->password;
}

START_TEST(first_line_is_the_password)
{
	start("secret word\r\nnot this\n");
	unlink(path);
	ck_assert(slice_eq(password(), SLICE("secret word")));
	ck_assert_ptr_nonnull(smart_named(SLICE(">open.example:25 ")));
	ck_assert_ptr_null(smart_named(SLICE(">smart.example:587 them")));
}
END_TEST

START_TEST(reload_brings_another)
{
	start("old");
	password_write("new");
	reload();
	ck_assert(slice_eq(password(), SLICE("new")));
	/* A reload without it says nothing new. */
	daemon_role.reload(&world.conf, NULL);
	ck_assert(slice_eq(password(), SLICE("new")));
}
END_TEST

/* The admin's slip does not stop the mail. */
START_TEST(unreadable_one_changes_nothing)
{
	static const char *const texts[] = { "", "\nsecret\n", "\r\n" };

	start("old");
	password_write(texts[_i]);
	reload();
	ck_assert(slice_eq(password(), SLICE("old")));
	reload();			/* it is gone now */
	ck_assert(slice_eq(password(), SLICE("old")));
}
END_TEST

START_TEST(too_long_is_none)
{
	char text[1100];

	memset(text, 'x', sizeof text);
	text[1025] = '\0';
	start(text);
	unlink(path);
	ck_assert_uint_eq(password().n, 0);
}
END_TEST

/* Queue has begun with another configuration than we: the mail waits, and does
   not go where the domain's MX lead. */
START_TEST(unknown_one_waits)
{
	struct queue_next_out *l = &world.leases[world.n_leases++];
	struct wire_due to = { .address = SLICE("bob@b.example") };

	*l = (struct queue_next_out){ .id = 1, .recipients = &to,
		.n_recipients = 1, .destination = SLICE(">new.example:25 "),
		.body = SLICE("Subject: x\r\n\r\n"), .size = 14 };
	dns_address("b.example", "127.0.0.1");
	dns_address("new.example", "127.0.0.1");
	world_start("server name mail.a.example\n"
	    "send over at most 1 connection\n");
	while (world.n_told == 0)
		ck_assert(world_run());
	ck_assert_uint_eq(world.told[0].result.outcome, OUTCOME_LATER);
	ck_assert_uint_eq(world.told[0].result.scope, SCOPE_RECIPIENT);
	ck_assert(slice_eq(world.told[0].result.code, SLICE("4.3.5")));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("smart");
	TCase *t = tcase_create("smart");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 30);
	tcase_add_test(t, first_line_is_the_password);
	tcase_add_test(t, reload_brings_another);
	tcase_add_loop_test(t, unreadable_one_changes_nothing, 0, 3);
	tcase_add_test(t, too_long_is_none);
	tcase_add_test(t, unknown_one_waits);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
