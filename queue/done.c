/* queue_done: what workers report. */
#include "queue/hold.h"
#include "queue/lease.h"
#include "queue/settle.h"

/* A result counts whoever brings it: store has decided (hand-off rule 3).
   But "later" is only said by the one who has the lease: a worker that lost
   it must not stop the one that has it now. */
static bool
counts(const struct rcpt *r, uint8_t outcome, const struct request *q)
{
	if (r->state != RCPT_DUE && r->state != RCPT_LEASED)
		return false;
	switch (outcome) {
	case OUTCOME_STORED:
	case OUTCOME_FULL:
	case OUTCOME_REFUSED:
	case OUTCOME_BECAME:
		return true;
	default:
		return r->lease != NULL && lease_is_from(r->lease, q->from);
	}
}

static bool
take(struct message *m, const struct wire_result *result,
    const struct request *q)
{
	struct rcpt *r = result->number < m->n_rcpts ?
	    &m->rcpts[result->number] : NULL;

	if (r == NULL || !counts(r, result->outcome, q))
		return false;
	lease_take(r);
	settle_rcpt(m, result->number, (enum outcome)result->outcome,
	    result->code, result->text);
	r->became = arena_array(&m->arena, result->n_became,
	    sizeof *r->became);
	r->n_became = result->n_became;
	for (size_t i = 0; i < result->n_became; i++)
		r->became[i] = arena_slice(&m->arena,
		    result->became[i].address);
	return true;
}

/* The mark "stored" may be lazy: lost, it is learnt again from store. */
void
settle_results(struct request *q)
{
	const struct queue_done_in *in = REQUEST(queue_done, q);
	struct message *m = message_find(in->id);
	bool news = false, lazy = true;

	if (m != NULL && (m->state == MESSAGE_WRITING || m->committing)) {
		request_park(&m->waiters, q, settle_results);
		return;
	}
	for (size_t i = 0; m != NULL && i < in->n_results; i++)
		if (take(m, &in->results[i], q)) {
			news = true;
			lazy = lazy && in->results[i].outcome == OUTCOME_STORED;
		}
	if (!news || m->state == MESSAGE_HELD || lazy)
		answer(q, WIRE_OK, NULL);
	if (!news)
		return;
	if (m->state == MESSAGE_HELD)
		hold_check(m);
	else
		settle_commit(m, lazy ? NULL : q);
}
