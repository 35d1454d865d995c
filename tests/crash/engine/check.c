#include "tests/crash/engine/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/codec.h"
#include "common/engine/record.h"
#include "tests/crash/engine/drive.h"
#include "tests/crash/engine/plan.h"
#include "tests/crash/engine/tap.h"

/* ---- verdicts */

static void
why(struct verdict *v, const char *format, va_list ap)
{
	if (v->why[0] == 0)
		vsnprintf(v->why, sizeof v->why, format, ap);
}

void
verdict_lost(struct verdict *v, const char *format, ...)
{
	va_list ap;

	v->lost++;
	va_start(ap, format);
	why(v, format, ap);
	va_end(ap);
}

void
verdict_doubled(struct verdict *v, const char *format, ...)
{
	va_list ap;

	v->doubled++;
	va_start(ap, format);
	why(v, format, ap);
	va_end(ap);
}

void
folder_clear(const char *path, bool all)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char sub[512];

	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(sub, sizeof sub, "%s/%s", path, e->d_name);
		if (e->d_type == DT_DIR)
			folder_clear(sub, true);
		else
			unlinkat(dirfd(d), e->d_name, 0);
	}
	closedir(d);
	if (all)
		rmdir(path);
}

/* ---- what was promised */

enum fate { FATE_NONE, FATE_BEGUN, FATE_OK, FATE_REFUSED };

struct promise {
	enum fate	 fate[PLAN_MOST];
	uint32_t	 body[PLAN_MOST];
	uint32_t	 order[PLAN_MOST];	/* of their BEGIN */
	size_t		 n;
	bool		 refusals;
};

static void
promise_note(struct promise *p, const struct event *e)
{
	switch (e->kind) {
	case EVENT_BEGIN:
		p->fate[e->number] = FATE_BEGUN;
		p->body[e->number] = (uint32_t)e->offset;
		p->order[p->n++] = e->number;
		break;
	case EVENT_ACK:
		p->fate[e->number] = e->length == ENGINE_OK ? FATE_OK :
		    FATE_REFUSED;
		p->refusals |= e->length != ENGINE_OK;
		break;
	case EVENT_TOLD:
		p->fate[e->number] = FATE_OK;
	}
}

static void
promise_read(struct promise *p, const struct history *h)
{
	const struct event *e;

	for (int i = 0; i < LIVES && h->trace[i] != NULL; i++) {
		for (size_t at = 0; (e = trace_next(h->trace[i], &at,
		    h->end[i])) != NULL;)
			promise_note(p, e);
	}
	/* Of a recovery that was killed, perhaps. */
	if (p->fate[PLAN_LAST] == FATE_NONE)
		promise_note(p, &(struct event){ .kind = EVENT_BEGIN,
		    .number = PLAN_LAST });
}

/* ---- what is there */

struct found {
	enum engine_space space;
	uint64_t	 unit, blob;
	char		 kind;
	uint32_t	 n, value, body;
	unsigned	 part;
};

struct look {
	struct verdict	*v;
	struct buf	 rows;		/* struct found */
	uint64_t	 weight;	/* of rows and blobs, in the log */
	enum engine_space space;
	bool		 marks[PLAN_MOST];
};

static bool
note_row(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct look *l = arg;
	struct found f = { .space = l->space, .blob = blob };

	if (key.n != PLAN_KEY || !plan_parse(value, &f.value, &f.body) ||
	    (f.n = be32_get(key.p + 9)) >= PLAN_MOST) {
		verdict_doubled(l->v, "a row that nobody wrote");
		return true;
	}
	f.unit = be64_get(key.p);
	f.kind = key.p[8];
	f.part = (unsigned char)key.p[13];
	l->weight += op_weight(key.n, value.n);
	if (f.kind == 'z')
		l->marks[f.n] = true;
	else
		buf_add(&l->rows, &f, sizeof f);
	return true;
}

static void
rows_note(struct look *l, struct engine *e)
{
	char from[8], to[9];

	memset(from, 0, sizeof from);
	memset(to, 0xff, sizeof to);
	for (l->space = 0; l->space < ENGINE_SPACES; l->space++)
		engine_scan(e, l->space, slice_of(from, 8), slice_of(to, 9),
		    note_row, l);
}

/* ---- blobs */

struct got {
	unsigned	 n;
	enum engine_status status;
	struct buf	 bytes;
};

static void
keep_bytes(void *arg, enum engine_status status, struct slice s)
{
	struct got *g = arg;

	g->n++;
	g->status = status;
	buf_slice(&g->bytes, s);
}

static bool
blob_is_right(struct engine *e, uint64_t number, uint32_t body)
{
	struct got g = { 0 };
	struct buf want = { 0 };
	uint64_t size = 0;
	bool right;

	plan_bytes(&want, body);
	right = blob_size(e, number, &size) == ENGINE_OK && size == want.n;
	while (right && g.bytes.n < size) {
		unsigned n = g.n;

		blob_read(e, number, g.bytes.n, 256 << 10, keep_bytes, &g);
		drive_until(&g.n, n + 1);
		right = g.status == ENGINE_OK;
	}
	right = right && slice_eq(buf_view(&g.bytes), buf_view(&want));
	buf_free(&want);
	buf_free(&g.bytes);
	return right;
}

