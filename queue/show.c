#include "queue/show.h"

#include "queue/choice.h"
#include "queue/destination.h"
#include "queue/remote.h"
#include "queue/route.h"
#include "queue/schedule.h"
#include "queue/spool.h"

enum {
	MESSAGES = 500,			/* looked at for one answer */
	BUDGET = WIRE_FRAME_MAX / 2,	/* bytes of an answer */
	ROW = 100,			/* ... of a row without its texts */
};

/* ---- one recipient, in words */

static const char *
ended(const struct rcpt *r)
{
	switch (r->row.outcome) {
	case OUTCOME_STORED:
		return r->row.local ? "delivered" : "sent";
	case OUTCOME_BECAME:
		return "replaced";
	case OUTCOME_LATER:
		return "removed";
	default:
		return "returned";
	}
}

static const char *
state_name(const struct message *m, const struct rcpt *r)
{
	if (r->state == RCPT_FINISHED)
		return ended(r);
	if (r->state == RCPT_KEPT)
		return "kept";
	if (m->state == MESSAGE_SET_ASIDE)
		return "set aside";
	if (r->state == RCPT_LEASED)
		return "being delivered";
	if (r->row.held)
		return "held";
	if (!r->row.local && !remote_known())
		return "waits for relay";
	return "due";
}

/* What the recipient waits for may be its destination. */
struct waits {
	const char	*state;
	uint64_t	 next;
	struct slice	 why;
};

static struct waits
waits_of(const struct message *m, const struct rcpt *r)
{
	struct waits w = { state_name(m, r), r->row.next, r->row.why };
	const struct destination *d;

	if (r->state != RCPT_DUE || r->row.held ||
	    m->state == MESSAGE_SET_ASIDE)
		return w;
	d = r->row.local ? NULL :
	    destination_find(route_of(m, r));
	if (d != NULL && d->retry.at != 0 && d->retry.key > w.next)
		w.next = d->retry.key;
	if (d != NULL && d->tries > 0 && w.why.n == 0)
		w.why = d->why;
	if (w.next > queue_clock())
		w.state = "deferred";
	return w;
}

/* ---- queue_list */

struct answer {
	struct wire_waiting *rows;
	size_t		 n, cap, bytes;
};

static bool
add(struct answer *a, const struct message *m, const struct rcpt *r)
{
	struct waits w = waits_of(m, r);
	size_t bytes = ROW + m->env.return_path.n + r->row.address.n +
	    w.why.n;

	if (a->n == a->cap || a->bytes + bytes > BUDGET)
		return false;
	a->bytes += bytes;
	a->rows[a->n++] = (struct wire_waiting){ .id = m->id,
		.return_path = m->env.return_path,
		.recipient = r->row.address, .state = slice_str(w.state),
		.size = message_size(m), .accepted = m->env.accepted,
		.next = w.next, .tries = r->row.tries, .why = w.why };
	return true;
}

/* All recipients of a message or, if they alone are too many for an answer,
   the first ones. */
static bool
add_message(struct answer *a, const struct choice *c, const struct message *m)
{
	size_t before = a->n;

	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].state != RCPT_FINISHED &&
		    choice_rcpt(c, &m->rcpts[i]) &&
		    !add(a, m, &m->rcpts[i])) {
			if (before > 0)
				a->n = before;
			return before == 0;
		}
	return true;
}

void
show_list(struct request *r)
{
	const struct queue_list_in *in = REQUEST(queue_list, r);
	struct choice c = { 0, in->recipient, in->sender };
	struct queue_list_out out = { .next = in->after };
	uint64_t ids[MESSAGES];
	size_t n = spool_ids(in->after, ids, MESSAGES);
	struct answer a = { .cap = WIRE_LIST_MAX };

	a.rows = arena_array(&r->arena, a.cap, sizeof *a.rows);
	out.more = n == MESSAGES;
	for (size_t i = 0; i < n; i++) {
		const struct message *m = message_find(ids[i]);

		if (m != NULL && choice_message(&c, m) &&
		    !add_message(&a, &c, m)) {
			out.more = 1;
			break;
		}
		out.next = ids[i];
	}
	out.messages = a.rows;
	out.n_messages = a.n;
	answer(r, WIRE_OK, &out);
}

