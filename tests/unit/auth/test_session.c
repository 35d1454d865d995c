/* Sessions: their channels, who may end them, and how they are revoked. */
#include "world.h"

#define HERE	"192.0.2.1"

static struct auth_login_out
enter(struct link *l, const char *name)
{
	struct auth_login_out out = login(l, name, "secret", HERE);

	ck_assert_uint_eq(out.login, LOGIN_OK);
	return out;
}

static void
leave(struct link *l, uint64_t session)
{
	struct auth_logout_in in = { .session = session };

	ck_assert_int_eq(auth_logout(l, &in, NULL, &arena, SECONDS), WIRE_OK);
}

static void
setup(void)
{
	add_domain("b.c");
	add_user("ann@b.c");
	add_user("bob@b.c");
}

static void
new_password(const char *address)
{
	struct user_passwd_in in = { .address = slice_str(address),
		.password = SLICE("secret") };

	ck_assert_int_eq(user_passwd(ctl, &in, NULL, &arena, SECONDS),
	    WIRE_OK);
	world_run(5);
}

/* What pop3d says on its end comes out at the store's, and nobody else has
   the channel: when one side closes it, the other sees the end. */
START_TEST(channel)
{
	struct auth_login_out out;
	char c = 0;

	world_configure("server name b.c\nmailbox quota 2 MB\n");
	setup();
	out = enter(pop3d, "bob@b.c");
	world_run(5);
	ck_assert_uint_eq(n_grants, 1);
	ck_assert_uint_eq(grants[0].user, out.user);
	ck_assert_uint_eq(grants[0].session, out.session);
	ck_assert_uint_eq(grants[0].rights, RIGHT_POP3);
	ck_assert_uint_eq(grants[0].limit, conf.quota);
	ck_assert_int_gt(out.fd, 0);
	ck_assert_int_eq(write(out.fd, "x", 1), 1);
	ck_assert_int_eq(read(grants[0].fd, &c, 1), 1);
	ck_assert_int_eq(c, 'x');
	close(out.fd);
	ck_assert_int_eq(read(grants[0].fd, &c, 1), 0);
}
END_TEST

START_TEST(store_away)
{
	setup();
	link_close(stores[0]);
	stores[0] = link_new(ROLE_STORE, 0, LINK_LASTING);
	/* ann was the first */
	ck_assert_uint_eq(login(pop3d, "ann@b.c", "secret", HERE).login,
	    LOGIN_LATER);
	ck_assert_uint_eq(session_count(), 0);
	enter(submission, "ann@b.c");
	close(enter(pop3d, "bob@b.c").fd);
}
END_TEST

START_TEST(logout)
{
	uint64_t a, b;

	setup();
	a = enter(submission, "ann@b.c").session;
	b = enter(submission, "ann@b.c").session;
	ck_assert_uint_ne(a, b);
	ck_assert_uint_eq(session_count(), 2);
	leave(pop3d, a);		/* not pop3d's */
	ck_assert_uint_eq(session_count(), 2);
	leave(submission, a);
	leave(submission, a);
	leave(submission, 12345);
	ck_assert_uint_eq(session_count(), 1);
}
END_TEST

START_TEST(asker_dies)
{
	uint64_t a;

	setup();
	a = enter(submission, "ann@b.c").session;
	close(enter(pop3d, "ann@b.c").fd);
	link_close(submission);
	world_run(5);
	ck_assert_uint_eq(session_count(), 1);
	submission = world_link(ROLE_SUBMISSION, ROLE_AUTH);
	ck_assert_uint_gt(enter(submission, "ann@b.c").session, a);
}
END_TEST

static unsigned		 heard;
static enum wire_status	 heard_status;
static uint64_t		 position, session;

static void
watched(void *arg, enum wire_status status, const void *out)
{
	const struct auth_watch_out *o = out;

	(void)arg;
	heard++;
	heard_status = status;
	if (o != NULL) {
		position = o->position;
		session = o->session;
	}
}

static void
watch(struct link *l, uint64_t after)
{
	struct auth_watch_in in = { .after = after };

	link_call(l, WIRE_auth_watch, &in, 0, watched, NULL);
	world_run(5);
}

