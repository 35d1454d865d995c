/*
 * Is what lies on the disk what it should be?  A part a call, so that others
 * have their turn and nothing is remembered between the calls.
 *
 * First the index, row by row: the segment of each is there, and so are the
 * bytes it names.  Then, if all is to be read, the log from its beginning:
 * each record against its checksums, each long blob against its file, and the
 * index against both: it must know a blob where it lies, and no row may be
 * older than what the log says of it.
 *
 * Where the next part begins travels as bytes: 'R' or 'S' and the last key
 * seen in ROWS or SIDE; or 'L', the sequence that was durable when the log's
 * turn came (8), segment (4), offset (8).
 */
#include "common/engine/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/codec.h"
#include "common/core/log.h"
#include "common/engine/reader.h"

enum {
	ROWS_PART = 1000,
	LOG_PART = 2 << 20,		/* bytes */
	LOG_AT = 1 + 8 + 4 + 8,
};

static void
fault_add(struct engine_check *c, const struct engine_fault *fault)
{
	if (c->n < ENGINE_FAULTS)
		c->faults[c->n++] = *fault;
}

/* ---- the index */

struct row_seen {
	uint64_t	 unit, blob;
	uint32_t	 segment;
	bool		 bad;
};

struct rows_part {
	struct buf	 seen;		/* struct row_seen each */
	struct buf	 last;		/* key of the newest */
};

static bool
row_note(void *arg, struct slice key, struct slice value)
{
	struct rows_part *p = arg;
	struct row row = { 0 };
	struct row_seen s = { .unit = key.n >= 8 ? be64_get(key.p) : 0 };

	if (p->seen.n == ROWS_PART * sizeof s)
		return false;
	s.bad = !row_parse(value, &row);
	s.blob = row.blob;
	s.segment = row.segment;
	buf_add(&p->seen, &s, sizeof s);
	buf_clear(&p->last);
	buf_slice(&p->last, key);
	return p->seen.n < ROWS_PART * sizeof s;
}

/* Do the bytes lie where the index says?  They are not read. */
static bool
blob_is_there(struct file *f, uint64_t number)
{
	const struct segment *s;
	struct place p;
	struct stat st;
	char name[32];
	enum index_result got = place_get(f, number, &p);

	if (got == INDEX_BAD)
		index_broken(f);
	if (got == INDEX_NONE)
		return false;
	if (p.kind == PLACE_FILE) {
		blob_name(name, 'b', number);
		return fstatat(f->segments.dir, name, &st,
		    AT_SYMLINK_NOFOLLOW) == 0 &&
		    (uint64_t)st.st_size == p.length;
	}
	s = p.kind == PLACE_SEGMENT ? segment_find(&f->segments, p.segment) :
	    NULL;
	return s != NULL && p.length <= s->end && p.offset <= s->end - p.length;
}

static void
row_check(struct file *f, struct engine_check *c, const struct row_seen *s)
{
	if (s->bad || segment_find(&f->segments, s->segment) == NULL)
		fault_add(c, &(struct engine_fault){ .kind = ENGINE_FAULT_ROW,
		    .unit = s->unit, .segment = s->segment });
	else if (s->blob != 0 && !blob_is_there(f, s->blob))
		fault_add(c, &(struct engine_fault){ .kind = ENGINE_FAULT_BLOB,
		    .unit = s->unit, .blob = s->blob, .segment = s->segment });
}

/* ENGINE_FAULTS is as many as one part of the index has rows. */
static void
rows_check(struct file *f, struct engine_check *c)
{
	struct rows_part p = { 0 };
	struct row_seen s;
	bool side = c->at.n > 0 && c->at.p[0] == 'S';
	struct buf from = { 0 };
	char end[ENGINE_KEY_MAX];

	_Static_assert((int)ENGINE_FAULTS >= (int)ROWS_PART, "room for all");
	memset(end, 0xff, sizeof end);
	if (c->at.n > 1) {	/* just behind the last one */
		buf_slice(&from, slice_drop(buf_view(&c->at), 1));
		buf_char(&from, 0);
	}
	if (index_scan(f->index, side ? INDEX_SIDE : INDEX_ROWS,
	    buf_view(&from), slice_of(end, sizeof end), row_note, &p) ==
	    INDEX_BAD)
		index_broken(f);
	for (size_t i = 0; i < p.seen.n; i += sizeof s) {
		memcpy(&s, p.seen.p + i, sizeof s);
		row_check(f, c, &s);
		c->rows++;
	}
	buf_clear(&c->at);
	if (p.seen.n == ROWS_PART * sizeof s) {
		buf_char(&c->at, side ? 'S' : 'R');
		buf_slice(&c->at, buf_view(&p.last));
	} else if (!side) {
		buf_char(&c->at, 'S');
	} else if (c->full) {
		buf_char(&c->at, 'L');
	}
	buf_free(&p.seen);
	buf_free(&p.last);
	buf_free(&from);
}

