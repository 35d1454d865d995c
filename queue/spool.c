#include "queue/spool.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "common/core/log.h"
#include "queue/hold.h"
#include "queue/pack.h"
#include "queue/schedule.h"
#include "queue/token.h"

enum {
	UNIT = 1,
	LIFE_RETRY = 1000,	/* ms, when the disk is full at the start */
	LIFE_ENDS = UINT32_MAX - 65536,	/* a new life begins in good time */
	SLACK = 64 * 1024,	/* rows and headers of one message */
	FULL_OVER = 10 * 1000,	/* ms without a refusal: there is room again */
};

static struct engine	*engine;
static void		(*on_ready)(void);
static char		 token_key[SPOOL_KEY];
static uint32_t		 life, next_life, counter;
static bool		 alive;		/* life is durable */
static uint64_t		 refused_at;	/* 0: it is not full */
static uint64_t		 refused_bytes;	/* the largest of them */
static struct timer	 life_timer;

/* ---- keys */


static struct slice
key_begin(struct buf *b, char table)
{
	buf_clear(b);
	buf_be64(b, UNIT);
	buf_char(b, table);
	return buf_view(b);
}

static struct slice
key_id(struct buf *b, char table, uint64_t id)
{
	key_begin(b, table);
	buf_be64(b, id);
	return buf_view(b);
}

static struct slice
key_rcpt(struct buf *b, uint64_t id, uint32_t number)
{
	key_id(b, 'R', id);
	buf_be32(b, number);
	return buf_view(b);
}

/* ---- lives and ids */

static void	life_begin(struct timer *);

static void
life_durable(void *arg, enum engine_status status)
{
	(void)arg;
	if (status != ENGINE_OK) {
		timer_set(&life_timer, loop_now() + LIFE_RETRY);
		return;
	}
	life = next_life;
	counter = 0;
	alive = true;
	if (on_ready != NULL)
		on_ready();
	on_ready = NULL;
}

/* Life = max(last + 1, clock seconds): also a spool that was restored from a
   backup does not live a life twice. */
static void
life_begin(struct timer *t)
{
	uint64_t seconds = queue_clock() / 1000;
	struct txn *txn = txn_begin(engine, UNIT);
	struct buf key = { 0 }, value = { 0 };

	(void)t;
	next_life = life + 1;
	if (seconds < UINT32_MAX && next_life < (uint32_t)seconds)
		next_life = (uint32_t)seconds;
	buf_be32(&value, next_life);
	buf_add(&value, token_key, sizeof token_key);
	txn_put(txn, ENGINE_ROWS, key_begin(&key, 'L'), buf_view(&value), 0);
	txn_small(txn);		/* a full spool must be emptied */
	txn_commit(txn, life_durable, NULL);
	buf_free(&key);
	buf_free(&value);
}

static void
life_read(void)
{
	struct buf key = { 0 }, value = { 0 };
	enum engine_status status = engine_get(engine, ENGINE_ROWS,
	    key_begin(&key, 'L'), &value, NULL);

	if (status == ENGINE_OK && value.n == 4 + sizeof token_key) {
		life = be32_get(value.p);
		memcpy(token_key, value.p + 4, sizeof token_key);
	} else if (status != ENGINE_NONE) {
		/* Without its last life no id would be safe (rule 1). */
		errno = 0;
		fatal("the queue's life cannot be read");
	} else if (getrandom(token_key, sizeof token_key, 0) !=
	    (ssize_t)sizeof token_key)
		fatal("getrandom");
	buf_free(&key);
	buf_free(&value);
}

uint64_t
spool_mint(void)
{
	if (!alive)
		return 0;
	if (++counter == LIFE_ENDS)
		life_begin(NULL);
	if (counter == UINT32_MAX) {
		alive = false;
		return 0;
	}
	return (uint64_t)life << 32 | counter;
}

uint32_t
spool_life(void)
{
	return life;
}

bool
spool_ready(void)
{
	return alive;
}

struct slice
spool_key(void)
{
	return slice_of(token_key, sizeof token_key);
}

