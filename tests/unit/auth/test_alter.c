/* What is set and removed: domain_rm, user_set, user_rm, alias_add with set,
   alias_rm; and that nothing is lost or comes back whoever ends meanwhile. */
#include "world.h"

#include "auth/gone.h"

static void
restart(void)
{
	world_run(5);
	world_end();
	world_begin();
	world_run(5);
}

static struct slice
rm_domain(const char *name, enum wire_status want)
{
	struct domain_rm_in in = { .name = slice_str(name) };
	struct domain_rm_out out = { 0 };

	ck_assert_int_eq(domain_rm(ctl, &in, &out, &arena, SECONDS), want);
	return out.why;
}

static enum wire_status
set(const char *address, uint8_t what, uint64_t limit)
{
	struct user_set_in in = { .address = slice_str(address), .set = what,
		.limit = limit };

	return user_set(ctl, &in, NULL, NULL, SECONDS);
}

static struct user_rm_out
rm_user(const char *address, enum wire_status want)
{
	struct user_rm_in in = { .address = slice_str(address) };
	struct user_rm_out out = { 0 };

	ck_assert_int_eq(user_rm(ctl, &in, &out, &arena, GONE_WAIT + SECONDS),
	    want);
	return out;
}

static struct alias_rm_out
rm_alias(const char *address, enum wire_status want)
{
	struct alias_rm_in in = { .address = slice_str(address) };
	struct alias_rm_out out = { 0 };

	ck_assert_int_eq(alias_rm(ctl, &in, &out, &arena, SECONDS), want);
	return out;
}

static struct slice
try_set(const char *address, const char *const *targets,
    enum wire_status want)
{
	struct alias_add_out out = { 0 };

	ck_assert_int_eq(alias_call(address, true, targets, &out), want);
	return out.why;
}

#define TARGETS(...) (const char *const []){ __VA_ARGS__, NULL }
#define set_alias(address, ...) \
	ck_text(try_set(address, TARGETS(__VA_ARGS__), WIRE_OK), "")

static bool
has(struct slice text, const char *part)
{
	return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

/* ---- domains */

/* Only an empty one goes; then it is somebody else's. */
START_TEST(domains)
{
	rm_domain("b.c", WIRE_NONE);
	rm_domain("no domain", WIRE_NONE);
	add_domain("b.c");
	add_domain("d.e");
	add_user("ann@b.c");
	add_alias("info@b.c", "ann@b.c");
	add_alias("@b.c", "ann@b.c");
	ck_text(rm_domain("B.C", WIRE_OK),
	    "it still has 1 mailbox and 2 aliases");
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_LOCAL);
	rm_alias("info@b.c", WIRE_OK);
	rm_alias("@b.c", WIRE_OK);
	ck_assert(rm_domain("b.c", WIRE_OK).n > 0);
	rm_user("ann@b.c", WIRE_OK);
	ck_text(rm_domain("b.c", WIRE_OK), "");
	for (int life = 0; life < 2; life++) {
		ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_REMOTE);
		rm_domain("b.c", WIRE_NONE);
		ck_assert(has(try_user("ann@b.c", "", HASH).why, "not ours"));
		restart();
	}
	add_domain("b.c");
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_UNKNOWN);
}
END_TEST

/* ---- users */

START_TEST(limits)
{
	uint64_t ann;

	add_domain("b.c");
	ann = add_user("ann@b.c");
	world_configure("server name b.c\nmailbox quota 1 MB\n");
	ck_assert_int_eq(set("Ann@b.c", USER_LIMIT, 5000000), WIRE_OK);
	for (int life = 0; life < 2; life++) {
		ck_assert_uint_eq(route("ann@b.c").limit, 5000000);
		restart();
	}
	ck_assert_int_eq(set("ann@b.c", USER_LIMIT, LIMIT_NONE), WIRE_OK);
	ck_assert_uint_eq(route("ann@b.c").limit, 0);
	ck_assert_int_eq(set("ann@b.c", USER_LIMIT, 0), WIRE_OK);
	ck_assert_uint_eq(route("ann@b.c").limit, 1 << 20);
	ck_assert_uint_eq(route("ann@b.c").user, ann);
	ck_assert_uint_eq(n_revokes, 0);

	ck_assert_int_eq(set("bob@b.c", USER_LIMIT, 1), WIRE_NONE);
	ck_assert_int_eq(set("ann@b.c", 0, 1), WIRE_BAD);
	ck_assert_int_eq(set("ann@b.c", USER_ENABLED | USER_DISABLED, 1),
	    WIRE_BAD);
	ck_assert_int_eq(set("ann@b.c", 8, 1), WIRE_BAD);
}
END_TEST

/* No mail, no login, no session; postmaster's mail goes to the next.  The
   limit stays, and so do name and number. */
