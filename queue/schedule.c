#include "queue/schedule.h"

#include "common/core/log.h"
#include "queue/lease.h"
#include "queue/settle.h"

enum {
	LOOK = 60 * 1000,		/* ms: the clock may have been set */
	LOCAL_FIRST = 1000,		/* ms */
};

static uint64_t		 retry_first, retry_most, expire_after;
static struct heap	 due;
static struct timer	 due_timer;

void
schedule_limits(uint64_t first, uint64_t most, uint64_t expire)
{
	retry_first = first;
	retry_most = most;
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

bool
schedule_expired(const struct message *m)
{
	return m->env.accepted + expire_after <= queue_clock();
}

/* When this recipient wants to be looked at; UINT64_MAX: not by us. */
static uint64_t
wants(const struct message *m, const struct rcpt *r)
{
	if (r->state != RCPT_DUE)
		return UINT64_MAX;
	return r->row.local ? r->row.next : m->env.accepted + expire_after;
}

/* Nobody tries these now, so nobody can still deliver them. */
static bool
end_remote(struct message *m)
{
	bool any = false;

	if (m->state != MESSAGE_SPOOLED || m->committing ||
	    !schedule_expired(m))
		return false;
	for (uint32_t i = 0; i < m->n_rcpts; i++) {
		struct rcpt *r = &m->rcpts[i];

		if (r->state != RCPT_DUE || r->row.local)
			continue;
		LOG(given_up, .id = m->id, .rcpt = r->row.address,
		    .why = r->row.why);
		settle_rcpt(m, i, OUTCOME_REFUSED, SLICE("4.4.7"),
		    SLICE("it could not be delivered in time"));
		any = true;
	}
	return any;
}

void
schedule_look(void)
{
	uint64_t now = queue_clock();
	struct heap_node *n;

	while ((n = heap_top(&due)) != NULL && n->key <= now) {
		heap_del(&due, n);
		schedule(CONTAINER(n, struct message, due));
	}
	if (n != NULL)
		timer_set(&due_timer, loop_now() +
		    (n->key - now < LOOK ? n->key - now : LOOK));
}

static void
look(struct timer *t)
{
	(void)t;
	schedule_look();
}

static void
wait_until(struct message *m, uint64_t at)
{
	uint64_t now = queue_clock(), wait = at > now ? at - now : 0;

	heap_put(&due, &m->due, at);
	due_timer.fire = look;
	if (heap_top(&due) == &m->due)
		timer_set(&due_timer, loop_now() + (wait < LOOK ? wait : LOOK));
}

void
schedule(struct message *m)
{
	uint64_t now = queue_clock(), at = UINT64_MAX;
	bool offer = false;

	schedule_del(m);
	if (m->state != MESSAGE_HELD && m->state != MESSAGE_SPOOLED)
		return;
	/* Only kept and shown: never offered again, so its id need not stay
	   known to store (hand-off rule 4). */
	if (m->state == MESSAGE_SPOOLED && !message_has(m, RCPT_DUE) &&
	    !message_has(m, RCPT_LEASED) && !message_has(m, RCPT_SETTLED))
		live_del(&m->live);
	if (end_remote(m)) {
		settle_commit(m, NULL);
		return;
	}
	for (uint32_t i = 0; i < m->n_rcpts; i++) {
		uint64_t t = wants(m, &m->rcpts[i]);

		if (t <= now && m->rcpts[i].row.local)
			offer = true;
		else if (t < at)
			at = t;
	}
	if (offer)
		lease_offer(m);
	if (at < UINT64_MAX)
		wait_until(m, at > now ? at : now + LOOK);
}

void
schedule_del(struct message *m)
{
	heap_del(&due, &m->due);
	lease_withdraw(m);
}

void
schedule_forget(void)
{
	timer_stop(&due_timer);
	heap_free(&due);
}
