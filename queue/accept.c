#include "queue/accept.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "queue/hold.h"
#include "queue/intake.h"
#include "queue/settle.h"
#include "queue/spool.h"
#include "queue/stats.h"
#include "queue/token.h"

static uint64_t		message_max;
static struct node	unborn;		/* wait for the first life */

void
accept_limit(uint64_t max)
{
	message_max = max;
}

uint64_t
accept_max(void)
{
	return message_max;
}

/* ---- before the first life is durable there is no id to give */

static bool
parks_unborn(struct request *r, link_handler *redo)
{
	if (spool_ready())
		return false;
	if (unborn.next == NULL)
		list_init(&unborn);
	request_park(&unborn, r, redo);
	return true;
}

void
accept_ready(void)
{
	if (unborn.next != NULL)
		requests_redo(&unborn);
}

void
accept_hello(struct request *r)
{
	struct queue_hello_out out = { .limit = message_max };

	if (parks_unborn(r, accept_hello))
		return;
	out.key = spool_key();
	answer(r, WIRE_OK, &out);
}

/* ---- the envelope */

static bool
sane(const struct queue_submit_in *in)
{
	if (in->n_recipients == 0 || in->return_path.n > RCPT_ADDRESS_MAX ||
	    in->client.n > RCPT_ADDRESS_MAX ||
	    in->envid.n > RCPT_ADDRESS_MAX || in->token.n > TOKEN_MAX ||
	    in->before.n + in->after.n > PREFIX_MAX ||
	    in->body.n > WIRE_BODY_MAX)
		return false;
	for (size_t i = 0; i < in->n_recipients; i++)
		if (in->recipients[i].address.n == 0 ||
		    in->recipients[i].address.n > RCPT_ADDRESS_MAX ||
		    in->recipients[i].orcpt.n > 2 * RCPT_ADDRESS_MAX)
			return false;
	return true;
}

static void
add_rcpts(struct message *m, const struct queue_submit_in *in)
{
	m->n_asked = (uint32_t)in->n_recipients;
	m->asked = mem_array(m->n_asked, sizeof *m->asked);
	for (uint32_t i = 0; i < m->n_asked; i++) {
		const struct wire_recipient *to = &in->recipients[i];
		struct recipient_row row = { .address = to->address,
			.local = to->local != 0, .notify = to->notify,
			.orcpt = to->orcpt, .parent = i };

		message_rcpt(m, i, &row);
		m->asked[i] = i;
	}
}

struct message *
accept_envelope(struct request *r, const struct queue_submit_in *in,
    enum message_state state, link_handler *redo)
{
	struct envelope_row env = { .return_path = in->return_path,
		.sender = in->sender, .user = in->user, .client = in->client,
		.session = in->session, .envid = in->envid, .ret = in->ret,
		.smtputf8 = in->smtputf8, .eightbit = in->eightbit,
		.token = in->token,
		.before = in->before, .after = in->after,
		.size = in->body.n, .accepted = queue_clock() };
	struct message *m;
	uint64_t id;

	if (parks_unborn(r, redo))
		return NULL;
	if (!sane(in)) {
		request_turn_away(r, WIRE_BAD);
		return NULL;
	}
	/* Strangers' sessions have no logins: port 25 cannot claim one. */
	if (in->sender > SENDER_AUTHENTICATED ||
	    (in->sender == SENDER_AUTHENTICATED && r->from != NULL &&
	    link_peer(r->from) == ROLE_SMTPD)) {
		request_turn_away(r, WIRE_DENIED);
		return NULL;
	}
	if (!spool_room(in->body.n) || (id = spool_mint()) == 0) {
		stats.again++;
		request_turn_away(r, WIRE_AGAIN);
		return NULL;
	}
	m = message_new(id, state, &env);
	m->each = in->each != 0;
	m->once = in->once != 0;
	add_rcpts(m, in);
	return m;
}

/* ---- is it a retry? */

bool
accept_parks(struct request *r, struct slice token, link_handler *redo)
{
	struct message *writing = token_writing(token);

	if (writing == NULL)
		return false;
	request_park(&writing->waiters, r, redo);
	return true;
}

/* The numbers of an earlier transaction, by address. */
struct number {
	struct map_node	 node;
	uint32_t	 number;
};

/* The same id, and for each recipient the number it had: the same operations
   in store.  Recipients that are new get numbers behind the old ones. */
static void
take_over(struct message *m, struct memory *old)
{
	uint32_t n_old, n = m->n_rcpts, next;
	const uint64_t *hashes = memory_rcpts(old, &n_old);
	struct number *numbers = mem_array(n_old + 1, sizeof *numbers);
	struct rcpt *fresh = m->rcpts;
	struct map map = { 0 };

	for (uint32_t i = n_old; i-- > 0;) {
		numbers[i].number = i;
		map_put(&map, &numbers[i].node, hashes[i]);
	}
	m->rcpts = NULL;
	m->n_rcpts = m->cap_rcpts = 0;
	message_void(m, hashes, n_old);
	next = n_old;
	for (uint32_t i = 0; i < n; i++) {
		struct map_node *node = map_get(&map, fresh[i].hash);
		uint32_t number = next;

		if (node != NULL) {
			map_del(&map, node);
			number = CONTAINER(node, struct number, node)->number;
		} else
			next++;
		fresh[i].row.parent = number;
		message_rcpt(m, number, &fresh[i].row);
		m->asked[i] = number;
	}
	message_rename(m, memory_id(old));
	memory_taken(old);
	map_free(&map);
	free(numbers);
	free(fresh);
}

