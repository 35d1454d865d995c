#include "queue/message.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/mail/trace.h"
#include "queue/hold.h"
#include "queue/intake.h"
#include "queue/lease.h"
#include "queue/schedule.h"
#include "queue/settle.h"
#include "queue/spool.h"
#include "queue/token.h"

const struct state_row state_rows[MESSAGE_STATES] = {
#define STATE(name, meaning, crash)	{ #name, meaning, crash },
#include "queue/states.def"
};

const struct step_row step_rows[MESSAGE_STEPS] = {
#define STEP(name, from, to, when)					\
	{ #name, MESSAGE_##from, MESSAGE_##to, when },
#include "queue/states.def"
};

static struct map	 messages;
static struct heap	 live;

static uint64_t
clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t (*queue_clock)(void) = clock_now;

/* ---- birth */

struct message *
message_new(uint64_t id, enum message_state state,
    const struct envelope_row *env)
{
	struct message *m = mem_zero(sizeof *m);

	m->id = id;
	m->state = state;
	m->env = *env;
	m->env.return_path = arena_slice(&m->arena, env->return_path);
	m->env.client = arena_slice(&m->arena, env->client);
	m->env.envid = arena_slice(&m->arena, env->envid);
	m->env.token = arena_slice(&m->arena, env->token);
	m->env.before = arena_slice(&m->arena, env->before);
	m->env.after = arena_slice(&m->arena, env->after);
	list_init(&m->leases);
	list_init(&m->parcels);
	list_init(&m->waiters);
	map_put(&messages, &m->by_id, id);
	heap_put(&live, &m->live, id);
	return m;
}

void
message_rename(struct message *m, uint64_t id)
{
	map_del(&messages, &m->by_id);
	heap_del(&live, &m->live);
	m->id = id;
	map_put(&messages, &m->by_id, id);
	heap_put(&live, &m->live, id);
}

static void
rcpts_grow(struct message *m, uint32_t n)
{
	uint32_t cap = m->cap_rcpts == 0 ? 1 : m->cap_rcpts;

	while (cap < n)
		cap *= 2;
	if (cap > m->cap_rcpts) {
		struct rcpt *v = mem_array(cap, sizeof *v);

		if (m->n_rcpts > 0)
			memcpy(v, m->rcpts, m->n_rcpts * sizeof *v);
		free(m->rcpts);
		m->rcpts = v;
		m->cap_rcpts = cap;
	}
	for (; m->n_rcpts < n; m->n_rcpts++)
		m->rcpts[m->n_rcpts] = (struct rcpt){
			.state = RCPT_FINISHED, .then = RCPT_FINISHED,
			.row.parent = m->n_rcpts };
}

struct rcpt *
message_rcpt(struct message *m, uint32_t number,
    const struct recipient_row *row)
{
	struct rcpt *r;

	rcpts_grow(m, number + 1);
	r = &m->rcpts[number];
	r->row = *row;
	r->row.address = arena_slice(&m->arena, row->address);
	r->row.orcpt = arena_slice(&m->arena, row->orcpt);
	r->row.code = arena_slice(&m->arena, row->code);
	r->row.why = arena_slice(&m->arena, row->why);
	r->row.remote = arena_slice(&m->arena, row->remote);
	r->row.return_path = arena_slice(&m->arena, row->return_path);
	r->hash = token_hash(row->address);
	r->outcome = OUTCOME_LATER;
	r->state = row->state;
	r->then = row->state;
	return r;
}

void
message_void(struct message *m, const uint64_t *hashes, uint32_t n)
{
	rcpts_grow(m, n);
	for (uint32_t i = 0; i < n; i++)
		m->rcpts[i].hash = hashes[i];
}

/* ---- death, and every other step */

static void
message_free(struct message *m)
{
	struct node waiters;

	intake_end(m);
	lease_orphan(m);
	hold_release(m);
	schedule_del(m);
	list_init(&waiters);
	while (!list_empty(&m->waiters))
		list_push(&waiters, list_pop(&m->waiters));
	map_del(&messages, &m->by_id);
	heap_del(&live, &m->live);
	timer_stop(&m->limit);
	buf_free(&m->kept);
	arena_free(&m->arena);
	free(m->packed);
	settle_forget(m);
	free(m->rcpts);
	free(m->asked);
	free(m);
	requests_redo(&waiters);
}

void
message_step(struct message *m, enum message_step step)
{
	CHECK(m->state == step_rows[step].from);
	m->state = step_rows[step].to;
	if (m->state == MESSAGE_GONE)
		message_free(m);
}

/* ---- looking */

struct message *
message_find(uint64_t id)
{
	struct map_node *n = map_get(&messages, id);

	return n == NULL ? NULL : CONTAINER(n, struct message, by_id);
}

size_t
message_count(void)
{
	return messages.n;
}

struct visit {
	void		(*fn)(struct message *, void *);
	void		*arg;
};

static void
visit_one(struct map_node *n, void *arg)
{
	struct visit *v = arg;

	v->fn(CONTAINER(n, struct message, by_id), v->arg);
}

void
message_each(void (*fn)(struct message *, void *), void *arg)
{
	struct visit v = { fn, arg };

	map_each(&messages, visit_one, &v);
}

uint64_t
message_size(const struct message *m)
{
	uint64_t prefix = m->slim ? m->prefix_n :
	    m->env.before.n + 16 + m->env.after.n;

	return prefix + m->env.size;
}

/* A report of our own has none, and so no id in it. */
static void
prefix(struct buf *b, const struct envelope_row *env, uint64_t id)
{
	if (env->before.n + env->after.n == 0)
		return;
	buf_slice(b, env->before);
	buf_printf(b, "%016llx", (unsigned long long)id);
	buf_slice(b, env->after);
}

bool
message_prefix(const struct message *m, struct buf *b)
{
	struct envelope_row env;
	struct buf row = { 0 };
	bool good = true;

	if (!m->slim)
		prefix(b, &m->env, m->id);
	else if ((good = spool_get_envelope(m->id, &row, &env)))
		prefix(b, &env, m->id);
	buf_free(&row);
	return good;
}

bool
message_has(const struct message *m, enum rcpt_state state)
{
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].state == state)
			return true;
	return false;
}

