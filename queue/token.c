#include "queue/token.h"

#include <stdlib.h>
#include <string.h>

#include "queue/spool.h"

enum { REMEMBERED = 24 * 3600 * 1000 };	/* ms */

enum kind {
	UNANSWERED,	/* in memory only */
	UNHEARD,	/* its message is being written */
	ACCEPTED,	/* matches; a row, unless it was `once` and all is stored */
	ANSWERED,	/* a row for a later life; in this one it never matches */
};

struct memory {
	struct map_node	 by_token;
	struct heap_node live;		/* UNANSWERED: keeps the id live */
	struct node	 age;		/* in the list of all */
	enum kind	 kind;
	uint64_t	 id, when;
	struct message	*m;		/* UNHEARD */
	struct buf	 token;
	uint64_t	*hashes;
	uint32_t	 n;
};

static struct map	 memories;
static struct node	 ages;
static struct timer	 forget_timer;

/* FNV-1a: it is kept on disk, so it never changes. */
uint64_t
token_hash(struct slice s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
	return h;
}

/* ---- the memories */

static bool
is_old(const struct memory *y)
{
	return y->kind != UNHEARD && y->when + REMEMBERED <= queue_clock();
}

static struct memory *
next_of(struct map_node *n, struct slice token)
{
	for (; n != NULL; n = n->next) {
		struct memory *y = CONTAINER(n, struct memory, by_token);

		if (slice_eq(buf_view(&y->token), token) && !is_old(y))
			return y;
	}
	return NULL;
}

/* Each memory of a token that still counts, the newest first. */
#define EACH_MEMORY(y, token)						\
	for (struct memory *y = (token).n == 0 ? NULL :			\
	    next_of(map_get(&memories, token_hash(token)), token);	\
	    y != NULL; y = next_of(y->by_token.next, token))

static void
memory_free(struct memory *y)
{
	map_del(&memories, &y->by_token);
	live_del(&y->live);
	list_del(&y->age);
	buf_free(&y->token);
	free(y->hashes);
	free(y);
}

/* Rows of what is too old go in one commit; if that finds no room, the next
   start finds them. */
static void
forget_old(struct timer *t)
{
	struct txn *txn = spool_begin();

	LIST_EACH(n, &ages) {
		struct memory *y = CONTAINER(n, struct memory, age);

		if (!is_old(y))
			continue;
		if (y->kind != UNANSWERED)
			spool_del_token(txn, buf_view(&y->token), y->id);
		memory_free(y);
	}
	txn_commit(txn, NULL, NULL);
	if (!list_empty(&ages))
		timer_set(t, loop_now() + REMEMBERED / 24);
}

static struct memory *
memory_new(enum kind kind, struct slice token, uint64_t id, uint64_t when)
{
	struct memory *y = mem_zero(sizeof *y);

	if (ages.next == NULL)
		list_init(&ages);
	if (list_empty(&ages)) {
		forget_timer.fire = forget_old;
		timer_set(&forget_timer, loop_now() + REMEMBERED / 24);
	}
	y->kind = kind;
	y->id = id;
	y->when = when;
	buf_slice(&y->token, token);
	map_put(&memories, &y->by_token, token_hash(token));
	list_push(&ages, &y->age);
	return y;
}

static struct memory *
memory_of(enum kind kind, const struct message *m)
{
	struct memory *y = memory_new(kind, m->env.token, m->id,
	    queue_clock());

	y->n = m->n_rcpts;
	y->hashes = mem_array(y->n, sizeof *y->hashes);
	for (uint32_t i = 0; i < y->n; i++)
		y->hashes[i] = m->rcpts[i].hash;
	return y;
}

/* ---- a message arrives */

struct message *
token_writing(struct slice token)
{
	EACH_MEMORY(y, token)
		if (y->kind == UNHEARD)
			return y->m;
	return NULL;
}

