#include "queue/write.h"

#include "queue/accept.h"
#include "queue/hold.h"
#include "queue/pack.h"
#include "queue/schedule.h"
#include "queue/settle.h"
#include "queue/spool.h"
#include "queue/stats.h"
#include "queue/token.h"

/* The bytes are in the spool, or nowhere. */
static void
let_bytes_go(struct message *m)
{
	if (m->env.size > 0 && m->blob != 0)
		blob_release(spool_engine(), m->blob);
	m->body = slice_of("", 0);
	buf_free(&m->kept);
	hold_release(m);
}

/* 452.  The peer will send it again, and then it is the same transaction:
   some recipient may have it already. */
static void
fail(struct message *m)
{
	let_bytes_go(m);
	token_forsaken(m);
	accept_refuse(m, WIRE_AGAIN);
	message_step(m, STEP_full);
}

static void
done(void *arg, enum engine_status status)
{
	struct message *m = arg;
	bool durable = spool_durable(status), over;

	settle_done(m, durable);
	if (!durable) {
		fail(m);
		return;
	}
	let_bytes_go(m);
	over = message_over(m);
	token_written(m, over);
	stats.spooled++;
	accept_log(m, "spooled");
	accept_answer(m);
	message_step(m, over ? STEP_reported : STEP_durable);
	if (over)
		return;
	message_pack(m);
	schedule(m);
	requests_redo(&m->waiters);
}

void
write_begin(struct message *m, enum message_step step)
{
	struct txn *txn;

	message_step(m, step);
	timer_stop(&m->limit);
	schedule_del(m);
	if (m->blob == 0 && m->body.n > 0)
		m->blob = blob_add(spool_engine(), &m->body, 1);
	if (m->blob == 0 && m->body.n > 0) {
		fail(m);
		return;
	}
	txn = spool_begin();
	if (!settle_into(txn, m, m->body)) {
		txn_drop(txn);
		fail(m);
		return;
	}
	if (!message_over(m))
		spool_put(txn, m);
	token_write(txn, m);
	txn_commit(txn, done, m);
}
