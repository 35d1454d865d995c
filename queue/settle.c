/* One commit for the outcomes of a message; who reports them is done.c. */
#include "queue/settle.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "queue/dsn.h"
#include "queue/schedule.h"
#include "queue/spool.h"
#include "queue/stats.h"
#include "queue/token.h"

/* In one report, so that it stays below ENGINE_INLINE_MAX.  Whoever is refused
   beyond that is offered again at once: store repeats what it decided. */
enum { REPORT_RCPTS = 250 };

struct settlement {
	uint32_t	 first_new;	/* recipients from here on are forwards */
	struct message	*report;	/* or NULL */
	struct request	*request;
};

bool
rcpt_refused(const struct rcpt *r)
{
	return r->outcome == OUTCOME_FULL || r->outcome == OUTCOME_REFUSED;
}

bool
message_over(const struct message *m)
{
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].then != RCPT_FINISHED)
			return false;
	return true;
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

/* The new recipients are FINISHED until the commit makes them DUE.  Routing
   is decided at each try: mda says if one is not local. */
static void
forward(struct message *m, uint32_t number)
{
	struct slice *became = m->rcpts[number].became;
	size_t n = m->rcpts[number].n_became, good = 0;

	for (size_t i = 0; i < n; i++) {
		struct recipient_row row = m->rcpts[number].row;
		enum meets found = meets(m, number, became[i]);
		struct rcpt *r;

		good += found != MEETS_ANCESTOR;
		if (found != MEETS_NOBODY || became[i].n == 0 ||
		    m->n_rcpts >= 2 * WIRE_LIST_MAX)
			continue;
		row.address = became[i];
		row.local = 1;
		row.state = RCPT_FINISHED;
		row.parent = number;
		row.tries = 0;
		row.next = 0;
		row.code = row.why = slice_of("", 0);
		r = message_rcpt(m, m->n_rcpts, &row);
		r->then = RCPT_DUE;
	}
	/* Mailboxes that forward to each other: each has its copy, all is well. */
	if (good == 0 && slice_starts(m->rcpts[number].row.code, SLICE("2.")))
		m->rcpts[number].outcome = OUTCOME_STORED;
	else if (good == 0) {
		m->rcpts[number].outcome = OUTCOME_REFUSED;
		m->rcpts[number].row.code = SLICE("5.4.6");
		m->rcpts[number].row.why = SLICE("aliases form a loop");
	}
}

/* ---- what each outcome means */

static enum rcpt_state
after_refusal(const struct message *m, const struct rcpt *r)
{
	/* LMTP: the answer tells of this recipient. */
	if (m->state == MESSAGE_WRITING && m->each)
		return RCPT_FINISHED;
	if (r->row.notify != 0 && (r->row.notify & NOTIFY_FAILURE) == 0)
		return RCPT_FINISHED;
	if (m->env.return_path.n == 0 || m->env.sender == SENDER_STRANGER)
		return RCPT_KEPT;
	return RCPT_SETTLED;		/* a report is due */
}

static void
later(struct rcpt *r)
{
	r->row.tries++;
	r->row.next = queue_clock() +
	    schedule_backoff(r->row.tries, r->row.local != 0);
	r->then = RCPT_DUE;
}

static void
decide(struct message *m, uint32_t number)
{
	struct rcpt *r;

	if (m->rcpts[number].outcome == OUTCOME_BECAME)
		forward(m, number);
	r = &m->rcpts[number];
	switch (r->outcome) {
	case OUTCOME_STORED:
	case OUTCOME_BECAME:
		r->then = RCPT_FINISHED;
		break;
	case OUTCOME_FULL:
	case OUTCOME_REFUSED:
		r->then = (uint8_t)after_refusal(m, r);
		break;
	case OUTCOME_REMOTE:
		r->row.local = 0;
		r->then = RCPT_DUE;
		break;
	default:
		later(r);
	}
}

/* ---- the report */