struct engine *
spool_engine(void)
{
	return engine;
}

/* ---- writing */

bool
spool_room(uint64_t bytes)
{
	uint64_t held = hold_bytes() + SLACK;

	if (!engine_room(engine, bytes + held)) {
		if (refused_at == 0)
			LOG(spool_full, .bytes = bytes);
		refused_at = loop_now() | 1;
		if (bytes > refused_bytes)
			refused_bytes = bytes;
		return false;
	}
	/* That a smaller one has room says little. */
	if (refused_at != 0 && loop_now() >= refused_at + FULL_OVER &&
	    engine_room(engine, refused_bytes + held)) {
		LOG(spool_has_room, .bytes = refused_bytes);
		refused_at = refused_bytes = 0;
	}
	return true;
}

struct txn *
spool_begin(void)
{
	return txn_begin(engine, UNIT);
}

bool
spool_durable(enum engine_status status)
{
	if (status != ENGINE_OK && status != ENGINE_FULL) {
		errno = 0;
		fatal("a commit of the spool ended with %d", (int)status);
	}
	return status == ENGINE_OK;
}

bool
spool_get_envelope(uint64_t id, struct buf *row, struct envelope_row *env)
{
	struct buf key = { 0 };
	enum engine_status status = engine_get(engine, ENGINE_ROWS,
	    key_id(&key, 'M', id), row, NULL);
	bool good = status == ENGINE_OK && envelope_get(buf_view(row), env);

	if (!good)
		LOG(spool_unreadable, .id = id, .what = SLICE("envelope"));
	buf_free(&key);
	return good;
}

void
spool_put_envelope(struct txn *txn, const struct message *m)
{
	struct buf key = { 0 }, value = { 0 }, old = { 0 };
	struct envelope_row env = m->env, before;

	/* The prefix of what waits is only on disk (pack.h). */
	if (m->slim && spool_get_envelope(m->id, &old, &before)) {
		env.before = before.before;
		env.after = before.after;
	}
	envelope_put(&value, &env);
	txn_put(txn, ENGINE_ROWS, key_id(&key, 'M', m->id), buf_view(&value),
	    m->blob);
	buf_free(&key);
	buf_free(&value);
	buf_free(&old);
}

/* A recipient is written in the state that this commit brings. */
void
spool_put_rcpt(struct txn *txn, const struct message *m, uint32_t number)
{
	struct recipient_row row = m->rcpts[number].row;
	struct buf key = { 0 }, value = { 0 };

	row.state = m->rcpts[number].then;
	if (row.state == RCPT_SETTLED || row.state == RCPT_LEASED)
		row.state = RCPT_DUE;	/* this commit does not end it */
	recipient_put(&value, &row);
	txn_put(txn, ENGINE_ROWS, key_rcpt(&key, m->id, number),
	    buf_view(&value), 0);
	buf_free(&key);
	buf_free(&value);
}

void
spool_put(struct txn *txn, const struct message *m)
{
	spool_put_envelope(txn, m);
	for (uint32_t i = 0; i < m->n_rcpts; i++)
		spool_put_rcpt(txn, m, i);
}

void
spool_remove(struct txn *txn, uint64_t id)
{
	struct buf from = { 0 }, to = { 0 };

	txn_del(txn, ENGINE_ROWS, key_id(&from, 'M', id));
	txn_delrange(txn, key_id(&from, 'R', id), key_id(&to, 'R', id + 1));
	buf_free(&from);
	buf_free(&to);
}

static struct slice
key_token(struct buf *b, struct slice token, uint64_t id)
{
	key_begin(b, 'T');
	buf_slice(b, token);
	buf_be64(b, id);
	return buf_view(b);
}

void
spool_put_token(struct txn *txn, struct slice token, uint64_t id,
    struct slice value)
{
	struct buf key = { 0 };

	txn_put(txn, ENGINE_ROWS, key_token(&key, token, id), value, 0);
	buf_free(&key);
}

void
spool_del_token(struct txn *txn, struct slice token, uint64_t id)
{
	struct buf key = { 0 };

	txn_del(txn, ENGINE_ROWS, key_token(&key, token, id));
	buf_free(&key);
}

