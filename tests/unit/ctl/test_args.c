/* The words: every row of commands.def is whole, a wrong word ends with exit
   code 64, its nearest right one and the command that helps, and nothing is
   asked of anybody (CLI-1, CLI-7, DEB-10). */
#include "tests/unit/ctl/run.h"

#include "ctl/args.h"
#include "ctl/help.h"

static void
ck_fits(const char *text)
{
	for (const char *end; (end = strchr(text, '\n')) != NULL;
	    text = end + 1)
		ck_assert_int_le((int)(end - text), 80);
}

START_TEST(commands_are_described)
{
	const struct command *c = &commands[_i];
	char name[64];

	snprintf(name, sizeof name, "%s%s%s", c->noun,
	    *c->verb == '\0' ? "" : " ", c->verb);
	ck_assert(c->run != NULL);
	ck_assert_uint_le(strlen(c->help), 48);
	ck_assert_uint_le(c->least, c->most);
	for (unsigned o = 0; o < OPTIONS; o++)
		if ((c->options >> o & 1) != 0)
			ck_has(c->usage, option_rows[o].name);
	for (size_t i = 0; i < n_commands; i++)
		if (&commands[i] != c && strcmp(commands[i].noun, c->noun) ==
		    0) {
			ck_assert_str_ne(commands[i].verb, c->verb);
			ck_assert_str_ne(commands[i].verb, "");
		}
	/* every one has an example, and its own help shows it first */
	snprintf(talk, sizeof talk, "help %s", name);
	ck_assert_int_eq(run(talk), EX_OK);
	ck_assert_str_eq(talk, "");
	ck_assert_int_eq(strncmp(data, "Examples:\n  postino ", 20), 0);
	ck_has(data, name);
	ck_has(data, c->help);
	ck_fits(data);
}
END_TEST

START_TEST(help_lists_every_command)
{
	ck_assert_int_eq(run("--help"), EX_OK);
	ck_assert_int_eq(strncmp(data, "Examples:\n", 10), 0);
	for (size_t i = 0; i < n_commands; i++)
		ck_has(data, commands[i].help);
	ck_fits(data);
	ck_assert_int_eq(run("user --help"), EX_OK);
	ck_has(data, "user passwd ADDRESS");
	ck_assert_int_eq(run("user add --help"), EX_OK);
	ck_has(data, "--password-stdin");
	ck_assert_int_eq(run("--version"), EX_OK);
	ck_has(data, "postino " POSTINO_VERSION "\n");
	ck_assert_int_eq(run("--json --version"), EX_OK);
	ck_assert_str_eq(data, "{\"version\":\"" POSTINO_VERSION
	    "\",\"format\":1}\n");
}
END_TEST

START_TEST(manual_has_every_command_and_option)
{
	char want[80];

	for (size_t i = 0; i < n_commands; i++) {
		snprintf(want, sizeof want, "\n.It Cm %s%s%s", commands[i].noun,
		    *commands[i].verb == '\0' ? "" : " ", commands[i].verb);
		ck_has(run_manual(), want);
	}
	for (unsigned i = 0; i < OPTIONS; i++) {
		snprintf(want, sizeof want, "Fl -%s", option_rows[i].name);
		ck_has(run_manual(), want);
	}
}
END_TEST

/* No configuration is there: whoever got that far would exit with 66. */
START_TEST(wrong_words_are_refused_first)
{
	static const struct { const char *line, *says; } rows[] = {
		{ "", "what shall be done?" },
		{ "usr add x@y.example", "did you mean \"user\"?" },
		{ "satus", "did you mean \"status\"?" },
		{ "xyzzy", "try: postino --help" },
		{ "user lst", "did you mean \"list\"?" },
		{ "user ad x", "did you mean \"add\"?" },
		{ "user", "add, passwd, set, rm, list, import" },
		{ "user add", "user add needs ADDRESS" },
		{ "alias add x@y.example", "needs ADDRESS TARGET..." },
		{ "domain add a.example b.example", "\"b.example\"" },
		{ "status now", "\"now\"" },
		{ "status --quota 1GB", "status takes no --quota" },
		{ "user passwd --hash-stdin x@y.example", "takes no --hash" },
		{ "--jsno status", "did you mean \"--json\"?" },
		{ "status -x", "no option -x" },
		{ "status --json=1", "takes no value" },
		{ "status -c", "--config needs FILE" },
		{ "--json --plain status", "exclude each other" },
		{ "help usr", "did you mean \"user\"?" },
		{ "user add x@y.example --generate --password-stdin",
		    "two ways" },
		{ "user add x@y.example --quota much", "not a size" },
		{ "user add x@y.example --quota 1KB", "1 MB" },
		{ "user add x@y.example --quota 5", "\"GB\"" },
		{ "user add x@y.example --quota=1GBx", "not a size" },
	};

	ck_error(EX_USAGE, rows[_i].line, rows[_i].says);
}
END_TEST
enum { WRONG_WORDS = 24 };

