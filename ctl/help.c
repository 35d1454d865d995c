#include "ctl/help.h"

#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/say.h"

enum { MORE, FRONT };

/* In the order of the table.  A row without text begins those of a command;
   of is that command's place in commands[]. */
struct example {
	const char	*text;
	bool		 front;		/* also on the page of all commands */
	unsigned	 of;
};

enum {
#define COMMAND(function, ...)	PLACE_##function,
#include "ctl/commands.def"
};

static const struct example examples[] = {
#define EXAMPLE(front, words)	{ words, front, 0 },
#define COMMAND(function, ...)	{ NULL, false, PLACE_##function },
#include "ctl/commands.def"
};

void
nearest_init(struct nearest *n, struct slice found)
{
	n->words = (struct words){ .n = 1 };
	n->words.v[0] = found;
	miss_init(&n->miss, &n->words, &ctl.arena);
}

void
nearest_try(struct nearest *n, struct slice candidate)
{
	miss_word(&n->miss, 0, candidate);
}

const char *
nearest_say(const struct nearest *n, const char *prefix)
{
	if (n->miss.near.n == 0)
		return NULL;
	return text("did you mean \"%s%s\"?", prefix, show(n->miss.near));
}

/* Those of one command, or those for the front page if c is NULL. */
static void
examples_show(const struct command *c)
{
	unsigned of = 0;

	printf("Examples:\n");
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		const struct example *e = &examples[i];

		if (e->text == NULL)
			of = e->of;
		else if (c == NULL ? e->front : c == &commands[of])
			printf("  postino %s\n", e->text);
	}
}

static void
options_show(uint32_t bits, bool all)
{
	for (unsigned i = 0; i < OPTIONS; i++) {
		const struct option_row *o = &option_rows[i];
		char left[64], letter[8] = "    ";

		if (o->all ? !all : (bits >> i & 1) == 0)
			continue;
		if (o->letter != 0)
			snprintf(letter, sizeof letter, "-%c, ", o->letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name,
		    *o->argument == '\0' ? "" : " ", o->argument);
		printf("  %-22s %s\n", left, o->help);
	}
}

/* The usage of some spreads over lines; a list shows its first words. */
static void
line_show(const struct command *c)
{
	char left[64];
	struct slice usage = slice_str(c->usage);

	usage = slice_take(usage, slice_find(usage, '['));
	if (usage.n == 0 && c->options == 0)
		usage = slice_str(c->usage);
	snprintf(left, sizeof left, "%s%s%s %.*s", c->noun,
	    *c->verb == '\0' ? "" : " ", c->verb, (int)usage.n, usage.p);
	printf("  %-28s %s\n", left, c->help);
}

void
help_all(void)
{
	examples_show(NULL);
	printf("\nCommands:\n");
	for (size_t i = 0; i < n_commands; i++)
		line_show(&commands[i]);
	printf("\nOptions:\n");
	options_show(0, true);
	printf("\nMore of one command: postino help COMMAND; of all: "
	    "man postino\n");
}

void
help_noun(struct slice noun)
{
	printf("Commands:\n");
	for (size_t i = 0; i < n_commands; i++)
		if (slice_eq(noun, slice_str(commands[i].noun)))
			line_show(&commands[i]);
}

void
help_command(const struct command *c)
{
	examples_show(c);
	printf("\nUsage: postino [OPTION...] %s%s%s %s\n\n%s\n\nOptions:\n",
	    c->noun, *c->verb == '\0' ? "" : " ", c->verb, c->usage, c->help);
	options_show(c->options, false);
	options_show(0, true);
}
