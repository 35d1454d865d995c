/*
 * Compaction: what is still needed of a nearly dead segment is committed
 * again, at the end of the log, and the segment goes.
 *
 * A slice at a time: the keeper's thread reads records, the loop decides on
 * each with the index before it, as of the place in the log where the copy
 * will stand.  What is in flight counts: a row that is being replaced or
 * deleted is not copied, or the copy, standing behind the deletion, would
 * bring it back when the index is made anew.
 *
 *	BLOB, FILE	copied if the index says the blob lies here
 *	put		copied, with its version, if the row's copy is here
 *	del, delrange	must outlive every older copy of what they bury: so
 *			they go only with the oldest segment of all.  Copied
 *			with a version less by one: what the same txn put
 *			after it stays.
 *
 * Order: copies durable, index applied, index flushed (the moves are behind
 * no later mark), then unlink, or rename to be used again (next.h).  A crash in
 * between leaves two copies of the same, which versions make harmless.
 */
#include "common/engine/file.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/core/codec.h"
#include "common/core/log.h"
#include "common/engine/reader.h"

enum {
	SLICE_MAX = 8 << 20,
	WORTH = 750,			/* engine_compact: a quarter is dead */
	GRAVES_PART = 10,		/* so much of the log are deletions */
};

static void
answer(struct file *f, enum engine_status status)
{
	struct compaction *c = &f->compaction;

	c->busy = false;
	answers_give(&c->answers, status);
}

/* Bytes that would have to be copied. */
static uint64_t
needed(const struct file *f, const struct segment *s)
{
	return s->live + (s == f->segments.v[0] ? 0 : s->graves);
}

/* The emptiest one, if at most so much of a thousand is needed.  One that is
   young is left alone unless nothing of it is.  Deletions that nothing else
   makes room for go when the oldest segment does, full as it may be. */
static struct segment *
choose(struct file *f, unsigned live, uint64_t age)
{
	struct segment *best = NULL;
	uint64_t best_part = live + 1, graves = 0, all = 0;

	f->compaction.young = false;
	for (size_t i = 0; i + 1 < f->segments.n; i++) {
		struct segment *s = f->segments.v[i];
		uint64_t bytes = s->end - SEGMENT_HEAD, part;

		graves += i > 0 ? s->graves : 0;
		all += bytes;
		if (s->rotten || s->number >= f->mark.segment)
			continue;
		part = bytes == 0 ? 0 : needed(f, s) * 1000 / bytes;
		if (part >= best_part)
			continue;
		if (part > 0 && s->sealed != 0 &&
		    loop_now() < s->sealed + age) {
			f->compaction.young = true;
			continue;
		}
		best_part = part;
		best = s;
	}
	if (best == NULL && graves > all / GRAVES_PART &&
	    !f->segments.v[0]->rotten)
		best = f->segments.v[0];
	return best;
}

/* On the keeper's thread: the next records, whole. */
static void
read_slice(struct job *j)
{
	struct compaction *c = CONTAINER(j, struct compaction, job);
	struct reader reader = { 0 };
	enum reader_result what = READER_RECORD;
	struct record r;
	struct slice body;

	buf_clear(&c->records);
	reader_open(&reader, c->fd, c->victim->generation, c->at,
	    c->victim->end);
	while (reader.at < c->at + c->bytes && (what =
	    reader_next(&reader, &r, &body)) == READER_RECORD) {
		buf_add(&c->records, body.p - RECORD_HEAD,
		    RECORD_HEAD + body.n);
	}
	c->bad = what == READER_BAD;
	c->over = what == READER_END;
	c->next = reader.at;
	reader_free(&reader);
}

static bool
move_blob(struct file *f, const struct record *r, struct slice body,
    uint64_t offset)
{
	struct place p;
	enum index_result got = place_get(f, r->id, &p);

	if (got == INDEX_BAD)
		index_broken(f);
	if (got == INDEX_NONE || p.segment != f->compaction.victim->number ||
	    (r->type == RECORD_FILE ? p.kind != PLACE_FILE :
	    p.kind != PLACE_SEGMENT || p.offset != offset + RECORD_HEAD))
		return false;
	group_add(f, r->type, r->id, &body, 1);
	return true;
}

