/* One commit for the outcomes of a message; who reports them is done.c. */
#include "queue/settle.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "queue/dsn.h"
#include "queue/pack.h"
#include "queue/schedule.h"
#include "queue/spool.h"
#include "queue/stats.h"
#include "queue/token.h"

enum {
	/* In one report, so that it stays below ENGINE_INLINE_MAX; more are
	   told in the next. */
	REPORT_RCPTS = 100,
	NO_ROOM_WAIT = 1000,	/* ms */
};

struct settlement {
	uint32_t	 first_new;	/* recipients from here on: forwards */
	struct message	*report;	/* or NULL */
	struct request	*request;
};

bool
message_over(const struct message *m)
{
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].then != RCPT_FINISHED)
			return false;
	return true;
}

bool
settle_pending(const struct message *m)
{
	if ((m->state != MESSAGE_SPOOLED && m->state != MESSAGE_SET_ASIDE) ||
	    m->committing)
		return false;
	if (m->changed)
		return true;
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].state == RCPT_SETTLED || m->rcpts[i].changed)
			return true;
	return false;
}

/* ---- the report */

static struct message *
report_new(struct message *m, struct slice body, struct txn *txn)
{
	struct recipient_row row = { .address = m->env.return_path,
		.local = 1, .state = RCPT_DUE };
	struct envelope_row env = { .accepted = queue_clock(), .report = 1,
		.session = m->env.session, .smtputf8 = m->env.smtputf8 };
	uint64_t id = spool_mint();
	struct buf text = { 0 };
	struct slice whole;
	struct message *report;

	if (id == 0)
		return NULL;
	dsn_build(&text, id, m, body);
	whole = buf_view(&text);
	env.eightbit = !dsn_ascii(whole);
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

/* Nothing of it happened.  What a relay or the admin decided stays decided;
   what store did is learnt again. */
static void
undo_rcpt(struct rcpt *r)
{
	if (r->report == REPORT_DELAYED)
		r->row.warned = 0;
	r->report = REPORT_NONE;
	if (r->state != RCPT_SETTLED) {
		r->then = r->state;
		return;
	}
	r->then = RCPT_SETTLED;
	if (!r->row.local || r->removed || r->insist)
		return;
	r->state = r->then = RCPT_DUE;
	r->row.next = queue_clock() + schedule_backoff(1, true);
}

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
		undo_rcpt(&m->rcpts[i]);
	if (s->report != NULL) {
		blob_release(spool_engine(), s->report->blob);
		message_step(s->report, STEP_full);
	}
	m->commit_after = queue_clock() + NO_ROOM_WAIT;
	m->settling = NULL;
	free(s);
}

/* It comes with the next commit. */
static void
put_off_telling(struct rcpt *r)
{
	if (r->report == REPORT_DELAYED)
		r->row.warned = 0;
	else
		r->then = RCPT_SETTLED;
	r->report = REPORT_NONE;
}

bool
settle_into(struct txn *txn, struct message *m, struct slice body)
{
	struct settlement *s = mem_zero(sizeof *s);
	unsigned told = 0;

	m->settling = s;
	s->first_new = m->n_rcpts;
	for (uint32_t i = 0; i < s->first_new; i++) {
		if (m->rcpts[i].state == RCPT_SETTLED)
			decide(m, i);
		if (m->rcpts[i].report != REPORT_NONE && ++told > REPORT_RCPTS)
			put_off_telling(&m->rcpts[i]);
	}
	if (told > 0 && (s->report = report_new(m, body, txn)) == NULL) {
		undo(m);
		return false;
	}
	return true;
}

void
settle_tell(const struct message *m, const struct rcpt *r)
{
	struct slice rcpt = r->row.address, code = r->row.code,
	    why = r->row.why, remote = r->row.remote;

	if (r->then == RCPT_KEPT)
		LOG(kept, .id = m->id, .rcpt = rcpt, .code = code, .why = why);
	else if (r->removed)
		LOG(removed, .id = m->id, .rcpt = rcpt);
	else if (r->outcome == OUTCOME_STORED && r->row.local)
		LOG(delivered, .id = m->id, .rcpt = rcpt);
	else if (r->outcome == OUTCOME_STORED)
		LOG(sent, .id = m->id, .rcpt = rcpt, .remote = remote,
		    .why = why);
	else if (r->outcome == OUTCOME_BECAME)
		LOG(forwarded, .id = m->id, .rcpt = rcpt,
		    .targets = r->n_became);
	else if (rcpt_refused(r))
		LOG(undeliverable, .id = m->id, .rcpt = rcpt, .code = code,
		    .why = why, .remote = remote);
	else if (r->outcome == OUTCOME_LATER)
		LOG(deferred, .id = m->id, .rcpt = rcpt, .tries = r->row.tries,
		    .seconds = r->row.next == 0 ? 0 :
		    (r->row.next - r->row.last) / 1000,
		    .why = why, .remote = remote);
}

