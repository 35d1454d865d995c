/* Each command against a Postino that is played by the test: what it asks,
   what it prints in each of three forms, and its exit code (CLI-2, CLI-6,
   CLI-7, CLI-9, DEB-10). */
#include "tests/unit/ctl/world.h"

/* ---- lists */

START_TEST(domains_are_listed_over_pages)
{
	ck_prints("domain list",
	    "DOMAIN     USERS  ALIASES\n"
	    "a.example      1        0\n"
	    "b.example   1234        5\n"
	    "c.example      0        0\n");
	ck_prints("--plain domain list",
	    "a.example\t1\t0\nb.example\t1234\t5\nc.example\t0\t0\n");
	ck_prints("domain list --json",
	    "{\"domain\":\"a.example\",\"users\":1,\"aliases\":0}\n"
	    "{\"domain\":\"b.example\",\"users\":1234,\"aliases\":5}\n"
	    "{\"domain\":\"c.example\",\"users\":0,\"aliases\":0}\n");
}
END_TEST

START_TEST(users_are_listed)
{
	ck_prints("user list",
	    "ADDRESS        STATE     QUOTA  SHARD  USER\n"
	    "ann@a.example  active  default      0     1\n"
	    "bob@a.example  disabled     3 MB      1     2\n");
	ck_prints("--plain user list",
	    "ann@a.example\tactive\t\t0\t1\n"
	    "bob@a.example\tdisabled\t3145728\t1\t2\n");
	ck_prints("--json user list",
	    "{\"address\":\"ann@a.example\",\"state\":\"active\","
	    "\"quota\":null,\"shard\":0,\"user\":1}\n"
	    "{\"address\":\"bob@a.example\",\"state\":\"disabled\","
	    "\"quota\":3145728,\"shard\":1,\"user\":2}\n");
}
END_TEST

START_TEST(aliases_are_listed)
{
	ck_prints("alias list",
	    "ADDRESS         TARGETS\n"
	    "@a.example      ann@a.example\n"
	    "info@a.example  ann@a.example bob@a.example\n");
	ck_prints("--plain alias list",
	    "@a.example\tann@a.example\n"
	    "info@a.example\tann@a.example bob@a.example\n");
	ck_prints("--json alias list",
	    "{\"address\":\"@a.example\",\"targets\":[\"ann@a.example\"]}\n"
	    "{\"address\":\"info@a.example\","
	    "\"targets\":[\"ann@a.example\",\"bob@a.example\"]}\n");
}
END_TEST

/* A remote's words and a sender's octets do not reach the terminal as they
   are, and JSON stays JSON. */
START_TEST(queue_is_listed_safely)
{
	ck_assert_int_eq(run(with("queue list")), EX_OK);
	ck_has(data, "0000000000000001  <>      ann@a.example  due    1.5 KB  "
	    "2026-11-23 11:22:54  -         0  -\n");
	ck_has(data, "68a1b2c300000002  x@y.example  b\\xFF@a.example");
	ck_has(data, "2026-11-23 11:22:59");
	ck_has(data, "\\x1B[2Jtry \"later\"\n");
	ck_prints("--plain queue list",
	    "0000000000000001\t\tann@a.example\tdue\t1536\t1795432974997\t\t0"
	    "\t\n68a1b2c300000002\tx@y.example\tb\\xFF@a.example\tdeferred\t5\t"
	    "1795432974997\t1795432979000\t3\t\\x1B[2Jtry \"later\"\n");
	ck_prints("--json queue list",
	    "{\"id\":\"0000000000000001\",\"sender\":\"\","
	    "\"recipient\":\"ann@a.example\",\"state\":\"due\",\"size\":1536,"
	    "\"accepted\":1795432974997,\"next\":null,\"tries\":0,"
	    "\"why\":\"\"}\n{\"id\":\"68a1b2c300000002\","
	    "\"sender\":\"x@y.example\","
	    "\"recipient\":\"b\xef\xbf\xbd@a.example\",\"state\":\"deferred\","
	    "\"size\":5,\"accepted\":1795432974997,\"next\":1795432979000,"
	    "\"tries\":3,\"why\":\"\\u001B[2Jtry \\\"later\\\"\"}\n");
}
END_TEST

