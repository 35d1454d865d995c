/* Where addresses lead, and whose they are (auth_rcpt, auth_route,
   auth_sender). */
#include "world.h"

/* Rows that no call would write: loops, and accounts that are disabled. */
static void
put_row(enum row_table table, struct slice about, const struct buf *value)
{
	struct txn *t = txn_begin(engine, ROWS_UNIT);
	struct buf key = { 0 };

	row_key(&key, table, about);
	txn_put(t, ENGINE_ROWS, buf_view(&key), buf_view(value), 0);
	txn_commit(t, NULL, NULL);
	buf_free(&key);
}

static void
put_alias(struct slice name, struct slice target)
{
	struct buf value = { 0 };

	row_alias_put(&value, &target, 1);
	put_row(ROW_ALIAS, name, &value);
	buf_free(&value);
}

static void
restart(void)
{
	world_run(5);
	world_end();
	world_begin();
}

START_TEST(mailboxes)
{
	struct auth_route_out out;
	uint64_t ann;

	ck_assert_int_eq(rcpt("ann@example.org"), ROUTE_REMOTE);
	add_domain("example.org");
	ck_assert_int_eq(rcpt("ann@example.org"), ROUTE_UNKNOWN);
	ann = add_user("Ann@Example.org");
	ck_assert_int_eq(rcpt("ann@example.org"), ROUTE_LOCAL);
	ck_assert_int_eq(rcpt("ANN@EXAMPLE.ORG"), ROUTE_LOCAL);
	ck_assert_int_eq(rcpt("\"ann\"@example.org"), ROUTE_LOCAL);
	ck_assert_int_eq(rcpt("bob@example.org"), ROUTE_UNKNOWN);
	ck_assert_int_eq(rcpt("ann@sub.example.org"), ROUTE_REMOTE);
	ck_assert_int_eq(rcpt("ann@[127.0.0.1]"), ROUTE_REMOTE);
	ck_assert_int_eq(rcpt("ann"), ROUTE_UNKNOWN);
	ck_assert_int_eq(rcpt("not an address"), ROUTE_UNKNOWN);
	ck_assert_int_eq(rcpt(""), ROUTE_UNKNOWN);
	/* SMTP-7: what looks like a relay is just a name here. */
	ck_assert_int_eq(rcpt("x%other.net@example.org"), ROUTE_UNKNOWN);
	ck_assert_int_eq(rcpt("\"x@other.net\"@example.org"), ROUTE_UNKNOWN);

	out = route("ANN@example.org");
	ck_assert_uint_eq(out.route, ROUTE_LOCAL);
	ck_assert_uint_eq(out.user, ann);
	ck_assert_uint_eq(out.shard, 0);
	ck_assert_uint_eq(out.limit, 0);
	ck_assert_uint_eq(out.n_became, 0);
	ck_text(out.address, "ann@example.org");
	ck_text(out.mailbox, "");
	ck_assert_uint_eq(route("joe@other.net").route, ROUTE_REMOTE);
	ck_assert_uint_eq(route("bob@example.org").route, ROUTE_UNKNOWN);
}
END_TEST

/* RFC 5233 1 */
START_TEST(subaddresses)
{
	struct auth_route_out out;
	uint64_t ann;

	add_domain("b.c");
	ann = add_user("ann@b.c");
	add_user("joe+x@b.c");
	add_alias("info@b.c", "ann@b.c");
	out = route("Ann+Lists+more@b.c");
	ck_assert_uint_eq(out.user, ann);
	ck_text(out.mailbox, "Lists+more");
	ck_text(out.address, "ann@b.c");
	ck_text(route("ann+@b.c").mailbox, "");
	ck_assert_uint_eq(route("info+x@b.c").user, ann);
	ck_text(route("joe+x@b.c").address, "joe+x@b.c");
	ck_text(route("joe+x@b.c").mailbox, "");
	ck_assert_int_eq(rcpt("joe+y@b.c"), ROUTE_UNKNOWN);
	ck_assert_int_eq(rcpt("+ann@b.c"), ROUTE_UNKNOWN);
	ck_assert(owns(ann, "ann+anything@b.c"));

	world_configure("server name b.c\nseparate subaddresses with -\n");
	ck_text(route("ann-x@b.c").mailbox, "x");
	ck_assert_int_eq(rcpt("ann+x@b.c"), ROUTE_UNKNOWN);
	world_configure("server name b.c\nseparate subaddresses with nothing\n");
	ck_assert_int_eq(rcpt("ann-x@b.c"), ROUTE_UNKNOWN);
}
END_TEST