bool
token_covers(struct slice token, uint64_t hash, uint32_t likely_number)
{
	EACH_MEMORY(y, token) {
		if (y->kind == ACCEPTED && likely_number < y->n &&
		    y->hashes[likely_number] == hash)
			return true;
		for (uint32_t i = 0; y->kind == ACCEPTED && i < y->n; i++)
			if (y->hashes[i] == hash)
				return true;
	}
	return false;
}

struct memory *
token_unanswered(struct slice token)
{
	EACH_MEMORY(y, token)
		if (y->kind == UNANSWERED)
			return y;
	return NULL;
}

uint64_t
memory_id(const struct memory *y)
{
	return y->id;
}

const uint64_t *
memory_rcpts(const struct memory *y, uint32_t *n)
{
	*n = y->n;
	return y->hashes;
}

void
memory_taken(struct memory *y)
{
	memory_free(y);
}

/* ---- a session ends, a message is written, a message ends */

static struct memory *
memory_of_message(const struct message *m)
{
	EACH_MEMORY(y, m->env.token)
		if (y->id == m->id)
			return y;
	return NULL;
}

void
token_forsaken(const struct message *m)
{
	struct memory *y = memory_of_message(m);

	if (m->env.token.n == 0)
		return;
	if (y == NULL)
		y = memory_of(UNANSWERED, m);
	y->kind = UNANSWERED;
	y->m = NULL;
	live_add(&y->live, y->id);
}

void
token_unheard(struct message *m)
{
	if (m->env.token.n > 0)
		memory_of(UNHEARD, m)->m = m;
}

void
token_answered(const struct message *m)
{
	if (m->once && m->env.token.n > 0)
		memory_of(ACCEPTED, m);
}

static void
row_put(struct txn *txn, const struct message *m)
{
	struct buf value = { 0 };

	buf_be64(&value, m->env.accepted);
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		buf_be64(&value, m->rcpts[i].hash);
	spool_put_token(txn, m->env.token, m->id, buf_view(&value));
	buf_free(&value);
}

void
token_write(struct txn *txn, const struct message *m)
{
	if (m->env.token.n > 0)
		row_put(txn, m);
}

void
token_written(const struct message *m, bool over)
{
	struct memory *y = memory_of_message(m);

	if (y == NULL && (over || m->once) && m->env.token.n > 0)
		y = memory_of(m->once ? ACCEPTED : ANSWERED, m);
	else if (y != NULL)
		y->kind = ACCEPTED;
	if (y != NULL)
		y->m = NULL;
}

/* Store remembers the tokens of what it stored, also for later lives.  The
   row is needed where a copy went another way, and where it must match. */
void
token_finish(struct txn *txn, const struct message *m)
{
	bool stored = true;

	if (m->env.token.n == 0 || memory_of_message(m) != NULL)
		return;
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].row.address.n > 0 && (!m->rcpts[i].row.local ||
		    m->rcpts[i].outcome != OUTCOME_STORED))
			stored = false;
	if (stored)
		spool_del_token(txn, m->env.token, m->id);
	else
		memory_of(ANSWERED, m);
}

/* ---- the spool */

void
token_found(struct slice token, uint64_t id, struct slice value)
{
	struct memory *y;

	if (token.n == 0 || token.n > TOKEN_MAX || value.n < 8 ||
	    value.n % 8 != 0)
		return;
	y = memory_new(ACCEPTED, token, id, be64_get(value.p));
	y->n = (uint32_t)(value.n / 8 - 1);
	y->hashes = mem_array(y->n, sizeof *y->hashes);
	for (uint32_t i = 0; i < y->n; i++)
		y->hashes[i] = be64_get(value.p + 8 + (size_t)i * 8);
}

void
token_forget(void)
{
	timer_stop(&forget_timer);
	while (ages.next != NULL && !list_empty(&ages))
		memory_free(CONTAINER(ages.next, struct memory, age));
	map_free(&memories);
}

size_t
token_count(void)
{
	return memories.n;
}
