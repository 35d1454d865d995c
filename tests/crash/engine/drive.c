#include "tests/crash/engine/drive.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/codec.h"
#include "common/core/log.h"
#include "common/core/loop.h"
#include "tests/crash/engine/plan.h"
#include "tests/crash/engine/tap.h"

enum {
	SEGMENT = 128 << 10,
	WINDOW = 12,			/* steps at a time */
	EVERY_CHECKPOINT = 97, EVERY_COMPACT = 41, EVERY_RESTART = 211,
};

static char		*last_words;
static size_t		 last_words_room;
static struct engine	*engine;
static const unsigned	*counted;
static unsigned		 wanted;
static unsigned		 answered;	/* steps */
static unsigned		 upkept;	/* checkpoints, slices of compaction */
static enum engine_status status_last;	/* of a step */

/* ---- the loop */

/* A line without its date.  Lines that are lost are no harm. */
void
last_words_add(const char *line, size_t n)
{
	size_t have;

	if (last_words == NULL)
		return;
	line += n > 28 ? 28 : 0;
	n -= n > 28 ? 28 : 0;
	have = strlen(last_words);
	n = n > last_words_room / 3 ? last_words_room / 3 : n;
	if (have + n >= last_words_room) {
		memmove(last_words, last_words + n, have - n + 1);
		have -= n;
	}
	memcpy(last_words + have, line, n);
	last_words[have + n] = 0;
}

void
last_words_in(char *p, size_t n)
{
	last_words = p;
	last_words_room = n;
}

static void
look(void)
{
	if (counted != NULL && *counted >= wanted) {
		counted = NULL;
		loop_stop();
	}
}

void
drive_until(const unsigned *n, unsigned least)
{
	if (*n >= least)
		return;
	counted = n;
	wanted = least;
	loop_run();
}

struct engine *
drive_open(const char *root)
{
	const struct engine_conf conf = { .dir = root, .cache = 1 << 20,
		.segment = SEGMENT, .readers = 1 };

	loop_init();
	loop_hook(LOOP_AFTER, look);
	log_init("crash", LOG_WARN);
	log_divert(last_words_add);
	return engine_open_file(&conf);
}

/* ---- a step */

struct work {
	uint32_t	 n;
	uint64_t	 blob;
	enum engine_status status;
};

static void
step_over(struct work *w, enum engine_status status)
{
	if (w->blob != 0)
		blob_release(engine, w->blob);
	answered++;
	status_last = status;
	free(w);
}

static void
acked(void *arg, enum engine_status status)
{
	struct work *w = arg;

	tap_note(EVENT_ACK, w->n, 0, status);
	step_over(w, status);
}

static void
put(struct txn *t, enum engine_space space, struct slice key, uint32_t step,
    uint32_t body, uint64_t blob)
{
	char value[PLAN_VALUE];

	txn_put(t, space, key, plan_value(value, step, body), blob);
}

/* The row whose blob this step takes; its body, 0 if it has none. */
static uint32_t
target_get(uint32_t target, uint64_t *blob)
{
	char key[PLAN_KEY];
	struct buf value = { 0 };
	uint32_t step, body = 0;

	*blob = 0;
	if (target == 0 || engine_get(engine, ENGINE_ROWS, plan_key(key,
	    plan_step(target).unit, 'm', target, 0), &value, blob) !=
	    ENGINE_OK || *blob == 0 ||
	    !plan_parse(buf_view(&value), &step, &body))
		body = 0;
	buf_free(&value);
	return body;
}

