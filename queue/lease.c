#include "queue/lease.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/log.h"
#include "queue/aside.h"
#include "queue/body.h"
#include "queue/schedule.h"
#include "queue/spool.h"
#include "queue/stats.h"
#include "queue/write.h"

enum { DUE_MAX = WIRE_FRAME_MAX / 2 };	/* bytes of recipients */

/* An mda, as long as its connection lasts. */
struct worker {
	struct link	*link;
	struct node	 leases;
	size_t		 n_leases;
	uint64_t	 number;	/* for the log */
};

struct credit {
	struct node	 node;
	struct worker	*worker;
	struct request	*request;
};

struct lease {
	struct node	 of_worker, of_message;
	struct worker	*worker;	/* NULL: the lease has ended, a read has not */
	struct message	*m;		/* NULL likewise */
	struct timer	 limit;
	struct request	*filling;	/* the answer waits for the body */
	bool		 reading;
};

uint64_t		 lease_limit = 10 * 60 * 1000;
static struct node	 credits;
static struct node	 offered[2];	/* held, spooled */
static struct node	 suspects;
static size_t		 n_credits;
static bool		 turn;		/* whose turn when both wait */
static struct worker	*guard;		/* it gets the next suspect */

static void	offer_all(void);
static void	credit_add(struct request *, struct worker *);

void
lease_setup(void)
{
	list_init(&credits);
	list_init(&offered[0]);
	list_init(&offered[1]);
	list_init(&suspects);
	loop_hook(LOOP_TASKS, offer_all);
}

/* ---- offers */

void
lease_offer(struct message *m)
{
	if (list_in(&m->ready))
		return;
	if (m->deaths >= LEASE_DEATHS && !m->alone)
		list_push(&suspects, &m->ready);
	else if (m->deaths < LEASE_DEATHS)
		list_push(&offered[m->state != MESSAGE_HELD], &m->ready);
	loop_again();
}

void
lease_withdraw(struct message *m)
{
	list_del(&m->ready);
}

/* Held ones and those of the spool take turns, so neither starves. */
static struct message *
next_offer(void)
{
	struct node *n;

	turn = !turn;
	if ((n = list_pop(&offered[turn])) == NULL)
		n = list_pop(&offered[!turn]);
	return n == NULL ? NULL : CONTAINER(n, struct message, ready);
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

static void
lease_end(struct lease *l)
{
	timer_stop(&l->limit);
	list_del(&l->of_worker);
	if (l->filling != NULL)
		credit_add(l->filling, l->worker);
	l->filling = NULL;
	l->worker->n_leases--;
	l->worker = NULL;
	leave_message(l);
	if (!l->reading)
		free(l);
}

void
lease_take(struct rcpt *r)
{
	struct lease *l = r->lease;
	struct message *m = l == NULL ? NULL : l->m;

	if (l == NULL)
		return;
	r->lease = NULL;
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].lease == l)
			return;
	if (m->alone)
		guard = NULL;
	m->alone = false;
	lease_end(l);
	loop_again();
}

bool
lease_is_from(const struct lease *l, const struct link *link)
{
	return link != NULL && l->worker != NULL && l->worker->link == link;
}

void
lease_orphan(struct message *m)
{
	lease_withdraw(m);
	if (m->alone)
		guard = NULL;
	LIST_EACH(n, &m->leases)
		lease_end(CONTAINER(n, struct lease, of_message));
}

/* ---- a worker ends */

/* One mda more has died holding this message. */
static void
mourn(struct message *m)
{
	bool alone = m->alone;

	m->deaths++;
	m->alone = false;
	if (m->state == MESSAGE_HELD && m->deaths >= LEASE_DEATHS)
		write_begin(m, STEP_overdue);
	else if (alone && m->state == MESSAGE_SPOOLED)
		aside_begin(m, SLICE("it ends each mda that takes it"));
	else
		schedule(m);
}

static void
worker_end(struct link *link)
{
	struct worker *w = link_owner(link);
	struct node *n;

	if (w->n_leases > 0)
		LOG(worker_lost, .worker = w->number, .leases = w->n_leases);
	if (guard == w)
		guard = NULL;
	while ((n = list_pop(&w->leases)) != NULL) {
		struct lease *l = CONTAINER(n, struct lease, of_worker);
		struct message *m = l->m;

		lease_end(l);
		if (m != NULL)
			mourn(m);
	}
	link_own(link, NULL);
	free(w);
	loop_again();
}

static void
limit_over(struct timer *t)
{
	struct lease *l = CONTAINER(t, struct lease, limit);
	struct link *link = l->worker->link;

	LOG(lease_limit, .id = l->m == NULL ? 0 : l->m->id,
	    .worker = l->worker->number);
	stats.lease_limits++;
	worker_end(link);	/* link_close does not call it */
	link_close(link);
}

/* ---- credits */

static struct worker *
worker_of(struct link *link)
{
	static uint64_t number;
	struct worker *w = link_owner(link);

	if (w != NULL)
		return w;
	w = mem_zero(sizeof *w);
	w->link = link;
	w->number = ++number;
	list_init(&w->leases);
	link_own(link, w);
	link_on_end(link, worker_end);
	return w;
}

