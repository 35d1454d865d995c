/* Logins: the same work and answer whatever is wrong, and nothing granted
   that is not true any more (LOGIN-1 to LOGIN-5, issue 2 part 5). */
#include "world.h"

#include <crypt.h>

#include "auth/login.h"

#define HERE	"192.0.2.1"

static uint64_t	 ann;

static void
setup(void)
{
	add_domain("b.c");
	ann = add_user("ann@b.c");
}

static uint64_t
hashes_of(const char *name, const char *password)
{
	uint64_t before = password_hashes();

	ck_assert_uint_eq(login(submission, name, password, "").login,
	    LOGIN_DENIED);
	return password_hashes() - before;
}

START_TEST(granted)
{
	struct auth_login_out out;

	setup();
	out = login(submission, "Ann@B.c", "secret", HERE);
	ck_assert_uint_eq(out.login, LOGIN_OK);
	ck_assert_uint_eq(out.user, ann);
	ck_assert_uint_ne(out.session, 0);
	ck_text(out.address, "ann@b.c");
	ck_assert_int_eq(out.fd, 0);		/* submission gets no channel */
	ck_assert_uint_eq(n_grants, 0);
	ck_assert_ptr_nonnull(strstr(log_text,
	    "login_ok client=192.0.2.1 user=ann@b.c service=submission"));
}
END_TEST

/* LOGIN-1: one hash each, and the answers are the same. */
START_TEST(equal_work)
{
	static const char *const names[] = { "ann@b.c", "bob@b.c",
		"ann@not.ours", "ann", "", "not an address", "ann+x@b.c" };
	char longest[2000];

	setup();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		ck_assert_uint_eq(hashes_of(names[i], "wrong"), 1);
	ck_assert_uint_eq(hashes_of("ann@b.c", ""), 1);
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	ck_assert_uint_eq(hashes_of("ann@b.c", longest), 1);
	ck_assert_uint_eq(hashes_of(longest, longest), 1);
}
END_TEST

/* crypt(3) would stop at the NUL and find the password right. */
START_TEST(nul)
{
	struct auth_login_in in = { .name = SLICE("ann@b.c"),
		.password = SLICE("secret\0x"), .client = SLICE(HERE) };
	struct auth_login_out out;

	setup();
	ck_assert_int_eq(auth_login(submission, &in, &out, &arena, 0),
	    WIRE_OK);
	ck_assert_uint_eq(out.login, LOGIN_DENIED);
	in.name = SLICE("ann@b.c\0x");
	in.password = SLICE("secret");
	ck_assert_int_eq(auth_login(submission, &in, &out, &arena, 0),
	    WIRE_OK);
	ck_assert_uint_eq(out.login, LOGIN_DENIED);
}
END_TEST

START_TEST(remembered)
{
	uint64_t hashes;

	setup();
	ck_assert_uint_eq(login(submission, "ann@b.c", "secret", HERE).login,
	    LOGIN_OK);
	hashes = password_hashes();
	ck_assert_uint_eq(login(submission, "ann@b.c", "secret", "").login,
	    LOGIN_OK);
	ck_assert_uint_eq(password_hashes(), hashes);
	/* Another password is hashed, and does not make it forget. */
	ck_assert_uint_eq(hashes_of("ann@b.c", "secret2"), 1);
	hashes = password_hashes();
	ck_assert_uint_eq(login(submission, "ann@b.c", "secret", HERE).login,
	    LOGIN_OK);
	ck_assert_uint_eq(password_hashes(), hashes);
	/* Not after a restart. */
	world_end();
	world_begin();
	ck_assert_uint_eq(login(submission, "ann@b.c", "secret", HERE).login,
	    LOGIN_OK);
	ck_assert_uint_eq(password_hashes(), hashes + 1);
}
END_TEST

static void
new_password(const char *password)
{
	struct user_passwd_in in = { .address = SLICE("ann@b.c"),
		.password = slice_str(password) };

	ck_assert_int_eq(user_passwd(ctl, &in, NULL, &arena, SECONDS),
	    WIRE_OK);
}

