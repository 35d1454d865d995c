#include "tests/crash/engine/wrong.h"

#include <stdio.h>
#include <string.h>

#include "tests/crash/engine/image.h"
#include "tests/crash/engine/sweep.h"

enum { FILES = 8192 };

/* What a file is, by its name at any time. */
enum what { NOTHING, LOG, SEGMENT, BLOB };

struct wrong {
	const char	*name;
	enum what	 late;		/* their syncs come one too late */
	enum what	 without;	/* there are none */
	enum what	 unlinked;	/* the last one before such a file
					   loses its name is not */
	bool		 used;		/* a segment becomes another at once,
					   by one rename */
	bool		 silent;	/* nobody was answered */
	bool		 torn;		/* it shows in torn writes */
	enum event_kind	 after;		/* where it shows; 0: anywhere */
};

static const struct wrong wrongs[] = {
	{ .name = "answered before the sync", .late = SEGMENT },
	{ .name = "index flushed before the log's sync", .late = SEGMENT,
	    .silent = true },
	{ .name = "segment unlinked before its copies are synced",
	    .unlinked = SEGMENT, .after = EVENT_UNLINK },
	{ .name = "name of a segment not synced", .without = LOG },
	{ .name = "segment used again under its old name", .used = true,
	    .after = EVENT_RENAME },
	{ .name = "long blob named before its sync", .without = BLOB },
};

static unsigned char	 kinds[FILES];

static enum what
kind_of(const struct event *e, const char *name)
{
	if (e->kind == EVENT_FOLDER)
		return strcmp(name, "log") == 0 ? LOG : NOTHING;
	if (kinds[e->dir] != LOG)
		return NOTHING;
	if (strlen(name) == 9 && name[0] == 's')
		return SEGMENT;
	return strlen(name) == 17 ? BLOB : NOTHING;
}

static void
kinds_learn(const struct trace *t)
{
	const struct event *e;

	memset(kinds, 0, sizeof kinds);
	for (size_t at = 0; (e = trace_next(t, &at, t->end)) != NULL;) {
		enum what kind = NOTHING;

		if (e->kind == EVENT_FOLDER || e->kind == EVENT_CREATE)
			kind = kind_of(e, e->name);
		else if (e->kind == EVENT_RENAME)
			kind = kind_of(e, e->other);
		if (kind != NOTHING)
			kinds[e->file] = (unsigned char)kind;
	}
}

/* It is a segment no more. */
static bool
is_removed(const struct event *e)
{
	return e->kind == EVENT_UNLINK ||
	    (e->kind == EVENT_RENAME && strcmp(e->other, "used") == 0);
}

/* What was `used` and `next` meanwhile loses the name of a segment only when it
   gets another. */
static bool
is_hasty(struct event *e, struct event *was[2])
{
	if (e->kind != EVENT_RENAME)
		return false;
	if (strcmp(e->other, "used") == 0)
		was[0] = e;
	if (strcmp(e->name, "used") == 0)
		was[1] = e;
	if (strcmp(e->name, "next") != 0 || was[1] == NULL ||
	    was[0] == NULL || was[1]->file != e->file ||
	    was[0]->file != e->file)
		return false;
	strcpy(e->name, was[0]->name);
	was[0]->kind = was[1]->kind = EVENT_NOTHING;
	return true;
}

/* Events are changed where they stand, so that places stay the same.  How
   many syncs were spoilt. */
static unsigned
spoil(struct trace *t, const struct wrong *w)
{
	static uint64_t before[FILES];
	struct event *last = NULL, *was[2] = { NULL }, *e;
	size_t at = 0, next = 0;
	unsigned spoilt = 0;

	memset(before, 0, sizeof before);
	for (; trace_next(t, &next, t->end) != NULL; at = next) {
		enum what kind;

		e = (void *)(t->events + at);
		kind = kinds[e->file];
		if (w->silent && (e->kind == EVENT_ACK ||
		    e->kind == EVENT_TOLD))
			e->kind = EVENT_NOTHING;
		if (is_removed(e) && kind != NOTHING && kind == w->unlinked &&
		    last != NULL) {
			last->since = 0;
			spoilt++;
		}
		if (w->used)
			spoilt += is_hasty(e, was);
		if (e->kind != EVENT_SYNC || kind == NOTHING)
			continue;
		if (kind == w->unlinked)
			last = e;
		if (kind == w->late) {
			uint64_t since = e->since;

			e->since = before[e->file];
			before[e->file] = since;
			spoilt++;
		}
		if (kind == w->without) {
			e->since = 0;
			spoilt++;
		}
	}
	return spoilt;
}

/* It shows in few states: where there were none among those tried, more are. */
static bool
is_caught(const char *what, check_fn *check, const struct trace *bad,
    const struct wrong *w, unsigned cuts)
{
	const struct sums good = *sums;
	uint64_t found = 0;

	*sums = (struct sums){ 0 };
	for (unsigned most = 4 * cuts; found == 0 && cuts < most; cuts *= 3) {
		sweep_run(&(struct sweep){ .check = check, .trace = bad,
		    .cuts = cuts, .after = w->after, .torn = w->torn,
		    .anew = w->used, .quiet = true });
		found = sums->lost + sums->doubled + sums->unrecovered;
	}
	printf("%s: %s: %s (%llu lost, %llu doubled, %llu unrecovered in %llu "
	    "states)\n", what, w->name, found > 0 ? "caught" : "not caught here",
	    (unsigned long long)sums->lost, (unsigned long long)sums->doubled,
	    (unsigned long long)sums->unrecovered,
	    (unsigned long long)sums->states);
	*sums = good;
	return found > 0;
}

unsigned
wrong_orders(const char *what, check_fn *check, const struct trace *t,
    unsigned cuts, unsigned which)
{
	struct trace *bad = trace_new(t->cap);
	unsigned missed = 0;

	kinds_learn(t);
	for (unsigned i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
		if ((which >> i & 1) == 0)
			continue;
		memcpy(bad, t, sizeof *t + t->end);
		/* What this recording has not, another had. */
		if (spoil(bad, &wrongs[i]) == 0 ? which != WRONG_ALL :
		    !is_caught(what, check, bad, &wrongs[i], cuts))
			missed |= 1u << i;
	}
	trace_free(bad);
	return missed;
}

bool
wrong_split(const char *what, check_fn *check, const struct trace *t,
    unsigned cuts)
{
	static const struct wrong split = { .name = "txns taken apart",
		.torn = true, .after = EVENT_WRITE };

	return is_caught(what, check, t, &split, cuts * STATES);
}