START_TEST(wrong_data_is_refused_first)
{
	static const struct { const char *line, *says; } rows[] = {
		{ "user add ann", "ann is not an address" },
		{ "user add @y.example", "is not an address" },
		{ "user add a@b@c", "is not an address" },
		{ "user passwd x@", "is not an address" },
		{ "domain add -x.example", "no option -x" },
		{ "domain add -- -x.example", "is not a domain" },
		{ "domain add a..b", "is not a domain" },
		{ "alias add @-.example x@y.example", "is not a domain" },
		{ "alias add info@y.example ann", "ann is not an address" },
	};

	ck_error(_i == 4 ? EX_USAGE : EX_DATAERR, rows[_i].line, rows[_i].says);
}
END_TEST

START_TEST(terminals_are_not_moved_by_words)
{
	ck_error(EX_USAGE, "us\x1b[2Jr", "us\\x1B[2Jr");
	ck_error(EX_DATAERR, "domain add \x07.example", "\\x07");
}
END_TEST

START_TEST(options_stand_anywhere)
{
	char one[] = "--json -cX user --quota=2GB add --quota 3GB -";
	char two[] = "-c Y -- --json";
	char *argv[16];
	struct args a;
	int argc;

	argc = run_split(one, argv);
	args_split(&a, argc, argv);
	ck_assert_uint_eq(a.n, 3);
	ck_assert(slice_eq(a.words[2], SLICE("-")));
	ck_assert(args_has(&a, OPTION_JSON));
	ck_assert(!args_has(&a, OPTION_PLAIN));
	ck_assert(slice_eq(a.value[OPTION_CONFIG], SLICE("X")));
	ck_assert(slice_eq(a.value[OPTION_QUOTA], SLICE("3GB")));
	argc = run_split(two, argv);
	args_split(&a, argc, argv);
	ck_assert_uint_eq(a.n, 1);
	ck_assert(slice_eq(a.words[0], SLICE("--json")));
	ck_assert(slice_eq(a.value[OPTION_CONFIG], SLICE("Y")));
	ck_assert_uint_eq(a.given, HAS(CONFIG));
}
END_TEST

START_TEST(quotas_are_read)
{
	static const struct { const char *text; uint64_t bytes; } rows[] = {
		{ "1MB", 1 << 20 }, { "2 GB", UINT64_C(2) << 30 },
		{ "500mb", UINT64_C(500) << 20 }, { "2048 KB", 2 << 20 },
		{ "1048576GB", UINT64_C(1) << 50 }, { "none", LIMIT_NONE },
	};
	uint64_t bytes;
	const char *why;

	ck_assert(quota_read(slice_str(rows[_i].text), &bytes, &why));
	ck_assert_uint_eq(bytes, rows[_i].bytes);
}
END_TEST

START_TEST(hash_is_yescrypt)
{
	ck_assert_int_eq(run_with("secret\n", "hash"), EX_OK);
	ck_assert_str_eq(talk, "");
	ck_assert_int_eq(strncmp(data, "$y$", 3), 0);
	ck_assert_int_eq(run_lines(data), 1);
	ck_error(EX_DATAERR, "hash", "no password on standard input");
	memset(data, 'x', 600);
	data[600] = '\0';
	ck_assert_int_eq(run_with(data, "hash"), EX_DATAERR);
	ck_has(talk, "longer than 511");
}
END_TEST

static void
add(TCase *t)
{
	tcase_add_loop_test(t, commands_are_described, 0, (int)n_commands);
	tcase_add_test(t, help_lists_every_command);
	tcase_add_test(t, manual_has_every_command_and_option);
	tcase_add_loop_test(t, wrong_words_are_refused_first, 0, WRONG_WORDS);
	tcase_add_loop_test(t, wrong_data_is_refused_first, 0, 9);
	tcase_add_test(t, terminals_are_not_moved_by_words);
	tcase_add_test(t, options_stand_anywhere);
	tcase_add_loop_test(t, quotas_are_read, 0, 6);
	tcase_add_test(t, hash_is_yescrypt);
}

int
main(void)
{
	return run_suite("args", add);
}