static uint32_t
fill(struct txn *t, const struct step *s, const struct work *w)
{
	char key[PLAN_KEY], to[PLAN_KEY];
	uint32_t body = 0;
	uint64_t blob;

	switch (s->deed) {
	case DEED_APPEND:
	case DEED_LONG:
		plan_key(key, s->unit, 'm', w->n, 0);
		put(t, ENGINE_ROWS, slice_of(key, PLAN_KEY), w->n, w->n,
		    w->blob);
		put(t, ENGINE_SIDE, slice_of(key, PLAN_KEY), w->n, 0, 0);
		return w->n;
	case DEED_FLAGS:
	case DEED_COPY:
		if ((body = target_get(s->target, &blob)) == 0)
			return 0;
		plan_key(key, s->unit, 'm', s->deed == DEED_COPY ? w->n :
		    s->target, 0);
		put(t, ENGINE_ROWS, slice_of(key, PLAN_KEY), w->n, body, blob);
		return body;
	case DEED_DELETE:
		plan_key(key, s->unit, 'm', s->target, 0);
		txn_del(t, ENGINE_ROWS, slice_of(key, PLAN_KEY));
		txn_del(t, ENGINE_SIDE, slice_of(key, PLAN_KEY));
		txn_small(t);
		return 0;
	case DEED_RANGE:
		txn_delrange(t, plan_key(key, s->unit, 'm', s->target, 0),
		    plan_key(to, s->unit, 'm', s->to, 0));
		txn_small(t);
		return 0;
	case DEED_MANY:
		for (unsigned i = 0; i < PLAN_PARTS; i++)
			put(t, ENGINE_ROWS, plan_key(key, s->unit, 'm', w->n,
			    i), w->n, 0, 0);
	}
	return body;
}

static void
commit(struct work *w)
{
	const struct step s = plan_step(w->n);
	struct txn *t = txn_begin(engine, s.unit);
	char key[PLAN_KEY];
	uint32_t body = fill(t, &s, w);

	put(t, ENGINE_ROWS, plan_key(key, s.unit, 'z', w->n, 0), w->n, 0, 0);
	tap_note(EVENT_BEGIN, w->n, body, 0);
	txn_commit(t, acked, w);
}

static void
long_came(void *arg, enum engine_status status, uint64_t number)
{
	struct work *w = arg;

	w->blob = number;
	if (status == ENGINE_OK)
		commit(w);
	else
		step_over(w, status);
}

static void
long_send(struct work *w, const struct buf *bytes)
{
	struct blob *b = blob_begin(engine);

	if (b == NULL) {
		step_over(w, ENGINE_FULL);
	} else if (blob_write(b, buf_view(bytes)) != ENGINE_OK) {
		blob_drop(b);
		step_over(w, ENGINE_FULL);
	} else {
		blob_end(b, long_came, w);
	}
}

static void
begin(uint32_t n)
{
	const struct step s = plan_step(n);
	struct work *w = mem_zero(sizeof *w);
	struct buf bytes = { 0 };
	struct slice all;

	w->n = n;
	plan_bytes(&bytes, n);
	all = buf_view(&bytes);
	if (s.deed == DEED_LONG)
		long_send(w, &bytes);
	else if (s.deed == DEED_APPEND &&
	    (w->blob = blob_add(engine, &all, 1)) == 0)
		step_over(w, ENGINE_FULL);
	else
		commit(w);
	buf_free(&bytes);
}

static void
keep_status(void *arg, enum engine_status status)
{
	*(enum engine_status *)arg = status;
	upkept++;
}

enum engine_status
drive_step(struct engine *e, uint32_t n)
{
	engine = e;
	answered = 0;
	begin(n);
	drive_until(&answered, 1);
	return status_last;
}

/* ---- the plan */

static void
compact(void)
{
	enum engine_status status = ENGINE_OK;

	for (int i = 0; i < 20 && status == ENGINE_OK; i++) {
		upkept = 0;
		engine_compact(engine, 64 << 10, keep_status, &status);
		drive_until(&upkept, 1);
	}
}

/* Some of it while steps are in flight. */
static void
between(const char *root, uint32_t n, unsigned begun)
{
	static enum engine_status status;

	if (n % EVERY_COMPACT == 0)
		compact();
	if (n % EVERY_CHECKPOINT == 0) {
		upkept = 0;
		engine_checkpoint(engine, keep_status, &status);
		drive_until(&upkept, n % 2);
	}
	if (n % EVERY_RESTART == 0) {
		drive_until(&answered, begun);
		engine_close(engine);
		engine = drive_open(root);
	}
}

struct engine *
drive_plan(const char *root, uint32_t from, uint32_t to)
{
	unsigned begun = 0;

	engine = drive_open(root);
	answered = 0;
	for (uint32_t n = from; n < to; n++) {
		between(root, n, begun);
		begin(n);
		begun++;
		if (begun > WINDOW)
			drive_until(&answered, begun - WINDOW);
	}
	drive_until(&answered, begun);
	return engine;
}