/* Those that the spool has already are answered for; how many? */
static uint32_t
cover(struct message *m)
{
	uint32_t covered = 0;

	for (uint32_t i = 0; i < m->n_asked; i++) {
		struct rcpt *r = &m->rcpts[m->asked[i]];

		if (!token_covers(m->env.token, r->hash, i))
			continue;
		r->state = r->then = RCPT_FINISHED;
		m->asked[i] = RCPT_COVERED;
		covered++;
	}
	return covered;
}

static void
request_lost(struct request *r)
{
	accept_lost(r->owner);
}

void
accept_whole(struct message *m, struct request *r)
{
	struct memory *old = token_unanswered(m->env.token);
	uint32_t covered;

	m->request = r;
	r->owner = m;
	r->lost = request_lost;
	if (old != NULL)
		take_over(m, old);
	covered = cover(m);
	if (old != NULL || covered > 0) {
		LOG(message_retried, .id = m->id, .session = m->env.session,
		    .covered = covered);
		stats.retried++;
	}
	if (covered < m->n_asked) {
		hold_or_write(m);
		return;
	}
	accept_answer(m);
	if (m->blob != 0)
		blob_release(spool_engine(), m->blob);
	message_step(m, STEP_refused);
}

void
accept_submit(struct request *r)
{
	const struct queue_submit_in *in = REQUEST(queue_submit, r);
	struct message *m;

	if (accept_parks(r, in->token, accept_submit))
		return;
	m = accept_envelope(r, in, MESSAGE_WHOLE, accept_submit);
	if (m == NULL)
		return;
	m->body = in->body;
	accept_whole(m, r);
}

/* ---- the answer */

static struct wire_verdict
verdict(const struct message *m, uint32_t number)
{
	const struct rcpt *r = &m->rcpts[number];

	if (number == RCPT_COVERED)
		return (struct wire_verdict){ .outcome = OUTCOME_QUEUED };
	if (r->outcome == OUTCOME_STORED)
		return (struct wire_verdict){ .outcome = OUTCOME_STORED };
	if (!rcpt_refused(r) || (!m->each && m->state != MESSAGE_HELD))
		return (struct wire_verdict){ .outcome = OUTCOME_QUEUED };
	/* The answer for 10,000 recipients must fit into one frame. */
	return (struct wire_verdict){ .outcome = r->outcome,
		.code = r->row.code,
		.text = slice_take(r->row.why, m->n_asked > 1000 ? 40 : 256) };
}

/* The request, once: from here on the session waits for nothing. */
static struct request *
session_take(struct message *m)
{
	struct request *r = m->request;

	m->request = NULL;
	intake_end(m);
	if (r != NULL) {
		r->owner = NULL;
		r->lost = NULL;
	}
	return r;
}

void
accept_answer(struct message *m)
{
	struct request *r = session_take(m);
	struct queue_submit_out submit = { .id = m->id };
	struct queue_commit_out commit = { .id = m->id };
	struct wire_verdict *verdicts;

	if (r == NULL)
		return;
	verdicts = arena_array(&r->arena, m->n_asked, sizeof *verdicts);
	for (uint32_t i = 0; i < m->n_asked; i++)
		verdicts[i] = verdict(m, m->asked[i]);
	submit.verdicts = commit.verdicts = verdicts;
	submit.n_verdicts = commit.n_verdicts = m->n_asked;
	if (r->call == WIRE_queue_submit)
		answer(r, WIRE_OK, &submit);
	else
		answer(r, WIRE_OK, &commit);
}

void
accept_refuse(struct message *m, enum wire_status status)
{
	struct request *r = session_take(m);

	stats.again++;
	if (r != NULL)
		answer(r, status, NULL);
}

/* Its 250 will never be given (hand-off rule 7).  The bytes may lie in the
   request, so the message goes first. */
void
accept_lost(struct message *m)
{
	struct request *r = session_take(m);

	if (m->state == MESSAGE_HELD) {
		LOG(message_dropped, .id = m->id, .session = m->env.session,
		    .from = m->env.return_path);
		token_forsaken(m);
		message_step(m, STEP_lost);
	} else {
		CHECK(m->state == MESSAGE_WRITING);
		token_unheard(m);
		m->body = slice_of("", 0);
	}
	if (r != NULL)
		answer(r, WIRE_GONE, NULL);
}

void
accept_log(const struct message *m, const char *how)
{
	if (how == NULL) {
		LOG(message_declined, .id = m->id, .session = m->env.session,
		    .from = m->env.return_path, .recipients = m->n_asked);
		return;
	}
	LOG(message_accepted, .id = m->id, .session = m->env.session,
	    .from = m->env.return_path, .recipients = m->n_asked,
	    .rcpt = m->n_rcpts > 0 ? m->rcpts[0].row.address :
	    slice_of("", 0),
	    .size = message_size(m), .how = slice_str(how));
	/* What became of those of a held one is said at once. */
	for (uint32_t i = 1; m->state == MESSAGE_WRITING && i < m->n_asked &&
	    i < m->n_rcpts; i++)
		LOG(message_for, .id = m->id, .rcpt = m->rcpts[i].row.address);
}
