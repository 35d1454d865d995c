/*
 * Group commit.
 *
 *	filling ---> flying ---> applied
 *	 memory   pwrite,sync    index, answers
 *
 * Everything committed since the last group started gathers in `filling`.
 * When nothing is in flight the loop hands it to the committer, which writes
 * it with one pwrite and one fdatasync and says so on an eventfd.  The loop
 * then starts the next group at once, applies the durable one to the index
 * and calls back in order, so the next sync runs meanwhile.  Only the loop
 * moves groups, and only there: a group is never written before the one
 * before it is durable, which recover.c builds on.
 *
 * Who answers a group with the next commit at once would keep the disk idle
 * while the group is answered: with half of it filled again, that half goes.
 *
 * No timer gathers a group, unless the configuration says so: whatever comes
 * while one flies is the next, so that groups grow with the load by
 * themselves.  With `linger` even a group that could fly waits for company.
 *
 * A group that needs a new segment may find that others have taken the disk.
 * Nothing of it is written then, and nothing was promised: what grows is
 * answered FULL, what frees room is tried once more without it.
 */
#include "common/engine/file.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/core/codec.h"
#include "common/core/log.h"

enum {
	KEEP = 8 << 20,		/* memory a group keeps between its flights */
	COMPANY = 1 << 20,	/* bytes that need none */
	HALF = 128 << 10,	/* bytes that are worth a sync of their own */
};

struct unit {
	struct map_node	 node;
};

static void
group_clear(struct group *g)
{
	map_free(&g->units);
	g->units = (struct map){ 0 };
	arena_reset(&g->arena);
	buf_clear(&g->answers);
	buf_clear(&g->named);
	if (g->bytes.cap > KEEP)
		buf_free(&g->bytes);
	buf_clear(&g->bytes);
	g->start.number = 0;
	g->commits = 0;
	g->full = g->grows = false;
}

void
group_answer(struct file *f, const struct answer *a)
{
	if (a->done != NULL || a->kind != ANSWER_NOTHING)
		buf_add(&f->filling->answers, a, sizeof *a);
	loop_again();
}

size_t
group_add(struct file *f, enum record_type type, uint64_t id,
    const struct slice *v, size_t n)
{
	struct group *g = f->filling;
	struct record r = { .type = type, .id = id,
		.sequence = ++f->sequence };
	size_t at = record_start(&g->bytes);

	if (at == 0)
		g->since = loop_now();
	for (size_t i = 0; i < n; i++)
		buf_slice(&g->bytes, v[i]);
	record_finish(&g->bytes, at, &r);
	g->last = r.sequence;
	g->grows |= type != RECORD_ROWS;
	loop_again();
	return at;
}

static void
unit_note(struct group *g, uint64_t unit)
{
	struct unit *u;

	if (map_get(&g->units, unit) != NULL)
		return;
	u = arena_array(&g->arena, 1, sizeof *u);
	map_put(&g->units, &u->node, unit);
}

static size_t
rows_add(struct file *f, uint64_t unit, struct slice body)
{
	unit_note(f->filling, unit);
	return group_add(f, RECORD_ROWS, unit, &body, 1);
}

/* Does it name a blob whose group found no room? */
static bool
names_lost(const struct file *f, const struct txn *t)
{
	for (size_t i = 0; i < txn_named(t); i++) {
		const struct hold *h = hold_find(f, txn_blob(t, i));

		if (h != NULL && h->lost)
			return true;
	}
	return false;
}

static bool
has_room(struct file *f, const struct txn *t)
{
	if (t->body.n == 0)
		return true;
	return t->grows ? file_room(&f->engine, t->body.n) &&
	    !names_lost(f, t) : room_to_delete(f, t->body.n);
}

void
group_commit(struct engine *e, struct txn *t, engine_done *done, void *arg)
{
	struct file *f = FILE_OF(e);
	struct group *g = f->filling;
	struct answer a = { .done = done, .arg = arg };

	if (!has_room(f, t)) {
		a.status = ENGINE_FULL;
		group_answer(f, &a);
		return;
	}
	if (t->body.n > 0) {
		a.kind = t->grows ? ANSWER_GROWS : ANSWER_FREES;
		a.at = rows_add(f, t->unit, buf_view(&t->body));
		g->grows |= t->grows;
	}
	for (size_t i = 0; i < txn_named(t); i++)
		hold_fly(f, txn_blob(t, i));
	buf_slice(&g->named, buf_view(&t->blobs));
	g->commits++;
	group_answer(f, &a);
}

