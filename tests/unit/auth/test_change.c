/* What ctl changes and lists: refused with a reason, or durable when it is
   answered, and there after a restart. */
#include "world.h"

static enum wire_status
domain_status(const char *name)
{
	struct domain_add_in in = { .name = slice_str(name) };

	return domain_add(ctl, &in, NULL, &arena, SECONDS);
}

static enum wire_status
passwd_status(const char *address, const char *password)
{
	struct user_passwd_in in = { .address = slice_str(address),
		.password = slice_str(password) };

	return user_passwd(ctl, &in, NULL, &arena, SECONDS);
}

static void
restart(void)
{
	world_end();
	world_begin();
}

START_TEST(domains)
{
	ck_assert_int_eq(domain_status("B.c"), WIRE_OK);
	ck_assert_int_eq(domain_status("b.C"), WIRE_CLASH);
	ck_assert_int_eq(domain_status("not a domain"), WIRE_BAD);
	ck_assert_int_eq(domain_status(""), WIRE_BAD);
	ck_assert_int_eq(domain_status("[127.0.0.1]"), WIRE_BAD);
	restart();
	ck_assert_int_eq(rcpt("x@b.c"), ROUTE_UNKNOWN);
	ck_assert_int_eq(domain_status("b.c"), WIRE_CLASH);
}
END_TEST

#define refused(why, word) do {						\
	struct slice why_ = (why);					\
	ck_assert_uint_gt(why_.n, 0);					\
	ck_assert_msg(strstr(arena_str(&arena, why_), word) != NULL,	\
	    "%.*s", (int)why_.n, why_.p);				\
} while (0)

START_TEST(users)
{
	uint64_t ann, bob;

	add_domain("b.c");
	ann = add_user("ann@b.c");
	add_alias("info@b.c", "ann@b.c");
	refused(try_user("joe@d.e", "", HASH).why, "domain");
	refused(try_user("ANN@b.c", "", HASH).why, "already");
	refused(try_user("info@b.c", "", HASH).why, "alias");
	refused(try_user("joe", "", HASH).why, "address");
	refused(try_user("@b.c", "", HASH).why, "address");
	refused(try_user("joe@b.c", "", "").why, "password");
	refused(try_user("joe@b.c", "", "plain").why, "hash");
	refused(try_user("joe@b.c", "", "$99$x$y").why, "hash");
	ck_assert_uint_eq(try_user("joe@b.c", "", "").user, 0);
	bob = add_user("bob@b.c");
	ck_assert_uint_gt(bob, ann);
	restart();
	ck_assert_uint_eq(route("ann@b.c").user, ann);
	ck_assert_uint_eq(login(submission, "bob@b.c", "secret", "").user,
	    bob);
	ck_assert_uint_gt(add_user("joe@b.c"), bob);
}
END_TEST

/* A password given in the clear becomes yescrypt, today's default. */
START_TEST(passwords)
{
	struct user_add_out out;

	add_domain("b.c");
	out = try_user("ann@b.c", "one two", "");
	ck_text(out.why, "");
	ck_assert_int_eq(strncmp(directory_number(&auth.dir, out.user)->hash,
	    "$y$", 3), 0);
	ck_assert_uint_eq(login(submission, "ann@b.c", "one two", "").login,
	    LOGIN_OK);
	ck_assert_int_eq(passwd_status("Ann@b.c", "three"), WIRE_OK);
	ck_assert_int_eq(passwd_status("bob@b.c", "three"), WIRE_NONE);
	ck_assert_int_eq(passwd_status("ann", "three"), WIRE_NONE);
	ck_assert_int_eq(passwd_status("ann@b.c", ""), WIRE_BAD);
	ck_assert_uint_eq(login(submission, "ann@b.c", "one two", "").login,
	    LOGIN_DENIED);
	restart();
	ck_assert_uint_eq(login(submission, "ann@b.c", "three", "").login,
	    LOGIN_OK);
}
END_TEST

