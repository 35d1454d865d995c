#include "queue/hold.h"

#include "queue/accept.h"
#include "queue/offer.h"
#include "queue/schedule.h"
#include "queue/settle.h"
#include "queue/stats.h"
#include "queue/token.h"
#include "queue/write.h"

static uint64_t	hold_time, hold_memory, held;

void
hold_limits(uint64_t time_ms, uint64_t memory)
{
	hold_time = time_ms;
	hold_memory = memory;
}

uint64_t
hold_bytes(void)
{
	return held;
}

bool
hold_count(struct message *m, uint64_t bytes)
{
	if (hold_time == 0 || held - m->held + bytes > hold_memory)
		return false;
	held = held - m->held + bytes;
	m->held = bytes;
	return true;
}

void
hold_release(struct message *m)
{
	held -= m->held;
	m->held = 0;
}

static bool
may_hold(struct message *m)
{
	if (hold_time == 0 || m->blob != 0 || m->env.size > HOLD_SIZE_MAX ||
	    !offer_waits())
		return false;
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].state != RCPT_FINISHED &&
		    (!m->rcpts[i].row.local ||
		    (m->rcpts[i].row.notify & NOTIFY_SUCCESS) != 0))
			return false;
	return hold_count(m, message_size(m));
}

static void
time_over(struct timer *t)
{
	struct message *m = CONTAINER(t, struct message, limit);

	write_begin(m, STEP_overdue);
}

void
hold_or_write(struct message *m)
{
	if (!may_hold(m)) {
		write_begin(m, STEP_write);
		return;
	}
	message_step(m, STEP_hold);
	m->limit.fire = time_over;
	timer_set(&m->limit, loop_now() + hold_time);
	schedule(m);
}

struct fates {
	unsigned	 stored, refused, other;
};

static struct fates
fates_of(const struct message *m)
{
	struct fates f = { 0 };

	for (uint32_t i = 0; i < m->n_asked; i++) {
		uint32_t number = m->asked[i];

		if (number == RCPT_COVERED)
			f.stored++;
		else if (m->rcpts[number].outcome == OUTCOME_STORED)
			f.stored++;
		else if (rcpt_refused(&m->rcpts[number]))
			f.refused++;
		else
			f.other++;
	}
	return f;
}

/* All stored, or all refused: nothing has to be kept.  LMTP hears of each
   recipient, so there also mixed fates are told at once (RFC 2033 4.2). */
void
hold_check(struct message *m)
{
	struct fates f;

	if (message_has(m, RCPT_DUE) || message_has(m, RCPT_LEASED))
		return;
	f = fates_of(m);
	if (f.other > 0 || (f.stored > 0 && f.refused > 0 && !m->each)) {
		write_begin(m, STEP_overdue);
		return;
	}
	stats.held += f.stored > 0;
	stats.declined += f.stored == 0;
	if (f.stored > 0)
		token_answered(m);
	accept_log(m, f.stored > 0 ? "stored" : NULL);
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].state == RCPT_SETTLED)
			settle_tell(m, &m->rcpts[i]);
	accept_answer(m);
	message_step(m, STEP_settled);
}