START_TEST(aliases)
{
	struct auth_route_out out;
	uint64_t ann, bob;

	add_domain("b.c");
	ann = add_user("ann@b.c");
	bob = add_user("bob@b.c");
	add_alias("one@b.c", "ann+work@b.c");
	add_alias("both@b.c", "one@b.c", "bob@b.c", "Joe@Other.net", "ann@b.c");
	add_alias("out@b.c", "joe@other.net");

	/* An alias of one mailbox is that mailbox. */
	out = route("one@b.c");
	ck_assert_uint_eq(out.user, ann);
	ck_text(out.mailbox, "work");
	ck_assert_uint_eq(out.n_became, 0);

	/* Others become all they lead to in the end, each once. */
	out = route("both@b.c");
	ck_assert_uint_eq(out.route, ROUTE_LOCAL);
	ck_assert_uint_eq(out.user, 0);
	ck_assert_uint_eq(out.n_became, 4);
	ck_text(out.became[0].address, "bob@b.c");
	ck_text(out.became[1].address, "Joe@other.net");
	ck_text(out.became[2].address, "ann@b.c");
	ck_text(out.became[3].address, "ann+work@b.c");
	out = route("out@b.c");
	ck_assert_uint_eq(out.n_became, 1);
	ck_text(out.became[0].address, "joe@other.net");
	ck_assert_int_eq(rcpt("both@b.c"), ROUTE_LOCAL);
	ck_assert_int_eq(rcpt("out@b.c"), ROUTE_LOCAL);

	/* SMTP-11: his is what leads to him. */
	ck_assert(owns(ann, "ann@b.c"));
	ck_assert(owns(ann, "one@b.c"));
	ck_assert(owns(ann, "both@b.c"));
	ck_assert(owns(bob, "both@b.c"));
	ck_assert(!owns(bob, "one@b.c"));
	ck_assert(!owns(ann, "bob@b.c"));
	ck_assert(!owns(ann, "out@b.c"));
	ck_assert(!owns(ann, "joe@other.net"));
	ck_assert(!owns(ann, "nobody@b.c"));
	ck_assert(!owns(ann, ""));
	ck_assert(!owns(99, "ann@b.c"));
}
END_TEST

START_TEST(catch_all)
{
	uint64_t ann, bob;

	add_domain("b.c");
	add_domain("d.e");
	ann = add_user("ann@b.c");
	bob = add_user("bob@b.c");
	add_alias("@b.c", "ann+other@b.c");
	add_alias("@d.e", "ann@b.c", "bob@b.c");
	ck_assert_uint_eq(route("whoever@b.c").user, ann);
	ck_text(route("whoever@b.c").mailbox, "other");
	ck_assert_uint_eq(route("bob@b.c").user, bob);
	ck_assert_uint_eq(route("bob@d.e").n_became, 2);
	ck_assert(owns(ann, "whoever@b.c"));
	ck_assert(!owns(ann, "bob@b.c"));
	ck_assert(!owns(bob, "whoever@b.c"));
	ck_assert(owns(bob, "anything@d.e"));
	/* Only mailboxes and aliases come before it. */
	ck_assert_uint_eq(route("ann+x@b.c").user, ann);
	ck_text(route("ann+x@b.c").mailbox, "x");
}
END_TEST

/* RFC 5321 4.5.1: <postmaster>, with and without a domain, always leads to
   somebody; RFC 2142 4 and our own mail: so do abuse and root. */