static struct message *
report_new(struct message *m, struct slice header, struct txn *txn)
{
	struct recipient_row row = { .address = m->env.return_path,
		.local = 1, .state = RCPT_DUE };
	struct envelope_row env = { .accepted = queue_clock(), .report = 1,
		.session = m->env.session };
	uint64_t id = spool_mint();
	struct buf text = { 0 };
	struct slice whole;
	struct message *report;

	if (id == 0)
		return NULL;
	dsn_build(&text, id, m, header);
	whole = buf_view(&text);
	env.size = text.n;
	report = message_new(id, MESSAGE_WRITING, &env);
	message_rcpt(report, 0, &row);
	if ((report->blob = blob_add(spool_engine(), &whole, 1)) == 0) {
		message_step(report, STEP_full);
		report = NULL;
	} else
		spool_put(txn, report);
	buf_free(&text);
	return report;
}

/* ---- the commit */

static void
undo(struct message *m)
{
	struct settlement *s = m->settling;

	for (uint32_t i = s->first_new; i < m->n_rcpts; i++) {
		m->rcpts[i].row.address = slice_of("", 0);
		m->rcpts[i].hash = 0;
		m->rcpts[i].then = RCPT_FINISHED;
	}
	for (uint32_t i = 0; i < s->first_new; i++)
		if (m->rcpts[i].state == RCPT_SETTLED) {
			m->rcpts[i].state = m->rcpts[i].then = RCPT_DUE;
			m->rcpts[i].row.next = queue_clock() +
			    schedule_backoff(1, m->rcpts[i].row.local != 0);
		}
	if (s->report != NULL) {
		blob_release(spool_engine(), s->report->blob);
		message_step(s->report, STEP_full);
	}
	m->settling = NULL;
	free(s);
}

bool
settle_into(struct txn *txn, struct message *m, struct slice header)
{
	struct settlement *s = mem_zero(sizeof *s);
	unsigned bounces = 0;

	m->settling = s;
	s->first_new = m->n_rcpts;
	for (uint32_t i = 0; i < s->first_new; i++)
		if (m->rcpts[i].state == RCPT_SETTLED) {
			decide(m, i);
			if (m->rcpts[i].then == RCPT_SETTLED &&
			    ++bounces > REPORT_RCPTS)
				m->rcpts[i].then = RCPT_DUE;
		}
	if (bounces > 0 && (s->report = report_new(m, header, txn)) == NULL) {
		undo(m);
		return false;
	}
	for (uint32_t i = 0; i < s->first_new; i++)
		if (m->rcpts[i].then == RCPT_SETTLED)
			m->rcpts[i].then = RCPT_FINISHED;
	return true;
}

static void
tell(const struct message *m, const struct rcpt *r)
{
	struct slice rcpt = r->row.address, code = r->row.code,
	    why = r->row.why;

	if (r->then == RCPT_KEPT)
		LOG(kept, .id = m->id, .rcpt = rcpt, .code = code, .why = why);
	else if (r->outcome == OUTCOME_STORED)
		LOG(delivered, .id = m->id, .rcpt = rcpt);
	else if (r->outcome == OUTCOME_BECAME)
		LOG(forwarded, .id = m->id, .rcpt = rcpt,
		    .targets = r->n_became);
	else if (rcpt_refused(r))
		LOG(undeliverable, .id = m->id, .rcpt = rcpt, .code = code,
		    .why = why);
	else if (r->outcome == OUTCOME_LATER)
		LOG(deferred, .id = m->id, .rcpt = rcpt, .tries = r->row.tries,
		    .seconds = schedule_backoff(r->row.tries,
		    r->row.local != 0) / 1000,
		    .why = why);
}

static void
count(const struct rcpt *r)
{
	stats.delivered += r->outcome == OUTCOME_STORED;
	stats.refused += rcpt_refused(r);
	stats.deferred += r->outcome == OUTCOME_LATER;
	stats.forwarded += r->outcome == OUTCOME_BECAME;
	stats.kept += r->then == RCPT_KEPT;
}

static void
report_sent(struct message *report, const struct message *about)
{
	blob_release(spool_engine(), report->blob);
	LOG(bounced, .id = report->id, .about = about->id,
	    .to = about->env.return_path);
	stats.bounced++;
	message_step(report, STEP_durable);
	schedule(report);
}

void
settle_done(struct message *m, bool durable)
{
	struct settlement *s = m->settling;

	if (!durable) {
		undo(m);
		return;
	}
	for (uint32_t i = 0; i < m->n_rcpts; i++) {
		struct rcpt *r = &m->rcpts[i];

		if (r->state == RCPT_SETTLED) {
			if (!rcpt_refused(r) || r->then != RCPT_DUE) {
				tell(m, r);
				count(r);
			}
			r->state = r->then;
		} else if (i >= s->first_new)
			r->state = r->then;
	}
	if (s->report != NULL)
		report_sent(s->report, m);
	m->settling = NULL;
	free(s);
}

