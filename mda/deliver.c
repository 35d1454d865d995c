/* One message, top to bottom. */
#include <unistd.h>

#include "common/core/log.h"
#include "common/mail/trace.h"
#include "mda/mda.h"

/* ---- store */

/* The lines that belong to this copy alone (RFC 5321 4.4: Return-Path). */
static struct slice
copy_head(struct lease *l, const struct target *t)
{
	struct buf head = { 0 };
	struct slice s;

	trace_return_path(&head, l->next.return_path);
	trace_delivered_to(&head, t->due->address);
	s = arena_slice(l->arena, buf_view(&head));
	buf_free(&head);
	return s;
}

static struct wire_copy
copy_of(struct lease *l, const struct target *t)
{
	return (struct wire_copy){ .user = t->route.user,
		.limit = t->route.limit, .mailbox = t->route.mailbox,
		.head = copy_head(l, t), .refuse = t->refuse != NULL,
		.text = slice_str(t->refuse) };
}

/* "5.4.6 why": store keeps code and text as one. */
static void
result_text(struct target *t, struct slice text)
{
	t->result.text = text;
	if (text.n > 0 && text.p[0] >= '2' && text.p[0] <= '5')
		t->result.code = slice_cut(&t->result.text, ' ');
	else if (t->result.outcome == OUTCOME_STORED)
		t->result.code = SLICE("2.1.5");
}

/* A mailbox that has its copy, and others are to get one too (wire.def,
   queue_done). */
static void
result_also(struct target *t)
{
	if (t->result.outcome != OUTCOME_STORED || t->route.n_became == 0)
		return;
	t->result.code = SLICE("2.1.5");
	target_became(t);
}

/* Copies to be refused go last: of one user the first outcome counts, and a
   copy that can be stored must not lose to one that cannot. */
static struct target **
batch_order(struct lease *l, const struct batch *b)
{
	struct target **order = arena_array(l->arena, b->n, sizeof *order);
	size_t n = 0;

	for (int refused = 0; refused <= 1; refused++)
		for (struct target *t = b->targets; t != NULL; t = t->next)
			if ((t->refuse != NULL) == refused)
				order[n++] = t;
	return order;
}

static void
batch_append(struct lease *l, struct batch *b)
{
	struct store_append_in in = { .id = l->next.id,
		.low_water = l->next.low_water, .token = l->next.token,
		.when = l->next.accepted, .number = b->stream.number,
		.digest = buf_view(&l->digest), .n_copies = b->n };
	struct target **order = batch_order(l, b);
	struct store_append_out out;
	uint64_t ms = store_patience(b->shard);

	if (ms == 0 || (l->streamed && b->stream.number == 0))
		return;			/* the store did not get the body */
	if (!l->streamed)
		in.body = l->next.body;
	in.copies = arena_array(l->arena, b->n, sizeof *in.copies);
	for (size_t i = 0; i < b->n; i++)
		in.copies[i] = copy_of(l, order[i]);
	if (store_append(mda.store(b->shard), &in, &out, l->arena, ms) !=
	    WIRE_OK || out.n_results != b->n)
		return;
	for (size_t i = 0; i < b->n; i++) {
		order[i]->result.outcome = out.results[i].outcome;
		result_text(order[i], out.results[i].text);
		result_also(order[i]);
	}
}

/* ---- queue */

static void
count(const struct wire_result *r)
{
	mda.stored += r->outcome == OUTCOME_STORED;
	mda.became += r->outcome == OUTCOME_BECAME;
	mda.later += r->outcome == OUTCOME_LATER;
	mda.refused += r->outcome == OUTCOME_REFUSED ||
	    r->outcome == OUTCOME_FULL;
}

/* Twice, since a queue that was restarted meanwhile wants to know too. */
static void
report_some(const struct queue_done_in *in)
{
	enum wire_status s = queue_done(mda.queue, in, NULL, NULL, QUEUE_WAIT);

	if (s == WIRE_GONE)
		s = queue_done(mda.queue, in, NULL, NULL, QUEUE_WAIT);
	if (s != WIRE_OK)
		LOG(report_lost, .id = in->id, .recipients = in->n_results,
		    .why = slice_str(wire_status_name(s)));
}

static void
report(struct lease *l)
{
	struct queue_done_in in = { .id = l->next.id };
	size_t became = 0, n = l->next.n_recipients;

	in.results = arena_array(l->arena, n < RESULTS_MAX ? n : RESULTS_MAX,
	    sizeof *in.results);
	for (size_t i = 0; i < n; i++) {
		const struct wire_result *r = &l->targets[i].result;

		if (in.n_results == RESULTS_MAX ||
		    (in.n_results > 0 && became + r->n_became > RESULTS_MAX)) {
			report_some(&in);
			in.n_results = became = 0;
		}
		count(r);
		became += r->n_became;
		in.results[in.n_results++] = *r;
	}
	if (in.n_results > 0)
		report_some(&in);
}

/* ---- the message */

static void
lease_begin(struct lease *l)
{
	l->targets = arena_array(l->arena, l->next.n_recipients,
	    sizeof *l->targets);
	for (size_t i = 0; i < l->next.n_recipients; i++) {
		l->targets[i].due = &l->next.recipients[i];
		l->targets[i].result.number = l->targets[i].due->number;
	}
}

void
deliver(struct arena *arena, const struct queue_next_out *next)
{
	struct lease l = { .arena = arena, .next = *next,
		.streamed = next->fd > 0 };

	mda.messages++;
	lease_begin(&l);
	lease_route(&l);
	if (l.batches != NULL ? lease_body(&l) :
	    l.forwards && lease_header(&l)) {
		lease_loops(&l);
		for (struct batch *b = l.batches; b != NULL; b = b->next)
			batch_append(&l, b);
	} else
		lease_put_off(&l);
	report(&l);
	if (l.next.fd > 0)
		close(l.next.fd);
	buf_free(&l.digest);
	buf_free(&l.start);
}