START_TEST(roles)
{
	static const char *const names[] = { "postmaster@b.c", "abuse@b.c",
		"root@b.c", "PostMaster@B.C", "postmaster+x@b.c" };
	uint64_t first, ann;

	add_domain("a.b");
	add_domain("b.c");
	first = add_user("zoe@a.b");
	for (size_t i = 0; i < 5; i++)
		ck_assert_uint_eq(route(names[i]).user, first);
	ann = add_user("yan@b.c");
	add_user("ann@b.c");
	for (size_t i = 0; i < 5; i++)
		ck_assert_uint_eq(route(names[i]).user, ann);
	ck_assert_uint_eq(route("postmaster").user, first);
	ck_assert_int_eq(rcpt("postmaster"), ROUTE_LOCAL);
	ck_assert_int_eq(rcpt("postmaster@other.net"), ROUTE_REMOTE);
	ck_assert(owns(ann, "abuse@b.c"));

	/* Before the catch-all, after an alias of that name. */
	add_alias("@b.c", "ann@b.c");
	add_alias("abuse@b.c", "ann@b.c");
	ck_assert_uint_eq(route("postmaster@b.c").user, ann);
	ck_text(route("abuse@b.c").address, "ann@b.c");
}
END_TEST

START_TEST(postmaster)
{
	uint64_t ann, bob;

	add_domain("b.c");
	ann = add_user("ann@b.c");
	bob = add_user("bob@b.c");
	world_configure("server name mail.b.c\npostmaster is bob@b.c\n");
	ck_assert_uint_eq(route("postmaster@b.c").user, bob);
	ck_assert_uint_eq(route("postmaster").user, bob);
	/* Outside: mail for it goes there. */
	world_configure("server name mail.b.c\npostmaster is joe@o.net\n");
	ck_text(route("root@b.c").became[0].address, "joe@o.net");
	/* Back to itself, to nobody, round in a circle. */
	world_configure("server name b.c\n");
	ck_assert_uint_eq(route("postmaster@b.c").user, ann);
	ck_assert_uint_eq(route("abuse@b.c").user, ann);
	world_configure("server name b.c\npostmaster is nobody@b.c\n");
	ck_assert_uint_eq(route("postmaster@b.c").user, ann);
	world_configure("server name b.c\npostmaster is root@b.c\n");
	ck_assert_uint_eq(route("postmaster@b.c").user, ann);
}
END_TEST

/* A mailbox with an alias of its own name keeps its copy; what it refuses
   nobody gets. */
START_TEST(keeps_its_copy)
{
	static const char *const joe[] = { "joe@o.net", NULL };
	struct auth_route_out r;
	uint64_t ann, bob;

	add_domain("b.c");
	ann = add_user("ann@b.c");
	bob = add_user("bob@b.c");
	add_alias("Ann@b.c", "ann@b.c", "joe@o.net", "bob@b.c");
	add_alias("all@b.c", "ann@b.c");
	add_alias("bob@b.c", "ann@b.c", "bob@b.c");
	ck_assert_uint_ne(try_alias("ann@b.c", joe).n, 0);
	for (int life = 0; life < 2; life++) {
		r = route("ann@b.c");
		ck_assert_uint_eq(r.user, ann);
		ck_text(r.address, "ann@b.c");
		ck_assert_uint_eq(r.n_became, 2);
		ck_text(r.became[0].address, "joe@o.net");
		ck_text(r.became[1].address, "bob@b.c");
		r = route("ann+work@b.c");
		ck_assert_uint_eq(r.user, ann);
		ck_text(r.mailbox, "work");
		ck_assert_uint_eq(r.n_became, 2);
		r = route("bob@b.c");
		ck_assert_uint_eq(r.user, bob);
		ck_assert_uint_eq(r.n_became, 2);
		r = route("all@b.c");
		ck_assert_uint_eq(r.user, 0);
		ck_assert_uint_eq(r.n_became, 3);
		ck_text(r.became[0].address, "ann@b.c");
		ck_assert(owns(bob, "ann@b.c"));
		ck_assert(owns(ann, "ann@b.c"));
		restart();
	}
	directory_number(&auth.dir, ann)->used = 2 << 20;
	world_configure("server name b.c\nmailbox quota 1 MB\n");
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_FULL);
	ck_assert_int_eq(rcpt("all@b.c"), ROUTE_LOCAL);
}
END_TEST

