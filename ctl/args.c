#include "ctl/args.h"

#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "common/core/conf_parts.h"
#include "common/core/terms.h"
#include "common/mail/addr.h"
#include "ctl/ctl.h"
#include "ctl/help.h"
#include "ctl/say.h"

enum { OWN, ALL };

const struct option_row option_rows[OPTIONS] = {
#define OPTION(NAME, letter, name, argument, whose, help) \
	[OPTION_##NAME] = { letter, whose, name, argument, help },
#include "ctl/commands.def"
};

bool
args_has(const struct args *a, enum option o)
{
	return (a->given >> o & 1) != 0;
}

static enum option
option_named(struct slice name)
{
	struct nearest near;

	nearest_init(&near, name);
	for (unsigned i = 0; i < OPTIONS; i++) {
		if (slice_eq(name, slice_str(option_rows[i].name)))
			return (enum option)i;
		nearest_try(&near, slice_str(option_rows[i].name));
	}
	fail(EX_USAGE, text("there is no option --%s", show(name)),
	    nearest_say(&near, "--"), "--help");
}

static enum option
option_of_letter(char letter)
{
	for (unsigned i = 0; i < OPTIONS; i++)
		if (letter == option_rows[i].letter)
			return (enum option)i;
	fail(EX_USAGE, text("there is no option -%s",
	    show(slice_of(&letter, 1))), NULL, "--help");
}

/* What stands behind the option in the same word, or the word after it. */
static void
option_take(struct args *a, enum option o, struct slice rest, bool joined,
    char ***next)
{
	const struct option_row *row = &option_rows[o];

	a->given |= 1u << o;
	if (*row->argument == '\0') {
		if (joined)
			fail(EX_USAGE, text("--%s takes no value", row->name),
			    NULL, "--help");
		return;
	}
	if (!joined && **next == NULL)
		fail(EX_USAGE, text("--%s needs %s", row->name,
		    row->argument), NULL, "--help");
	a->value[o] = joined ? rest : slice_str(*(*next)++);
}

/* -c FILE, -cFILE, -h */
static void
take_short(struct args *a, struct slice word, char ***next)
{
	while (word.n > 0) {
		enum option o = option_of_letter(word.p[0]);

		word = slice_drop(word, 1);
		if (*option_rows[o].argument != '\0') {
			option_take(a, o, word, word.n > 0, next);
			return;
		}
		option_take(a, o, word, false, next);
	}
}

/* --quota SIZE, --quota=SIZE, --json */
static void
take_long(struct args *a, struct slice word, char ***next)
{
	bool joined = slice_find(word, '=') < word.n;
	struct slice name = slice_cut(&word, '=');

	option_take(a, option_named(name), word, joined, next);
}

void
args_split(struct args *a, int argc, char **argv)
{
	bool options = true;

	*a = (struct args){ 0 };
	a->words = arena_array(&ctl.arena, (size_t)argc + 1,
	    sizeof *a->words);
	for (char **next = argv + (argc > 0); *next != NULL;) {
		struct slice word = slice_str(*next++);

		if (!options || word.n < 2 || word.p[0] != '-')
			a->words[a->n++] = word;
		else if (slice_eq(word, SLICE("--")))
			options = false;
		else if (word.p[1] == '-')
			take_long(a, slice_drop(word, 2), &next);
		else
			take_short(a, slice_drop(word, 1), &next);
	}
}

/* ---- arguments of a certain kind */

struct slice
argument_address(struct slice s, bool catch_all)
{
	struct addr_error error;
	struct slice domain;
	struct addr a;

	if (catch_all && s.n > 1 && s.p[0] == '@') {
		domain = argument_domain(slice_drop(s, 1));
		return slice_str(text("@%s", show(domain)));
	}
	if (!addr_parse(&ctl.arena, s, ADDR_MAY_UTF8, &a, &error))
		fail(EX_DATAERR, text("%s is not an address", show(s)),
		    error.fault == ADDR_LONG ? "it is too long" :
		    "an address looks like ann@example.org", NULL);
	return addr_text(&ctl.arena, &a);
}

struct slice
argument_domain(struct slice s)
{
	struct slice domain;

	if (!addr_domain(&ctl.arena, s, ADDR_MAY_UTF8, &domain))
		fail(EX_DATAERR, text("%s is not a domain", show(s)),
		    "a domain looks like example.org", NULL);
	return domain;
}

/* What a configuration could say: "2GB" or "2 GB". */
static bool
slot_said(const struct slot *slot, struct slice s, struct value *v,
    const char **why)
{
	struct words words;
	struct miss miss;
	struct buf b = { 0 };
	unsigned at = 1;	/* 0 is for words that begin a sentence */
	size_t where;

	if (!words_split(&words, slice_str(text("said %s", show(s))), &where,
	    why))
		return false;
	miss_init(&miss, &words, &ctl.arena);
	if (slot_read(slot, &miss, &at, v, &ctl.arena) && at == words.n)
		return true;
	if (at > 1 && at < words.n)
		miss_want(&miss, at, SLICE("nothing more"));
	miss_show(&miss, &b);
	*why = text("%s", buf_cstr(&b));
	buf_free(&b);
	return false;
}

bool
quota_read(struct slice s, uint64_t *limit, const char **why)
{
	static const struct slot slot = { .kind = SLOT_QUOTA, .least = 1 << 20,
		.most = UINT64_C(1) << 50 };
	struct value v;

	if (!slot_said(&slot, s, &v, why))
		return false;
	*limit = v.number == 0 ? LIMIT_NONE : v.number;
	return true;
}

static bool
time_said(struct slice s, uint64_t *ms)
{
	static const char *const forms[] = { "%Y-%m-%d", "%Y-%m-%d %H:%M",
		"%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S" };
	const char *said = arena_str(&ctl.arena, s), *end;
	struct tm tm;
	time_t t;

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		memset(&tm, 0, sizeof tm);
		tm.tm_isdst = -1;
		end = strptime(said, forms[i], &tm);
		if (end != NULL && *end == '\0' && (t = mktime(&tm)) >= 0) {
			*ms = (uint64_t)t * 1000;
			return true;
		}
	}
	return false;
}

uint64_t
argument_time(struct slice s)
{
	static const struct slot span = { .kind = SLOT_TIME,
		.most = UINT64_C(1) << 42 };
	uint64_t ms, now = (uint64_t)time(NULL) * 1000;
	struct value v;
	const char *why;

	if (time_said(s, &ms))
		return ms;
	if (slot_said(&span, s, &v, &why))
		return v.number < now ? now - v.number : 0;
	fail(EX_DATAERR, text("\"%s\" is no time", show(s)),
	    "a time is 2026-11-20, '2026-11-20 14:00' as on the clock here, or "
	    "'2 hours'", NULL);
}