static void
credit_lost(struct request *r)
{
	struct credit *c = r->owner;

	list_del(&c->node);
	n_credits--;
	answer(r, WIRE_GONE, NULL);
}

static void
credit_add(struct request *r, struct worker *w)
{
	struct credit *c = arena_alloc(&r->arena, sizeof *c);

	*c = (struct credit){ .worker = w, .request = r };
	list_push(&credits, &c->node);
	n_credits++;
	r->owner = c;
	r->lost = credit_lost;
	loop_again();
}

/* WORK_REMOTE waits in the spool until there is a relay to ask for it. */
void
lease_next(struct request *r)
{
	if (REQUEST(queue_next, r)->work != WORK_LOCAL)
		answer(r, WIRE_DENIED, NULL);
	else
		credit_add(r, worker_of(r->from));
}

bool
lease_waits(void)
{
	return n_credits > 0;
}

size_t
lease_credits(void)
{
	return n_credits;
}

/* ---- giving */

static size_t
due_list(const struct lease *l, struct wire_due *due)
{
	const struct message *m = l->m;
	size_t n = 0;

	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].lease == l)
			due[n++] = (struct wire_due){ .number = i,
			    .address = m->rcpts[i].row.address,
			    .notify = m->rcpts[i].row.notify,
			    .orcpt = m->rcpts[i].row.orcpt,
			    .expired = schedule_expired(m) };
	return n;
}

static void
give(struct lease *l, struct request *r, struct slice body)
{
	struct message *m = l->m;
	struct wire_due *due = arena_array(&r->arena, m->n_rcpts, sizeof *due);
	struct queue_next_out out = { .id = m->id, .low_water = live_low(),
		.return_path = m->env.return_path, .sender = m->env.sender,
		.session = m->env.session, .token = m->env.token,
		.size = message_size(m), .accepted = m->env.accepted,
		.recipients = due, .n_recipients = due_list(l, due) };
	struct buf whole = { 0 };

	if (out.size <= WIRE_BODY_MAX) {
		message_prefix(m, &whole);
		buf_slice(&whole, body);
		out.body = buf_view(&whole);
	} else if ((out.fd = body_over_fd(m)) == 0) {
		answer(r, WIRE_AGAIN, NULL);	/* out of descriptors */
		lease_end(l);
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
	l->filling = NULL;
	r->owner = NULL;
	r->lost = NULL;
	give(l, r, bytes);
}

/* What fits into one answer; the rest is offered with the next credit. */
static void
claim(struct lease *l)
{
	struct message *m = l->m;
	uint64_t now = queue_clock();
	size_t room = DUE_MAX;

	for (uint32_t i = 0; i < m->n_rcpts; i++) {
		struct rcpt *r = &m->rcpts[i];
		size_t n = 32 + r->row.address.n + r->row.orcpt.n;

		if (r->state != RCPT_DUE || !r->row.local || r->row.next > now)
			continue;
		if (n > room)
			break;
		room -= n;
		r->state = RCPT_LEASED;
		r->lease = l;
	}
}

static struct lease *
lease_begin(struct message *m, struct worker *w)
{
	struct lease *l = mem_zero(sizeof *l);

	l->m = m;
	l->worker = w;
	w->n_leases++;
	list_push(&w->leases, &l->of_worker);
	list_push(&m->leases, &l->of_message);
	l->limit.fire = limit_over;
	timer_set(&l->limit, loop_now() + lease_limit);
	claim(l);
	return l;
}

static void
lend(struct credit *c, struct message *m)
{
	struct request *r = c->request;
	struct lease *l = lease_begin(m, c->worker);

	list_del(&c->node);
	n_credits--;
	r->owner = NULL;
	r->lost = NULL;
	schedule(m);
	if (message_size(m) > WIRE_BODY_MAX || m->blob == 0) {
		give(l, r, m->body);
		return;
	}
	l->filling = r;
	l->reading = true;
	r->owner = l;
	r->lost = filling_lost;
	blob_read(spool_engine(), m->blob, 0, m->env.size, body_read, l);
}

/* A suspect goes to an mda that holds nothing; until its other leases have
   ended, and while it has the suspect, that mda gets nothing else. */
static struct message *
next_for(struct worker *w)
{
	struct message *m;

	if (w != guard)
		return next_offer();
	if (w->n_leases > 0 || list_empty(&suspects))
		return NULL;
	m = CONTAINER(list_pop(&suspects), struct message, ready);
	m->alone = true;
	return m;
}

static void
choose_guard(void)
{
	if (guard != NULL && guard->n_leases == 0 && list_empty(&suspects))
		guard = NULL;
	if (guard == NULL && !list_empty(&suspects) && !list_empty(&credits))
		guard = CONTAINER(credits.next, struct credit, node)->worker;
}

static void
offer_all(void)
{
	choose_guard();
	LIST_EACH(n, &credits) {
		struct credit *c = CONTAINER(n, struct credit, node);
		struct message *m = next_for(c->worker);

		if (m != NULL)
			lend(c, m);
		else if (guard == NULL)
			return;
	}
}
