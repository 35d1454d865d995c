#include "queue/destination.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "queue/route.h"
#include "queue/schedule.h"

static struct map	 destinations;
static struct node	 ring;		/* those that may be tried */
static struct heap	 away;		/* those put off; ms since 1970 */
static uint32_t		 most_domain = 20, most_smarthost = 20;

void
destination_limits(uint32_t domain, uint32_t smarthost)
{
	most_domain = domain;
	most_smarthost = smarthost;
}

static uint32_t
limit_of(const struct destination *d)
{
	return d->smarthost ? most_smarthost : most_domain;
}

/* ---- finding */

struct destination *
destination_find(struct slice name)
{
	struct map_node *n = map_get(&destinations, map_hash(name.p, name.n));

	for (; n != NULL; n = n->next) {
		struct destination *d =
		    CONTAINER(n, struct destination, by_name);

		if (slice_eq(d->name, name))
			return d;
	}
	return NULL;
}

static struct destination *
destination_get(struct slice name)
{
	struct destination *d = destination_find(name);

	if (d != NULL)
		return d;
	d = mem_zero(sizeof *d);
	d->name = slice_of(mem_str(name), name.n);
	d->smarthost = route_is_smarthost(name);
	d->most = DESTINATION_FIRST < limit_of(d) ? DESTINATION_FIRST :
	    limit_of(d);
	list_init(&d->parcels);
	map_put(&destinations, &d->by_name, map_hash(name.p, name.n));
	return d;
}

static void
why_set(struct destination *d, struct slice why)
{
	free((void *)(uintptr_t)d->why.p);
	d->why = why.n == 0 ? slice_of(NULL, 0) :
	    slice_of(mem_str(why), why.n);
}

static void
destination_free(struct destination *d)
{
	map_del(&destinations, &d->by_name);
	list_del(&d->ready);
	heap_del(&away, &d->retry);
	why_set(d, slice_of("", 0));
	free((void *)(uintptr_t)d->name.p);
	free(d);
}

/* ---- may it be tried? */

bool
destination_open(const struct destination *d)
{
	uint32_t most = d->most < limit_of(d) ? d->most : limit_of(d);

	return !list_empty(&d->parcels) && d->retry.at == 0 &&
	    d->active < (d->tries > 0 ? 1 : most);
}

/* Its place in the ring, or its end, after any change. */
static void
settle_place(struct destination *d)
{
	if (ring.next == NULL)
		list_init(&ring);
	if (list_empty(&d->parcels) && d->active == 0 && d->retry.at == 0 &&
	    !d->pinned)
		destination_free(d);
	else if (!destination_open(d))
		list_del(&d->ready);
	else if (!list_in(&d->ready)) {
		list_push(&ring, &d->ready);
		loop_again();
	}
}

struct destination *
destination_next(void)
{
	if (ring.next == NULL || list_empty(&ring))
		return NULL;
	return CONTAINER(ring.next, struct destination, ready);
}

bool
destination_starves(const struct destination *d)
{
	LIST_EACH(n, &ring) {
		struct destination *other =
		    CONTAINER(n, struct destination, ready);

		if (other != d && other->active == 0)
			return true;
	}
	return false;
}

void
destination_pin(struct destination *d, bool pinned)
{
	d->pinned = pinned;
	settle_place(d);
}

/* ---- parcels */

void
parcel_add(struct message *m, struct rcpt *r)
{
	struct destination *d;
	struct parcel *p;

	if (r->parcel != NULL)
		return;
	d = destination_get(route_of(m, r));
	/* A message's recipients at one place come one after the other. */
	p = list_empty(&d->parcels) ? NULL :
	    CONTAINER(d->parcels.prev, struct parcel, of_destination);
	if (p == NULL || p->m != m) {
		p = mem_zero(sizeof *p);
		p->to = d;
		p->m = m;
		list_push(&d->parcels, &p->of_destination);
		list_push(&m->parcels, &p->of_message);
		d->n_parcels++;
	}
	r->parcel = p;
	settle_place(d);
}

void
parcel_end(struct parcel *p)
{
	struct destination *d = p->to;

	for (uint32_t i = 0; i < p->m->n_rcpts; i++)
		if (p->m->rcpts[i].parcel == p)
			p->m->rcpts[i].parcel = NULL;
	list_del(&p->of_destination);
	list_del(&p->of_message);
	d->n_parcels--;
	free(p);
	settle_place(d);
}

void
parcels_end(struct message *m)
{
	LIST_EACH(n, &m->parcels)
		parcel_end(CONTAINER(n, struct parcel, of_message));
}

struct parcel *
destination_parcel(struct destination *d)
{
	return CONTAINER(d->parcels.next, struct parcel, of_destination);
}

/* ---- sessions */

void
destination_begin(struct destination *d)
{
	d->active++;
	list_del(&d->ready);		/* it has had its turn */
	settle_place(d);
}

static void
reached(struct destination *d)
{
	d->answered = loop_now();
	if (d->tries > 0)
		LOG(destination_back, .domain = d->name, .tries = d->tries,
		    .waiting = d->n_parcels);
	heap_del(&away, &d->retry);
	d->tries = 0;
	if (++d->good >= d->most && d->most < limit_of(d)) {
		d->most++;
		d->good = 0;
	}
}

static void
put_off(struct destination *d, struct slice why)
{
	uint64_t wait = schedule_backoff(++d->tries, false);

	heap_put(&away, &d->retry, queue_clock() + wait);
	why_set(d, why);
	LOG(destination_away, .domain = d->name, .tries = d->tries,
	    .seconds = wait / 1000, .waiting = d->n_parcels, .why = why);
	schedule_wake(queue_clock() + wait);
}

/* One that others can reach is busy; of those who began together and all
   failed, one puts it off. */
static void
failed(struct destination *d, uint64_t began, struct slice why)
{
	d->good = 0;
	if (d->most > 1)
		d->most /= 2;
	if (d->answered < began && d->retry.at == 0)
		put_off(d, why);
}

void
destination_end(struct destination *d, enum destination_end end,
    uint64_t began, struct slice why)
{
	d->active--;
	if (end == DESTINATION_ANSWERED)
		reached(d);
	else if (end == DESTINATION_AWAY)
		failed(d, began, why);
	settle_place(d);
}

/* ---- time */

uint64_t
destinations_look(void)
{
	uint64_t now = queue_clock();
	struct heap_node *n;

	while ((n = heap_top(&away)) != NULL && n->key <= now) {
		heap_del(&away, n);
		settle_place(CONTAINER(n, struct destination, retry));
	}
	return n == NULL ? UINT64_MAX : n->key;
}

void
destination_retry(struct slice name)
{
	struct destination *d = destination_find(name);

	if (d == NULL)
		return;
	heap_del(&away, &d->retry);
	settle_place(d);
}

void
destinations_retry(void)
{
	struct heap_node *n;

	while ((n = heap_top(&away)) != NULL) {
		heap_del(&away, n);
		settle_place(CONTAINER(n, struct destination, retry));
	}
}

static void
forget_one(struct map_node *n, void *arg)
{
	(void)arg;
	destination_free(CONTAINER(n, struct destination, by_name));
}

/* The messages, and with them the parcels, have gone before. */
void
destinations_forget(void)
{
	map_each(&destinations, forget_one, NULL);
	map_free(&destinations);
	heap_free(&away);
}

size_t
destination_count(void)
{
	return destinations.n;
}

size_t
destinations_away(void)
{
	return away.n;
}