/* Each action asks for what was meant, page by page, and says how much it did
   (UX-14). */
START_TEST(queue_is_acted_on)
{
	ck_assert_int_eq(run(with("queue hold --all")), EX_OK);
	ck_has(talk, "6 recipients of 4 messages held\n");
	ck_assert_str_eq(was_told(), "act 0 0   1 \nact 0 0   1 \n");
	unlink(run_path("told"));
	stop();
	start();
	ck_prints("--plain queue rm --sender <> --recipient @Far.example",
	    "rm\t4\t6\t0\n");
	ck_has(was_told(), "act 3 0 @far.example <> 0 \n");
	ck_prints("--json queue bounce 68A1b2c300000002 --reason gone",
	    "{\"action\":\"bounce\",\"messages\":2,\"recipients\":3,"
	    "\"skipped\":0}\n");
	ck_has(was_told(), "act 4 68a1b2c300000002   0 gone\n");
	ck_prints("--plain queue release 5 6", "release\t4\t6\t0\n");
	ck_has(was_told(), "act 1 5   0 \nact 1 6   0 \n");
	ck_prints("--plain queue retry --sender a@far.example",
	    "retry\t4\t6\t0\n");
}
END_TEST

/* What is not there, or cannot be bounced, is said; nothing is done if one of
   several words is wrong. */
START_TEST(queue_actions_fail)
{
	ck_error(EX_NOUSER, with("queue rm dead"), "dead: nothing of it to rm");
	ck_assert_int_eq(run(with("queue bounce bad")), EX_OK);
	ck_has(talk, "1 without a sender cannot be bounced");
	unlink(run_path("told"));
	stop();
	start();
	ck_error(EX_DATAERR, with("queue rm 5 x"), "x is not a message\n");
	ck_has(talk, "try: postino -c");
	ck_error(EX_USAGE, with("queue rm"), "needs to know which messages");
	ck_error(EX_USAGE, with("queue rm 5 --all"), "--all is all");
	ck_error(EX_DATAERR, with("queue rm --recipient far.example"),
	    "far.example is not an address");
	ck_error(EX_USAGE, with("queue list --all"), "takes no --all");
	ck_assert_str_eq(was_told(), "");
}
END_TEST

START_TEST(queue_message_is_shown)
{
	ck_assert_int_eq(run(with("queue show 68a1b2c300000002")), EX_OK);
	ck_has(data, "message     68a1b2c300000002\n");
	ck_has(data, "sender      ann@a.example (logged in)\n");
	ck_has(data, "client      192.0.2.1, session 7\n");
	ck_has(data, "expires     2026-11-28 11:22:54\n");
	ck_has(data, "a@far.example  sent");
	ck_has(data, "mx [192.0.2.9]\n");
	ck_has(data, "\\x1B[2J");
	ck_assert_int_eq(run(with("--plain queue show 1")), EX_OK);
	ck_assert_int_eq(run_lines(data), 2);
	ck_error(EX_NOUSER, with("queue show dead"), "it does not exist");
	ck_assert_int_eq(run(with("queue show 1 --body")), EX_OK);
	ck_assert_str_eq(data, "Subject: \x1b[2J\n");	/* no terminal */
}
END_TEST

START_TEST(empty_lists_say_so_to_people_only)
{
	static const char *const lists[] = { "domain list", "user list",
		"alias list", "queue list", "who" };
	char words[64];

	stop();
	fake.empty = true;
	start();
	ck_assert_int_eq(run(with(lists[_i])), EX_OK);
	ck_assert_str_eq(data, "");
	ck_assert_int_eq(run_lines(talk), 1);
	snprintf(words, sizeof words, "--json %s", lists[_i]);
	ck_prints(words, "");
}
END_TEST

