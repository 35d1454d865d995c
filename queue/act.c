#include "queue/act.h"

#include "common/core/log.h"
#include "queue/choice.h"
#include "queue/destination.h"
#include "queue/lease.h"
#include "queue/route.h"
#include "queue/schedule.h"
#include "queue/settle.h"
#include "queue/spool.h"

enum {
	MESSAGES = 200,		/* looked at for one answer */
	ROUNDS = 100,		/* commits waited for */
};

struct act {
	struct node	 node;		/* while it waits for a commit */
	struct request	*request;
	struct queue_act_out out;
	enum queue_action action;
	struct slice	 why;
	uint64_t	 ids[MESSAGES];	/* of those changed */
	size_t		 n_ids;
	unsigned	 rounds;
};

static struct node	waiting;

static const char *const names[QUEUE_ACTIONS] = {
	[QUEUE_HOLD] = "hold", [QUEUE_RELEASE] = "release",
	[QUEUE_RETRY] = "retry", [QUEUE_REMOVE] = "rm",
	[QUEUE_BOUNCE] = "bounce",
};

/* ---- one recipient; true: something was done */

static bool
hold(struct message *m, struct rcpt *r)
{
	if (m->state != MESSAGE_SPOOLED || r->row.held ||
	    (r->state != RCPT_DUE && r->state != RCPT_LEASED))
		return false;
	r->row.held = 1;
	r->changed = true;
	return true;
}

/* Its time begins anew, or it would be over before the first try. */
static void
begin_anew(struct rcpt *r)
{
	r->row.held = 0;
	r->row.next = 0;
	r->row.since = queue_clock();
	r->changed = true;
}

static bool
release(struct message *m, struct rcpt *r)
{
	if (m->state == MESSAGE_SET_ASIDE && r->state == RCPT_DUE) {
		m->env.aside = 0;
		m->changed = true;
		m->deaths = 0;
	} else if (!r->row.held)
		return false;
	begin_anew(r);
	return true;
}

/* What store has refused it refuses again, so only a remote one that is kept
   is worth another try. */
static bool
retry(struct message *m, struct rcpt *r)
{
	if (m->state == MESSAGE_SET_ASIDE)
		return release(m, r);
	if (r->state == RCPT_KEPT && !r->row.local) {
		r->state = r->then = RCPT_DUE;
		begin_anew(r);
	} else if (r->state != RCPT_DUE || r->row.held)
		return false;
	r->row.next = 0;
	return true;
}

static bool
is_waiting(const struct rcpt *r)
{
	return r->state == RCPT_DUE || r->state == RCPT_LEASED ||
	    r->state == RCPT_KEPT;
}

static bool
take_out(struct message *m, struct rcpt *r)
{
	if (!is_waiting(r))
		return false;
	lease_let_go(m, r);
	settle_remove(m, (uint32_t)(r - m->rcpts));
	return true;
}

static bool
bounce(struct message *m, struct rcpt *r, struct slice why)
{
	bool decided = !r->row.local || r->state == RCPT_KEPT ||
	    m->state == MESSAGE_SET_ASIDE;
	struct slice code = SLICE("5.0.0");

	if (!is_waiting(r))
		return false;
	if (r->state == RCPT_KEPT && why.n == 0) {
		code = r->row.code;
		why = r->row.why;
	}
	if (why.n == 0)
		why = SLICE("returned by the administrator");
	r->insist = true;
	if (decided) {
		lease_let_go(m, r);
		if (r->state != RCPT_KEPT)
			r->row.remote = slice_of("", 0);
		settle_rcpt(m, (uint32_t)(r - m->rcpts), OUTCOME_REFUSED,
		    code, why);
		return true;
	}
	r->row.refuse = 1;
	r->row.held = 0;
	r->row.next = 0;
	r->row.code = arena_slice(&m->arena, code);
	r->row.why = arena_slice(&m->arena, slice_take(why, WHY_MAX));
	r->changed = true;
	return true;
}