bool
message_tellable(const struct message *m)
{
	return m->env.return_path.n > 0 && m->env.sender != SENDER_STRANGER;
}

struct slice
rcpt_path(const struct message *m, const struct rcpt *r)
{
	return r->row.return_path.n > 0 ? r->row.return_path :
	    m->env.return_path;
}

/* Its own number, if it came from nobody. */
static uint32_t
parent_of(const struct message *m, const struct rcpt *r)
{
	uint32_t number = (uint32_t)(r - m->rcpts);

	return r->row.parent < number ? r->row.parent : number;
}

bool
rcpt_siblings(const struct message *m, const struct rcpt *a,
    const struct rcpt *b)
{
	uint32_t pa = parent_of(m, a), pb = parent_of(m, b);

	return pa == pb || (&m->rcpts[pa] == a && &m->rcpts[pb] == b);
}

/* A header of plain mail has no place for an address in UTF-8. */
static bool
is_plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 127)
			return false;
	return true;
}

void
rcpt_trace(const struct message *m, const struct rcpt *r, struct buf *b)
{
	const struct rcpt *parent;

	for (; (parent = &m->rcpts[parent_of(m, r)]) != r; r = parent)
		if (m->env.smtputf8 || is_plain(parent->row.address))
			trace_delivered_to(b, parent->row.address);
}

struct slice
address_domain(struct slice address)
{
	size_t at = address.n;

	while (at > 0 && address.p[at - 1] != '@')
		at--;
	return at == 0 ? slice_of("", 0) : slice_drop(address, at);
}

static void
forget_one(struct map_node *n, void *arg)
{
	(void)arg;
	message_free(CONTAINER(n, struct message, by_id));
}

void
message_forget(void)
{
	map_each(&messages, forget_one, NULL);
}

/* ---- the low-water mark */

uint64_t
live_low(void)
{
	const struct heap_node *top = heap_top(&live);

	return top == NULL ? 0 : top->key;
}

void
live_add(struct heap_node *n, uint64_t id)
{
	heap_put(&live, n, id);
}

void
live_del(struct heap_node *n)
{
	heap_del(&live, n);
}

/* ---- requests that wait */

struct parked {
	struct node	 node;
	struct request	*request;
	link_handler	*redo;
};

/* fd is the first field of every _in struct. */
void
request_turn_away(struct request *r, enum wire_status status)
{
	const int *fd = r->in;

	if (*fd > 0)
		close(*fd);
	answer(r, status, NULL);
}

static void
parked_lost(struct request *r)
{
	struct parked *p = r->owner;

	list_del(&p->node);
	request_turn_away(r, WIRE_GONE);
}

void
request_park(struct node *list, struct request *r, link_handler *redo)
{
	struct parked *p = arena_alloc(&r->arena, sizeof *p);

	*p = (struct parked){ .request = r, .redo = redo };
	list_push(list, &p->node);
	r->owner = p;
	r->lost = parked_lost;
}

/* Only those that wait now: a request may park itself again. */
void
requests_redo(struct node *list)
{
	struct node now, *n;

	list_init(&now);
	while ((n = list_pop(list)) != NULL)
		list_push(&now, n);
	while ((n = list_pop(&now)) != NULL) {
		struct parked *p = CONTAINER(n, struct parked, node);

		p->request->owner = NULL;
		p->request->lost = NULL;
		p->redo(p->request);
	}
}
