/*
 * What the queue is told, and when it has heard it (hand-off rule 9).
 *
 * From queue_next's answer until queue_done's a message is *held*.  Whenever
 * the connection to queue ends, the first thing on the next one is the list of
 * what is held (queue_relay), so that a new queue does not offer it to
 * anybody; then the results follow again.  A result that the remote server
 * answered with 250 is never dropped while this process lives.
 */
#include "common/core/log.h"
#include "common/task/task.h"
#include "relay/relay.h"

enum { RESULTS_MAX = 200, AGAIN = 1000 /* ms */ };

static struct node	 held;

/* ---- what is held */

struct pages {
	struct link	*queue;
	struct queue_relay_in in;
};

static void
page_end(struct pages *p, bool more)
{
	p->in.more = more;
	link_call(p->queue, WIRE_queue_relay, &p->in, 0, NULL, NULL);
	p->in.n_jobs = 0;
}

/* A page is only sent once it is known whether another follows. */
static void
page_add(struct pages *p, uint64_t id, uint32_t number)
{
	if (p->in.n_jobs == WIRE_LIST_MAX)
		page_end(p, true);
	p->in.jobs[p->in.n_jobs++] = (struct wire_held){ .id = id,
		.number = number };
}

/* Queued on the link before anything a task may ask of it, since tasks run
   later in this turn of the loop. */
static void
say_held(struct link *queue)
{
	struct arena arena = { 0 };
	struct pages p = { .queue = queue };

	p.in.jobs = arena_array(&arena, WIRE_LIST_MAX, sizeof *p.in.jobs);
	LIST_EACH(node, &held) {
		const struct lease *l = CONTAINER(node, struct lease, held);

		for (size_t i = 0; i < l->next.n_recipients; i++)
			page_add(&p, l->next.id, l->next.recipients[i].number);
	}
	page_end(&p, false);
	arena_free(&arena);
}

void
report_start(void)
{
	list_init(&held);
	link_on_end(relay.queue, say_held);
	say_held(relay.queue);
}

void
report_hold(struct lease *l)
{
	list_push(&held, &l->held);
}

/* ---- results */

static void
count(enum fate fate)
{
	relay.delivered += fate == FATE_DONE;
	relay.refused += fate == FATE_REFUSED || fate == FATE_SHUT;
	relay.later += fate == FATE_NEXT || fate == FATE_OTHER ||
	    fate == FATE_LATER;
}

static struct wire_result
result_of(const struct rcpt *r)
{
	const struct verdict *v = &r->verdict;
	struct wire_result to = { .number = r->due->number, .code = v->code,
		.text = v->text, .remote = v->remote };

	count(v->fate);
	switch (v->fate) {
	case FATE_DONE:
		to.outcome = OUTCOME_STORED;
		to.relayed = r->relayed;
		break;
	case FATE_REFUSED:
	case FATE_SHUT:
		to.outcome = OUTCOME_REFUSED;
		break;
	case FATE_NEXT:
		to.scope = SCOPE_DESTINATION;
		/* FALLTHROUGH */
	default:
		to.outcome = OUTCOME_LATER;
		break;
	}
	return to;
}

/* Until it is heard.  Only a queue that does not want to know is left in
   peace. */
static void
send_results(const struct queue_done_in *in)
{
	for (;;) {
		enum wire_status s = queue_done(relay.queue, in, NULL, NULL, 0);

		if (s == WIRE_OK)
			return;
		if (s != WIRE_GONE && s != WIRE_AGAIN) {
			LOG(report_lost, .id = in->id,
			    .recipients = in->n_results,
			    .why = slice_str(wire_status_name(s)));
			return;
		}
		task_sleep("the queue recovers", s == WIRE_GONE ? 1 : AGAIN);
	}
}

void
report(struct lease *l)
{
	struct queue_done_in in = { .id = l->next.id };
	size_t n = l->next.n_recipients;

	in.results = arena_array(l->arena, RESULTS_MAX, sizeof *in.results);
	for (size_t i = 0; i < n; i++) {
		in.results[in.n_results++] = result_of(&l->rcpts[i]);
		if (in.n_results == RESULTS_MAX || i + 1 == n) {
			send_results(&in);
			in.n_results = 0;
		}
	}
	list_del(&l->held);
}
