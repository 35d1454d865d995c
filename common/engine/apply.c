/*
 * What a record does to the index.  The same code runs after a commit and in
 * recovery, so both end at the same index.
 *
 * A version decides: a put loses against a newer row, a del or delrange
 * spares newer rows.  In the log's order that only matters for MOVED records
 * when the index is made anew and older copies are gone.
 *
 * All changes of the numbers of references of one transaction are added up
 * in `touched` and written at its end; a blob that then has no row is dead,
 * unless somebody holds its number or we are replaying a log whose next
 * records may name it.  Those are kept and listed in MARKS ("P", number), so
 * that recovery finds them without a walk through all blobs.
 *
 * MARKS: "M" the mark; "S", 4 number of a segment: 8 live, 8 graves.
 */
#include "common/engine/file.h"

#include <string.h>

#include "common/core/alive.h"
#include "common/core/codec.h"

enum {
	PLACE_SIZE = 29,
	ROW_HEAD = 20,
	MARK_SIZE = 28,
	CHANGES = 4000,		/* of rows in one transaction */
};

struct touch {
	struct map_node	 node;
	struct node	 list;
	struct place	 place;
	bool		 stored;	/* has a row in BLOBS */
	bool		 listed;	/* that row has no references */
};

static struct slice
number_key(char out[8], uint64_t number)
{
	be64_put(out, number);
	return slice_of(out, 8);
}

static bool
place_parse(struct slice s, struct place *p)
{
	if (s.n != PLACE_SIZE)
		return false;
	p->kind = (unsigned char)s.p[0];
	p->segment = be32_get(s.p + 1);
	p->offset = be64_get(s.p + 5);
	p->length = be64_get(s.p + 13);
	p->crc = be32_get(s.p + 21);
	p->refs = be32_get(s.p + 25);
	return true;
}

static bool
place_put(struct file *f, uint64_t number, const struct place *p)
{
	char key[8], v[PLACE_SIZE];

	v[0] = (char)p->kind;
	be32_put(v + 1, p->segment);
	be64_put(v + 5, p->offset);
	be64_put(v + 13, p->length);
	be32_put(v + 21, p->crc);
	be32_put(v + 25, p->refs);
	return index_put(f->index, INDEX_BLOBS, number_key(key, number),
	    slice_of(v, sizeof v)) == INDEX_OK;
}

enum index_result
place_get(struct file *f, uint64_t number, struct place *p)
{
	char key[8];
	enum index_result r = index_get(f->index, INDEX_BLOBS,
	    number_key(key, number), &f->scratch);

	if (r == INDEX_OK && !place_parse(buf_view(&f->scratch), p))
		return INDEX_BAD;
	return r;
}

/* Bytes of the log that a place keeps alive in its segment. */
static uint64_t
place_weight(const struct place *p)
{
	return p->kind == PLACE_SEGMENT ?
	    record_size((uint32_t)p->length) : 0;
}

static void
weigh(struct file *f, uint32_t segment, uint64_t plus, uint64_t minus)
{
	struct segment *s = segment_find(&f->segments, segment);

	if (s == NULL || plus == minus)
		return;
	if (minus > 0)
		reclaim_died(f);
	s->live += plus;
	s->live = s->live > minus ? s->live - minus : 0;
	s->dirty = true;
}

void
apply_drop(struct file *f)
{
	map_free(&f->touched);
	arena_reset(&f->arena);
}

bool
apply_begin(struct file *f)
{
	list_init(&f->touches);
	f->changes = 0;
	return index_begin(f->index) == INDEX_OK;
}

/* The blob in this transaction, read at its first use; NULL: index failed. */
static struct touch *
touch(struct file *f, uint64_t number)
{
	struct map_node *n = map_get(&f->touched, number);
	struct touch *t;
	enum index_result r;

	if (n != NULL)
		return CONTAINER(n, struct touch, node);
	t = arena_array(&f->arena, 1, sizeof *t);
	t->place.kind = PLACE_LOST;
	r = INDEX_NONE;
	if (number >= f->mark.blob)
		f->mark.blob = number + 1;	/* never seen before */
	else if ((r = place_get(f, number, &t->place)) == INDEX_BAD)
		return NULL;
	t->stored = r == INDEX_OK;
	t->listed = t->stored && t->place.refs == 0;
	map_put(&f->touched, &t->node, number);
	list_push(&f->touches, &t->list);
	return t;
}

bool
apply_blob(struct file *f, uint64_t number)
{
	return touch(f, number) != NULL;
}

static bool
refer(struct file *f, uint64_t number, bool more)
{
	struct touch *t;

	if (number == 0)
		return true;
	if ((t = touch(f, number)) == NULL)
		return false;
	if (more)
		t->place.refs++;
	else if (t->place.refs > 0)
		t->place.refs--;
	return true;
}

