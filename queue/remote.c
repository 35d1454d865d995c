#include "queue/remote.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/conf.h"
#include "common/core/log.h"
#include "queue/destination.h"
#include "queue/lease.h"
#include "queue/schedule.h"

enum {
	RELAYS_MAX = 64,		/* conf.def: run <number> */
	STREAK_MAX = 20,		/* messages over one session */
};

struct relay {
	struct worker	 worker;
	bool		 known;		/* it has spoken in this life */
	bool		 speaking;	/* more is to come */
};

struct credit {
	struct node	 node;
	struct worker	*worker;
	struct request	*request;
};

static struct relay	 relays[RELAYS_MAX];
static unsigned		 n_relays = 1;
static struct node	 credits;
static size_t		 n_credits;

void
remote_relays(unsigned configured)
{
	n_relays = configured < RELAYS_MAX ? configured : RELAYS_MAX;
}

bool
remote_known(void)
{
	for (unsigned i = 0; i < n_relays; i++)
		if (!relays[i].known || relays[i].speaking)
			return false;
	return true;
}

size_t
remote_credits(void)
{
	return n_credits;
}

/* ---- credits */

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

static void
give_back(struct request *r, struct worker *w)
{
	if (REQUEST(queue_next, r)->destination.n == 0)
		credit_add(r, w);
	else
		answer(r, WIRE_NONE, NULL);
}

/* ---- a relay comes and goes */

/* What it holds stays with it until it speaks again. */
static void
relay_away(struct worker *w)
{
	if (w->n_leases > 0)
		LOG(worker_lost, .worker = w->number, .leases = w->n_leases);
	link_own(w->link, NULL);
	link_on_end(w->link, NULL);
	w->link = NULL;
}

static void
link_ended(struct link *link)
{
	relay_away(link_owner(link));
}

static void
let_all_go(struct worker *w)
{
	while (!list_empty(&w->leases)) {
		struct lease *l = CONTAINER(w->leases.next, struct lease,
		    of_worker);
		struct message *m = l->m;

		lease_end(l);
		schedule(m);
	}
}

static void
meet(struct relay *y, struct link *link)
{
	struct worker *w = &y->worker;

	if (w->leases.next == NULL)
		worker_new(w, link);
	else if (w->link != NULL)
		relay_away(w);
	w->link = link;
	w->give_back = give_back;
	w->end = relay_away;
	link_own(link, w);
	link_on_end(link, link_ended);
	let_all_go(w);
}

static void
resume(struct worker *w, const struct wire_held *held)
{
	struct message *m = message_find(held->id);
	const struct rcpt *r = m != NULL && held->number < m->n_rcpts ?
	    &m->rcpts[held->number] : NULL;

	if (r != NULL && m->state == MESSAGE_SPOOLED &&
	    r->state == RCPT_DUE && !r->row.local)
		lease_resume(w, m, held->number);
}

void
remote_hello(struct request *r)
{
	const struct queue_relay_in *in = REQUEST(queue_relay, r);
	unsigned instance = link_instance(r->from);
	struct relay *y;

	if (instance >= n_relays) {
		answer(r, WIRE_DENIED, NULL);
		return;
	}
	y = &relays[instance];
	if (link_owner(r->from) == NULL)
		meet(y, r->from);
	else if (!y->speaking) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	y->known = true;
	y->speaking = in->more != 0;
	for (size_t i = 0; i < in->n_jobs; i++)
		resume(&y->worker, &in->jobs[i]);
	answer(r, WIRE_OK, NULL);
	loop_again();
}

void
remote_forget(void)
{
	for (unsigned i = 0; i < RELAYS_MAX; i++) {
		relays[i].known = relays[i].speaking = false;
		relays[i].worker.link = NULL;
	}
}

/* ---- giving */

/* The oldest parcel that still has something due. */
static bool
lend(struct request *r, struct worker *w, struct destination *d)
{
	bool lent = false;

	destination_pin(d, true);
	while (!lent && destination_open(d)) {
		struct parcel *p = destination_parcel(d);
		struct message *m = p->m;

		parcel_end(p);
		if ((lent = lease_lend(r, w, m, d)))
			schedule(m);
	}
	destination_pin(d, false);
	return lent;
}

/* More for a session that is open.  If all relays are busy it gives way, now
   and then, to a domain that nobody serves. */
static void
next_of(struct request *r, struct worker *w, struct slice name)
{
	struct destination *d = destination_find(name);
	bool may = d != NULL && remote_known() && destination_open(d);

	if (may && n_credits == 0 && d->streak >= STREAK_MAX &&
	    destination_starves(d)) {
		d->streak = 0;
		may = false;
	}
	if (may)
		d->streak++;
	if (!may || !lend(r, w, d))
		answer(r, WIRE_NONE, NULL);
}

void
remote_next(struct request *r)
{
	const struct queue_next_in *in = REQUEST(queue_next, r);
	struct worker *w = link_owner(r->from);

	if (w == NULL)
		answer(r, WIRE_DENIED, NULL);
	else if (in->destination.n > 0)
		next_of(r, w, in->destination);
	else
		credit_add(r, w);
}

static void
offer_all(void)
{
	struct destination *d;

	if (!remote_known())
		return;
	while (!list_empty(&credits) && (d = destination_next()) != NULL) {
		struct credit *c = CONTAINER(credits.next, struct credit,
		    node);
		struct request *r = c->request;
		struct worker *w = c->worker;

		list_del(&c->node);
		n_credits--;
		if (!lend(r, w, d))
			credit_add(r, w);
	}
}

void
remote_setup(void)
{
	list_init(&credits);
	loop_hook(LOOP_TASKS, offer_all);
}
