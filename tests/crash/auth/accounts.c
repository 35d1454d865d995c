#include "tests/crash/auth/accounts.h"

#include <stdio.h>
#include <string.h>

#include "tests/crash/engine/tap.h"

struct accounts accounts;

/* ---- what things are */

const char *
thing_name(unsigned i)
{
	static char name[64];

	if (i < FIRST_USER)
		snprintf(name, sizeof name, "d%u.example", i);
	else
		snprintf(name, sizeof name, "%c%u@d%u.example",
		    i < FIRST_ALIAS ? 'u' : 'a', i, i % (DOMAINS - 1));
	return name;
}

const char *
thing_password(uint64_t state)
{
	static char password[32];

	snprintf(password, sizeof password, "secret %u",
	    (unsigned)(state >> 8 & 0xff));
	return password;
}

uint64_t
thing_limit(uint64_t state)
{
	return (state >> 32) * 1000000;
}

unsigned
thing_targets(uint64_t state)
{
	return (unsigned)(2 + (state >> 8) % 20);
}

const char *
target_name(uint64_t state, unsigned n)
{
	static char name[64];

	snprintf(name, sizeof name, "t%u.%u@far.example",
	    (unsigned)(state >> 8), n);
	return name;
}

/* ---- notes */

/* A new user has another number than the one of that name before. */
static void
answered(struct thing *t, uint64_t state, bool done)
{
	t->changing = false;
	if (!done)
		return;
	if (state == 0 && t->number > 0 && t->number < NUMBERS)
		accounts.removed[t->number] = true;
	if (state == 0)
		t->number = 0;
	t->state = state;
}

static void
enter(enum event_kind kind, uint32_t number, uint64_t offset, uint64_t value)
{
	struct thing *t = &accounts.things[number >> 8];
	enum note what = number & 0xff;

	if (kind == EVENT_BEGIN) {
		t->changing = true;
		t->wanted = offset;
	}
	if (kind != EVENT_TOLD)
		return;
	if (what == NOTE_CHANGE)
		answered(t, offset, value != 0);
	else if (what == NOTE_NUMBER)
		t->number = offset;
	else if (offset < NUMBERS)
		accounts.dropped[offset] = true;
	if (what != NOTE_CHANGE && offset > accounts.number_most)
		accounts.number_most = offset;
}

void
note(enum event_kind kind, enum note what, unsigned i, uint64_t offset,
    uint64_t value)
{
	enter(kind, what | i << 8, offset, value);
	tap_note(kind, what | i << 8, offset, value);
}

void
notes_read(const struct history *h)
{
	const struct event *e;

	memset(&accounts, 0, sizeof accounts);
	for (int i = 0; i < LIVES && h->trace[i] != NULL; i++)
		for (size_t at = 0; (e = trace_next(h->trace[i], &at,
		    h->end[i])) != NULL;)
			if (e->kind == EVENT_BEGIN || e->kind == EVENT_TOLD)
				enter(e->kind, e->number, e->offset,
				    e->length);
}
