#include "queue/lease.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "queue/aside.h"
#include "queue/body.h"
#include "queue/destination.h"
#include "queue/offer.h"
#include "queue/route.h"
#include "queue/schedule.h"
#include "queue/spool.h"
#include "queue/stats.h"

enum { DUE_MAX = WIRE_FRAME_MAX / 2 };	/* bytes of recipients */

uint64_t	 lease_limit = 10 * 60 * 1000;
/* Longer than any dialogue of RFC 5321 4.5.3.2 takes. */
uint64_t	 lease_limit_remote = 4 * 3600 * 1000;

void
worker_new(struct worker *w, struct link *link)
{
	static uint64_t number;

	w->link = link;
	w->number = ++number;
	list_init(&w->leases);
}

/* ---- the end of a lease */

/* Takes the lease off its message, whose recipients are due again. */
static void
leave_message(struct lease *l)
{
	struct message *m = l->m;

	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].lease == l) {
			m->rcpts[i].lease = NULL;
			m->rcpts[i].state = RCPT_DUE;
		}
	list_del(&l->of_message);
	l->m = NULL;
}

void
lease_end(struct lease *l)
{
	struct worker *w = l->worker;

	timer_stop(&l->limit);
	list_del(&l->of_worker);
	w->n_leases--;
	l->worker = NULL;
	if (l->filling != NULL)
		w->give_back(l->filling, w);
	l->filling = NULL;
	leave_message(l);
	if (l->to != NULL)
		destination_end(l->to, l->answered ? DESTINATION_ANSWERED :
		    l->away ? DESTINATION_AWAY : DESTINATION_UNTOLD, l->began,
		    l->why);
	if (!l->reading)
		free(l);
}

/* One recipient less; with the last it ends. */
static void
leave_rcpt(struct message *m, struct rcpt *r)
{
	struct lease *l = r->lease;

	r->lease = NULL;
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].lease == l)
			return;
	if (l->to == NULL)
		offer_alone_ended(m);
	lease_end(l);
	loop_again();
}

void
lease_take(struct message *m, struct rcpt *r, struct slice why)
{
	struct lease *l = r->lease;

	if (l == NULL)
		return;
	if (r->outcome == OUTCOME_LATER && r->scope == SCOPE_DESTINATION) {
		l->away = true;
		l->why = arena_slice(&m->arena, why);
	} else
		l->answered = true;
	leave_rcpt(m, r);
}

void
lease_let_go(struct message *m, struct rcpt *r)
{
	if (r->lease != NULL)
		leave_rcpt(m, r);
}

bool
lease_is_from(const struct lease *l, const struct link *link)
{
	return link != NULL && l->worker != NULL && l->worker->link == link;
}

void
lease_orphan(struct message *m)
{
	offer_withdraw(m);
	offer_alone_ended(m);
	LIST_EACH(n, &m->leases)
		lease_end(CONTAINER(n, struct lease, of_message));
}

/* ---- the beginning */

static void
limit_over(struct timer *t)
{
	struct lease *l = CONTAINER(t, struct lease, limit);
	struct worker *w = l->worker;
	struct link *link = w->link;

	LOG(lease_limit, .id = l->m->id, .worker = w->number);
	stats.lease_limits++;
	if (link == NULL)
		return;
	w->end(w);		/* link_close does not call it */
	link_close(link);
}

static struct lease *
lease_begin(struct worker *w, struct message *m, struct destination *to)
{
	struct lease *l = mem_zero(sizeof *l);

	l->m = m;
	l->worker = w;
	l->to = to;
	l->began = loop_now();
	w->n_leases++;
	list_push(&w->leases, &l->of_worker);
	list_push(&m->leases, &l->of_message);
	l->limit.fire = limit_over;
	timer_set(&l->limit, loop_now() +
	    (to == NULL ? lease_limit : lease_limit_remote));
	if (to != NULL)
		destination_begin(to);
	return l;
}

void
lease_resume(struct worker *w, struct message *m, uint32_t number)
{
	struct rcpt *r = &m->rcpts[number];
	struct lease *l = NULL;
	struct destination *to;

	/* It has to exist, if only for this lease. */
	parcel_add(m, r);
	to = r->parcel->to;
	LIST_EACH(n, &m->leases) {
		struct lease *other = CONTAINER(n, struct lease, of_message);

		if (other->worker == w && other->to == to)
			l = other;
	}
	if (l == NULL)
		l = lease_begin(w, m, to);
	r->state = RCPT_LEASED;
	r->lease = l;
	parcel_end(r->parcel);
	schedule(m);
}

/* ---- giving */

/* The first that is due says whose; what does not fit into one answer is
   offered with the next credit. */
static bool
claim(struct message *m, struct rcpt *r, const struct destination *to,
    const struct rcpt *first)
{
	if (!rcpt_due(r) || (r->row.local != 0) != (to == NULL))
		return false;
	if (to != NULL && !slice_eq(route_of(m, r), to->name))
		return false;
	return first == NULL ||
	    (slice_eq(rcpt_path(m, first), rcpt_path(m, r)) &&
	    (to == NULL || rcpt_siblings(m, first, r)));
}