/* ---- reading */

static const size_t	ID_AT = 9;	/* in a key: unit, table */

static void
scan(char table, engine_row *row, void *arg)
{
	struct buf from = { 0 }, to = { 0 };
	enum engine_status status = engine_scan(engine, ENGINE_ROWS,
	    key_begin(&from, table), key_begin(&to, (char)(table + 1)), row,
	    arg);

	if (status != ENGINE_OK && status != ENGINE_NONE) {
		errno = 0;
		fatal("the spool cannot be read");
	}
	buf_free(&from);
	buf_free(&to);
}

static bool
found_message(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	uint64_t id = key.n == ID_AT + 8 ? be64_get(key.p + ID_AT) : 0;
	struct envelope_row env;
	struct message *m;

	(void)arg;
	if (id == 0 || !envelope_get(value, &env)) {
		LOG(spool_unreadable, .id = id, .what = SLICE("envelope"));
		return true;
	}
	m = message_new(id, env.aside ? MESSAGE_SET_ASIDE : MESSAGE_SPOOLED,
	    &env);
	m->blob = blob;
	message_pack(m);
	return true;
}

/* Recipients come message by message: each is packed when the next begins. */
static void
pack_before(struct message *m)
{
	static uint64_t last;
	struct message *before = message_find(last);

	if (before != NULL && before != m)
		message_pack(before);
	last = m == NULL ? 0 : m->id;
}

static bool
found_rcpt(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	bool whole = key.n == ID_AT + 12;
	uint64_t id = whole ? be64_get(key.p + ID_AT) : 0;
	uint32_t number = whole ? be32_get(key.p + ID_AT + 8) : 0;
	struct message *m = message_find(id);
	struct recipient_row row;

	(void)arg;
	(void)blob;
	/* A number far beyond what came before is rot: it would make us take
	   memory for all below it. */
	if (m == NULL || !recipient_get(value, &row) ||
	    row.state >= RCPT_STATES || row.state == RCPT_LEASED ||
	    row.state == RCPT_SETTLED ||
	    number > m->n_rcpts + WIRE_LIST_MAX)
		LOG(spool_unreadable, .id = id, .what = SLICE("recipient"));
	else {
		pack_before(m);
		message_rcpt(m, number, &row);
	}
	return true;
}

static bool
found_token(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	(void)arg;
	(void)blob;
	if (key.n > ID_AT + 8)
		token_found(slice_of(key.p + ID_AT, key.n - ID_AT - 8),
		    be64_get(key.p + key.n - 8), value);
	return true;
}

static void
found_schedule(struct message *m, void *arg)
{
	(void)arg;
	schedule(m);
}

void
spool_open(struct engine *e, void (*ready)(void))
{
	engine = e;
	on_ready = ready;
	alive = false;
	refused_at = refused_bytes = 0;
	life = 0;
	life_timer.fire = life_begin;
	life_read();
	scan('M', found_message, NULL);
	scan('R', found_rcpt, NULL);
	pack_before(NULL);
	scan('T', found_token, NULL);
	message_each(found_schedule, NULL);
	life_begin(NULL);
}

void
spool_forget(void)
{
	timer_stop(&life_timer);
	alive = false;
}

struct id_list {
	uint64_t	*ids;
	size_t		 n, max;
};

static bool
found_id(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct id_list *l = arg;

	(void)value;
	(void)blob;
	if (key.n == ID_AT + 8)
		l->ids[l->n++] = be64_get(key.p + ID_AT);
	return l->n < l->max;
}

size_t
spool_ids(uint64_t after, uint64_t *ids, size_t n)
{
	struct id_list l = { .ids = ids, .max = n };
	struct buf from = { 0 }, to = { 0 };

	if (after < UINT64_MAX && n > 0)
		engine_scan(engine, ENGINE_ROWS, key_id(&from, 'M', after + 1),
		    key_begin(&to, 'M' + 1), found_id, &l);
	buf_free(&from);
	buf_free(&to);
	return l.n;
}
