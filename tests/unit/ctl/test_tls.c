/* `postino tls`: what is said of what key serves, and its exit codes: 1 if
   something wants attention, 65 if a renewal was refused (CLI-7, DEB-10). */
#include "tests/unit/ctl/world.h"

#include <time.h>

static struct {
	unsigned	 refused;	/* pairs; 2: and nothing is served */
	unsigned	 late;		/* processes without the new chains */
	uint64_t	 until;		/* when the first certificate ends */
	uint64_t	 pem_time;	/* of its file, as key read it */
	bool		 other;		/* the server has another name */
} key;

static uint64_t
days_from_now(int days)
{
	return (uint64_t)(time(NULL) + (time_t)days * 86400 + 3600) * 1000;
}

static void
fake_tls(struct request *r)
{
	struct master_tls_out out = { .refused = key.refused > 0,
		.late = key.late };

	fputs("tls\n", told);
	answer(r, WIRE_OK, &out);
}

/* Two pairs on two pages; what is refused is the second. */
static void
fake_show(struct request *r)
{
	static struct wire_target names[] = { { SLICE("mail.a.example") },
		{ SLICE("192.0.2.1") } };
	struct wire_served pairs[] = {
		{ .chain = slice_str(run_path("bad")),
		    .key = SLICE("/nowhere/a.key"), .chain_time = key.pem_time,
		    .spki = SLICE("\x01\xff"), .names = names, .n_names = 2,
		    .issuer = SLICE("CN=CA,O=x\x1b[2J"),
		    .kind = SLICE("ECDSA P-256"), .since = 1600000000000,
		    .until = key.until, .length = 2, .matches = !key.other },
		{ .chain = SLICE("/nowhere/b.pem"),
		    .key = SLICE("/nowhere/b.key"), .spki = SLICE("\x02"),
		    .kind = SLICE("RSA 2048"), .since = 1600000000000,
		    .until = 4102444800000, .length = 1 } };
	struct key_show_out out = { .server = key.other ?
		SLICE("other.example") : SLICE("mail.a.example"),
		.late = key.late, .pairs = pairs, .n_pairs = 1, .next = 1 };

	if (key.refused > 0)
		pairs[1].fault = SLICE("the key is another");
	if (key.refused > 1)
		pairs[1].spki.n = 0;
	if (REQUEST(key_show, r)->from == 1) {
		out.pairs++;
		out.next = 0;
	}
	answer(r, WIRE_OK, &out);
}

static void
serve_key(void)
{
	serve(WIRE_master_tls, fake_tls);
	serve(WIRE_key_show, fake_show);
}

/* A file of now, which the fake has read; `change` is what is different from
   that all is well. */
static int
run_tls(const char *words, void (*change)(void))
{
	struct stat s;

	stop();
	memset(&key, 0, sizeof key);
	key.until = days_from_now(30);
	run_write("bad", "");
	ck_assert_int_eq(stat(run_path("bad"), &s), 0);
	key.pem_time = (uint64_t)s.st_mtim.tv_sec * 1000000000 +
	    (uint64_t)s.st_mtim.tv_nsec;
	if (change != NULL)
		change();
	fake_more = serve_key;
	start();
	return run(with(words));
}

START_TEST(what_is_served_is_shown)
{
	char want[500], path[100];
	unsigned long long until;

	ck_assert_int_eq(run_tls("tls show", NULL), EX_OK);
	ck_assert_str_eq(talk, "");
	ck_has(data, "state       good\n");
	ck_has(data, "names       mail.a.example, 192.0.2.1\n");
	ck_has(data, "server name mail.a.example: yes\n");
	ck_has(data, "issuer      CN=CA,O=x\\x1B[2J\n");
	ck_has(data, "type        ECDSA P-256\n");
	ck_has(data, ", 30 days left\n");
	ck_has(data, "chain       2 certificates\n");
	ck_has(data, "spki sha256 01ff\n");
	ck_has(data, "\n\ncertificate /nowhere/b.pem\n");
	ck_assert_int_eq(run_tls("--json tls show", NULL), EX_OK);
	until = (unsigned long long)key.until;
	snprintf(path, sizeof path, "%s", run_path("bad"));
	snprintf(want, sizeof want, "{\"certificate\":\"%s\","
	    "\"key\":\"/nowhere/a.key\",\"state\":\"good\",\"fault\":\"\","
	    "\"names\":[\"mail.a.example\",\"192.0.2.1\"],"
	    "\"matches\":\"yes\",\"issuer\":\"CN=CA,O=x\\u001B[2J\","
	    "\"type\":\"ECDSA P-256\",\"since\":1600000000000,"
	    "\"until\":%llu,\"days\":30,\"chain\":2,\"spki\":\"01ff\"}\n",
	    path, until);
	ck_has(data, want);
	ck_assert_int_eq(run_lines(data), 2);
	ck_manual_members("tls show");
	ck_assert_int_eq(run_tls("--plain tls show", NULL), EX_OK);
	until = (unsigned long long)key.until;
	snprintf(want, sizeof want, "%s\t/nowhere/a.key\tgood\t\t"
	    "mail.a.example 192.0.2.1\tyes\tCN=CA,O=x\\x1B[2J\tECDSA P-256\t"
	    "1600000000000\t%llu\t30\t2\t01ff\n", path, until);
	ck_has(data, want);
}
END_TEST