/* One blob for each body that is named, whole; no file too many. */
static void
blobs_check(struct look *l, struct engine *e, const char *root)
{
	static uint64_t blob_of[PLAN_MOST];
	const struct found *f = (const void *)l->rows.p;
	unsigned files = 0, there = 0;
	char path[256];
	DIR *d;

	memset(blob_of, 0, sizeof blob_of);
	for (size_t i = 0; i < l->rows.n / sizeof *f; i++, f++) {
		const struct step s = plan_step(f->body);

		if (f->blob == 0 || f->body == 0 || blob_of[f->body] == f->blob)
			continue;
		if (blob_of[f->body] != 0)
			verdict_doubled(l->v, "two blobs of step %u", f->body);
		blob_of[f->body] = f->blob;
		if (!blob_is_right(e, f->blob, f->body))
			verdict_lost(l->v, "the blob of step %u, row %u",
			    f->body, f->n);
		files += s.deed == DEED_LONG;
		if (s.deed != DEED_LONG)
			l->weight += record_size((uint32_t)s.length);
	}
	snprintf(path, sizeof path, "%s/log", root);
	if ((d = opendir(path)) == NULL)
		return;
	for (struct dirent *x; (x = readdir(d)) != NULL;)
		there += (x->d_name[0] == 'b' || x->d_name[0] == 't') &&
		    strlen(x->d_name) == 17;
	closedir(d);
	if (there != files)
		verdict_doubled(l->v, "%u long blobs are files, %u are named",
		    there, files);
}

/* ---- the comparison */

/* Which steps survived; and so, what there must be. */
static void
marks_check(struct look *l, const struct promise *p, struct model *m)
{
	bool gap = false;

	for (uint32_t n = 0; n < PLAN_MOST; n++) {
		if (p->fate[n] == FATE_OK && !l->marks[n])
			verdict_lost(l->v, "step %u", n);
		if (l->marks[n] && (p->fate[n] == FATE_NONE ||
		    p->fate[n] == FATE_REFUSED))
			verdict_doubled(l->v, "step %u was never done", n);
		l->v->acked += p->fate[n] == FATE_OK;
	}
	for (size_t i = 0; i < p->n; i++) {
		uint32_t n = p->order[i];

		if (!l->marks[n]) {
			gap = true;
			continue;
		}
		if (gap && !p->refusals && n != PLAN_LAST)
			verdict_lost(l->v, "a step before step %u", n);
		/* Shown now, it must stay. */
		if (p->fate[n] == FATE_BEGUN)
			tap_note(EVENT_TOLD, n, 0, 0);
		model_apply(m, n, p->body[n]);
	}
}

static void
row_check(struct look *l, const struct found *f, struct cell *c)
{
	if (c->value == 0)
		verdict_doubled(l->v, "row %u.%u of step %u is there", f->n,
		    f->part, f->value);
	else if (c->value != f->value || c->body != f->body ||
	    (f->blob != 0) != (c->body != 0))
		verdict_lost(l->v, "row %u.%u is of step %u/%u, not %u/%u",
		    f->n, f->part, f->value, f->body, c->value, c->body);
	*c = (struct cell){ 0 };
}

static void
rows_check(struct look *l, struct model *m)
{
	const struct found *f = (const void *)l->rows.p;

	for (size_t i = 0; i < l->rows.n / sizeof *f; i++, f++)
		row_check(l, f, f->space == ENGINE_SIDE ? &m->side[f->n] :
		    &m->rows[f->n][f->part]);
	for (uint32_t n = 0; n < PLAN_MOST; n++) {
		if (m->side[n].value != 0)
			verdict_lost(l->v, "side row %u", n);
		for (unsigned i = 0; i < PLAN_PARTS; i++) {
			if (m->rows[n][i].value != 0)
				verdict_lost(l->v, "row %u.%u of step %u", n,
				    i, m->rows[n][i].value);
		}
	}
}

static void
compare(const char *root, struct engine *e, const struct promise *p,
    struct verdict *v)
{
	struct look *l = mem_zero(sizeof *l);
	struct model *m = mem_zero(sizeof *m);
	struct engine_figures figures;

	l->v = v;
	rows_note(l, e);
	marks_check(l, p, m);
	rows_check(l, m);
	blobs_check(l, e, root);
	engine_figures(e, &figures);
	if (figures.live != l->weight)
		verdict_lost(v, "%llu bytes are live, not %llu",
		    (unsigned long long)figures.live,
		    (unsigned long long)l->weight);
	v->rebuilt |= figures.rebuilt;
	if (figures.quarantined > 0)
		verdict_lost(v, "%llu records in quarantine",
		    (unsigned long long)figures.quarantined);
	buf_free(&l->rows);
	free(l);
	free(m);
}

void
check_engine(const char *root, const struct history *h, enum then then,
    struct verdict *v)
{
	struct promise *p = mem_zero(sizeof *p);
	struct engine *e = drive_open(root);
	char path[256];
	unsigned acked;

	promise_read(p, h);
	compare(root, e, p, v);
	acked = v->acked;
	if (drive_step(e, PLAN_LAST) != ENGINE_OK)
		verdict_lost(v, "nothing can be added");
	p->fate[PLAN_LAST] = FATE_OK;
	if (then != THEN_NOTHING) {
		engine_close(e);
		snprintf(path, sizeof path, "%s/index", root);
		if (then == THEN_REBUILD)
			folder_clear(path, true);
		e = drive_open(root);
		compare(root, e, p, v);
	}
	v->acked = acked;
	v->recovered = true;
	free(p);
}
