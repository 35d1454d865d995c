/*
 * The log as a whole: handed out, taken in.
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

enum { DRAIN_BYTES = 8 << 20 };	/* imported in one group */

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