/* ---- what wants attention */

static void
ends_soon(void)
{
	key.until = days_from_now(13);
}

static void
ends_later(void)
{
	key.until = days_from_now(14);
}

static void
has_ended(void)
{
	key.until = days_from_now(-1);
}

static void
is_newer(void)
{
	key.pem_time -= 1;
}

static void
is_refused(void)
{
	key.refused = 1;
}

static void
is_not_served(void)
{
	key.refused = 2;
}

static void
is_late(void)
{
	key.late = 2;
}

static void
is_of_another(void)
{
	key.other = true;
}

START_TEST(what_is_odd_is_said)
{
	static const struct {
		void	  (*change)(void);
		int	    code;
		const char *state, *said;
	} rows[] = {
		{ ends_later, 0, "good", "" },
		{ ends_soon, 1, "expires soon", ": 13 days left\n" },
		{ has_ended, 1, "expired", "what is served expired at " },
		{ is_newer, 1, "file changed", "files changed since they were "
		    "read\n  try: postino -c " },
		{ is_refused, 1, "refused",
		    "b.pem: the files were refused: the key is another\n" },
		{ is_not_served, 1, "not served", "b.pem: nothing is served" },
		{ is_late, 1, "good", "2 processes may still serve what was" },
		{ is_of_another, 1, "good",
		    "no certificate is for the server name other.example\n" },
	};
	char state[40];

	ck_assert_int_eq(run_tls("tls show", rows[_i].change), rows[_i].code);
	ck_has(talk, rows[_i].said);
	snprintf(state, sizeof state, "state       %s\n", rows[_i].state);
	ck_has(data, state);
}
END_TEST

/* ---- reload */

START_TEST(a_reload_says_what_is_in_force)
{
	ck_assert_int_eq(run_tls("tls reload", NULL), EX_OK);
	ck_assert_str_eq(data, "");
	ck_has(talk, "/bad: in force, 30 days left\n");
	ck_has(talk, "/nowhere/b.pem: in force, ");
	ck_has(was_told(), "tls\n");
	ck_assert_int_eq(run_tls("--json tls reload", NULL), EX_OK);
	ck_assert_int_eq(run_lines(data), 2);
	ck_assert_str_eq(talk, "");
}
END_TEST

START_TEST(a_reload_that_is_refused_fails)
{
	ck_assert_int_eq(run_tls("tls reload", is_refused), EX_DATAERR);
	ck_assert_str_eq(data, "");
	ck_has(talk, "postino: /nowhere/b.pem: the key is another\n  what was "
	    "served before stays in force, until 2100-01-01");
	ck_has(talk, "tls show\n");
	ck_assert_int_eq(run_lines(talk), 3);
	ck_assert_int_eq(run_tls("tls reload", is_not_served), EX_DATAERR);
	ck_has(talk, "nothing is served for it");
	ck_assert_int_eq(run_tls("tls reload", is_late), EX_TEMPFAIL);
	ck_has(talk, "2 processes may still serve what was before\n");
	ck_assert_str_eq(data, "");
}
END_TEST

/* postino reload: all else is in effect, and that this is not is its error. */
START_TEST(a_reload_of_all_tells_of_what_key_refused)
{
	ck_assert_int_eq(run_tls("reload", NULL), EX_OK);
	ck_assert_str_eq(talk, "the new configuration is in effect\n");
	ck_assert_int_eq(run_tls("reload", is_refused), EX_DATAERR);
	ck_has(talk, "the new configuration is in effect\npostino: "
	    "/nowhere/b.pem: the key is another\n  what was served before "
	    "stays in force, until 2100-01-01");
	ck_has(talk, "tls show\n");
	ck_assert_int_eq(run_lines(talk), 4);
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_checked_fixture(t, setup, stop);
	tcase_add_test(t, what_is_served_is_shown);
	tcase_add_loop_test(t, what_is_odd_is_said, 0, 8);
	tcase_add_test(t, a_reload_says_what_is_in_force);
	tcase_add_test(t, a_reload_that_is_refused_fails);
	tcase_add_test(t, a_reload_of_all_tells_of_what_key_refused);
}

int
main(void)
{
	return run_suite("tls", add);
}
