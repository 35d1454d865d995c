#include "queue/aside.h"

#include "common/core/log.h"
#include "queue/schedule.h"
#include "queue/spool.h"
#include "queue/stats.h"

static void
durable(void *arg, enum engine_status status)
{
	struct message *m = arg;

	m->committing = false;
	if (spool_durable(status)) {
		stats.aside++;
		message_step(m, STEP_aside);
	} else
		m->env.aside = 0;
	schedule(m);
	requests_redo(&m->waiters);
}

/* If it cannot be written now, it is offered again, and comes back here. */
void
aside_begin(struct message *m, struct slice why)
{
	struct txn *txn;

	if (m->state != MESSAGE_SPOOLED || m->committing) {
		schedule(m);
		return;
	}
	LOG(set_aside, .id = m->id, .from = m->env.return_path,
	    .deaths = m->deaths, .why = why);
	m->env.aside = 1;
	m->committing = true;
	schedule_del(m);
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		m->rcpts[i].row.why = arena_slice(&m->arena, why);
	txn = spool_begin();
	spool_put_envelope(txn, m);
	txn_commit(txn, durable, m);
}