static struct lease *
claim_all(struct worker *w, struct message *m, struct destination *to)
{
	size_t room = DUE_MAX, count = to == NULL ? WIRE_LIST_MAX :
	    LEASE_REMOTE_RCPTS;
	struct rcpt *first = NULL;
	struct lease *l = NULL;

	for (uint32_t i = 0; i < m->n_rcpts; i++) {
		struct rcpt *r = &m->rcpts[i];
		size_t n = 32 + r->row.address.n + r->row.orcpt.n;

		if (!claim(m, r, to, first))
			continue;
		if (n > room || count-- == 0)
			break;
		room -= n;
		if (l == NULL)
			l = lease_begin(w, m, to);
		if (first == NULL)
			first = r;
		r->state = RCPT_LEASED;
		r->lease = l;
	}
	return l;
}

/* What all of a lease have in front; store writes it for mailboxes. */
static void
lease_trace(const struct lease *l, struct buf *b)
{
	const struct message *m = l->m;

	for (uint32_t i = 0; l->to != NULL && i < m->n_rcpts; i++)
		if (m->rcpts[i].lease == l) {
			rcpt_trace(m, &m->rcpts[i], b);
			return;
		}
}

static size_t
due_list(const struct lease *l, struct wire_due *due,
    struct queue_next_out *out)
{
	const struct message *m = l->m;
	size_t n = 0;

	for (uint32_t i = 0; i < m->n_rcpts; i++) {
		const struct rcpt *r = &m->rcpts[i];

		if (r->lease != l)
			continue;
		out->return_path = rcpt_path(m, r);
		due[n++] = (struct wire_due){ .number = i,
		    .address = r->row.address, .notify = r->row.notify,
		    .orcpt = r->row.orcpt, .expired = l->to == NULL &&
		    (r->row.refuse || rcpt_expired(m, r)) };
	}
	return n;
}

static void
give_nothing(struct lease *l, struct request *r)
{
	answer(r, WIRE_AGAIN, NULL);
	lease_end(l);
}

static void
give(struct lease *l, struct request *r, struct slice body)
{
	struct message *m = l->m;
	struct wire_due *due = arena_array(&r->arena, m->n_rcpts, sizeof *due);
	struct queue_next_out out = { .id = m->id, .low_water = live_low(),
		.sender = m->env.sender, .session = m->env.session,
		.token = m->env.token, .size = message_size(m),
		.accepted = m->env.accepted, .envid = m->env.envid,
		.ret = m->env.ret, .smtputf8 = m->env.smtputf8,
		.eightbit = m->env.eightbit, .recipients = due };
	struct buf whole = { 0 };

	out.n_recipients = due_list(l, due, &out);
	lease_trace(l, &whole);
	out.size += whole.n;
	if (l->to != NULL)
		out.destination = l->to->name;
	if (!message_prefix(m, &whole)) {
		buf_free(&whole);
		give_nothing(l, r);
		aside_begin(m, SLICE("its envelope cannot be read"));
		return;
	}
	if (out.size <= WIRE_BODY_MAX) {
		buf_slice(&whole, body);
		out.body = buf_view(&whole);
	} else if ((out.fd = body_over_fd(m, &whole)) == 0) {
		buf_free(&whole);		/* out of descriptors */
		give_nothing(l, r);
		schedule(m);
		return;
	}
	stats.leases++;
	LOG(leased, .id = m->id, .recipients = out.n_recipients,
	    .worker = l->worker->number);
	answer(r, WIRE_OK, &out);
	buf_free(&whole);
}

/* The request waited for the body of a spooled message. */
static void
filling_lost(struct request *r)
{
	struct lease *l = r->owner;

	l->filling = NULL;
	answer(r, WIRE_GONE, NULL);
}

static void
body_read(void *arg, enum engine_status status, struct slice bytes)
{
	struct lease *l = arg;
	struct request *r = l->filling;
	struct message *m = l->m;

	l->reading = false;
	if (l->worker == NULL) {
		free(l);
		return;
	}
	if (status != ENGINE_OK || bytes.n != m->env.size) {
		lease_end(l);
		aside_begin(m, SLICE("its bytes cannot be read"));
		return;
	}
	/* A relay that went away has not seen it. */
	if (r == NULL) {
		lease_end(l);
		schedule(m);
		return;
	}
	l->filling = NULL;
	r->owner = NULL;
	r->lost = NULL;
	give(l, r, bytes);
}

bool
lease_lend(struct request *r, struct worker *w, struct message *m,
    struct destination *to)
{
	struct lease *l = claim_all(w, m, to);

	if (l == NULL)
		return false;
	r->owner = NULL;
	r->lost = NULL;
	if (message_size(m) > WIRE_BODY_MAX || m->blob == 0) {
		give(l, r, m->body);
		return true;
	}
	l->filling = r;
	l->reading = true;
	r->owner = l;
	r->lost = filling_lost;
	blob_read(spool_engine(), m->blob, 0, m->env.size, body_read, l);
	return true;
}