/* Does an operation of this record change the row? */
static bool
changes(const struct record *r, struct slice body, unsigned space,
    struct slice key)
{
	struct op op;

	while (op_next(&body, r, &op)) {
		if (op.kind == OP_DELRANGE ? slice_cmp(op.key, key) <= 0 &&
		    slice_cmp(key, op.value) < 0 :
		    op.space == space && slice_eq(op.key, key))
			return true;
	}
	return false;
}

static bool
touches(const struct group *g, uint64_t unit, unsigned space, struct slice key)
{
	struct slice all = buf_view(&g->bytes);
	struct record r;

	if (map_get(&g->units, unit) == NULL)
		return false;
	while (all.n > 0) {
		r = (struct record){ .type = (unsigned char)all.p[44],
			.length = be32_get(all.p + 12),
			.id = be64_get(all.p + 32) };
		if (r.type == RECORD_ROWS && r.id == unit && changes(&r,
		    slice_take(slice_drop(all, RECORD_HEAD), r.length),
		    space, key))
			return true;
		all = slice_drop(all, record_size(r.length));
	}
	return false;
}

/* Is a change of this row in flight? */
static bool
in_flight(const struct file *f, uint64_t unit, unsigned space,
    struct slice key)
{
	return touches(f->filling, unit, space, key) ||
	    (f->flying != NULL && touches(f->flying, unit, space, key));
}

static bool
is_needed(struct file *f, const struct op *op, uint64_t unit)
{
	const struct segment *victim = f->compaction.victim;
	struct row row = { 0 };
	enum index_result got;

	if (op->kind == OP_DELRANGE)
		return victim != f->segments.v[0];
	got = index_get(f->index, (enum index_table)op->space, op->key,
	    &f->scratch);
	if (got == INDEX_BAD || (got == INDEX_OK &&
	    !row_parse(buf_view(&f->scratch), &row)))
		index_broken(f);
	if (op->kind == OP_DEL)
		return got == INDEX_NONE && victim != f->segments.v[0];
	return got == INDEX_OK && row.version == op->version &&
	    row.segment == victim->number &&
	    !in_flight(f, unit, op->space, op->key);
}

static void
move_rows(struct file *f, const struct record *r, struct slice body)
{
	struct buf out = { 0 };
	struct slice s;
	struct op op;

	while (op_next(&body, r, &op)) {
		if (!is_needed(f, &op, r->id))
			continue;
		if (op.kind != OP_PUT && r->type == RECORD_ROWS)
			op.version--;
		op_add(&out, &op, true);
	}
	s = buf_view(&out);
	if (s.n > 0)
		group_add(f, RECORD_MOVED, r->id, &s, 1);
	buf_free(&out);
}

static void
move_all(struct file *f)
{
	struct compaction *c = &f->compaction;
	struct slice all = buf_view(&c->records);
	uint64_t offset = c->at;
	struct record r;

	while (record_parse(all, c->victim->generation, &r)) {
		struct slice body = slice_take(slice_drop(all, RECORD_HEAD),
		    r.length);

		if (r.type == RECORD_BLOB || r.type == RECORD_FILE)
			move_blob(f, &r, body, offset);
		else
			move_rows(f, &r, body);
		offset += record_size(r.length);
		all = slice_drop(all, RECORD_HEAD + r.length);
	}
}

/* It cannot go.  Nothing is lost by that; but as long as it is there, what it
   holds must stay buried. */
static void
keep(struct segment *s)
{
	LOG(segment_kept, .segment = s->number, .live = s->live);
	s->rotten = true;
}