/* A number is never given twice, whatever became of its user. */
START_TEST(numbers)
{
	struct txn *t;
	struct buf key = { 0 };
	uint64_t last;

	add_domain("b.c");
	add_user("ann@b.c");
	last = add_user("bob@b.c");
	t = txn_begin(engine, ROWS_UNIT);
	row_key(&key, ROW_USER, SLICE("b.c\0bob"));
	txn_del(t, ENGINE_ROWS, buf_view(&key));
	row_password_key(&key, last);
	txn_del(t, ENGINE_ROWS, buf_view(&key));
	txn_commit(t, NULL, NULL);
	buf_free(&key);
	world_run(5);
	restart();
	ck_assert_int_eq(rcpt("bob@b.c"), ROUTE_UNKNOWN);
	ck_assert_uint_gt(add_user("bob@b.c"), last);
}
END_TEST

START_TEST(alias_refusals)
{
	static const char *const none[] = { NULL };
	static const char *const ann[] = { "ann@b.c", NULL };
	static const char *const bob[] = { "bob@o.net", NULL };
	static const char *const typo[] = { "ann@b.c", "anm@b.c", NULL };
	static const char *const self[] = { "self@b.c", NULL };
	static const char *const bare[] = { "ann", NULL };

	add_domain("b.c");
	add_user("ann@b.c");
	refused(try_alias("x@b.c", none), "at least");
	refused(try_alias("x@b.c", typo), "no anm@b.c");
	refused(try_alias("self@b.c", self), "itself");
	refused(try_alias("x@b.c", bare), "address");
	refused(try_alias("x@d.e", ann), "domain");
	refused(try_alias("ann@b.c", ann), "nobody else");
	refused(try_alias("ann@b.c", bob), "name it as a target too");
	refused(try_alias("x", ann), "address");
	add_alias("x@b.c", "ann@b.c");
	refused(try_alias("X@b.c", ann), "already");
	add_alias("@b.c", "ann@b.c");
	refused(try_alias("@b.c", ann), "already");
	/* Through the catch-all it would come back. */
	refused(try_alias("self@b.c", self), "itself");
	restart();
	ck_assert_uint_eq(route("x@b.c").user, 1);
	ck_assert_uint_eq(route("y@b.c").user, 1);
}
END_TEST

/* ---- what is not durable does not exist */

static unsigned		 answered;
static enum wire_status	 last_status;

static void
added(void *arg, enum wire_status status, const void *out)
{
	const struct user_add_out *o = out;

	(void)arg;
	answered++;
	last_status = status;
	if (o != NULL)
		ck_assert_uint_eq(o->why.n, 0);
}

static void
begin_user(const char *address)
{
	struct user_add_in in = { .address = slice_str(address),
		.hash = SLICE(HASH) };

	link_call(ctl, WIRE_user_add, &in, 0, added, NULL);
}

START_TEST(durable)
{
	add_domain("b.c");
	answered = 0;
	engine_mem_hold(engine, true);
	begin_user("ann@b.c");
	world_run(5);
	ck_assert_uint_eq(answered, 0);
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_UNKNOWN);
	ck_assert_uint_eq(route("postmaster@b.c").route, ROUTE_UNKNOWN);
	ck_assert_uint_eq(login(submission, "ann@b.c", "secret", "").login,
	    LOGIN_DENIED);
	/* But its name is taken. */
	refused(try_user("ann@b.c", "", HASH).why, "already");
	engine_mem_hold(engine, false);
	world_run(5);
	ck_assert_uint_eq(answered, 1);
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_LOCAL);
}
END_TEST