/* A user's own limit goes before that of all, also if it is none. */
START_TEST(own_limits)
{
	static const uint64_t given[] = { 0, 5 << 20, LIMIT_NONE };
	static const uint64_t want[] = { 2 << 20, 5 << 20, 0 };
	char name[] = "0@b.c";

	add_domain("b.c");
	world_configure("server name b.c\nmailbox quota 2 MB\n");
	for (int i = 0; i < 3; i++) {
		struct user_add_in in = { .address = slice_str(name),
			.hash = SLICE(HASH), .limit = given[i] };
		struct user_add_out out;

		name[0] = (char)('0' + i);
		ck_assert_int_eq(user_add(ctl, &in, &out, &arena, SECONDS),
		    WIRE_OK);
		ck_assert_uint_eq(route(name).limit, want[i]);
		directory_number(&auth.dir, out.user)->used = 3 << 20;
		ck_assert_int_eq(rcpt(name), i == 0 ? ROUTE_FULL :
		    ROUTE_LOCAL);
	}
	restart();
	ck_assert_uint_eq(route("2@b.c").limit, 0);
}
END_TEST

START_TEST(loops)
{
	add_domain("b.c");
	add_user("ann@b.c");
	put_alias(SLICE("b.c\0x"), SLICE("y@b.c"));
	put_alias(SLICE("b.c\0y"), SLICE("z@b.c"));
	put_alias(SLICE("b.c\0z"), SLICE("x@b.c"));
	put_alias(SLICE("b.c\0self"), SLICE("self@b.c"));
	put_alias(SLICE("b.c\0"), SLICE("w@b.c"));
	restart();
	ck_assert_int_eq(rcpt("x@b.c"), ROUTE_UNKNOWN);
	ck_assert_int_eq(rcpt("self@b.c"), ROUTE_UNKNOWN);
	ck_assert_int_eq(rcpt("whoever@b.c"), ROUTE_UNKNOWN);
	ck_assert_uint_eq(route("x@b.c").route, ROUTE_UNKNOWN);
	ck_assert(!owns(1, "x@b.c"));
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_LOCAL);
}
END_TEST

/* 1000 targets, each an alias of 1000: refused, not followed to the end. */
START_TEST(too_long)
{
	static struct slice targets[ROW_TARGETS_MAX];
	struct buf value = { 0 };
	char name[32];

	add_domain("b.c");
	add_user("ann@b.c");
	for (int i = 0; i < 3; i++) {
		for (size_t j = 0; j < ROW_TARGETS_MAX; j++) {
			snprintf(name, sizeof name, "%d-%zu@o.net", i, j);
			targets[j] = arena_slice(&arena, slice_str(name));
		}
		row_alias_put(&value, targets, ROW_TARGETS_MAX);
		memcpy(name, "b.c\0l", 5);
		name[5] = (char)('0' + i);
		put_row(ROW_ALIAS, slice_of(name, 6), &value);
	}
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof name, "l%d@b.c", i);
		targets[i] = arena_slice(&arena, slice_str(name));
	}
	row_alias_put(&value, targets, 3);
	put_row(ROW_ALIAS, SLICE("b.c\0all"), &value);
	buf_free(&value);
	restart();
	ck_assert_uint_eq(route("l0@b.c").n_became, ROW_TARGETS_MAX);
	ck_assert_uint_eq(route("all@b.c").route, ROUTE_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(log_text, "alias_too_long"));
}
END_TEST

START_TEST(disabled)
{
	struct row_user row = { .number = 1, .disabled = true };
	struct buf value = { 0 };
	uint64_t ann, bob;

	add_domain("b.c");
	ann = add_user("ann@b.c");
	bob = add_user("bob@b.c");
	add_alias("both@b.c", "ann@b.c", "bob@b.c");
	add_alias("one@b.c", "ann@b.c");
	row_user_put(&value, &row);
	put_row(ROW_USER, SLICE("b.c\0ann"), &value);
	buf_free(&value);
	restart();
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_DISABLED);
	ck_assert_int_eq(rcpt("one@b.c"), ROUTE_DISABLED);
	ck_assert_int_eq(rcpt("both@b.c"), ROUTE_LOCAL);
	ck_assert_uint_eq(route("ann@b.c").route, ROUTE_DISABLED);
	ck_assert(!owns(ann, "ann@b.c"));
	ck_assert_uint_eq(route("postmaster@b.c").user, bob);
}
END_TEST

