#include "queue/schedule.h"

#include "common/core/log.h"
#include "queue/destination.h"
#include "queue/offer.h"
#include "queue/remote.h"
#include "queue/route.h"
#include "queue/settle.h"

enum {
	LOOK = 60 * 1000,		/* ms: the clock may have been set */
	LOCAL_FIRST = 1000,		/* ms */
};

static uint64_t		 retry_first, retry_most, warn_after, expire_after;
static struct heap	 due;
static struct timer	 due_timer;

void
schedule_limits(uint64_t first, uint64_t most, uint64_t warn, uint64_t expire)
{
	retry_first = first;
	retry_most = most;
	warn_after = warn;
	expire_after = expire;
}

uint64_t
schedule_backoff(uint32_t tries, bool local)
{
	uint64_t wait = local && retry_first > LOCAL_FIRST ? LOCAL_FIRST :
	    retry_first;

	while (tries-- > 1 && wait < retry_most)
		wait *= 2;
	return wait < retry_most ? wait : retry_most;
}

/* ---- the times of a recipient */

static uint64_t
begins(const struct message *m, const struct rcpt *r)
{
	return r->row.since > m->env.accepted ? r->row.since :
	    m->env.accepted;
}

uint64_t
rcpt_expires(const struct message *m, const struct rcpt *r)
{
	return begins(m, r) + expire_after;
}

bool
rcpt_expired(const struct message *m, const struct rcpt *r)
{
	return rcpt_expires(m, r) <= queue_clock();
}

/* When its sender is to be told that it is late; UINT64_MAX: not. */
static uint64_t
warns(const struct message *m, const struct rcpt *r)
{
	bool wanted = r->row.notify == 0 ||
	    (r->row.notify & NOTIFY_DELAY) != 0;

	if (warn_after == 0 || r->row.warned || !wanted ||
	    !message_tellable(m))
		return UINT64_MAX;
	return begins(m, r) + warn_after;
}

static uint64_t
kept_until(const struct message *m, const struct rcpt *r)
{
	return (r->row.last > 0 ? r->row.last : m->env.accepted) + KEPT_FOR;
}

bool
rcpt_due(const struct rcpt *r)
{
	return r->state == RCPT_DUE && !r->row.held &&
	    r->row.next <= queue_clock();
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When this recipient wants to be looked at, beside being offered. */
static uint64_t
wants(const struct message *m, const struct rcpt *r)
{
	uint64_t at;

	if (r->state == RCPT_KEPT)
		return kept_until(m, r);
	if (r->state != RCPT_DUE || r->row.held)
		return UINT64_MAX;
	at = warns(m, r);
	if (!r->row.local)
		at = earlier(at, rcpt_expires(m, r));
	return rcpt_due(r) ? at : earlier(at, r->row.next);
}

/* ---- time is over */

/* Nobody tries a remote one now, so nobody can still deliver it. */
static bool
end_remote(struct message *m, uint32_t i)
{
	struct rcpt *r = &m->rcpts[i];
	struct destination *d = destination_find(route_of(m, r));
	struct slice why = r->row.why;

	if (why.n == 0 && d != NULL)
		why = d->why;
	if (why.n == 0)
		why = SLICE("it could not be delivered in time");
	LOG(given_up, .id = m->id, .rcpt = r->row.address, .why = why);
	settle_rcpt(m, i, OUTCOME_REFUSED, SLICE("4.4.7"), why);
	return true;
}

/* What the clock brings to this recipient; true: something to commit. */
static bool
end_time(struct message *m, uint32_t i, uint64_t now)
{
	struct rcpt *r = &m->rcpts[i];

	if (r->state == RCPT_KEPT && kept_until(m, r) <= now) {
		settle_remove(m, i);
		return true;
	}
	if (r->state != RCPT_DUE || r->row.held)
		return false;
	if (!r->row.local && remote_known() && rcpt_expired(m, r))
		return end_remote(m, i);
	if (warns(m, r) > now)
		return false;
	r->report = REPORT_DELAYED;
	r->row.warned = 1;
	r->changed = true;
	return true;
}

static bool
end_times(struct message *m)
{
	uint64_t now = queue_clock();
	bool any = false;

	if (m->state != MESSAGE_SPOOLED || m->committing)
		return false;
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		any |= end_time(m, i, now);
	return any;
}

/* ---- the clock */

static void	look(struct timer *);

void
schedule_wake(uint64_t at)
{
	uint64_t now = queue_clock(), wait = at > now ? at - now : 0;
	uint64_t then = loop_now() + (wait < LOOK ? wait : LOOK);

	if (due_timer.fire != NULL && due_timer.node.at != 0 &&
	    due_timer.node.key <= then)
		return;
	due_timer.fire = look;
	timer_set(&due_timer, then);
}

/* A message that is due again at once comes with the next look. */
void
schedule_look(void)
{
	uint64_t now = queue_clock(), at;
	struct heap_node *n;

	while ((n = heap_top(&due)) != NULL && n->key <= now) {
		heap_del(&due, n);
		schedule(CONTAINER(n, struct message, due));
	}
	at = earlier(n == NULL ? UINT64_MAX : n->key, destinations_look());
	if (at < UINT64_MAX)
		schedule_wake(at);
}

static void
look(struct timer *t)
{
	(void)t;
	schedule_look();
}

/* ---- where it belongs */

/* Only kept and shown: never offered again, so its id need not stay known to
   store (hand-off rule 4). */
static void
let_id_go(struct message *m)
{
	if (m->state == MESSAGE_SPOOLED && !message_has(m, RCPT_DUE) &&
	    !message_has(m, RCPT_LEASED) && !message_has(m, RCPT_SETTLED))
		live_del(&m->live);
}

static void
wait_until(struct message *m, uint64_t at)
{
	heap_put(&due, &m->due, at);
	schedule_wake(at);
}

void
schedule(struct message *m)
{
	uint64_t now = queue_clock(), at = UINT64_MAX;
	bool local = false;

	heap_del(&due, &m->due);
	offer_withdraw(m);
	if (m->commit_after > now) {
		wait_until(m, m->commit_after);
		return;
	}
	if (settle_pending(m) || end_times(m)) {
		settle_commit(m, NULL);
		return;
	}
	if (m->state != MESSAGE_HELD && m->state != MESSAGE_SPOOLED)
		return;
	let_id_go(m);
	for (uint32_t i = 0; i < m->n_rcpts; i++) {
		struct rcpt *r = &m->rcpts[i];

		at = earlier(at, wants(m, r));
		if (!rcpt_due(r))
			continue;
		if (r->row.local)
			local = true;
		else
			parcel_add(m, r);
	}
	if (local)
		offer(m);
	if (at < UINT64_MAX)
		wait_until(m, at > now ? at : now + LOOK);
}

void
schedule_del(struct message *m)
{
	heap_del(&due, &m->due);
	offer_withdraw(m);
	parcels_end(m);
}

void
schedule_forget(void)
{
	timer_stop(&due_timer);
	heap_free(&due);
	destinations_forget();
}