static void
count(const struct rcpt *r)
{
	stats.delivered += r->outcome == OUTCOME_STORED && r->row.local;
	stats.sent += r->outcome == OUTCOME_STORED && !r->row.local;
	stats.refused += rcpt_refused(r) && !r->removed;
	stats.removed += r->removed;
	stats.deferred += r->outcome == OUTCOME_LATER;
	stats.forwarded += r->outcome == OUTCOME_BECAME;
	stats.kept += r->then == RCPT_KEPT;
}

static void
report_sent(struct message *report, const struct message *about)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < about->n_rcpts; i++)
		n += about->rcpts[i].report != REPORT_NONE;
	blob_release(spool_engine(), report->blob);
	LOG(bounced, .id = report->id, .about = about->id,
	    .to = about->env.return_path, .recipients = n);
	stats.bounced++;
	message_step(report, STEP_durable);
	message_pack(report);
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
	if (s->report != NULL)
		report_sent(s->report, m);
	for (uint32_t i = 0; i < m->n_rcpts; i++) {
		struct rcpt *r = &m->rcpts[i];

		if (r->state == RCPT_SETTLED && r->then != RCPT_SETTLED) {
			settle_tell(m, r);
			count(r);
			r->state = r->then;
		} else if (i >= s->first_new)
			r->state = r->then;
		r->report = REPORT_NONE;
	}
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
after(struct message *m, struct request *r, bool durable)
{
	m->committing = false;
	if (r != NULL)
		answer(r, durable ? WIRE_OK : WIRE_AGAIN, NULL);
	if (durable && message_over(m)) {
		message_step(m, m->state == MESSAGE_SPOOLED ? STEP_finished :
		    STEP_finished_aside);
		return;
	}
	if (durable && m->state == MESSAGE_SET_ASIDE && !m->env.aside)
		message_step(m, STEP_released);
	message_pack(m);
	schedule(m);
	requests_redo(&m->waiters);
}

static void
committed(void *arg, enum engine_status status)
{
	struct message *m = arg;
	struct request *r = m->settling->request;
	bool durable = spool_durable(status);

	settle_done(m, durable);
	after(m, r, durable);
}

/* The rows, as they are when this is durable. */
static void
put_rows(struct txn *txn, struct message *m)
{
	if (m->changed)
		spool_put_envelope(txn, m);
	m->changed = false;
	for (uint32_t i = 0; i < m->n_rcpts; i++) {
		struct rcpt *r = &m->rcpts[i];

		if (r->state == RCPT_SETTLED || r->changed ||
		    i >= m->settling->first_new)
			spool_put_rcpt(txn, m, i);
		r->changed = false;
	}
}

static void
commit_now(struct message *m, struct request *r, struct slice body)
{
	struct txn *txn = spool_begin();

	if (!settle_into(txn, m, body)) {
		txn_drop(txn);
		after(m, r, false);
		return;
	}
	m->settling->request = r;
	txn_small(txn);		/* it is what frees the spool */
	if (message_over(m)) {
		spool_remove(txn, m->id);
		token_finish(txn, m);
	} else
		put_rows(txn, m);
	txn_commit(txn, committed, m);
}

struct wanted {
	struct message	*m;
	struct request	*r;
};

/* A body that cannot be read does not stop the report about it. */
static void
body_read(void *arg, enum engine_status status, struct slice bytes)
{
	struct wanted w = *(struct wanted *)arg;

	free(arg);
	commit_now(w.m, w.r, status == ENGINE_OK ? bytes : slice_of("", 0));
}

/* May this commit have to report something? */
static bool
may_report(const struct message *m)
{
	for (uint32_t i = 0; i < m->n_rcpts; i++) {
		const struct rcpt *r = &m->rcpts[i];

		if (r->report != REPORT_NONE)
			return true;
		if (r->state == RCPT_SETTLED && !r->removed &&
		    r->outcome != OUTCOME_LATER &&
		    (r->outcome != OUTCOME_STORED ||
		    (r->row.notify & NOTIFY_SUCCESS) != 0))
			return true;
	}
	return false;
}

void
settle_commit(struct message *m, struct request *r)
{
	struct wanted *w;

	m->committing = true;
	if (r != NULL) {		/* it outlives its asker here */
		r->owner = NULL;
		r->lost = NULL;
	}
	if (m->blob == 0 || !may_report(m)) {
		commit_now(m, r, slice_of("", 0));
		return;
	}
	w = mem_zero(sizeof *w);
	*w = (struct wanted){ m, r };
	blob_read(spool_engine(), m->blob, 0, dsn_wants(m), body_read, w);
}

/* ---- an outcome */

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
	r->row.why = arena_slice(&m->arena, slice_take(why, WHY_MAX));
	/* A commit that is under way does not know of it. */
	r->state = r->then = RCPT_SETTLED;
}

void
settle_remove(struct message *m, uint32_t number)
{
	struct rcpt *r = &m->rcpts[number];

	r->outcome = OUTCOME_REFUSED;
	r->removed = true;
	r->state = r->then = RCPT_SETTLED;
}