START_TEST(forgotten)
{
	setup();
	ck_assert_uint_eq(login(submission, "ann@b.c", "secret", HERE).login,
	    LOGIN_OK);
	new_password("changed");
	ck_assert_uint_eq(hashes_of("ann@b.c", "secret"), 1);
	ck_assert_uint_eq(login(submission, "ann@b.c", "changed", HERE).login,
	    LOGIN_OK);
}
END_TEST

/* ---- what happens meanwhile */

struct late {
	bool		 done;
	enum wire_status status;
	uint32_t	 login;
	uint64_t	 at;
};

static void
late_done(void *arg, enum wire_status status, const void *out)
{
	const struct auth_login_out *o = out;
	struct late *late = arg;

	late->done = true;
	late->status = status;
	late->login = o == NULL ? LOGIN_LATER : o->login;
	late->at = loop_clock();
	if (o != NULL && o->fd > 0)
		close(o->fd);
}

static void
begin(struct link *l, struct late *late, const char *name,
    const char *password)
{
	struct auth_login_in in = { .name = slice_str(name),
		.password = slice_str(password), .client = SLICE(HERE) };

	*late = (struct late){ .done = false };
	link_call(l, WIRE_auth_login, &in, 0, late_done, late);
}

/* A hash that takes long enough for things to happen meanwhile. */
static void
make_slow(void)
{
	static struct crypt_data data;

	user_hash(directory_number(&auth.dir, ann), slice_str(crypt_r("secret",
	    "$6$rounds=300000$saltsalt$", &data)));
}

/* Until the pool works on a login. */
static void
wait_until_hashing(void)
{
	for (int i = 0; i < 50 && auth.busy == 0; i++)
		world_run(1);
	ck_assert_uint_gt(auth.busy, 0);
}

START_TEST(look_again)
{
	struct user *u;
	struct late late;

	setup();
	make_slow();
	u = directory_number(&auth.dir, ann);
	begin(submission, &late, "ann@b.c", "secret");
	wait_until_hashing();
	u->row.disabled = true;
	while (!late.done)
		world_run(1);
	ck_assert_uint_eq(late.login, LOGIN_DENIED);

	u->row.disabled = false;
	begin(submission, &late, "ann@b.c", "secret");
	wait_until_hashing();
	user_hash(u, SLICE("$6$another"));
	while (!late.done)
		world_run(1);
	ck_assert_uint_eq(late.login, LOGIN_DENIED);
	ck_assert_ptr_null(u->remembered);
}
END_TEST

/* The account changes while a good answer is kept back by a penalty. */
START_TEST(look_again_late)
{
	struct late late;

	setup();
	hashes_of("ann@b.c", "1");
	hashes_of("ann@b.c", "2");
	hashes_of("ann@b.c", "3");
	begin(pop3d, &late, "ann@b.c", "secret");
	world_run(30);
	ck_assert(!late.done);
	new_password("changed");
	while (!late.done)
		world_run(1);
	ck_assert_uint_eq(late.login, LOGIN_DENIED);
	ck_assert_uint_eq(n_grants, 0);
}
END_TEST

START_TEST(disabled)
{
	uint64_t hashes;

	setup();
	login(submission, "ann@b.c", "secret", HERE);
	directory_number(&auth.dir, ann)->row.disabled = true;
	hashes = password_hashes();
	ck_assert_uint_eq(login(submission, "ann@b.c", "secret", HERE).login,
	    LOGIN_DENIED);
	ck_assert_uint_eq(password_hashes(), hashes + 1);
}
END_TEST

