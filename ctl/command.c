/* From the words of the command line to the function that does it. */
#include "ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/core/loop.h"
#include "ctl/help.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

enum { MANY = 1000000 };

struct ctl ctl;

const struct command commands[] = {
#define COMMAND(function, noun, verb, least, most, options, usage, help) \
	{ function, noun, verb, usage, help, least, most, options },
#include "ctl/commands.def"
};
const size_t n_commands = sizeof commands / sizeof *commands;

static const struct command *
find(struct slice noun, struct slice verb)
{
	for (size_t i = 0; i < n_commands; i++)
		if (slice_eq(noun, slice_str(commands[i].noun)) &&
		    (*commands[i].verb == '\0' ||
		    slice_eq(verb, slice_str(commands[i].verb))))
			return &commands[i];
	return NULL;
}

static bool
is_noun(struct slice word)
{
	for (size_t i = 0; i < n_commands; i++)
		if (slice_eq(word, slice_str(commands[i].noun)))
			return true;
	return false;
}

/* "add, list or import" */
static const char *
verbs_of(struct slice noun)
{
	struct buf b = { 0 };
	const char *verbs;

	for (size_t i = 0; i < n_commands; i++)
		if (slice_eq(noun, slice_str(commands[i].noun)))
			buf_printf(&b, "%s%s", b.n > 0 ? ", " : "",
			    commands[i].verb);
	verbs = text("%s", buf_cstr(&b));
	buf_free(&b);
	return verbs;
}

static void
no_command(struct slice noun, struct slice verb)
{
	struct nearest near;
	bool known = is_noun(noun);

	if (known && verb.n == 0)
		fail(EX_USAGE, text("%s needs one of: %s", show(noun),
		    verbs_of(noun)), NULL, text("help %s", show(noun)));
	nearest_init(&near, known ? verb : noun);
	for (size_t i = 0; i < n_commands; i++)
		if (!known)
			nearest_try(&near, slice_str(commands[i].noun));
		else if (slice_eq(noun, slice_str(commands[i].noun)))
			nearest_try(&near, slice_str(commands[i].verb));
	if (known)
		fail(EX_USAGE, text("there is no \"%s %s\"", show(noun),
		    show(verb)), nearest_say(&near, ""),
		    text("help %s", show(noun)));
	fail(EX_USAGE, text("there is no command \"%s\"", show(noun)),
	    nearest_say(&near, ""), "--help");
}

static struct slice
word(unsigned i)
{
	return i < ctl.args.n ? ctl.args.words[i] : slice_of("", 0);
}

static const char *
full_name(const struct command *c)
{
	return text("%s%s%s", c->noun, *c->verb == '\0' ? "" : " ", c->verb);
}

/* Leaves in args what follows noun and verb. */
static void
check_arguments(const struct command *c)
{
	uint32_t odd = ctl.args.given & ~c->options;
	const char *help = text("help %s", full_name(c));
	unsigned skip = *c->verb == '\0' ? 1 : 2;
	size_t words = slice_find(slice_str(c->usage), '[');

	for (unsigned i = 0; i < OPTIONS; i++)
		if ((odd >> i & 1) != 0 && !option_rows[i].all)
			fail(EX_USAGE, text("%s takes no --%s", full_name(c),
			    option_rows[i].name), NULL, help);
	ctl.args.words += skip;
	ctl.args.n -= skip;
	if (ctl.args.n < c->least)
		fail(EX_USAGE, text("%s needs %.*s", full_name(c),
		    (int)words, c->usage), NULL, help);
	if (ctl.args.n > c->most)
		fail(EX_USAGE, text("%s does not know what to do with \"%s\"",
		    full_name(c), show(ctl.args.words[c->most])), NULL, help);
}

static bool
may_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !args_has(&ctl.args, OPTION_NO_COLOR) && isatty(STDOUT_FILENO) &&
	    (no == NULL || *no == '\0') && term != NULL &&
	    strcmp(term, "dumb") != 0;
}

static void
take_options(void)
{
	ctl.file = CONFIG_FILE;
	if (args_has(&ctl.args, OPTION_CONFIG))
		ctl.file = arena_str(&ctl.arena,
		    ctl.args.value[OPTION_CONFIG]);
	if (args_has(&ctl.args, OPTION_JSON) &&
	    args_has(&ctl.args, OPTION_PLAIN))
		fail(EX_USAGE, "--json and --plain exclude each other", NULL,
		    NULL);
	if (args_has(&ctl.args, OPTION_JSON))
		ctl.form = FORM_JSON;
	else if (args_has(&ctl.args, OPTION_PLAIN))
		ctl.form = FORM_PLAIN;
	ctl.color = may_color();
}

static int
version(void)
{
	static const struct column columns[] = {
		{ "version", COLUMN_TEXT, NULL },
		{ "format", COLUMN_NUMBER, NULL },
	};
	struct sheet s;

	if (ctl.form == FORM_HUMAN) {
		printf("postino %s\n", POSTINO_VERSION);
		return EX_OK;
	}
	sheet_begin(&s, columns, 2);
	sheet_row(&s, (struct cell[]){ { .text = SLICE(POSTINO_VERSION) },
	    { .number = SHEET_FORMAT } });
	sheet_end(&s, NULL);
	return EX_OK;
}

static int
explain(struct slice noun, struct slice verb)
{
	const struct command *c = find(noun, verb);

	if (noun.n == 0)
		help_all();
	else if (c != NULL)
		help_command(c);
	else if (verb.n == 0 && is_noun(noun))
		help_noun(noun);
	else
		no_command(noun, verb);
	return EX_OK;
}

int
cmd_help(void)
{
	return explain(word(0), word(1));
}

static int
run(void)
{
	if (args_has(&ctl.args, OPTION_VERSION))
		return version();
	if (args_has(&ctl.args, OPTION_HELP))
		return explain(word(0), word(1));
	if (ctl.args.n == 0)
		fail(EX_USAGE, "what shall be done?", NULL, "--help");
	ctl.command = find(word(0), word(1));
	if (ctl.command == NULL)
		no_command(word(0), word(1));
	check_arguments(ctl.command);
	return ctl.command->run();
}

int
ctl_main(int argc, char **argv)
{
	int code;

	log_init("postino", LOG_ERROR);
	loop_init();
	args_split(&ctl.args, argc, argv);
	take_options();
	code = run();
	if (fflush(stdout) != 0 || ferror(stdout))
		fail(EX_IOERR, "the output could not be written", NULL, NULL);
	return code;
}
