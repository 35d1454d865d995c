#include "tests/crash/queue/ledger.h"

#include <err.h>
#include <string.h>

#include "tests/crash/engine/tap.h"

struct ledger ledger;

void
ledger_clear(void)
{
	memset(&ledger, 0, sizeof ledger);
	ledger.clock = 1700000000000u;
}

/* ---- what each message is */

static unsigned
mix(uint32_t m, unsigned k)
{
	uint32_t h = (m * 4 + k) * 2654435761u;

	return (h ^ h >> 15) % 16;
}

bool
is_far(uint32_t m, unsigned k)
{
	return k == 2 || m % 3 == 0 || (m % 5 == 0 && k == 1);
}

bool
is_stranger(uint32_t m)
{
	return m % 7 == 1 && !is_far(m, 0) && !is_far(m, 1);
}

bool
is_poison(uint32_t m)
{
	return m % 31 == 2 && !is_far(m, 0);
}

enum deed
deed_of(uint32_t m, unsigned k)
{
	unsigned h = mix(m, k);

	if (m == MAIL_LAST || k == 2)
		return h < 3 ? DEED_REFUSE : DEED_TAKE;
	if (h < 3)
		return DEED_REFUSE;
	if (h < 6)
		return DEED_LATER;
	if (h == 6 && is_far(m, k))
		return DEED_NEVER;
	if (h < 8 && k == 0 && !is_far(m, k))
		return DEED_ALIAS;
	return DEED_TAKE;
}

/* ---- the ledger */

static void
copy_enter(struct fate *f, uint64_t id, uint8_t outcome)
{
	if (f->n_copies == COPIES_MAX)
		errx(1, "ledger: too many copies");
	f->copies[f->n_copies++] = (struct copy){ id, outcome };
}

static void
report_enter(struct fate *f, uint64_t id)
{
	for (unsigned i = 0; i < f->n_reports; i++)
		if (f->reports[i] == id)
			return;
	if (f->n_reports < COPIES_MAX)
		f->reports[f->n_reports++] = id;
}

static void
told_enter(enum note what, struct mail *m, struct fate *f, uint8_t outcome,
    uint64_t id, uint64_t value)
{
	switch (what) {
	case NOTE_SUBMIT:
		m->answered = f->heard = true;
		m->id = id;
		f->verdict = outcome;
		break;
	case NOTE_STORE:
		copy_enter(f, id, outcome);
		break;
	case NOTE_SENT:
		f->sent++;
		break;
	case NOTE_DONE:
		f->done = true;
		break;
	case NOTE_REPORT:
		report_enter(f, id);
		break;
	case NOTE_CLOCK:
		ledger.clock = value;
		break;
	default:
		m->acted |= (uint16_t)(1 << what);
	}
}

/* Before its peer is answered, "done" was said of what is only in memory. */
static void
begin_enter(struct mail *m)
{
	m->begun = true;
	for (unsigned k = 0; k < RCPTS; k++)
		m->to[k].done = false;
}

static void
enter(enum event_kind kind, uint32_t number, uint64_t id, uint64_t value)
{
	enum note what = number & 0xff;
	struct mail *m = &ledger.mails[number >> 16];

	if (kind != EVENT_BEGIN && kind != EVENT_TOLD)
		return;
	if (id > ledger.id_most)
		ledger.id_most = id;
	if (kind == EVENT_TOLD)
		told_enter(what, m, &m->to[number >> 8 & 0xf],
		    (uint8_t)(number >> 12 & 0xf), id, value);
	else if (what == NOTE_SUBMIT)
		begin_enter(m);
	else
		m->asked |= (uint16_t)(1 << what);
}

void
note(enum event_kind kind, enum note what, uint32_t m, unsigned k,
    uint8_t outcome, uint64_t id, uint64_t value)
{
	uint32_t number = what | k << 8 | (uint32_t)outcome << 12 | m << 16;

	enter(kind, number, id, value);
	tap_note(kind, number, id, value);
}

void
notes_read(const struct history *h)
{
	const struct event *e;

	ledger_clear();
	for (int i = 0; i < LIVES && h->trace[i] != NULL; i++)
		for (size_t at = 0; (e = trace_next(h->trace[i], &at,
		    h->end[i])) != NULL;)
			enter(e->kind, e->number, e->offset, e->length);
}

/* ---- store */

unsigned
copies_stored(const struct fate *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->n_copies; i++)
		n += f->copies[i].outcome == OUTCOME_STORED;
	return n;
}

uint8_t
store_decide(uint32_t m, unsigned k, uint64_t id, uint8_t outcome)
{
	const struct fate *f = &ledger.mails[m].to[k];

	for (unsigned i = 0; i < f->n_copies; i++) {
		const struct copy *c = &f->copies[i];

		if (c->id == id || (c->id >> 32 != id >> 32 &&
		    c->outcome == OUTCOME_STORED))
			return c->outcome;
	}
	note(EVENT_TOLD, NOTE_STORE, m, k, outcome, id, 0);
	return outcome;
}