/* ---- the log: read on the keeper's thread, judged on the loop */

struct look {
	struct job	 job;
	struct file	*f;
	struct engine_check *check;
	struct segment	*segment;
	uint64_t	 until;
	int		 fd, dir;
	uint64_t	 at, next;
	bool		 over, bad;	/* the segment is; a fault ended it */
	struct engine_fault fault;
	struct buf	 records;	/* good ones, without padding */
};

/* A long blob's own file against the checksum in its record. */
static bool
file_is_good(int dir, uint64_t number, uint64_t length, uint32_t crc)
{
	char name[32], *part;
	uint64_t at = 0;
	uint32_t sum = 0;
	ssize_t n = 0;
	int fd;

	blob_name(name, 'b', number);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	/* Deleted long ago, its record not yet compacted. */
	if (fd < 0)
		return errno == ENOENT;
	part = mem_alloc(1 << 20);
	while ((n = pread(fd, part, 1 << 20, (off_t)at)) > 0) {
		sum = crc32c(sum, part, (size_t)n);
		at += (uint64_t)n;
	}
	close(fd);
	free(part);
	return n == 0 && at == length && sum == crc;
}

static bool
record_is_good(struct look *l, const struct record *r, struct slice body)
{
	uint64_t length;
	uint32_t crc;

	l->fault = (struct engine_fault){ .kind = ENGINE_FAULT_LOG };
	if (r->type == RECORD_BLOB)
		return true;
	if (r->type != RECORD_FILE)
		return ops_good(r, body);
	if (!file_parse(body, &length, &crc))
		return false;
	l->fault = (struct engine_fault){ .kind = ENGINE_FAULT_BLOB,
		.blob = r->id };
	return file_is_good(l->dir, r->id, length, crc);
}

/* What cannot be read ends the part; the next begins behind it. */
static void
pass_bad(struct look *l, struct reader *reader, uint64_t at)
{
	struct record r = { 0 };

	l->bad = true;
	l->fault = (struct engine_fault){ .kind = ENGINE_FAULT_LOG };
	if (reader->at == at) {
		reader->at = at + 8;
		l->over = !reader_search(reader, &r);
		if (l->over)
			reader->at = reader->end;
	}
}

static void
look_work(struct job *j)
{
	struct look *l = CONTAINER(j, struct look, job);
	struct reader reader = { 0 };
	uint64_t at = l->at;
	struct record r = { 0 };
	struct slice body;
	enum reader_result what;

	reader_open(&reader, l->fd, l->segment->generation, l->at,
	    l->check->size);
	while (!l->bad && !l->over && reader.at < l->at + LOG_PART) {
		at = reader.at;
		what = reader_next(&reader, &r, &body);
		if (what == READER_RECORD && record_is_good(l, &r, body)) {
			buf_add(&l->records, body.p - RECORD_HEAD,
			    RECORD_HEAD + body.n);
		} else if (what == READER_RECORD) {
			l->bad = true;
		} else if (what == READER_END && !reader_more(&reader)) {
			l->over = true;
		} else {
			/* Never into a record whose length is known: it may
			   be a message that looks like one. */
			reader.at = at + (what == READER_BAD && r.type != 0 ?
			    record_size(r.length) : 0);
			pass_bad(l, &reader, at);
		}
	}
	l->next = reader.at;
	l->fault.segment = l->segment->number;
	l->fault.offset = at;
	l->fault.bytes = reader.at - at;
	reader_free(&reader);
}

/* An old row where the log has a newer one. */
static bool
is_behind(struct file *f, const struct op *op)
{
	struct row row;
	enum index_result got;

	if (op->kind != OP_PUT)
		return false;
	got = index_get(f->index, (enum index_table)op->space, op->key,
	    &f->scratch);
	if (got == INDEX_BAD || (got == INDEX_OK &&
	    !row_parse(buf_view(&f->scratch), &row)))
		index_broken(f);
	return got == INDEX_OK && row.version < op->version;
}

