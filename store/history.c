#include "store/history.h"

#include "common/core/log.h"
#include "store/store.h"

enum { TRIM = 200 };	/* rows that go at once */

static struct key
first_key(const struct box *b)
{
	return key_expunged(b->user->id, b->number, 0);
}

static struct key
end_key(const struct box *b)
{
	return key_expunged(b->user->id, b->number + 1, 0);
}

/* ---- writing */

static bool
count_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct box *b = arg;

	(void)key;
	(void)blob;
	b->history_rows++;
	b->history_bytes += value.n;
	return true;
}

static void
history_count(struct box *b)
{
	struct key from = first_key(b), end = end_key(b);

	b->history_rows = 1;	/* counted */
	b->history_bytes = 0;
	engine_scan(store.engine, ENGINE_ROWS, key_view(&from),
	    key_view(&end), count_row, b);
}

struct oldest {
	unsigned	 rows;
	size_t		 bytes;
	uint64_t	 modseq;
};

static bool
oldest_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct oldest *o = arg;

	(void)blob;
	o->modseq = key_modseq(key);
	o->bytes += value.n;
	return ++o->rows < TRIM;
}

/* Forgets the oldest: all if few rows are so long. */
static void
history_trim(struct change *c, struct box *b)
{
	struct key from = first_key(b), end = end_key(b);
	struct oldest o = { 0 };

	engine_scan(store.engine, ENGINE_ROWS, key_view(&from),
	    key_view(&end), oldest_row, &o);
	if (o.rows == 0)
		return;
	end = key_expunged(b->user->id, b->number, o.modseq + 1);
	txn_delrange(c->txn, key_view(&from), key_view(&end));
	b->history_rows -= o.rows < b->history_rows ? o.rows : 0;
	b->history_bytes -= o.bytes < b->history_bytes ? o.bytes : 0;
	b->now.history = o.modseq;
}

void
history_put(struct change *c, struct part *p)
{
	struct box *b = p->box;
	struct key k = key_expunged(b->user->id, b->number, b->now.modseq);
	struct buf value = { 0 };

	if (b->history_rows == 0)
		history_count(b);
	if (b->history_rows > HISTORY_ROWS ||
	    b->history_bytes > HISTORY_BYTES)
		history_trim(c, b);
	if (ranges_put(&p->vanished, &value, 1, ENGINE_VALUE_MAX) != 0) {
		b->now.history = b->now.modseq;
		buf_free(&value);
		return;
	}
	b->history_rows++;
	b->history_bytes += value.n;
	change_put(c, &k, &value);
}

/* ---- reading */

struct reading {
	struct ranges	*out;
	struct ranges	 one;
	bool		 damaged;
};

static bool
vanished_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct reading *r = arg;

	(void)key;
	(void)blob;
	ranges_clear(&r->one);
	r->damaged |= !ranges_get(&r->one, value);
	for (size_t i = 0; i < r->one.n; i++)
		ranges_add(r->out, r->one.r[i].from, r->one.r[i].to);
	return !r->damaged;
}

/* All below uidnext that are not there. */
static void
all_vanished(struct box *b, struct ranges *out)
{
	struct range all = { 1, b->seen.uidnext - 1 };
	struct ranges set = { .r = &all, .n = b->seen.uidnext > 1 };

	ranges_subtract(out, &set, box_present(b));
}

void
history_vanished(struct box *b, uint64_t since, struct ranges *out)
{
	struct reading r = { .out = out };
	struct key from, end = end_key(b);

	ranges_clear(out);
	if (since < b->seen.history) {
		all_vanished(b, out);
		return;
	}
	if (since >= b->seen.modseq)
		return;
	from = key_expunged(b->user->id, b->number, since + 1);
	engine_scan(store.engine, ENGINE_ROWS, key_view(&from),
	    key_view(&end), vanished_row, &r);
	ranges_free(&r.one);
	if (r.damaged) {
		LOG(row_damaged, .user = b->user->id,
		    .what = SLICE("history"), .mailbox = b->number);
		all_vanished(b, out);
	}
}