static bool
act_rcpt(const struct act *a, struct message *m, struct rcpt *r)
{
	switch (a->action) {
	case QUEUE_HOLD:
		return hold(m, r);
	case QUEUE_RELEASE:
		return release(m, r);
	case QUEUE_RETRY:
		return retry(m, r);
	case QUEUE_REMOVE:
		return take_out(m, r);
	default:
		return bounce(m, r, a->why);
	}
}

/* ---- one message */

/* Destinations that were put off are tried at once. */
static void
wake_destinations(const struct message *m)
{
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].state == RCPT_DUE && !m->rcpts[i].row.local)
			destination_retry(route_of(m, &m->rcpts[i]));
}

static void
act_message(struct act *a, const struct choice *c, struct message *m)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < m->n_rcpts; i++) {
		struct rcpt *r = &m->rcpts[i];

		if (r->state == RCPT_FINISHED || !choice_rcpt(c, r))
			continue;
		if (a->action == QUEUE_BOUNCE && m->env.return_path.n == 0)
			a->out.skipped++;
		else
			n += act_rcpt(a, m, r);
	}
	if (n == 0)
		return;
	a->out.messages++;
	a->out.recipients += n;
	a->ids[a->n_ids++] = m->id;
	if (a->action == QUEUE_RETRY)
		wake_destinations(m);
	schedule(m);
}

/* ---- the answer */

static void	wait_durable(struct act *);

static void
durable(void *arg, enum engine_status status)
{
	struct act *a = arg;
	bool again = false, full = !spool_durable(status);

	list_del(&a->node);
	for (size_t i = 0; i < a->n_ids; i++) {
		const struct message *m = message_find(a->ids[i]);

		if (m == NULL)
			continue;
		full |= m->commit_after > queue_clock();
		again |= m->committing || settle_pending(m);
	}
	if (again && !full && ++a->rounds < ROUNDS)
		wait_durable(a);
	else
		answer(a->request, full ? WIRE_AGAIN : WIRE_OK, &a->out);
}

/* Commits end in order: a message that was being committed when we changed it
   begins its next commit before this one ends. */
static void
wait_durable(struct act *a)
{
	if (waiting.next == NULL)
		list_init(&waiting);
	list_push(&waiting, &a->node);
	txn_commit(spool_begin(), durable, a);
}

void
act_forget(void)
{
	struct node *n;

	while (waiting.next != NULL && (n = list_pop(&waiting)) != NULL)
		answer(CONTAINER(n, struct act, node)->request, WIRE_GONE,
		    NULL);
}

static void
act_on(struct act *a, const struct choice *c, uint64_t id)
{
	struct message *m = message_find(id);

	if (m != NULL && choice_message(c, m))
		act_message(a, c, m);
}

static void
act_some(struct act *a, const struct choice *c, uint64_t after)
{
	uint64_t ids[MESSAGES];
	size_t n;

	if (c->id != 0) {
		act_on(a, c, c->id);
		return;
	}
	n = spool_ids(after, ids, MESSAGES);
	for (size_t i = 0; i < n; i++)
		act_on(a, c, ids[i]);
	a->out.next = n > 0 ? ids[n - 1] : after;
	a->out.more = n == MESSAGES;
}

void
act(struct request *r)
{
	const struct queue_act_in *in = REQUEST(queue_act, r);
	struct choice c = { in->id, in->recipient, in->sender };
	bool any = c.id != 0 || c.recipient.n > 0 || c.sender.n > 0;
	struct act *a = arena_array(&r->arena, 1, sizeof *a);

	if (in->action >= QUEUE_ACTIONS || any == (in->all != 0)) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	a->request = r;
	a->action = in->action;
	a->why = in->why;
	act_some(a, &c, in->after);
	if (a->out.messages > 0)
		LOG(acted, .action = slice_str(names[a->action]), .id = c.id,
		    .recipient = c.recipient, .sender = c.sender,
		    .messages = a->out.messages,
		    .recipients = a->out.recipients);
	if (a->n_ids > 0)
		wait_durable(a);
	else
		answer(r, WIRE_OK, &a->out);
}