/* The index has the blob in this segment, but elsewhere in it. */
static bool
is_astray(struct file *f, const struct record *r, uint32_t segment,
    uint64_t offset)
{
	struct place p;
	enum index_result got = place_get(f, r->id, &p);

	if (got == INDEX_BAD)
		index_broken(f);
	return got == INDEX_OK && r->type == RECORD_BLOB &&
	    p.kind == PLACE_SEGMENT && p.segment == segment &&
	    (p.offset != offset + RECORD_HEAD || p.length != r->length);
}

static void
record_check(struct look *l, const struct record *r, struct slice body,
    uint64_t offset)
{
	struct engine_fault fault = { .kind = ENGINE_FAULT_ROW, .unit = r->id,
		.segment = l->segment->number, .offset = offset };
	struct op op;

	if (r->type == RECORD_BLOB || r->type == RECORD_FILE) {
		fault.kind = ENGINE_FAULT_BLOB;
		fault.blob = r->id;
		fault.unit = 0;
		if (is_astray(l->f, r, l->segment->number, offset))
			fault_add(l->check, &fault);
		return;
	}
	while (op_next(&body, r, &op)) {
		if (!is_behind(l->f, &op))
			continue;
		fault_add(l->check, &fault);
		return;
	}
}

static void
look_done(struct job *j)
{
	struct look *l = CONTAINER(j, struct look, job);
	struct engine_check *c = l->check;
	struct slice all = buf_view(&l->records);
	uint64_t offset = l->at;
	char at[LOG_AT] = { 'L' };
	struct record r;

	/* One place is kept for what ended the part. */
	while (c->n + 1 < ENGINE_FAULTS &&
	    record_parse(all, l->segment->generation, &r)) {
		record_check(l, &r, slice_take(slice_drop(all, RECORD_HEAD),
		    r.length), offset);
		offset += record_size(r.length);
		all = slice_drop(all, RECORD_HEAD + r.length);
	}
	if (all.n > 0) {	/* the rest comes again */
		l->next = offset;
		l->bad = l->over = false;
	}
	if (l->bad) {
		if (l->fault.kind == ENGINE_FAULT_BLOB)
			LOG(blob_corrupt, .number = l->fault.blob);
		else
			LOG(log_quarantined, .segment = l->fault.segment,
			    .offset = l->fault.offset,
			    .bytes = l->fault.bytes);
		fault_add(c, &l->fault);
	}
	c->bytes = l->next - l->at;
	be64_put(at + 1, l->until);
	be32_put(at + 9, l->segment->number + (l->over ? 1 : 0));
	be64_put(at + 13, l->over ? SEGMENT_HEAD : l->next);
	buf_clear(&c->at);
	buf_add(&c->at, at, sizeof at);
	segment_unuse(l->segment);
	buf_free(&l->records);
	free(l);
	c->done(c);
}

/* The first segment that is not before this one; NULL: all were read.  One
   that was begun meanwhile holds nothing older. */
static struct segment *
segment_from(const struct file *f, uint32_t number, uint64_t until)
{
	for (size_t i = 0; i < f->segments.n; i++) {
		struct segment *s = f->segments.v[i];

		if (s->number >= number)
			return s->floor < until ? s : NULL;
	}
	return NULL;
}

/* False: that was all. */
static bool
log_check(struct file *f, struct engine_check *c)
{
	bool first = c->at.n != LOG_AT;
	uint64_t until = first ? f->figures.sequence : be64_get(c->at.p + 1);
	uint32_t number = first ? 0 : be32_get(c->at.p + 9);
	uint64_t at = first ? 0 : be64_get(c->at.p + 13);
	struct segment *s = segment_from(f, number, until);
	struct look *l;

	if (s == NULL)
		return false;
	l = mem_zero(sizeof *l);
	*l = (struct look){ .f = f, .check = c, .segment = s, .until = until,
		.dir = f->segments.dir, .at = SEGMENT_HEAD,
		.fd = segment_fd(&f->segments, s),
		.job = { .work = look_work, .done = look_done } };
	if (s->number == number && at > SEGMENT_HEAD && at <= s->end &&
	    at % 8 == 0)
		l->at = at;
	c->size = s->end;
	segment_use(s);
	pool_add(f->keeper, &l->job);
	return true;
}

void
file_check(struct engine *e, struct engine_check *c)
{
	struct file *f = FILE_OF(e);

	c->rows = c->bytes = 0;
	c->n = 0;
	if (c->at.n == 0 || c->at.p[0] != 'L')
		rows_check(f, c);
	else if (log_check(f, c))
		return;
	else
		buf_clear(&c->at);
	c->done(c);
}
