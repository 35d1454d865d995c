/*
 * The log as a whole: verified, handed out, taken in.
 *
 * An exported record is as it lies in the log, but with generation 0, a group
 * of its own, and a FILE record has become a BLOB with the bytes of the file.
 * So it does not depend on where it lay.  Sequences are kept, with the gaps
 * that compaction left.
 */
#include "common/engine/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/codec.h"
#include "common/core/log.h"
#include "common/engine/reader.h"

enum {
	SLICE_BYTES = 8 << 20,		/* verified before others have a turn */
	DRAIN_BYTES = 8 << 20,		/* imported in one group */
};

/* ---- verify, on the keeper's thread, a slice at a time */

struct verify {
	struct job	 job;
	struct file	*f;
	struct segment	*segment;
	uint64_t	 until;		/* sequence that was durable at the
					   start: what came later is not asked */
	int		 fd, dir;
	uint64_t	 at, end;
	bool		 bad, over;
	engine_done	*done;
	void		*arg;
};

/* A long blob's own file against the checksum in its record. */
static bool
file_is_good(int dir, uint64_t number, uint64_t length, uint32_t crc)
{
	char name[32], *part = mem_alloc(1 << 20);
	uint64_t at = 0;
	uint32_t sum = 0;
	ssize_t n = 0;
	int fd;

	blob_name(name, 'b', number);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	/* Deleted long ago, its record not yet compacted. */
	if (fd < 0 && errno == ENOENT) {
		free(part);
		return true;
	}
	while (fd >= 0 && (n = pread(fd, part, 1 << 20, (off_t)at)) > 0) {
		sum = crc32c(sum, part, (size_t)n);
		at += (uint64_t)n;
	}
	if (fd >= 0)
		close(fd);
	free(part);
	return fd >= 0 && n == 0 && at == length && sum == crc;
}

static bool
record_is_good(const struct verify *v, const struct record *r,
    struct slice body)
{
	uint64_t length;
	uint32_t crc;

	if (r->type == RECORD_BLOB)
		return true;
	if (r->type != RECORD_FILE)
		return ops_good(r, body);
	return file_parse(body, &length, &crc) &&
	    file_is_good(v->dir, r->id, length, crc);
}

static void
verify_work(struct job *j)
{
	struct verify *v = CONTAINER(j, struct verify, job);
	struct reader reader = { 0 };
	struct record r;
	struct slice body;
	uint64_t stop = v->at + SLICE_BYTES;
	enum reader_result what = READER_RECORD;

	reader_open(&reader, v->fd, v->segment->generation, v->at, v->end);
	while (what == READER_RECORD && reader.at < stop) {
		uint64_t at = reader.at;

		what = reader_next(&reader, &r, &body);
		if (what == READER_END || (what == READER_RECORD &&
		    record_is_good(v, &r, body)))
			continue;
		v->bad = true;
		LOG(log_quarantined, .segment = v->segment->number,
		    .offset = at, .bytes = reader.at - at);
		if (what != READER_BAD)
			continue;
		reader.at = r.type != 0 ? at + record_size(r.length) : at + 8;
		if (reader_search(&reader, &r))
			what = READER_RECORD;
	}
	v->over = what != READER_RECORD;
	v->at = reader.at;
	reader_free(&reader);
}

/* Gives the next part to the keeper, or the answer. */
static void
verify_next(struct verify *v)
{
	struct file *f = v->f;
	uint32_t number = v->segment == NULL ? 0 : v->segment->number;

	if (v->over) {
		if (v->segment != NULL)
			segment_unuse(v->segment);
		v->segment = NULL;
		for (size_t i = 0; i < f->segments.n; i++) {
			struct segment *s = f->segments.v[i];

			/* One that was begun meanwhile holds nothing older. */
			if (s->number <= number || s->floor >= v->until)
				continue;
			v->segment = s;
			break;
		}
		if (v->segment == NULL) {
			v->done(v->arg, v->bad ? ENGINE_CORRUPT : ENGINE_OK);
			free(v);
			return;
		}
		segment_use(v->segment);
		v->at = SEGMENT_HEAD;
		v->end = v->segment->end;
	}
	v->fd = segment_fd(&f->segments, v->segment);
	pool_add(f->keeper, &v->job);
}

static void
verify_done(struct job *j)
{
	verify_next(CONTAINER(j, struct verify, job));
}

void
file_verify(struct engine *e, engine_done *done, void *arg)
{
	struct file *f = FILE_OF(e);
	struct verify *v = mem_zero(sizeof *v);

	*v = (struct verify){ .f = f, .until = f->figures.sequence,
		.dir = f->segments.dir, .over = true, .done = done,
		.arg = arg, .job = { .work = verify_work,
		.done = verify_done } };
	verify_next(v);
}

/* ---- export */

struct exporting {
	struct file	*f;
	uint64_t	 after;
	engine_record	*fn;
	void		*arg;
	bool		 stopped, bad;
	struct buf	 out;
};

/* The header as it travels, in front of a body that is already right. */
static void
export_head(struct buf *out, const struct record *r, enum record_type type,
    uint32_t length, uint32_t crc)
{
	char *h;

	buf_clear(out);
	record_start(out);
	h = out->p;
	memcpy(h, "PRec", 4);
	be32_put(h + 8, crc);
	be32_put(h + 12, length);
	be64_put(h + 16, r->sequence);
	be64_put(h + 32, r->id);
	h[44] = (char)type;
	record_seal(h, 0, r->sequence);
}