START_TEST(no_room)
{
	static const char *const ann[] = { "ann@b.c", NULL };
	struct alias_add_in in = { .address = SLICE("x@b.c") };
	struct wire_target target = { .address = SLICE("ann@b.c") };

	add_domain("b.c");
	add_user("ann@b.c");
	engine_mem_fault(engine, ENGINE_FULL, 0, 4);
	answered = 0;
	begin_user("bob@b.c");
	world_run(5);
	ck_assert_uint_eq(answered, 1);
	ck_assert_int_eq(last_status, WIRE_AGAIN);
	ck_assert_int_eq(domain_status("d.e"), WIRE_AGAIN);
	in.targets = &target;
	in.n_targets = 1;
	ck_assert_int_eq(alias_add(ctl, &in, NULL, &arena, 0), WIRE_AGAIN);
	ck_assert_int_eq(passwd_status("ann@b.c", "other"), WIRE_AGAIN);
	/* Nothing of it is there, and all of it can be done again. */
	ck_assert_uint_eq(login(submission, "ann@b.c", "secret", "").login,
	    LOGIN_OK);
	ck_assert_int_eq(rcpt("bob@b.c"), ROUTE_UNKNOWN);
	add_user("bob@b.c");
	add_domain("d.e");
	ck_text(try_alias("x@b.c", ann), "");
	ck_assert_uint_eq(auth.busy, 0);
}
END_TEST

/* Two calls for one name at once: the name is looked at again after the
   password was hashed. */
START_TEST(two_at_once)
{
	struct user_add_in in = { .address = SLICE("ann@b.c"),
		.password = SLICE("slow") };
	struct user_add_out out;

	add_domain("b.c");
	link_call(ctl, WIRE_user_add, &in, 0, NULL, NULL);
	ck_assert_int_eq(user_add(ctl, &in, &out, &arena, SECONDS), WIRE_OK);
	refused(out.why, "already");
	ck_assert_uint_eq(auth.dir.n_users, 1);
}
END_TEST

/* ---- lists */

static struct user_list_out
users_after(struct slice after)
{
	struct user_list_in in = { .after = after };
	struct user_list_out out;

	ck_assert_int_eq(user_list(ctl, &in, &out, &arena, SECONDS), WIRE_OK);
	return out;
}

/* ./quickstart --users: thousands in one go, then page by page. */
START_TEST(import)
{
	enum { N = 3000 };
	struct user_list_out out;
	struct slice after = { "", 0 };
	char address[32], before[32] = "";
	unsigned pages = 0, n = 0;

	add_domain("b.c");
	answered = 0;
	for (int i = 0; i < N; i++) {
		snprintf(address, sizeof address, "user%04d@b.c", i);
		begin_user(address);
	}
	for (int i = 0; answered < N && i < 1000; i++)
		world_run(10);
	ck_assert_uint_eq(answered, N);
	do {
		out = users_after(after);
		ck_assert_uint_le(out.n_users, 1000);
		ck_assert(!out.more || out.n_users > 0);
		for (size_t i = 0; i < out.n_users; i++, n++) {
			snprintf(address, sizeof address, "user%04u@b.c", n);
			ck_text(out.users[i].address, address);
			ck_assert_str_lt(before, address);
			strcpy(before, address);
			ck_assert_uint_eq(out.users[i].shard,
			    (out.users[i].user - 1) % SHARDS);
			after = out.users[i].address;
		}
		pages++;
	} while (out.more);
	ck_assert_uint_eq(n, N);
	ck_assert_uint_eq(pages, 3);
	ck_assert_uint_eq(users_after(after).n_users, 0);
}
END_TEST

START_TEST(lists)
{
	struct domain_list_in from = { .after = SLICE("") };
	struct domain_list_out found;
	struct alias_list_in after = { .after = SLICE("") };
	struct alias_list_out aliases;
	struct user_list_in bad = { .after = SLICE("no address") };

	add_domain("d.e");
	add_domain("b.c");
	add_user("ann@b.c");
	add_alias("x@b.c", "ann@b.c", "joe@o.net");
	add_alias("@b.c", "ann@b.c");
	ck_assert_int_eq(domain_list(ctl, &from, &found, &arena, SECONDS),
	    WIRE_OK);
	ck_assert_uint_eq(found.n_domains, 2);
	ck_text(found.domains[0].name, "b.c");
	ck_assert_uint_eq(found.domains[0].users, 1);
	ck_assert_uint_eq(found.domains[0].aliases, 2);
	ck_text(found.domains[1].name, "d.e");
	ck_assert_uint_eq(found.domains[1].users, 0);
	ck_assert_int_eq(alias_list(ctl, &after, &aliases, &arena, SECONDS),
	    WIRE_OK);
	ck_assert_uint_eq(aliases.n_aliases, 2);
	ck_text(aliases.aliases[0].address, "@b.c");
	ck_text(aliases.aliases[1].address, "x@b.c");
	ck_assert_uint_eq(aliases.aliases[1].n_targets, 2);
	ck_text(aliases.aliases[1].targets[1].address, "joe@o.net");
	ck_assert(!aliases.more);
	after.after = SLICE("@b.c");
	ck_assert_int_eq(alias_list(ctl, &after, &aliases, &arena, SECONDS),
	    WIRE_OK);
	ck_assert_uint_eq(aliases.n_aliases, 1);
	ck_assert_int_eq(user_list(ctl, &bad, NULL, &arena, SECONDS),
	    WIRE_BAD);
}
END_TEST