START_TEST(disabled)
{
	struct auth_login_out in;
	uint64_t ann, bob;

	add_domain("b.c");
	ann = add_user("ann@b.c");
	bob = add_user("bob@b.c");
	ck_assert_int_eq(set("ann@b.c", USER_LIMIT, 5000000), WIRE_OK);
	in = login(pop3d, "ann@b.c", "secret", "");
	ck_assert_uint_eq(in.login, LOGIN_OK);
	close(in.fd);
	ck_assert_int_eq(set("ann@b.c", USER_DISABLED, 0), WIRE_OK);
	world_run(5);
	ck_assert_uint_eq(n_revokes, 1);
	ck_assert_uint_eq(revokes[0].user, ann);
	ck_assert_uint_eq(session_count(), 0);
	for (int life = 0; life < 2; life++) {
		ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_DISABLED);
		ck_assert_uint_eq(login(pop3d, "ann@b.c", "secret", "").login,
		    LOGIN_DENIED);
		ck_assert_uint_eq(route("postmaster@b.c").user, bob);
		ck_assert_uint_eq(route("postmaster").user, bob);
		restart();
	}
	ck_assert_int_eq(set("ann@b.c", USER_ENABLED, 0), WIRE_OK);
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_LOCAL);
	ck_assert_uint_eq(route("ann@b.c").limit, 5000000);
	ck_assert_uint_eq(route("postmaster@b.c").user, ann);
	in = login(pop3d, "ann@b.c", "secret", "");
	ck_assert_uint_eq(in.login, LOGIN_OK);
	close(in.fd);
}
END_TEST

/* Sessions end before the mail goes; whoever gets the name next is somebody
   else. */
START_TEST(removed)
{
	struct user_rm_out out;
	struct auth_login_out in;
	uint64_t ann, bob;

	add_domain("b.c");
	ann = add_user("ann@b.c");
	bob = add_user("bob@b.c");
	add_alias("all@b.c", "ann@b.c", "bob@b.c");
	add_alias("one@b.c", "ANN@b.c");
	add_alias("ann@b.c", "ann@b.c", "bob@b.c");
	in = login(pop3d, "ann@b.c", "secret", "");
	close(in.fd);
	rm_user("eve@b.c", WIRE_NONE);
	rm_user("all@b.c", WIRE_NONE);
	out = rm_user("Ann@b.c", WIRE_OK);
	ck_assert_uint_eq(out.later, 0);
	ck_assert_uint_eq(out.messages, 3);
	ck_assert_uint_eq(out.bytes, 4000);
	ck_assert_uint_eq(out.n_aliases, 3);
	ck_assert_uint_eq(n_revokes, 1);
	ck_assert_uint_eq(n_drops, 1);
	ck_assert_uint_eq(drops[0], ann);
	ck_assert_uint_eq(session_count(), 0);
	rm_user("ann@b.c", WIRE_NONE);
	for (int life = 0; life < 2; life++) {
		ck_assert_uint_eq(login(pop3d, "ann@b.c", "secret", "").login,
		    LOGIN_DENIED);
		ck_assert_uint_eq(route("all@b.c").user, bob);
		ck_assert_uint_eq(route("ann@b.c").user, bob);
		ck_assert_int_eq(rcpt("one@b.c"), ROUTE_LOCAL);
		ck_assert_uint_eq(route("abuse@b.c").user, bob);
		ck_assert_uint_eq(n_drops, 1);
		restart();
	}
	rm_alias("ann@b.c", WIRE_OK);
	ck_assert_int_eq(rcpt("one@b.c"), ROUTE_UNKNOWN);
	ck_assert_uint_gt(add_user("ann@b.c"), bob);
	ck_assert_int_eq(rcpt("one@b.c"), ROUTE_LOCAL);
}
END_TEST

/* The last one is nobody's postmaster any more. */
START_TEST(last_one)
{
	add_domain("b.c");
	add_user("ann@b.c");
	rm_user("ann@b.c", WIRE_OK);
	ck_assert_int_eq(rcpt("postmaster@b.c"), ROUTE_UNKNOWN);
	ck_assert_int_eq(rcpt("postmaster"), ROUTE_UNKNOWN);
}
END_TEST

/* A store that cannot do it now is asked again, by the next life too. */
START_TEST(store_away)
{
	uint64_t ann;

	add_domain("b.c");
	ann = add_user("ann@b.c");
	drop_status = WIRE_AGAIN;
	ck_assert_uint_eq(rm_user("ann@b.c", WIRE_OK).later, 1);
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_UNKNOWN);
	ck_assert_uint_eq(n_drops, 1);
	restart();
	ck_assert_uint_eq(n_drops, 2);
	drop_status = WIRE_OK;
	restart();
	ck_assert_uint_eq(n_drops, 3);
	ck_assert_uint_eq(drops[2], ann);
	restart();
	ck_assert_uint_eq(n_drops, 3);
}
END_TEST

/* ---- aliases */

