#include "sendmail/sendmail.h"

#include <string.h>
#include <sysexits.h>

/* Options with a value, in the same word or the next; those we know and those
   of sendmail(8) that mean nothing here. */
static const char with_value[] = "BCFLNORVXfhr";

static uint8_t
notify_read(const char *text)
{
	struct slice rest = slice_str(text);
	unsigned bits = 0;

	while (rest.n > 0) {
		struct slice one = slice_cut(&rest, ',');

		if (slice_ieq(one, SLICE("never")))
			bits |= NOTIFY_NEVER;
		else if (slice_ieq(one, SLICE("success")))
			bits |= NOTIFY_SUCCESS;
		else if (slice_ieq(one, SLICE("failure")))
			bits |= NOTIFY_FAILURE;
		else if (slice_ieq(one, SLICE("delay")))
			bits |= NOTIFY_DELAY;
		else
			fail(EX_USAGE, "-N takes never, success, failure and "
			    "delay, not \"%s\"", text);
	}
	/* RFC 3461 4.1: NEVER stands alone. */
	if (bits == 0 || ((bits & NOTIFY_NEVER) && bits != NOTIFY_NEVER))
		fail(EX_USAGE, "-N %s: never stands alone", text);
	return (uint8_t)bits;
}

static uint8_t
ret_read(const char *text)
{
	if (strcasecmp(text, "full") == 0)
		return RET_FULL;
	if (strcasecmp(text, "hdrs") == 0)
		return RET_HDRS;
	fail(EX_USAGE, "-R takes full or hdrs, not \"%s\"", text);
}

static enum mode
mode_read(const char *text)
{
	switch (*text) {
	case 'm': return MODE_SEND;
	case 's': return MODE_TALK;
	case 'p': return MODE_LIST;
	case 'i': return MODE_ALIASES;
	default:
		fail(EX_USAGE, "-b%s is not done here: of -bd and the other "
		    "daemons, the suite is started by its master", text);
	}
}

static void
take_value(struct options *o, char letter, const char *value)
{
	switch (letter) {
	case 'C': o->conf = value; break;
	case 'F': o->full_name = value; break;
	case 'N': o->notify = notify_read(value); break;
	case 'R': o->ret = ret_read(value); break;
	case 'V': o->envid = value; break;
	case 'f': case 'r': o->sender = value; break;
	default: break;		/* of another mail system */
	}
}

/* -o and a letter, and perhaps a value in the same word: of these only -oi
   means something here. */
static void
take_word(struct options *o, const char *word)
{
	switch (*word) {
	case 'b': o->mode = mode_read(word + 1); break;
	case 'q': o->mode = MODE_FLUSH; break;
	case 'o': o->dots &= word[1] != 'i'; break;
	default: break;		/* -d and its like */
	}
}

/* The letters of one word: -ti is -t -i. */
static void
take_letters(struct options *o, const char *word, char ***next)
{
	for (; *word != '\0'; word++)
		if (strchr(with_value, *word) != NULL) {
			const char *value = word[1] != '\0' ? word + 1 :
			    *(*next)++;

			if (value == NULL)
				fail(EX_USAGE, "-%c needs a value", *word);
			take_value(o, *word, value);
			return;
		} else if (strchr("bdoqpAe", *word) != NULL) {
			take_word(o, word);
			return;
		} else if (*word == 't')
			o->from_header = true;
		else if (*word == 'i')
			o->dots = false;
		else if (*word == 'I')
			o->mode = MODE_ALIASES;
		else if (strchr("GUmnsv", *word) == NULL)
			fail(EX_USAGE, "no option -%c", *word);
}

void
options_read(int argc, char **argv, struct options *o)
{
	char **next = argv + (argc > 0);

	memset(o, 0, sizeof *o);
	o->dots = true;
	while (*next != NULL && (*next)[0] == '-' && (*next)[1] != '\0') {
		const char *word = *next++;

		if (strcmp(word, "--") == 0)
			break;
		take_letters(o, word + 1, &next);
	}
	o->rcpts = next;
}