/* ---- accounts */

START_TEST(domain_is_added)
{
	ck_assert_int_eq(run(with("domain add New.Example")), EX_OK);
	ck_assert_str_eq(data, "");
	ck_has(talk, "postino user add ann@new.example");
	ck_assert_str_eq(was_told(), "domain new.example\n");
}
END_TEST

START_TEST(failures_have_their_codes)
{
	ck_error(EX_CANTCREAT, with("domain add taken.example"),
	    "exists already");
	ck_error(EX_TEMPFAIL, with("domain add full.example"), "disk is full");
	ck_error(EX_NOUSER, with("user passwd --generate a@nobody.example"),
	    "does not exist");
	ck_error(EX_CANTCREAT, with("user add --generate a@taken.example"),
	    "exists already");
	ck_error(EX_DATAERR, with("alias add loop@a.example loop@a.example"),
	    "lead to itself");
	ck_error(EX_NOHOST, with("user add --generate a@other.example"),
	    "domain add other.example\n");
	ck_error(EX_TEMPFAIL, with("domain add gone.example"),
	    "may have been done or not");
}
END_TEST

START_TEST(passwords_come_by_standard_input)
{
	ck_assert_int_eq(run_with("secret\nmore\n", with("user add "
	    "Ann@A.example --password-stdin --quota 2GB")), EX_OK);
	ck_assert_str_eq(data, "");
	ck_assert_str_eq(was_told(), "user Ann@a.example password secret "
	    "hash  limit 2147483648\n");
	ck_assert_ptr_null(strstr(talk, "secret"));
	ck_assert_int_eq(run_with("two words\r\n", with("user passwd "
	    "ann@a.example --password-stdin")), EX_OK);
	ck_has(was_told(), "passwd ann@a.example two words\n");
	ck_assert_int_eq(run_with("$y$x", with("user add b@a.example "
	    "--hash-stdin")), EX_OK);
	ck_has(was_told(), "user b@a.example password  hash $y$x limit 0\n");
}
END_TEST

START_TEST(passwords_are_never_empty_or_asked_of_nobody)
{
	ck_error(EX_DATAERR, with("user add a@a.example --password-stdin"),
	    "no password on standard input");
	ck_error(EX_USAGE, with("user add a@a.example"), "--password-stdin");
	ck_error(EX_USAGE, with("user passwd a@a.example"), "--generate");
	ck_assert_str_eq(was_told(), "");
}
END_TEST

START_TEST(passwords_are_made_up)
{
	char first[64], want[200];

	ck_assert_int_eq(run(with("user add a@a.example --generate")), EX_OK);
	ck_assert_uint_eq(strlen(data), 24);
	ck_assert_uint_eq(strspn(data, "abcdefghijkmnpqrstuvwxyz23456789-\n"),
	    24);
	snprintf(first, sizeof first, "%.23s", data);
	snprintf(want, sizeof want, "password %s hash", first);
	ck_has(was_told(), want);
	ck_assert_int_eq(run(with("--json user add a@a.example --generate")),
	    EX_OK);
	ck_has(data, "{\"address\":\"a@a.example\",\"user\":7,\"password\":\"");
	ck_assert_ptr_null(strstr(data, first));
}
END_TEST

START_TEST(alias_is_added)
{
	ck_assert_int_eq(run(with("alias add @a.example ann@a.example "
	    "\"b@c\"@Other.example")), EX_OK);
	ck_has(talk, "2 addresses");
	ck_assert_str_eq(was_told(),
	    "alias @a.example ann@a.example \"b@c\"@other.example\n");
}
END_TEST