/* A new password ends every session of its user, and only those. */
START_TEST(revoked)
{
	uint64_t a, b, c;

	setup();
	heard = 0;
	a = enter(submission, "ann@b.c").session;
	b = enter(submission, "ann@b.c").session;
	c = enter(submission, "bob@b.c").session;
	close(enter(pop3d, "ann@b.c").fd);
	watch(submission, 0);
	ck_assert_uint_eq(heard, 0);
	new_password("ann@b.c");
	ck_assert_uint_eq(n_revokes, 1);
	ck_assert_uint_eq(revokes[0].user, 1);
	ck_assert_uint_eq(revokes[0].session, 0);

	/* It is told one after the other, nothing twice, nothing missed. */
	ck_assert_uint_eq(heard, 1);
	ck_assert_uint_eq(session, a);
	watch(submission, 0);
	ck_assert_uint_eq(heard, 2);
	ck_assert_uint_eq(session, a);
	watch(submission, position);
	ck_assert_uint_eq(heard, 3);
	ck_assert_uint_eq(session, b);
	watch(submission, position);
	ck_assert_uint_eq(heard, 3);
	ck_assert_uint_eq(session_count(), 1);
	new_password("bob@b.c");
	ck_assert_uint_eq(heard, 4);
	ck_assert_uint_eq(session, c);
	watch(submission, position);
	ck_assert_uint_eq(session_count(), 0);
}
END_TEST

/* A position from another life of ours is below all of this one. */
START_TEST(old_position)
{
	uint64_t a;

	setup();
	heard = 0;
	a = enter(submission, "ann@b.c").session;
	new_password("ann@b.c");
	watch(submission, (uint64_t)100 << 24);
	ck_assert_uint_eq(heard, 1);
	ck_assert_uint_eq(session, a);
}
END_TEST

START_TEST(one_watch)
{
	setup();
	heard = 0;
	watch(submission, 0);
	watch(submission, 0);
	ck_assert_uint_eq(heard, 1);
	ck_assert_int_eq(heard_status, WIRE_AGAIN);
	/* Another process has its own, and hears of its own sessions. */
	link_close(submission);
	world_run(5);
	ck_assert_int_eq(heard_status, WIRE_GONE);
	submission = world_link(ROLE_SUBMISSION, ROLE_AUTH);
	watch(submission, 0);
	enter(submission, "ann@b.c");
	heard = 0;
	new_password("bob@b.c");
	ck_assert_uint_eq(heard, 0);
	new_password("ann@b.c");
	ck_assert_uint_eq(heard, 1);
}
END_TEST

/* A login that submission still believes in, although this life of auth knows
   nothing of it: it holds as long as the account is what it was then. */
START_TEST(stamps)
{
	struct auth_login_out ann, bob;
	struct row_user row = { .number = 2, .disabled = true };
	struct buf key = { 0 }, value = { 0 };
	struct txn *t;

	setup();
	ann = enter(submission, "ann@b.c");
	bob = enter(submission, "bob@b.c");
	world_end();
	world_begin();
	ck_assert_uint_eq(session_count(), 0);
	ck_assert(sender(ann.user, ann.stamp, "ann@b.c").owns);
	ck_assert(!sender(ann.user, ann.stamp, "").revoked);
	ck_assert(sender(ann.user, ann.stamp + 1, "ann@b.c").revoked);
	ck_assert(sender(77, ann.stamp, "ann@b.c").revoked);
	new_password("ann@b.c");
	ck_assert(sender(ann.user, ann.stamp, "ann@b.c").revoked);
	ck_assert(!sender(ann.user, ann.stamp, "ann@b.c").owns);
	ck_assert(sender(ann.user, ann.stamp, "").revoked);
	ann = enter(submission, "ann@b.c");
	ck_assert(sender(ann.user, ann.stamp, "ann@b.c").owns);

	row_key(&key, ROW_USER, SLICE("b.c\0bob"));
	row_user_put(&value, &row);
	t = txn_begin(engine, ROWS_UNIT);
	txn_put(t, ENGINE_ROWS, buf_view(&key), buf_view(&value), 0);
	txn_commit(t, NULL, NULL);
	world_run(5);
	world_end();
	world_begin();
	ck_assert(sender(bob.user, bob.stamp, "bob@b.c").revoked);
	buf_free(&key);
	buf_free(&value);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, channel);
	tcase_add_test(t, store_away);
	tcase_add_test(t, logout);
	tcase_add_test(t, asker_dies);
	tcase_add_test(t, revoked);
	tcase_add_test(t, old_position);
	tcase_add_test(t, one_watch);
	tcase_add_test(t, stamps);
}

int
main(void)
{
	return world_suite("session", add);
}