/* False: the file is gone, so is the blob. */
static bool
export_file(struct exporting *x, const struct record *r, struct slice body)
{
	uint64_t length;
	uint32_t crc;
	char name[32];
	struct stat st;
	int fd;
	ssize_t n;

	blob_name(name, 'b', r->id);
	fd = openat(x->f->segments.dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (!file_parse(body, &length, &crc) || length > UINT32_MAX ||
	    fstat(fd, &st) != 0 || (uint64_t)st.st_size != length) {
		close(fd);
		return false;
	}
	export_head(&x->out, r, RECORD_BLOB, (uint32_t)length, crc);
	buf_reserve(&x->out, (size_t)length);
	while ((n = pread(fd, x->out.p + x->out.n, (size_t)length -
	    (x->out.n - RECORD_HEAD), (off_t)(x->out.n - RECORD_HEAD))) > 0)
		x->out.n += (size_t)n;
	close(fd);
	return x->out.n == RECORD_HEAD + length;
}

static void
export_record(struct exporting *x, const struct record *r, struct slice body)
{
	if (r->type == RECORD_FILE) {
		if (!export_file(x, r, body))
			return;
	} else {
		export_head(&x->out, r, r->type, r->length, r->crc);
		buf_slice(&x->out, body);
	}
	x->stopped = !x->fn(x->arg, r->sequence, buf_view(&x->out));
}

static void
export_segment(struct exporting *x, struct segment *s)
{
	struct reader reader = { 0 };
	struct record r;
	struct slice body;
	enum reader_result what;

	reader_open(&reader, segment_fd(&x->f->segments, s), s->generation,
	    SEGMENT_HEAD, s->end);
	while (!x->stopped &&
	    (what = reader_next(&reader, &r, &body)) != READER_END) {
		if (what == READER_RECORD) {
			if (r.sequence > x->after)
				export_record(x, &r, body);
			continue;
		}
		x->bad = true;
		reader.at += r.type != 0 ? record_size(r.length) : 8;
		if (!reader_search(&reader, &r))
			break;
	}
	reader_free(&reader);
}

enum engine_status
file_export(struct engine *e, uint64_t after, engine_record *fn, void *arg)
{
	struct file *f = FILE_OF(e);
	struct exporting x = { .f = f, .after = after, .fn = fn, .arg = arg };

	for (size_t i = 0; i < f->segments.n && !x.stopped; i++) {
		/* All of a segment is older than the next one's floor. */
		if (i + 1 < f->segments.n &&
		    f->segments.v[i + 1]->floor <= after)
			continue;
		export_segment(&x, f->segments.v[i]);
	}
	buf_free(&x.out);
	return x.bad ? ENGINE_CORRUPT : ENGINE_OK;
}

/* ---- import */

static void
import_long(struct file *f, const struct record *r, struct slice bytes)
{
	char name[32];
	struct buf body = { 0 };
	struct slice s = bytes, v;
	uint64_t at = 0;
	int fd;

	blob_name(name, 'b', r->id);
	fd = openat(f->segments.dir, name, O_WRONLY | O_CREAT | O_TRUNC |
	    O_CLOEXEC | O_NOFOLLOW, 0600);
	while (fd >= 0 && s.n > 0) {
		ssize_t n = pwrite(fd, s.p, s.n, (off_t)at);

		if (n <= 0)
			fatal("write to a blob");
		at += (uint64_t)n;
		s = slice_drop(s, (size_t)n);
	}
	if (fd < 0 || fsync(fd) != 0 || fsync(f->segments.dir) != 0)
		fatal("sync of a blob");
	close(fd);
	file_body(&body, bytes.n, r->crc);
	v = buf_view(&body);
	group_add(f, RECORD_FILE, r->id, &v, 1);
	buf_free(&body);
}

/* A whole record that travelled; what it says is checked, not believed. */
static bool
import_parse(struct slice s, struct record *r, struct slice *body)
{
	*body = slice_drop(s, RECORD_HEAD);
	if (!record_parse(s, 0, r) || !record_whole(r, *body))
		return false;
	if (r->type == RECORD_ROWS || r->type == RECORD_MOVED)
		return ops_good(r, *body);
	return r->type == RECORD_BLOB && r->id != 0;
}

enum engine_status
file_import(struct engine *e, struct slice record)
{
	struct file *f = FILE_OF(e);
	struct record r;
	struct slice body;

	if (!import_parse(record, &r, &body) || r.sequence <= f->sequence ||
	    r.sequence == UINT64_MAX || r.id == UINT64_MAX)
		return ENGINE_CORRUPT;
	if (!file_room(e, record.n))
		return ENGINE_FULL;
	/* Within a group sequences follow each other: a gap ends it. */
	if (r.sequence != f->sequence + 1 ||
	    f->filling->bytes.n > DRAIN_BYTES)
		group_drain(f);
	f->sequence = r.sequence - 1;
	if (r.type == RECORD_BLOB && r.id >= f->next_blob)
		f->next_blob = r.id + 1;
	f->replaying = true;
	if (r.type == RECORD_BLOB && body.n > ENGINE_INLINE_MAX)
		import_long(f, &r, body);
	else
		group_add(f, r.type, r.id, &body, 1);
	return ENGINE_OK;
}
