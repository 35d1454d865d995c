/* queue_done: what workers report. */
#include "common/core/log.h"
#include "queue/hold.h"
#include "queue/lease.h"
#include "queue/settle.h"

/* A result counts whoever brings it: of a local recipient store has decided
   (hand-off rule 3), of a remote one the host that took it.  But "later" is
   only said by the one who has the lease: a worker that lost it must not stop
   the one that has it now. */
static bool
counts(const struct rcpt *r, uint8_t outcome, const struct request *q)
{
	bool relay = q->from != NULL && link_peer(q->from) == ROLE_RELAY;

	if ((r->state != RCPT_DUE && r->state != RCPT_LEASED) ||
	    relay != !r->row.local)
		return false;
	switch (outcome) {
	case OUTCOME_STORED:
	case OUTCOME_REFUSED:
		return true;
	case OUTCOME_FULL:
	case OUTCOME_BECAME:
		return !relay;
	default:
		return r->lease != NULL && lease_is_from(r->lease, q->from);
	}
}

static void
keep_became(struct message *m, struct rcpt *r, const struct wire_result *result)
{
	r->became = arena_array(&m->arena, result->n_became,
	    sizeof *r->became);
	r->n_became = result->n_became;
	for (size_t i = 0; i < result->n_became; i++)
		r->became[i] = (struct wire_forward){
			.address = arena_slice(&m->arena,
			    result->became[i].address),
			.remote = result->became[i].remote };
	r->became_path = arena_slice(&m->arena, result->return_path);
}

static void
take(struct message *m, const struct wire_result *result)
{
	struct rcpt *r = &m->rcpts[result->number];
	struct slice code = result->code, why = result->text;

	if (r->row.refuse && result->outcome != OUTCOME_STORED) {
		code = r->row.code;	/* the admin's words */
		why = r->row.why;
	}
	settle_rcpt(m, result->number, (enum outcome)result->outcome, code,
	    why);
	r->scope = result->scope;
	r->relayed = result->relayed != 0;
	r->row.remote = arena_slice(&m->arena,
	    slice_take(result->remote, WHY_MAX));
	lease_take(m, r, result->text);
	if (result->outcome == OUTCOME_BECAME)
		keep_became(m, r, result);
}

/* The mark "stored" of a local recipient may be lazy: lost, it is learnt again
   from store.  Not if a report hangs on it. */
static bool
is_lazy(const struct rcpt *r)
{
	return r->row.local && r->outcome == OUTCOME_STORED &&
	    (r->row.notify & NOTIFY_SUCCESS) == 0;
}

/* Heard already, and not yet on disk. */
static bool
waits_for_room(const struct message *m, uint32_t number)
{
	return number < m->n_rcpts &&
	    m->rcpts[number].state == RCPT_SETTLED;
}

static void
log_late(const struct request *q, const struct wire_result *result)
{
	const struct queue_done_in *in = REQUEST(queue_done, q);

	if (q->from != NULL && link_peer(q->from) == ROLE_RELAY)
		LOG(late_result, .id = in->id, .number = result->number,
		    .outcome = result->outcome, .remote = result->remote,
		    .why = result->text);
}

void
settle_results(struct request *q)
{
	const struct queue_done_in *in = REQUEST(queue_done, q);
	struct message *m = message_find(in->id);
	bool news = false, lazy = true, waits = false;

	if (m != NULL && (m->state == MESSAGE_WRITING || m->committing)) {
		request_park(&m->waiters, q, settle_results);
		return;
	}
	for (size_t i = 0; i < in->n_results; i++) {
		const struct wire_result *result = &in->results[i];

		if (m != NULL && result->number < m->n_rcpts &&
		    counts(&m->rcpts[result->number], result->outcome, q)) {
			take(m, result);
			news = true;
			lazy &= is_lazy(&m->rcpts[result->number]);
		} else if (m != NULL && waits_for_room(m, result->number))
			waits = true;
		else
			log_late(q, result);
	}
	if (!news) {
		answer(q, waits ? WIRE_AGAIN : WIRE_OK, NULL);
		return;
	}
	if (m->state == MESSAGE_HELD || lazy)
		answer(q, WIRE_OK, NULL);
	if (m->state == MESSAGE_HELD)
		hold_check(m);
	else
		settle_commit(m, lazy ? NULL : q);
}