START_TEST(aliases_are_set_and_removed)
{
	ck_assert_int_eq(run(with("alias set info@a.example bob@a.example")),
	    EX_OK);
	ck_has(talk, "1 address\n");
	ck_assert_int_eq(run(with("alias rm @A.example")), EX_OK);
	ck_has(talk, "@a.example removed");
	ck_assert_str_eq(was_told(), "alias set info@a.example bob@a.example\n"
	    "alias rm @a.example\n");
	ck_assert_int_eq(run(with("alias rm led@a.example")), EX_OK);
	ck_has(talk, "aliases still lead to led@a.example: info@a.example\n");
	ck_error(EX_NOUSER, with("alias rm a@nobody.example"),
	    "there is no such alias");
	ck_error(EX_NOUSER, with("alias set a@nobody.example b@c.example"),
	    "there is no such alias");
	ck_error(EX_DATAERR, with("alias set loop@a.example loop@a.example"),
	    "lead to itself");
	ck_error(EX_USAGE, with("alias set info@a.example"), "TARGET");
}
END_TEST

START_TEST(domain_is_removed)
{
	ck_assert_int_eq(run(with("domain rm Old.Example")), EX_OK);
	ck_assert_str_eq(was_told(), "domain rm old.example\n");
	ck_error(EX_DATAERR, with("domain rm used.example"),
	    "it still has 1 mailbox and 0 aliases");
	ck_error(EX_NOUSER, with("domain rm nobody.example"),
	    "does not exist");
}
END_TEST

START_TEST(users_are_set)
{
	static const struct { const char *words, *told; } rows[] = {
		{ "--quota 2GB", "1 2147483648" }, { "--quota none",
		    "1 18446744073709551615" },
		{ "--quota default", "1 0" }, { "--enable", "2 0" },
		{ "--disable", "4 0" }, { "--quota 1MB --disable",
		    "5 1048576" } };
	char line[200];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(line, sizeof line, "user set ann@a.example %s",
		    rows[i].words);
		ck_assert_int_eq(run(with(line)), EX_OK);
		ck_assert_str_eq(data, "");
		snprintf(line, sizeof line, "set ann@a.example %s\n",
		    rows[i].told);
		ck_has(was_told(), line);
	}
	ck_assert_int_eq(run_lines(was_told()), 6);
	ck_error(EX_USAGE, with("user set ann@a.example"), "--quota");
	ck_error(EX_USAGE, with("user set ann@a.example --enable --disable"),
	    "exclude each other");
	ck_error(EX_USAGE, with("user set ann@a.example --quota 3XB"), "3XB");
	ck_error(EX_USAGE, with("user add a@a.example --quota default"),
	    "default");
	ck_error(EX_USAGE, with("user set ann@a.example --yes"), "no --yes");
	ck_error(EX_NOUSER, with("user set a@nobody.example --enable"),
	    "does not exist");
	ck_assert_int_eq(run_lines(was_told()), 7);
}
END_TEST

/* Only if it is meant; and what may be forgotten is said. */
START_TEST(users_are_removed)
{
	ck_error(EX_USAGE, with("user rm ann@a.example"),
	    "all its mail, for good");
	ck_has(talk, "user set ann@a.example --disable");
	ck_has(talk, "user rm ann@a.example --yes");
	ck_assert_str_eq(was_told(), "");
	ck_assert_int_eq(run(with("user rm ann@a.example --yes")), EX_OK);
	ck_assert_str_eq(data, "");
	ck_assert_str_eq(talk, "ann@a.example removed, with 12 messages\n");
	ck_prints("--json user rm ann@a.example --yes",
	    "{\"address\":\"ann@a.example\",\"messages\":12,"
	    "\"bytes\":3145728,\"later\":0}\n");
	ck_assert_int_eq(run(with("user rm later@a.example --yes")), EX_OK);
	ck_has(talk, "as soon as store can be reached");
	ck_assert_int_eq(run(with("user rm led@a.example --yes")), EX_OK);
	ck_has(talk, "aliases still lead to led@a.example: info@a.example "
	    "all@a.example\n");
	ck_error(EX_NOUSER, with("user rm a@nobody.example --yes"),
	    "does not exist");
}
END_TEST

/* ---- import */

