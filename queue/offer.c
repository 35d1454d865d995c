#include "queue/offer.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "queue/aside.h"
#include "queue/lease.h"
#include "queue/schedule.h"
#include "queue/write.h"

struct credit {
	struct node	 node;
	struct worker	*worker;
	struct request	*request;
};

static struct node	 credits;
static struct node	 offered[2];	/* held, spooled */
static struct node	 suspects;
static size_t		 n_credits;
static bool		 turn;		/* whose turn when both wait */
static struct worker	*guard;		/* it gets the next suspect */

/* ---- offers */

void
offer(struct message *m)
{
	if (list_in(&m->ready))
		return;
	if (m->deaths >= OFFER_DEATHS && !m->alone)
		list_push(&suspects, &m->ready);
	else if (m->deaths < OFFER_DEATHS)
		list_push(&offered[m->state != MESSAGE_HELD], &m->ready);
	loop_again();
}

void
offer_withdraw(struct message *m)
{
	list_del(&m->ready);
}

void
offer_alone_ended(struct message *m)
{
	if (m->alone)
		guard = NULL;
	m->alone = false;
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

/* ---- an mda ends */

/* One mda more has died holding this message. */
static void
mourn(struct message *m)
{
	bool alone = m->alone;

	m->deaths++;
	m->alone = false;
	if (m->state == MESSAGE_HELD && m->deaths >= OFFER_DEATHS)
		write_begin(m, STEP_overdue);
	else if (alone && m->state == MESSAGE_SPOOLED)
		aside_begin(m, SLICE("it ends each mda that takes it"));
	else
		schedule(m);
}

static void
mda_end(struct worker *w)
{
	if (w->n_leases > 0)
		LOG(worker_lost, .worker = w->number, .leases = w->n_leases);
	if (guard == w)
		guard = NULL;
	while (!list_empty(&w->leases)) {
		struct lease *l = CONTAINER(w->leases.next, struct lease,
		    of_worker);
		struct message *m = l->m;

		lease_end(l);
		mourn(m);
	}
	link_own(w->link, NULL);
	free(w);
	loop_again();
}

static void
link_ended(struct link *link)
{
	mda_end(link_owner(link));
}

/* ---- credits */

static void	credit_add(struct request *, struct worker *);

static struct worker *
worker_of(struct link *link)
{
	struct worker *w = link_owner(link);

	if (w != NULL)
		return w;
	w = mem_zero(sizeof *w);
	worker_new(w, link);
	w->give_back = credit_add;
	w->end = mda_end;
	link_own(link, w);
	link_on_end(link, link_ended);
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

void
offer_next(struct request *r)
{
	credit_add(r, worker_of(r->from));
}

bool
offer_waits(void)
{
	return n_credits > 0;
}

size_t
offer_credits(void)
{
	return n_credits;
}

/* ---- giving */

static void
lend(struct credit *c, struct message *m)
{
	struct request *r = c->request;
	struct worker *w = c->worker;

	list_del(&c->node);
	n_credits--;
	if (!lease_lend(r, w, m, NULL)) {
		offer_alone_ended(m);
		credit_add(r, w);
	}
	schedule(m);
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

void
offer_setup(void)
{
	list_init(&credits);
	list_init(&offered[0]);
	list_init(&offered[1]);
	list_init(&suspects);
	loop_hook(LOOP_TASKS, offer_all);
}