/* LOGIN-3.  A second has 10 ms here: 20, 40, 80, 150. */
START_TEST(penalty)
{
	static const uint64_t want[] = { 20, 40, 80, 150, 150 };
	char password[8];

	setup();
	for (size_t i = 0; i < 5; i++) {
		uint64_t began = loop_clock();

		snprintf(password, sizeof password, "%zu", i);
		hashes_of("ann@b.c", password);
		ck_assert_uint_ge(loop_clock() - began + 1, want[i]);
	}
	/* While one waits, others do not. */
	struct late late;
	begin(submission, &late, "ann@b.c", "x");
	wait_until_hashing();
	ck_assert_int_eq(rcpt("ann@b.c"), ROUTE_LOCAL);
	add_user("bob@b.c");
	ck_assert_uint_eq(login(submission, "bob@b.c", "secret",
	    "198.51.100.1").login, LOGIN_OK);
	ck_assert(!late.done);
	while (!late.done)
		world_run(1);
	ck_assert_uint_eq(late.login, LOGIN_DENIED);
}
END_TEST

/* LOGIN-2: the queue is bounded, and those who guess do not fill it. */
START_TEST(flood)
{
	enum { N = 400 };
	static struct late bad[N];
	struct late good;
	unsigned later = 0;

	setup();
	/* Its first failure makes the network a suspect. */
	login(submission, "joe@b.c", "wrong", HERE);
	for (int i = 0; i < N; i++)
		begin(submission, &bad[i], "joe@b.c", "wrong");
	begin(pop3d, &good, "ann@b.c", "secret");
	world_run(20);
	for (int i = 0; i < N; i++) {
		while (!bad[i].done)
			world_run(5);
		later += bad[i].login == LOGIN_LATER;
	}
	ck_assert_uint_ge(later, N - LOGIN_QUEUE);
	ck_assert_uint_ge(auth.counts.put_off, later);
	ck_assert_uint_eq(auth.busy, 0);
}
END_TEST

/* LOGIN-5: a name cannot forge a line or a field. */
START_TEST(log_is_safe)
{
	setup();
	hashes_of("x client=10.0.0.1\nlogin_ok", "wrong");
	ck_assert_ptr_null(strstr(log_text, "\nlogin_ok"));
	ck_assert_ptr_nonnull(strstr(log_text,
	    "login_denied user=\"x client=10.0.0.1\\x0Alogin_ok\""));
	ck_assert_ptr_null(strstr(log_text, "wrong password wrong"));
}
END_TEST

static void
forget_answer(void *arg, enum wire_status status, const void *out)
{
	(void)arg;
	(void)out;
	ck_assert_int_eq(status, WIRE_GONE);
}

/* Who is gone before the answer gets no session. */
START_TEST(asker_dies)
{
	struct auth_login_in in = { .name = SLICE("ann@b.c"),
		.password = SLICE("secret"), .client = SLICE(HERE) };

	setup();
	make_slow();
	link_call(pop3d, WIRE_auth_login, &in, 0, forget_answer, NULL);
	wait_until_hashing();
	link_close(pop3d);
	pop3d = world_link(ROLE_POP3D, ROLE_AUTH);
	while (auth.busy > 0)
		world_run(1);
	ck_assert_uint_eq(session_count(), 0);
	ck_assert_uint_eq(n_grants, 0);
}
END_TEST

/* Asked to stop, nobody waits for a penalty. */
START_TEST(stopping)
{
	struct late late;

	setup();
	for (int i = 0; i < 4; i++)
		hashes_of("ann@b.c", (const char *[]){ "1", "2", "3", "4" }[i]);
	begin(submission, &late, "ann@b.c", "5");
	world_run(40);
	ck_assert(!late.done);
	login_stop();
	ck_assert_uint_eq(auth.busy, 0);
	world_run(2);
	ck_assert(late.done);
	ck_assert_uint_eq(late.login, LOGIN_LATER);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_test(t, granted);
	tcase_add_test(t, equal_work);
	tcase_add_test(t, nul);
	tcase_add_test(t, remembered);
	tcase_add_test(t, forgotten);
	tcase_add_test(t, look_again);
	tcase_add_test(t, look_again_late);
	tcase_add_test(t, disabled);
	tcase_add_test(t, penalty);
	tcase_add_test(t, flood);
	tcase_add_test(t, log_is_safe);
	tcase_add_test(t, asker_dies);
	tcase_add_test(t, stopping);
}

int
main(void)
{
	return world_suite("login", add);
}
