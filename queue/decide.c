#include "queue/decide.h"

#include "queue/destination.h"
#include "queue/route.h"
#include "queue/schedule.h"
#include "queue/token.h"

bool
rcpt_refused(const struct rcpt *r)
{
	return r->outcome == OUTCOME_FULL || r->outcome == OUTCOME_REFUSED;
}

/* ---- forwards */

enum meets { MEETS_NOBODY, MEETS_OTHER, MEETS_ANCESTOR };

/* Is there a recipient of this address already?  One copy is enough, but if it
   is one that `number` came from, the aliases go in a circle. */
static enum meets
meets(const struct message *m, uint32_t number, struct slice address)
{
	uint64_t hash = token_hash(address);
	unsigned generation = 0;

	for (uint32_t i = number;; i = m->rcpts[i].row.parent) {
		if (slice_ieq(m->rcpts[i].row.address, address) ||
		    ++generation > FORWARDS_MAX)
			return MEETS_ANCESTOR;
		if (m->rcpts[i].row.parent >= i)
			break;
	}
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].hash == hash &&
		    slice_eq(m->rcpts[i].row.address, address))
			return MEETS_OTHER;
	return MEETS_NOBODY;
}

/* Success of an address that became several is told here, as "expanded", and
   asked of nobody further on (RFC 3461 5.2.7.3). */
static uint8_t
notify_on(const struct rcpt *r)
{
	uint8_t notify = r->row.notify;

	if (r->n_became < 2 || (notify & NOTIFY_SUCCESS) == 0)
		return notify;
	notify &= (uint8_t)~NOTIFY_SUCCESS;
	return notify == 0 ? NOTIFY_NEVER : notify;
}

/* Here it keeps its sender; to others it goes with a return path of ours. */
static void
forward_one(struct message *m, uint32_t number, const struct wire_forward *to)
{
	const struct rcpt *old = &m->rcpts[number];
	struct recipient_row row = { .address = to->address,
		.local = to->remote == 0,
		.notify = notify_on(old), .orcpt = old->row.orcpt,
		.state = RCPT_FINISHED, .parent = number,
		.return_path = to->remote && old->became_path.n > 0 ?
		    old->became_path : old->row.return_path,
		.since = old->row.since };

	message_rcpt(m, m->n_rcpts, &row)->then = RCPT_DUE;
}

static void
forward(struct message *m, uint32_t number)
{
	const struct wire_forward *became = m->rcpts[number].became;
	size_t n = m->rcpts[number].n_became, good = 0;

	for (size_t i = 0; i < n; i++) {
		enum meets found = meets(m, number, became[i].address);

		good += found != MEETS_ANCESTOR;
		if (found == MEETS_NOBODY && became[i].address.n > 0 &&
		    m->n_rcpts < 2 * WIRE_LIST_MAX)
			forward_one(m, number, &became[i]);
	}
	/* Mailboxes that forward to each other: each has its copy. */
	if (good == 0 && slice_starts(m->rcpts[number].row.code, SLICE("2.")))
		m->rcpts[number].outcome = OUTCOME_STORED;
	else if (good == 0) {
		m->rcpts[number].outcome = OUTCOME_REFUSED;
		m->rcpts[number].row.code = SLICE("5.4.6");
		m->rcpts[number].row.why = SLICE("aliases form a loop");
	}
}

/* ---- what each outcome means */

static void
refused(const struct message *m, struct rcpt *r)
{
	bool unasked = r->row.notify != 0 &&
	    (r->row.notify & NOTIFY_FAILURE) == 0;
	bool told = m->state == MESSAGE_WRITING && m->each; /* LMTP's answer */
	bool insist = r->insist || r->row.refuse;

	r->then = RCPT_FINISHED;
	if (told || r->removed || (unasked && !insist))
		return;
	if (message_tellable(m) || (insist && m->env.return_path.n > 0))
		r->report = REPORT_FAILED;
	else
		r->then = RCPT_KEPT;
}

/* Success is told only if it was asked for (RFC 3461 5.2.2, 5.2.3); of one
   that went on, by the next host if that can. */
static void
succeeded(const struct message *m, struct rcpt *r)
{
	r->then = RCPT_FINISHED;
	if ((r->row.notify & NOTIFY_SUCCESS) == 0 || !message_tellable(m))
		return;
	if (r->outcome == OUTCOME_BECAME)
		r->report = r->n_became > 1 ? REPORT_EXPANDED : REPORT_NONE;
	else if (r->row.local)
		r->report = REPORT_DELIVERED;
	else
		r->report = r->relayed ? REPORT_NONE : REPORT_RELAYED;
}

/* Behind a destination that is away it waits for that; else for itself. */
static void
later(const struct message *m, struct rcpt *r)
{
	struct destination *d = r->row.local ? NULL :
	    destination_find(route_of(m, r));

	r->then = RCPT_DUE;
	r->row.tries++;
	if (r->scope == SCOPE_DESTINATION && d != NULL && d->retry.at != 0) {
		r->row.next = 0;
		return;
	}
	r->row.put_off++;
	r->row.next = queue_clock() +
	    schedule_backoff(r->row.put_off, r->row.local != 0);
}

void
decide(struct message *m, uint32_t number)
{
	struct rcpt *r;

	if (m->rcpts[number].outcome == OUTCOME_BECAME)
		forward(m, number);
	r = &m->rcpts[number];
	/* A removed one is shown as such: none that ended is LATER. */
	r->row.outcome = r->removed ? OUTCOME_LATER : r->outcome;
	r->row.last = queue_clock();
	switch (r->outcome) {
	case OUTCOME_STORED:
	case OUTCOME_BECAME:
		succeeded(m, r);
		break;
	case OUTCOME_FULL:
	case OUTCOME_REFUSED:
		refused(m, r);
		break;
	case OUTCOME_REMOTE:
		r->row.local = 0;
		r->row.next = 0;
		r->then = RCPT_DUE;
		break;
	default:
		later(m, r);
	}
}
