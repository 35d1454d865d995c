#include "store/known.h"

#include <time.h>

#include "common/core/codec.h"
#include "common/core/log.h"
#include "store/store.h"

enum { TOKEN_TIME = 24 * 3600, HALF_DAY = 12 * 3600 };	/* seconds */

/* The mark: as heard, as being written (0: none is), as durable. */
static struct {
	uint64_t heard, flying, durable;
} mark;

/* ---- the mark */

bool
known_open(void)
{
	struct key k = key_user(0);
	struct buf value = { 0 };
	enum engine_status s = engine_get(store.engine, ENGINE_ROWS,
	    key_view(&k), &value, NULL);
	bool good = s == ENGINE_NONE || (s == ENGINE_OK && value.n == 8);

	known_close();
	if (good && s == ENGINE_OK)
		mark.heard = mark.durable = be64_get(value.p);
	buf_free(&value);
	return good;
}

void
known_close(void)
{
	mark.heard = mark.flying = mark.durable = 0;
}

void
known_forget(struct txn *t)
{
	struct key k = key_user(0);

	txn_del(t, ENGINE_ROWS, key_view(&k));
	known_close();
}

static void
mark_landed(void *arg, enum engine_status status)
{
	(void)arg;
	if (status == ENGINE_OK)
		mark.durable = mark.flying;
	mark.flying = 0;
}

/* At most one in a group. */
static void
mark_write(void)
{
	struct key k = key_user(0);
	struct txn *t;
	char value[8];

	if (mark.flying != 0 || mark.heard == mark.durable)
		return;
	be64_put(value, mark.heard);
	t = txn_begin(store.engine, 0);
	txn_put(t, ENGINE_ROWS, key_view(&k), slice_of(value, sizeof value), 0);
	mark.flying = mark.heard;
	txn_commit(t, mark_landed, NULL);
}

bool
known_stale(uint64_t id, uint64_t low_water)
{
	if (low_water > mark.heard && low_water <= id &&
	    (int64_t)(low_water >> 32) <= time(NULL))
		mark.heard = low_water;
	return id < mark.heard;
}

/* ---- looking */

static struct op *
op_flying(struct user *u, uint64_t id, struct slice token)
{
	LIST_EACH(n, &u->ops) {
		struct op *op = CONTAINER(n, struct op, node);

		if (op->id == id || (token.n > 0 &&
		    slice_eq(op->token, token) && op->id >> 32 != id >> 32))
			return op;
	}
	return NULL;
}

static enum known
token_find(struct user *u, uint64_t id, struct slice token,
    struct op_row *row, struct buf *bytes)
{
	uint64_t now = (uint64_t)time(NULL);
	struct token_row t;

	for (uint32_t ago = 0; ago <= TOKEN_TIME / HALF_DAY; ago++) {
		struct key k = key_token(u->id,
		    (uint32_t)(now / HALF_DAY) - ago, token);
		enum engine_status s;

		buf_clear(bytes);
		s = engine_get(store.engine, ENGINE_ROWS, key_view(&k), bytes,
		    NULL);
		if (s == ENGINE_NONE)
			continue;
		if (s != ENGINE_OK || !token_row_get(buf_view(bytes), &t))
			return KNOWN_DAMAGED;
		if (t.life == id >> 32 || t.when + TOKEN_TIME < now)
			continue;
		*row = (struct op_row){ .outcome = OUTCOME_STORED,
			.mailbox = t.mailbox, .uid = t.uid };
		return KNOWN_TOKEN;
	}
	return KNOWN_NOT;
}

enum known
known_find(struct user *u, uint64_t id, struct slice token,
    struct op_row *row, struct buf *bytes, struct op **op)
{
	struct key k = key_op(u->id, id);
	enum engine_status s;

	if ((*op = op_flying(u, id, token)) != NULL)
		return KNOWN_SOON;
	buf_clear(bytes);
	s = engine_get(store.engine, ENGINE_ROWS, key_view(&k), bytes, NULL);
	if (s == ENGINE_OK && op_row_get(buf_view(bytes), row))
		return KNOWN_OUTCOME;
	if (s != ENGINE_NONE)
		return KNOWN_DAMAGED;
	if (token.n == 0)
		return KNOWN_NOT;
	return token_find(u, id, token, row, bytes);
}

/* ---- writing */

static bool
first_op(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct user *u = arg;

	(void)value;
	(void)blob;
	if (key.n == 17)
		u->oldest_op = be64_get(key.p + 9);
	return false;
}

/* Ids below the mark are stale: their outcomes are of no use. */
static void
forget_ops(struct op *op)
{
	struct user *u = op->change.user;
	struct key from = key_op(u->id, 0), to = key_op(u->id, mark.durable);

	if (u->oldest_op == 0) {
		struct key end = key_table(u->id, TABLE_OPS + 1);

		u->oldest_op = UINT64_MAX;
		engine_scan(store.engine, ENGINE_ROWS, key_view(&from),
		    key_view(&end), first_op, u);
	}
	if (u->oldest_op < mark.durable) {
		txn_delrange(op->change.txn, key_view(&from), key_view(&to));
		u->oldest_op = mark.durable;
	}
	if (op->id < u->oldest_op)
		u->oldest_op = op->id;
}

static void
put_token(struct op *op)
{
	struct user *u = op->change.user;
	uint64_t now = (uint64_t)time(NULL);
	uint32_t half = (uint32_t)(now / HALF_DAY);
	uint32_t oldest = half - TOKEN_TIME / HALF_DAY;
	struct token_row row = { .life = (uint32_t)(op->id >> 32), .when = now,
		.mailbox = op->row.mailbox, .uid = op->row.uid };
	struct key k = key_token(u->id, half, op->token);
	struct buf value = { 0 };

	if (u->oldest_token != oldest) {
		struct key from = key_table(u->id, TABLE_TOKENS);
		struct key to = key_token(u->id, oldest, slice_of(NULL, 0));

		txn_delrange(op->change.txn, key_view(&from), key_view(&to));
		u->oldest_token = oldest;
	}
	token_row_put(&value, &row);
	txn_put(op->change.txn, ENGINE_ROWS, key_view(&k), buf_view(&value),
	    0);
	buf_free(&value);
}

void
op_begin(struct op *op)
{
	struct user *u = op->change.user;
	struct key k = key_op(u->id, op->id);
	struct buf value = { 0 };

	mark_write();
	forget_ops(op);
	op_row_put(&value, &op->row);
	txn_put(op->change.txn, ENGINE_ROWS, key_view(&k), buf_view(&value),
	    0);
	buf_free(&value);
	if (op->token.n > 0)
		put_token(op);
	list_init(&op->joiners);
	list_push(&u->ops, &op->node);
}

void
op_end(struct op *op)
{
	list_del(&op->node);
}