void
group_settle(struct engine *e, uint64_t unit, engine_done *done, void *arg)
{
	struct file *f = FILE_OF(e);
	const struct answer a = { .done = done, .arg = arg };

	if (map_get(&f->filling->units, unit) != NULL)
		buf_add(&f->filling->answers, &a, sizeof a);
	else if (f->flying != NULL &&
	    map_get(&f->flying->units, unit) != NULL)
		buf_add(&f->flying->answers, &a, sizeof a);
	else
		done(arg, ENGINE_OK);
}

/* Completes the headers, now that the place is known. */
static void
seal(struct group *g, uint32_t generation)
{
	uint64_t first = 0;

	for (size_t at = 0; at < g->bytes.n;) {
		char *h = g->bytes.p + at;

		if (first == 0)
			first = be64_get(h + 16);
		at += record_size(be32_get(h + 12));
		record_seal(h, generation, first);
	}
}

/* The segment that the group begins follows this one. */
static void
follow(struct file *f, struct group *g, struct segment *s)
{
	g->before = s;
	g->end.fd = -1;
	if (s == NULL)
		return;
	g->end = (struct segment_end){ segment_fd(&f->segments, s), s->end };
	if (g->end.fd < 0)
		fatal("open segment");
	segment_use(s);
}

/* Where the group goes: behind the last one, or to a new segment. */
static void
place(struct file *f, struct group *g)
{
	struct segment *s = segment_last(&f->segments);

	if (s == NULL || s->end + g->bytes.n > s->size) {
		uint32_t number = s == NULL ? 1 : s->number + 1;

		follow(f, g, s);
		s = segment_add(&f->segments, number);
		g->start = (struct segment_start){ .number = number,
			.generation = segment_generation(),
			.floor = be64_get(g->bytes.p + 16) - 1,
			.blob = f->next_blob };
		s->floor = g->start.floor;
		s->generation = g->start.generation;
	} else if ((g->fd = segment_fd(&f->segments, s)) < 0) {
		fatal("open segment");
	}
	g->segment = s;
	g->base = s->end;
	seal(g, s->generation);
}

/* Takes what was filled, and begins to fill one of the three that is free. */
static struct group *
fill_next(struct file *f)
{
	struct group *full = f->filling, *g = f->groups;

	while (g == full || g == f->flying || g == f->landing)
		g++;
	f->filling = g;
	return full;
}

static void
launch(struct file *f)
{
	struct group *g = fill_next(f);

	f->flying = g;
	place(f, g);
	committer_give(&f->committer, g);
}

/* loop.c ends the turn in which it fires with group_turn. */
static void
lingered(struct timer *t)
{
	(void)t;
}

static bool
waits(struct file *f)
{
	const struct group *g = f->filling;
	uint64_t until = g->since + f->conf.linger;

	if (loop_now() >= until || f->draining || g->bytes.n >= COMPANY)
		return false;
	f->linger.fire = lingered;
	timer_set(&f->linger, until);
	return true;
}

static void
launch_due(struct file *f)
{
	if (f->filling->bytes.n > 0 && !waits(f))
		launch(f);
}

static void
answer_all(struct file *f, struct group *g)
{
	struct answer a;

	for (size_t i = 0; i < g->answers.n; i += sizeof a) {
		memcpy(&a, g->answers.p + i, sizeof a);
		if (a.done != NULL)
			a.done(a.arg, a.status);
		if (f->flying == NULL && f->filling->bytes.n >= HALF &&
		    f->filling->bytes.n >= g->bytes.n / 2)
			launch_due(f);
	}
}

/* No commit of it writes anything: it is as good as durable. */
static void
answer_empty(struct file *f)
{
	struct group *g = fill_next(f);

	f->landing = g;
	f->figures.commits += g->commits;
	answer_all(f, g);
	group_clear(g);
	f->landing = NULL;
}

void
group_turn(struct engine *e)
{
	struct file *f = FILE_OF(e);

	if (f->flying != NULL)
		return;
	if (f->filling->bytes.n > 0) {
		launch_due(f);
	} else if (f->filling->answers.n > 0) {
		answer_empty(f);
	}
}