bool
row_parse(struct slice s, struct row *row)
{
	if (s.n < ROW_HEAD)
		return false;
	row->version = be64_get(s.p);
	row->segment = be32_get(s.p + 8);
	row->blob = be64_get(s.p + 12);
	row->value = slice_drop(s, ROW_HEAD);
	return true;
}

/* A row ends, replaced or deleted. */
static bool
row_end(struct file *f, struct slice key, const struct row *old)
{
	weigh(f, old->segment, 0, op_weight(key.n, old->value.n));
	return refer(f, old->blob, false);
}

static bool
put(struct file *f, const struct op *op, const struct segment *s)
{
	struct row old = { 0 };
	enum index_result r = index_get(f->index,
	    (enum index_table)op->space, op->key, &f->scratch);
	uint64_t weight = op_weight(op->key.n, op->value.n);

	if (r == INDEX_BAD)
		return false;
	if (r == INDEX_OK && (!row_parse(buf_view(&f->scratch), &old)))
		return false;
	if (r == INDEX_OK && old.version > op->version)
		return true;
	weigh(f, s->number, weight, 0);
	if (!refer(f, op->blob, true) ||
	    (r == INDEX_OK && !row_end(f, op->key, &old)))
		return false;
	buf_clear(&f->scratch);
	buf_reserve(&f->scratch, ROW_HEAD + op->value.n);
	be64_put(f->scratch.p, op->version);
	be32_put(f->scratch.p + 8, s->number);
	be64_put(f->scratch.p + 12, op->blob);
	f->scratch.n = ROW_HEAD;
	buf_slice(&f->scratch, op->value);
	return index_put(f->index, (enum index_table)op->space, op->key,
	    buf_view(&f->scratch)) == INDEX_OK;
}

/* Commits what is done of a long record, or of many, so that one transaction
   stays small: a checkpoint waits for it.  The mark stays before the record:
   after a crash it is applied again from its beginning, which versions make
   harmless. */
static bool
split(struct file *f)
{
	struct mark now = f->mark;
	bool ok;

	f->mark = f->before;
	f->mark.blob = now.blob;
	ok = apply_end(f) && apply_begin(f);
	f->mark = now;
	return ok;
}

/* For index_prune: a row that a deletion of that version meets. */
struct pruning {
	struct file	*f;
	uint64_t	 version;
	bool		 failed;
};

static bool
prune(void *arg, struct slice key, struct slice value)
{
	struct pruning *p = arg;
	struct row row;

	if (p->failed || !row_parse(value, &row)) {
		p->failed = true;
		return false;
	}
	if (row.version > p->version)
		return false;
	p->failed = !row_end(p->f, key, &row);
	return true;
}

static bool
del(struct file *f, const struct op *op)
{
	struct pruning p = { .f = f, .version = op->version };
	struct row row;
	enum index_result r = index_get(f->index,
	    (enum index_table)op->space, op->key, &f->scratch);

	if (r == INDEX_NONE)
		return true;
	if (r == INDEX_BAD || !row_parse(buf_view(&f->scratch), &row))
		return false;
	if (!prune(&p, op->key, buf_view(&f->scratch)))
		return !p.failed;
	return !p.failed && index_del(f->index, (enum index_table)op->space,
	    op->key) == INDEX_OK;
}

static bool
delrange(struct file *f, const struct op *op)
{
	struct pruning p = { .f = f, .version = op->version };

	for (enum index_table t = INDEX_ROWS; t <= INDEX_SIDE; t++) {
		enum index_result r;

		while ((r = index_prune(f->index, t, op->key, op->value,
		    CHANGES, prune, &p)) == INDEX_OK) {
			if (p.failed || !split(f))
				return false;
		}
		if (r == INDEX_BAD || p.failed)
			return false;
	}
	return true;
}

static bool
rows(struct file *f, const struct record *r, struct slice body,
    struct segment *s)
{
	struct op op;

	while (op_next(&body, r, &op)) {
		if (op.kind != OP_PUT) {
			s->graves += op_weight(op.key.n, op.value.n);
			s->dirty = true;
		}
		bool ok = op.kind == OP_PUT ? put(f, &op, s) :
		    op.kind == OP_DEL ? del(f, &op) : delrange(f, &op);

		if (!ok || (++f->changes >= CHANGES && !split(f)))
			return false;
	}
	return true;
}