/* The same on a real disk: closed, opened again, nothing is missing. */
START_TEST(on_disk)
{
	char dir[] = "/tmp/postino-auth-XXXXXX", command[64];
	struct engine_conf c = { .cache = 1 << 20, .segment = 1 << 20,
		.readers = 1 };

	world_end();
	engine_close(engine);
	c.dir = mkdtemp(dir);
	ck_assert_ptr_nonnull(c.dir);
	engine = engine_open_file(&c);
	world_begin();
	add_domain("b.c");
	add_user("ann@b.c");
	add_alias("x@b.c", "ann@b.c");
	ck_assert_int_eq(passwd_status("ann@b.c", "new"), WIRE_OK);
	world_end();
	engine_close(engine);
	engine = engine_open_file(&c);
	world_begin();
	ck_assert_uint_eq(route("x@b.c").user, 1);
	ck_assert_uint_eq(login(submission, "ann@b.c", "new", "").login,
	    LOGIN_OK);
	ck_assert_uint_eq(add_user("bob@b.c"), 2);
	ck_assert_uint_eq(users_after(SLICE("")).n_users, 2);
	world_end();
	engine_close(engine);
	engine = engine_open_mem();
	world_begin();
	snprintf(command, sizeof command, "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

/* A page ends before it is too large for a frame. */
START_TEST(large_rows)
{
	enum { N = 12 };
	static struct slice targets[ROW_TARGETS_MAX];
	struct alias_list_in after = { .after = SLICE("") };
	struct alias_list_out out;
	struct buf key = { 0 }, value = { 0 };
	char text[300];
	unsigned n = 0;

	add_domain("b.c");
	memset(text, 'a', sizeof text);
	memcpy(text + 60, "@b.c", 5);
	for (size_t i = 0; i < ROW_TARGETS_MAX; i++)
		targets[i] = slice_str(text);
	row_alias_put(&value, targets, ROW_TARGETS_MAX);
	for (int i = 0; i < N; i++) {
		struct txn *t = txn_begin(engine, ROWS_UNIT);
		char name[8] = "b.c\0l";

		name[5] = (char)('a' + i);
		row_key(&key, ROW_ALIAS, slice_of(name, 6));
		txn_put(t, ENGINE_ROWS, buf_view(&key), buf_view(&value), 0);
		txn_commit(t, NULL, NULL);
	}
	buf_free(&key);
	buf_free(&value);
	world_run(5);
	do {
		ck_assert_int_eq(alias_list(ctl, &after, &out, &arena,
		    SECONDS), WIRE_OK);
		ck_assert_uint_gt(out.n_aliases, 0);
		ck_assert_uint_lt(out.n_aliases, 6);
		n += (unsigned)out.n_aliases;
		after.after = out.aliases[out.n_aliases - 1].address;
	} while (out.more);
	ck_assert_uint_eq(n, N);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, domains);
	tcase_add_test(t, users);
	tcase_add_test(t, passwords);
	tcase_add_test(t, numbers);
	tcase_add_test(t, alias_refusals);
	tcase_add_test(t, durable);
	tcase_add_test(t, no_room);
	tcase_add_test(t, two_at_once);
	tcase_add_test(t, import);
	tcase_add_test(t, lists);
	tcase_add_test(t, large_rows);
	tcase_add_test(t, on_disk);
}

int
main(void)
{
	return world_suite("change", add);
}