START_TEST(users_are_imported)
{
	static char input[20000];
	char line[64];

	for (int i = 0; i < 500; i++) {
		snprintf(line, sizeof line, "u%d@a.example\t$y$%d%s\n", i, i,
		    i == 3 ? "\t5 MB" : "");
		strcat(input, line);
	}
	ck_assert_int_eq(run_with(input, with("--json user import")), EX_OK);
	ck_assert_str_eq(data, "{\"added\":500,\"existed\":0,\"refused\":0}\n");
	ck_assert_str_eq(talk, "");
	ck_assert_int_eq(run_lines(was_told()), 500);
	ck_has(heard, "user u3@a.example password  hash $y$3 limit 5242880\n");
	ck_has(heard, "user u499@a.example password  hash $y$499 limit 0\n");
}
END_TEST

START_TEST(import_passes_over_those_that_exist)
{
	static const char input[] = "ann@a.example\t$y$1\n"
	    "new@a.example\t$y$2\n\nx@taken.example\t$y$3\r\n";

	ck_assert_int_eq(run_with(input, with("--plain user import "
	    "--skip-existing")), EX_OK);
	ck_assert_str_eq(data, "1\t2\t0\n");
	ck_assert_ptr_null(strstr(was_told(), "ann@"));
	ck_assert_int_eq(run_with(input, with("--plain user import")),
	    EX_DATAERR);
	ck_assert_str_eq(data, "2\t0\t1\n");
	ck_has(talk, "line 4: x@taken.example: it exists already");
}
END_TEST

START_TEST(import_with_a_fault_changes_nothing)
{
	static const struct { const char *input, *says; } rows[] = {
		{ "a@a.example\t$y$\nb\t$y$\n", "line 2: b: this is not" },
		{ "a@a.example\n", "no hash" },
		{ "a@a.example\t\n", "no hash" },
		{ "a@a.example\tpass word\n", "no hash" },
		{ "a@a.example\t$y$\t5QB\n", "\"5QB\"" },
		{ "a@a.example\t$y$\na@A.example\t$y$\n", "line 2: " },
		{ "a\x1b@a.example\t$y$\n", "a\\x1B@a.example" },
	};

	ck_assert_int_eq(run_with(rows[_i].input, with("user import")),
	    EX_DATAERR);
	ck_assert_str_eq(data, "");
	ck_has(talk, rows[_i].says);
	ck_has(talk, "nothing was changed");
	ck_assert_str_eq(was_told(), "");
}
END_TEST

START_TEST(import_says_what_was_refused_or_lost)
{
	ck_assert_int_eq(run_with("bad@a.example\t$y$\nb@a.example\t$y$\n",
	    with("--plain user import")), EX_DATAERR);
	ck_assert_str_eq(data, "1\t0\t1\n");
	ck_has(talk, "line 1: bad@a.example: no such hash");
	ck_assert_int_eq(run_with("a@a.example\t$y$\nb@full.example\t$y$\n",
	    with("--plain user import")), EX_TEMPFAIL);
	ck_assert_str_eq(data, "1\t0\t0\n");
	ck_assert_int_eq(run_with("a@a.example\t$y$\nb@gone.example\t$y$\n",
	    with("--plain user import")), EX_TEMPFAIL);
	ck_has(talk, "may have been done or not");
}
END_TEST

/* ---- the suite */

START_TEST(status_is_zero_only_if_all_are_ready)
{
	ck_prints("status",
	    "PROCESS  STATE  PID  RESTARTS      SINCE\n"
	    "auth     ready  100         0  1 min 1 s\n"
	    "queue    ready  101         0        1 s\n"
	    "store-1  ready  102         2       5 ms\n\n"
	    "auth        users 12, logins denied 3\n"
	    "queue       users 12, logins denied 3\n"
	    "store-1     users 12, logins denied 3\n");
	ck_assert_int_eq(run(with("--json status")), EX_OK);
	ck_has(data, "{\"process\":\"store-1\",\"state\":\"ready\",\"pid\":102,"
	    "\"restarts\":2,\"since\":5,\"figures\":{\"users\":12,"
	    "\"held_bytes\":0,\"logins_denied\":3}}\n");
	stop();
	fake.store_down = true;
	start();
	ck_assert_int_eq(run(with("--plain status")), EX_TEMPFAIL);
	ck_has(data, "store-1\tstarting\t102\t2\t5\t\n");
	ck_has(talk, "2 of 3");
}
END_TEST