void
settle_forget(struct message *m)
{
	struct settlement *s = m->settling;

	if (s != NULL && s->request != NULL)
		answer(s->request, WIRE_GONE, NULL);
	free(s);
}

/* ---- a message in the spool */

static void
committed(void *arg, enum engine_status status)
{
	struct message *m = arg;
	struct request *r = m->settling->request;

	bool durable = spool_durable(status);

	settle_done(m, durable);
	m->committing = false;
	if (r != NULL)
		answer(r, durable ? WIRE_OK : WIRE_AGAIN, NULL);
	if (message_over(m)) {
		message_step(m, m->state == MESSAGE_SPOOLED ? STEP_finished :
		    STEP_finished_aside);
		return;
	}
	schedule(m);
	requests_redo(&m->waiters);
}

static void
no_room(struct message *m, struct request *r)
{
	m->committing = false;
	if (r != NULL)
		answer(r, WIRE_AGAIN, NULL);
	schedule(m);
	requests_redo(&m->waiters);
}

static void
commit_now(struct message *m, struct request *r, struct slice header)
{
	struct txn *txn = spool_begin();
	uint32_t first_new = m->n_rcpts;

	if (!settle_into(txn, m, header)) {
		txn_drop(txn);
		no_room(m, r);
		return;
	}
	m->settling->request = r;
	txn_small(txn);		/* it is what frees the spool */
	if (message_over(m)) {
		spool_remove(txn, m->id);
		token_finish(txn, m);
	} else
		for (uint32_t i = 0; i < m->n_rcpts; i++)
			if (m->rcpts[i].state == RCPT_SETTLED ||
			    i >= first_new)
				spool_put_rcpt(txn, m, i);
	txn_commit(txn, committed, m);
}

struct wanted {
	struct message	*m;
	struct request	*r;
};

/* A body that cannot be read does not stop the report about it. */
static void
header_read(void *arg, enum engine_status status, struct slice bytes)
{
	struct wanted w = *(struct wanted *)arg;

	free(arg);
	commit_now(w.m, w.r, status == ENGINE_OK ? bytes : slice_of("", 0));
}

void
settle_commit(struct message *m, struct request *r)
{
	bool bounce = false;
	struct wanted *w;

	m->committing = true;
	if (r != NULL) {		/* it outlives its asker here */
		r->owner = NULL;
		r->lost = NULL;
	}
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].state == RCPT_SETTLED)
			bounce |= m->rcpts[i].outcome != OUTCOME_STORED;
	if (!bounce || m->blob == 0) {
		commit_now(m, r, slice_of("", 0));
		return;
	}
	w = mem_zero(sizeof *w);
	*w = (struct wanted){ m, r };
	blob_read(spool_engine(), m->blob, 0, DSN_HEADER_MAX, header_read, w);
}

/* The code goes into replies and reports: what is no code of a failure (RFC
   3463 2; 4.4.7 if the time is over) would turn a refusal into something else
   there. */
static struct slice
failure_code(enum outcome outcome, struct slice code)
{
	bool good = code.n >= 5 && code.n <= 9 &&
	    (code.p[0] == '5' || code.p[0] == '4') && code.p[1] == '.';

	for (size_t i = 0; i < code.n; i++)
		good = good && (code.p[i] == '.' ||
		    (code.p[i] >= '0' && code.p[i] <= '9'));
	if (good)
		return code;
	return outcome == OUTCOME_FULL ? SLICE("5.2.2") : SLICE("5.0.0");
}

void
settle_rcpt(struct message *m, uint32_t number, enum outcome outcome,
    struct slice code, struct slice why)
{
	struct rcpt *r = &m->rcpts[number];

	r->outcome = (uint8_t)outcome;
	if (rcpt_refused(r)) {
		code = failure_code(outcome, code);
		if (why.n == 0)
			why = outcome == OUTCOME_FULL ?
			    SLICE("the mailbox is full") :
			    SLICE("it was refused");
	}
	r->row.code = arena_slice(&m->arena, slice_take(code, 16));
	r->row.why = arena_slice(&m->arena, slice_take(why, 256));
	r->state = RCPT_SETTLED;
}