/* The index is durable without the segment; nothing needs it. */
static void
flushed(struct job *j)
{
	struct compaction *c = CONTAINER(j, struct compaction, job);
	struct file *f = CONTAINER(c, struct file, compaction);
	struct segment *victim = c->victim;
	char key[5] = { 'S' };

	if (c->bad)
		index_broken(f);
	be32_put(key + 1, victim->number);
	c->victim = NULL;
	segment_unuse(victim);
	if (!segment_remove(&f->segments, victim,
	    room_is_there(f, 2 * f->segments.size))) {
		keep(victim);
		answer(f, ENGINE_OK);
		return;
	}
	if (!apply_begin(f) || index_del(f->index, INDEX_MARKS,
	    slice_of(key, 5)) == INDEX_BAD || !apply_end(f))
		index_broken(f);
	answer(f, ENGINE_OK);
}

/* The folder too: what was unlinked before must not come back when this one,
   with the deletions in it, is gone. */
static void
flush(struct job *j)
{
	struct compaction *c = CONTAINER(j, struct compaction, job);
	struct file *f = CONTAINER(c, struct file, compaction);

	c->bad = index_flush(f->index) != INDEX_OK;
	if (fsync(f->segments.dir) != 0)
		fatal("sync of the folder");
}

/* The copies are durable and applied. */
static void
moved(void *arg, enum engine_status status)
{
	struct file *f = arg;
	struct compaction *c = &f->compaction;

	if (status != ENGINE_OK) {	/* the slice comes again */
		answer(f, status);
		return;
	}
	c->at = c->next;
	if (c->over && c->victim->live == 0) {
		c->job = (struct job){ .work = flush, .done = flushed };
		pool_add(f->keeper, &c->job);
		return;
	}
	if (c->over) {
		keep(c->victim);
		segment_unuse(c->victim);
		c->victim = NULL;
	}
	answer(f, ENGINE_OK);
}

static void
slice_read(struct job *j)
{
	struct compaction *c = CONTAINER(j, struct compaction, job);
	struct file *f = CONTAINER(c, struct file, compaction);
	const struct answer a = { .done = moved, .arg = f,
		.kind = ANSWER_GROWS };
	uint64_t need;

	c->looked_at = c->next - c->at;
	if (c->bad) {
		c->victim->rotten = true;
		LOG(log_quarantined, .segment = c->victim->number,
		    .offset = c->next, .bytes = 0);
		segment_unuse(c->victim);
		c->victim = NULL;
		answer(f, ENGINE_OK);
		return;
	}
	need = needed(f, c->victim);
	if (need > c->records.n)
		need = c->records.n;
	if (need > 0 && room_to_move(f) < need) {
		answer(f, ENGINE_FULL);
		return;
	}
	move_all(f);
	group_answer(f, &a);
}

void
compact_slice(struct file *f, uint64_t bytes, unsigned live, uint64_t age,
    engine_done *done, void *arg)
{
	struct compaction *c = &f->compaction;
	const struct answer a = { .done = done, .arg = arg };
	uint64_t room;

	if (c->busy) {		/* one that runs does for both */
		buf_add(&c->answers, &a, sizeof a);
		return;
	}
	if (c->victim == NULL) {
		if ((c->victim = choose(f, live, age)) == NULL) {
			done(arg, ENGINE_NONE);
			return;
		}
		segment_use(c->victim);
		c->at = SEGMENT_HEAD;
	}
	c->busy = true;
	c->looked_at = 0;
	buf_add(&c->answers, &a, sizeof a);
	room = room_to_move(f);
	c->bytes = bytes < SLICE_MAX ? bytes : SLICE_MAX;
	c->bytes = room > 0 && room < c->bytes ? room : c->bytes;
	c->fd = segment_fd(&f->segments, c->victim);
	c->job = (struct job){ .work = read_slice, .done = slice_read };
	pool_add(f->keeper, &c->job);
}

void
file_compact(struct engine *e, uint64_t bytes, engine_done *done, void *arg)
{
	compact_slice(FILE_OF(e), bytes, WORTH, 0, done, arg);
}