static bool
apply_records(struct file *f, struct group *g)
{
	struct slice all = buf_view(&g->bytes);
	struct record r;

	for (size_t at = 0; at < all.n; at += record_size(r.length)) {
		struct slice s = slice_drop(all, at);
		struct hold *h;

		CHECK(record_parse(s, g->segment->generation, &r));
		if (!apply_record(f, &r, slice_take(slice_drop(s, RECORD_HEAD),
		    r.length), g->segment, g->base + at))
			return false;
		if ((r.type != RECORD_BLOB && r.type != RECORD_FILE) ||
		    (h = hold_find(f, r.id)) == NULL)
			continue;
		if (h->group == g) {
			h->group = NULL;
			h->own = false;
		}
	}
	return true;
}

static void
named_land(struct file *f, const struct group *g)
{
	for (size_t i = 0; i < g->named.n; i += sizeof(uint64_t)) {
		uint64_t number;

		memcpy(&number, g->named.p + i, sizeof number);
		hold_land(f, number);
	}
}

static void
apply(struct file *f, struct group *g)
{
	if (!apply_begin(f) || !apply_records(f, g))
		index_broken(f);
	named_land(f, g);
	if (!apply_end(f))
		index_broken(f);
}

/* The segment's end moves on; a new one takes over. */
static void
advance(struct file *f, struct group *g)
{
	struct segment *s = g->segment;

	s->end = g->base + g->bytes.n;
	if (g->start.number != 0) {
		s->fd = g->fd;
		s->size = g->size;
		f->segments.open++;
		maintain_rotated(f, g->before);
	}
	f->figures.groups++;
	f->figures.syncs++;
	f->figures.bytes += g->bytes.n;
	f->figures.commits += g->commits;
	f->figures.sequence = g->last;
}

/* The answers of a group that was not written pass to the next one, in their
   order, and with them the records that free room.  If there is nothing else
   in it, there is no room for those either. */
static void
answers_pass(struct file *f, struct group *from, bool again)
{
	struct answer a;

	for (size_t i = 0; i < from->answers.n; i += sizeof a) {
		const char *h;

		memcpy(&a, from->answers.p + i, sizeof a);
		h = from->bytes.p + a.at;
		if (a.kind == ANSWER_FREES && again)
			a.at = rows_add(f, be64_get(h + 32),
			    slice_of(h + RECORD_HEAD, be32_get(h + 12)));
		else if (a.kind != ANSWER_NOTHING) {
			a.status = ENGINE_FULL;
			a.kind = ANSWER_NOTHING;
		}
		group_answer(f, &a);
	}
	hold_lose(f, from);
	named_land(f, from);
	group_clear(from);
}

/* No room for the group in flight.  What gathered behind it may name its
   blobs and build on its rows: it goes the same way. */
static void
refused(struct file *f)
{
	struct group *first = f->flying, *then;
	bool again = first->grows;

	segment_drop(&f->segments);
	if (first->before != NULL)
		segment_unuse(first->before);
	then = fill_next(f);
	f->flying = NULL;
	answers_pass(f, first, again);
	answers_pass(f, then, true);
}

/* The group in flight is durable, or could not be written. */
static void
landed(struct file *f)
{
	struct group *g = f->flying;

	if (g->full) {
		refused(f);
		return;
	}
	f->flying = NULL;
	f->landing = g;
	advance(f, g);
	launch_due(f);
	apply(f, g);
	maintain_wrote(f, g->bytes.n);
	answer_all(f, g);
	group_clear(g);
	f->landing = NULL;
}

static void
ready(struct watch *w, unsigned events)
{
	struct committer *c = CONTAINER(w, struct committer, watch);
	struct file *f = CONTAINER(c, struct file, committer);
	uint64_t count;

	(void)events;
	if (read(w->fd, &count, sizeof count) == sizeof count)
		landed(f);
}

void
group_drain(struct file *f)
{
	struct pollfd p = { .fd = f->committer.watch.fd, .events = POLLIN };

	f->draining = true;
	for (;;) {
		group_turn(&f->engine);
		if (f->flying == NULL) {
			if (f->filling->answers.n == 0 &&
			    f->filling->bytes.n == 0)
				break;
			continue;
		}
		if (poll(&p, 1, -1) == 1)
			ready(&f->committer.watch, LOOP_IN);
	}
	f->draining = false;
}

void
group_open(struct file *f)
{
	f->filling = &f->groups[0];
	committer_start(&f->committer, &f->segments, ready);
}

void
group_close(struct file *f)
{
	group_drain(f);
	timer_stop(&f->linger);
	committer_stop(&f->committer);
	for (size_t i = 0; i < 3; i++) {
		struct group *g = &f->groups[i];

		group_clear(g);
		buf_free(&g->bytes);
		buf_free(&g->answers);
		buf_free(&g->named);
		arena_free(&g->arena);
	}
}