START_TEST(status_does_not_wait_for_the_silent)
{
	stop();
	fake.store_silent = true;
	start();
	ck_assert_int_eq(run(with("--plain status")), EX_TEMPFAIL);
	ck_has(data, "store-1\tsilent\t102");
	ck_has(data, "queue\tready\t101");
}
END_TEST

START_TEST(who_folds_idle_tasks_for_people)
{
	ck_assert_int_eq(run(with("who")), EX_OK);
	ck_has(data, "auth           -  2 x delivery  queue        7 s\n");
	ck_has(data, "auth          42  ann           the peer     2 s\n");
	ck_assert_int_eq(run(with("--plain who")), EX_OK);
	ck_assert_int_eq(run_lines(data), 9);
	ck_has(data, "store-1\t42\tann\tthe peer\t2000\n");
}
END_TEST

static void
fake_no_pairs(struct request *r)
{
	answer(r, WIRE_OK, &(struct key_show_out){ 0 });
}

static void
serve_no_pairs(void)
{
	serve(WIRE_key_show, fake_no_pairs);
}

/* What key refused, test_tls.c has. */
START_TEST(reload_says_what_it_did)
{
	stop();
	fake_more = serve_no_pairs;
	start();
	ck_assert_int_eq(run(with("reload")), EX_OK);
	ck_has(talk, "in effect");
	stop();
	fake.restart = true;
	start();
	ck_assert_int_eq(run(with("reload")), EX_OK);
	ck_has(talk, "only a restart brings into effect: listen smtp");
	stop();
	fake.faults = true;
	start();
	ck_error(EX_CONFIG, with("reload"), "x.conf:1:1: what is this?\n");
	ck_has(talk, "goes on as before");
}
END_TEST

START_TEST(stop_waits_for_the_end)
{
	ck_assert_int_eq(run(with("stop")), EX_OK);
	ck_assert_str_eq(talk, "stopped\n");
	ck_assert_int_eq(waitpid(daemon_pid, NULL, 0), daemon_pid);
	daemon_pid = 0;
	ck_error(EX_UNAVAILABLE, with("stop"), "does not run");
}
END_TEST

START_TEST(who_is_away_is_named)
{
	stop();
	ck_error(EX_UNAVAILABLE, with("status"), "does not run");
	unlink(run_path("control"));
	ck_error(EX_UNAVAILABLE, with("user add a@a.example --generate"),
	    "does not run");
	fake.deaf = true;
	start();
	ck_error(EX_TEMPFAIL, with("status"), "ended before it answered");
	ck_error(EX_NOINPUT, "-c /nowhere/postino.conf status",
	    "/nowhere/postino.conf: No such file");
}
END_TEST

/* The members of the first object that is printed, each named by the page in
   the section of its command. */
START_TEST(manual_has_every_member)
{
	static const char *const read_commands[] = { "domain list", "user list",
		"alias list", "queue list", "status", "who", "config show",
		"queue show 1", "queue hold --all",
		"user add a@a.example --generate" };

	ck_manual_members(read_commands[_i]);
}
END_TEST

/* ---- the configuration */