/* A new blob, or one that was moved here. */
static bool
bytes(struct file *f, const struct record *r, struct slice body,
    const struct segment *s, uint64_t offset)
{
	struct touch *t = touch(f, r->id);
	struct place p = { .kind = PLACE_SEGMENT, .segment = s->number,
		.offset = offset + RECORD_HEAD, .length = r->length,
		.crc = r->crc };

	if (t == NULL)
		return false;
	if (r->type == RECORD_FILE) {
		p.kind = PLACE_FILE;
		p.offset = 0;
		if (!file_parse(body, &p.length, &p.crc))
			return true;	/* whole, but not ours: as lost */
	}
	weigh(f, t->place.segment, 0, place_weight(&t->place));
	weigh(f, s->number, place_weight(&p), 0);
	p.refs = t->place.refs;
	t->place = p;
	return true;
}

bool
apply_record(struct file *f, const struct record *r, struct slice body,
    struct segment *s, uint64_t offset)
{
	f->before = f->mark;
	f->mark.segment = s->number;
	f->mark.offset = offset + record_size(r->length);
	f->mark.sequence = r->sequence;
	if (r->type == RECORD_ROWS || r->type == RECORD_MOVED)
		return rows(f, r, body, s);
	return bytes(f, r, body, s, offset);
}

/* Writes what became of a blob. */
static bool
conclude(struct file *f, struct touch *t)
{
	uint64_t number = t->node.key;
	struct hold *h = hold_find(f, number);
	char key[9] = { 'P' };
	struct slice listed = slice_of(key, 9);
	bool zero = t->place.refs == 0, keep = !zero || h != NULL ||
	    f->replaying;

	be64_put(key + 1, number);
	if (h != NULL)
		h->idle = zero;
	if (t->listed && !(keep && zero) &&
	    index_del(f->index, INDEX_MARKS, listed) == INDEX_BAD)
		return false;
	if (keep && zero && !t->listed && index_put(f->index, INDEX_MARKS,
	    listed, SLICE("")) != INDEX_OK)
		return false;
	if (keep)
		return place_put(f, number, &t->place);
	weigh(f, t->place.segment, 0, place_weight(&t->place));
	if (t->place.kind == PLACE_FILE)
		blob_doom(f, number);
	return !t->stored || index_del(f->index, INDEX_BLOBS,
	    slice_of(key + 1, 8)) != INDEX_BAD;
}

static bool
segments_write(struct file *f)
{
	for (size_t i = 0; i < f->segments.n; i++) {
		struct segment *s = f->segments.v[i];
		char key[5] = { 'S' }, value[16];

		if (!s->dirty)
			continue;
		s->dirty = false;
		be32_put(key + 1, s->number);
		be64_put(value, s->live);
		be64_put(value + 8, s->graves);
		if (index_put(f->index, INDEX_MARKS, slice_of(key, 5),
		    slice_of(value, 16)) != INDEX_OK)
			return false;
	}
	return true;
}

static bool
mark_write(struct file *f)
{
	char v[MARK_SIZE];

	be32_put(v, f->mark.segment);
	be64_put(v + 4, f->mark.offset);
	be64_put(v + 12, f->mark.sequence);
	be64_put(v + 20, f->mark.blob);
	return index_put(f->index, INDEX_MARKS, SLICE("M"),
	    slice_of(v, sizeof v)) == INDEX_OK;
}

bool
mark_get(struct file *f, bool *found)
{
	enum index_result r = index_get(f->index, INDEX_MARKS, SLICE("M"),
	    &f->scratch);
	const char *v = f->scratch.p;

	*found = r == INDEX_OK;
	if (r != INDEX_OK)
		return r == INDEX_NONE;
	if (f->scratch.n != MARK_SIZE)
		return false;
	f->mark.segment = be32_get(v);
	f->mark.offset = be64_get(v + 4);
	f->mark.sequence = be64_get(v + 12);
	f->mark.blob = be64_get(v + 20);
	return true;
}

bool
apply_end(struct file *f)
{
	bool ok = true;

	LIST_EACH(n, &f->touches) {
		struct touch *t = CONTAINER(n, struct touch, list);

		ok = ok && conclude(f, t);
		map_del(&f->touched, &t->node);
	}
	list_init(&f->touches);
	arena_reset(&f->arena);
	return ok && segments_write(f) && mark_write(f) &&
	    index_commit(f->index) == INDEX_OK;
}

static bool
orphan(void *arg, struct slice key, struct slice value)
{
	struct buf *numbers = arg;

	(void)value;
	if (key.n == 9)
		buf_add(numbers, key.p + 1, 8);
	return true;
}

bool
apply_orphans(struct file *f)
{
	struct buf numbers = { 0 };
	bool ok = index_scan(f->index, INDEX_MARKS, SLICE("P"), SLICE("Q"),
	    orphan, &numbers) != INDEX_BAD && apply_begin(f);

	for (size_t i = 0; ok && i < numbers.n; i += 8) {
		alive();
		ok = apply_blob(f, be64_get(numbers.p + i));
	}
	buf_free(&numbers);
	return ok && apply_end(f);
}