/* The stores are asked in the order of their shards. */
static void
tell_usage(int which, uint64_t position, bool all, uint64_t user,
    uint64_t used)
{
	struct wire_fullness f = { .user = user, .used = used };
	struct store_usage_out out = { .position = position, .all = all,
		.users = &f, .n_users = user != 0 };
	struct request *r = usage[which];

	ck_assert_ptr_nonnull(r);
	usage[which] = NULL;
	answer(r, WIRE_OK, &out);
	world_run(5);
}

START_TEST(quota)
{
	struct user_add_in in = { .address = SLICE("bob@b.c"),
		.hash = SLICE(HASH), .limit = 5000000 };
	struct user_add_out bob;
	uint64_t ann;

	world_configure("server name b.c\nmailbox quota 2 MB\n");
	add_domain("b.c");
	ann = add_user("ann@b.c");
	ck_assert_int_eq(user_add(ctl, &in, &bob, &arena, SECONDS), WIRE_OK);
	ck_assert_uint_eq(route("ann@b.c").limit, conf.quota);
	ck_assert_uint_eq(route("bob@b.c").limit, 5000000);
	ck_assert_uint_eq(route("ann@b.c").shard, 0);
	tell_usage(0, 7, true, ann, conf.quota);
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_FULL);
	/* What was accepted is stored: the store has the last word. */
	ck_assert_uint_eq(route("ann@b.c").route, ROUTE_LOCAL);
	ck_assert_uint_eq(REQUEST(store_usage, usage[0])->position, 7);
	ck_assert_uint_eq(REQUEST(store_usage, usage[1])->position, 0);
	tell_usage(0, 8, false, ann, conf.quota - 1);
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_LOCAL);
	/* Another shard's word about her does not count. */
	tell_usage(1, 1, true, ann, conf.quota);
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_LOCAL);
	tell_usage(1, 2, false, bob.user, 5000000);
	ck_assert_int_eq(rcpt("bob@b.c"), ROUTE_FULL);
	tell_usage(1, 3, true, 0, 0);
	ck_assert_int_eq(rcpt("bob@b.c"), ROUTE_LOCAL);
}
END_TEST

/* A row that cannot be read is left alone, and so is everything else. */
START_TEST(damaged)
{
	struct buf value = { 0 };

	add_domain("b.c");
	add_user("ann@b.c");
	buf_str(&value, "\7new format");
	put_row(ROW_USER, SLICE("b.c\0bob"), &value);
	put_row(ROW_ALIAS, SLICE("b.c\0joe"), &value);
	put_row(ROW_DOMAIN, SLICE("d.e"), &value);
	put_row(ROW_PASSWORD, SLICE("short"), &value);
	put_row(ROW_LAST, SLICE(""), &value);
	put_alias(SLICE("not.ours\0joe"), SLICE("ann@b.c"));
	buf_free(&value);
	restart();
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_LOCAL);
	ck_assert_int_eq(rcpt("bob@b.c"), ROUTE_UNKNOWN);
	ck_assert_int_eq(rcpt("joe@b.c"), ROUTE_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(log_text, "account_unreadable"));
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, mailboxes);
	tcase_add_test(t, subaddresses);
	tcase_add_test(t, aliases);
	tcase_add_test(t, catch_all);
	tcase_add_test(t, roles);
	tcase_add_test(t, postmaster);
	tcase_add_test(t, keeps_its_copy);
	tcase_add_test(t, own_limits);
	tcase_add_test(t, loops);
	tcase_add_test(t, too_long);
	tcase_add_test(t, disabled);
	tcase_add_test(t, quota);
	tcase_add_test(t, damaged);
}

int
main(void)
{
	return world_suite("ask", add);
}