START_TEST(config_is_checked_without_a_suite)
{
	char words[300];

	stop();
	run_write("conf", "server name mail.a.example\nprivileges none\n");
	run_write("bad", "server name mail.a.example\nlisen smtp on * port 25"
	    "\naccept message up to 5 MB\n");
	if (geteuid() != 0)	/* root must drop privileges */
		ck_assert_int_eq(run(with("config check")), EX_OK);
	snprintf(words, sizeof words, "config check %s", run_path("bad"));
	ck_assert_int_eq(run(with(words)), EX_CONFIG);
	ck_assert_str_eq(data, "");
	ck_has(talk, "bad:2:1: ");
	ck_has(talk, "bad:3:8: ");
	ck_has(talk, "did you mean \"listen\"?");
	snprintf(words, sizeof words, "--json config check %s",
	    run_path("bad"));
	ck_assert_int_eq(run(with(words)), EX_CONFIG);
	ck_has(data, "\"line\":2,\"column\":1,\"fault\":\"no sentence");
	ck_has(data, "bad\",\"line\":3,\"column\":8,");
	ck_assert_int_ge(run_lines(data), 2);
}
END_TEST

START_TEST(config_is_shown)
{
	ck_assert_int_eq(run(with("config show")), EX_OK);
	ck_has(data, "server name mail.a.example\n");
	ck_has(data, "  # default\n");
	ck_assert_int_eq(run(with("--json config show")), EX_OK);
	ck_has(data, "{\"sentence\":\"server name mail.a.example\","
	    "\"source\":\"said\"}\n");
	ck_has(data, "\"source\":\"default\"}\n");
	ck_assert_ptr_null(strstr(data, "#"));
}
END_TEST

/* Who broke the file can still look at what runs. */
START_TEST(a_broken_config_does_not_blind_the_admin)
{
	char text[300];

	snprintf(text, sizeof text, "sockets in %s\nnonsense\n", run_folder);
	run_write("conf", text);
	ck_assert_int_eq(run(with("domain list")), EX_OK);
	ck_error(EX_CONFIG, with("config show"), "config check");
	stop();
	unlink(run_path("control"));
	ck_error(EX_CONFIG, with("status"), "may be the wrong place");
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, stop);
	tcase_add_test(t, domains_are_listed_over_pages);
	tcase_add_test(t, users_are_listed);
	tcase_add_test(t, aliases_are_listed);
	tcase_add_test(t, queue_is_listed_safely);
	tcase_add_test(t, queue_is_acted_on);
	tcase_add_test(t, queue_actions_fail);
	tcase_add_test(t, queue_message_is_shown);
	tcase_add_loop_test(t, empty_lists_say_so_to_people_only, 0, 5);
	tcase_add_test(t, domain_is_added);
	tcase_add_test(t, failures_have_their_codes);
	tcase_add_test(t, passwords_come_by_standard_input);
	tcase_add_test(t, passwords_are_never_empty_or_asked_of_nobody);
	tcase_add_test(t, passwords_are_made_up);
	tcase_add_test(t, alias_is_added);
	tcase_add_test(t, aliases_are_set_and_removed);
	tcase_add_test(t, domain_is_removed);
	tcase_add_test(t, users_are_set);
	tcase_add_test(t, users_are_removed);
	tcase_add_test(t, users_are_imported);
	tcase_add_test(t, import_passes_over_those_that_exist);
	tcase_add_loop_test(t, import_with_a_fault_changes_nothing, 0, 7);
	tcase_add_test(t, import_says_what_was_refused_or_lost);
	tcase_add_test(t, status_is_zero_only_if_all_are_ready);
	tcase_add_test(t, status_does_not_wait_for_the_silent);
	tcase_add_test(t, who_folds_idle_tasks_for_people);
	tcase_add_test(t, reload_says_what_it_did);
	tcase_add_test(t, stop_waits_for_the_end);
	tcase_add_test(t, who_is_away_is_named);
	tcase_add_loop_test(t, manual_has_every_member, 0, 10);
	tcase_add_test(t, config_is_checked_without_a_suite);
	tcase_add_test(t, config_is_shown);
	tcase_add_test(t, a_broken_config_does_not_blind_the_admin);
}

int
main(void)
{
	return run_suite("commands", add);
}