/* ---- queue_show */

static const struct message *
find(struct request *r, uint64_t id)
{
	const struct choice any = { 0 };
	const struct message *m = message_find(id);

	if (m != NULL && choice_message(&any, m))
		return m;
	answer(r, WIRE_NONE, NULL);
	return NULL;
}

static struct wire_addressee
addressee(const struct message *m, uint32_t number)
{
	const struct rcpt *r = &m->rcpts[number];
	struct waits w = waits_of(m, r);

	return (struct wire_addressee){ .number = number,
		.address = r->row.address, .state = slice_str(w.state),
		.notify = r->row.notify, .orcpt = r->row.orcpt,
		.parent = r->row.parent, .tries = r->row.tries,
		.last = r->row.last, .next = w.next, .code = r->row.code,
		.why = w.why, .remote = r->row.remote };
}

static uint64_t
expires(const struct message *m)
{
	uint64_t at = 0;

	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].state == RCPT_DUE && !m->rcpts[i].row.held &&
		    rcpt_expires(m, &m->rcpts[i]) > at)
			at = rcpt_expires(m, &m->rcpts[i]);
	return at;
}

void
show_message(struct request *r)
{
	const struct queue_show_in *in = REQUEST(queue_show, r);
	const struct message *m = find(r, in->id);
	struct queue_show_out out;
	size_t bytes = 0;

	if (m == NULL)
		return;
	out = (struct queue_show_out){ .return_path = m->env.return_path,
		.sender = m->env.sender, .user = m->env.user,
		.client = m->env.client, .session = m->env.session,
		.envid = m->env.envid, .ret = m->env.ret,
		.smtputf8 = m->env.smtputf8, .report = m->env.report,
		.state = slice_str(m->state == MESSAGE_SET_ASIDE ?
		    "set aside" : "queued"), .size = message_size(m),
		.accepted = m->env.accepted, .expires = expires(m) };
	out.recipients = arena_array(&r->arena, m->n_rcpts,
	    sizeof *out.recipients);
	for (uint32_t i = in->from; i < m->n_rcpts && !out.more; i++) {
		struct wire_addressee a = addressee(m, i);

		if (a.address.n == 0)
			continue;	/* a number that was given up */
		bytes += ROW + a.address.n + a.orcpt.n + a.why.n + a.remote.n;
		if (bytes > BUDGET || out.n_recipients == WIRE_LIST_MAX)
			out.more = 1;
		else
			out.recipients[out.n_recipients++] = a;
	}
	answer(r, WIRE_OK, &out);
}

/* ---- queue_body */

static void
piece_read(void *arg, enum engine_status status, struct slice bytes)
{
	struct request *r = arg;
	struct queue_body_out out = { .bytes = bytes };
	const struct message *m =
	    message_find(REQUEST(queue_body, r)->id);

	if (m == NULL || status != ENGINE_OK) {
		answer(r, WIRE_NONE, NULL);
		return;
	}
	out.size = message_size(m);
	answer(r, WIRE_OK, &out);
}

void
show_body(struct request *r)
{
	const struct queue_body_in *in = REQUEST(queue_body, r);
	const struct message *m = find(r, in->id);
	struct queue_body_out out = { 0 };
	struct buf prefix = { 0 };

	if (m == NULL)
		return;
	if (!message_prefix(m, &prefix)) {
		answer(r, WIRE_NONE, NULL);
		return;
	}
	if (in->offset >= prefix.n && m->blob != 0) {
		blob_read(spool_engine(), m->blob, in->offset - prefix.n,
		    WIRE_BODY_MAX, piece_read, r);
		buf_free(&prefix);
		return;
	}
	out.size = message_size(m);
	out.bytes = slice_drop(buf_view(&prefix), in->offset < prefix.n ?
	    (size_t)in->offset : prefix.n);
	answer(r, WIRE_OK, &out);
	buf_free(&prefix);
}