START_TEST(aliases)
{
	add_domain("b.c");
	add_user("ann@b.c");
	add_user("bob@b.c");
	add_alias("info@b.c", "ann@b.c");
	add_alias("sub@b.c", "info@b.c", "ann@b.c");
	set_alias("Info@b.c", "bob@b.c", "joe@o.net");
	for (int life = 0; life < 2; life++) {
		ck_assert_uint_eq(route("info@b.c").n_became, 2);
		ck_text(route("info@b.c").became[1].address, "joe@o.net");
		restart();
	}
	try_set("new@b.c", TARGETS("ann@b.c"), WIRE_NONE);
	try_set("ann@b.c", TARGETS("bob@b.c"), WIRE_NONE);
	ck_assert(has(try_set("info@b.c", TARGETS("info@b.c"), WIRE_OK),
	    "itself"));
	ck_assert(has(try_set("info@b.c", TARGETS("eve@b.c"), WIRE_OK),
	    "no eve"));
	ck_text(route("info@b.c").became[1].address, "joe@o.net");
	ck_assert_uint_eq(rm_alias("INFO@b.c", WIRE_OK).n_aliases, 1);
	rm_alias("info@b.c", WIRE_NONE);
	rm_alias("ann@b.c", WIRE_NONE);
	restart();
	ck_assert_int_eq(rcpt("info@b.c"), ROUTE_UNKNOWN);
	ck_assert_uint_eq(route("sub@b.c").user, 1);
}
END_TEST

/* Its old targets are none any more: what led there only through it is a
   circle. */
START_TEST(circles)
{
	add_domain("b.c");
	add_user("ann@b.c");
	add_alias("x@b.c", "ann@b.c");
	add_alias("y@b.c", "x@b.c");
	ck_assert(has(try_set("x@b.c", TARGETS("y@b.c"), WIRE_OK), "nobody"));
	ck_assert_uint_eq(route("y@b.c").user, 1);
}
END_TEST

/* Who keeps a copy must still be named (and is still there without). */
START_TEST(own_name)
{
	add_domain("b.c");
	add_user("ann@b.c");
	add_alias("ann@b.c", "ann@b.c", "joe@o.net");
	ck_assert(has(try_set("ann@b.c", TARGETS("joe@o.net"), WIRE_OK),
	    "name it as a target too"));
	set_alias("ann@b.c", "ann@b.c", "zoe@o.net");
	ck_text(route("ann@b.c").became[0].address, "zoe@o.net");
	ck_assert_uint_eq(rm_alias("ann@b.c", WIRE_OK).n_aliases, 0);
	ck_assert_uint_eq(route("ann@b.c").user, 1);
	ck_assert_uint_eq(route("ann@b.c").n_became, 0);
}
END_TEST

/* ---- what is not durable has not happened */

struct heard {
	unsigned	 n;
	enum wire_status status;
};

static void
hear(void *arg, enum wire_status status, const void *out)
{
	struct heard *h = arg;

	(void)out;
	h->n++;
	h->status = status;
}

START_TEST(not_yet)
{
	struct user_rm_in user = { .address = SLICE("ann@b.c") };
	struct alias_rm_in alias = { .address = SLICE("x@b.c") };
	struct domain_rm_in domain = { .name = SLICE("d.e") };
	struct heard h = { 0 };

	add_domain("b.c");
	add_domain("d.e");
	add_user("ann@b.c");
	add_user("bob@b.c");
	add_alias("x@b.c", "bob@b.c");
	engine_mem_hold(engine, true);
	link_call(ctl, WIRE_user_rm, &user, 0, hear, &h);
	link_call(ctl, WIRE_alias_rm, &alias, 0, hear, &h);
	link_call(ctl, WIRE_domain_rm, &domain, 0, hear, &h);
	world_run(5);
	ck_assert_uint_eq(h.n, 0);
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_LOCAL);
	ck_assert_int_eq(rcpt("x@b.c"), ROUTE_LOCAL);
	ck_assert_int_eq(rcpt("ann@d.e"), ROUTE_UNKNOWN);
	ck_assert_uint_eq(n_drops + n_revokes, 0);
	/* Nobody else changes it meanwhile. */
	ck_assert_int_eq(set("ann@b.c", USER_LIMIT, 1), WIRE_AGAIN);
	rm_user("ann@b.c", WIRE_AGAIN);
	try_set("x@b.c", TARGETS("ann@b.c"), WIRE_AGAIN);
	rm_domain("d.e", WIRE_AGAIN);
	ck_assert(has(try_user("eve@d.e", "", HASH).why, "not ours"));
	ck_assert(has(try_user("ann@b.c", "", HASH).why, "already"));
	engine_mem_hold(engine, false);
	world_run(5);
	ck_assert_uint_eq(h.n, 3);
	ck_assert_int_eq(h.status, WIRE_OK);
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_UNKNOWN);
	ck_assert_int_eq(rcpt("ann@d.e"), ROUTE_REMOTE);
	ck_assert_uint_eq(n_drops, 1);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, domains);
	tcase_add_test(t, limits);
	tcase_add_test(t, disabled);
	tcase_add_test(t, removed);
	tcase_add_test(t, last_one);
	tcase_add_test(t, store_away);
	tcase_add_test(t, aliases);
	tcase_add_test(t, circles);
	tcase_add_test(t, own_name);
	tcase_add_test(t, not_yet);
}

int
main(void)
{
	return world_suite("alter", add);
}
