/*
 * Blobs: in as one record, or, when they outgrow ENGINE_INLINE_MAX, as a file
 * of their own; out from the page cache on the loop, from the disk on a
 * reader's thread.
 *
 * A long blob is written as t<number> while it comes, synced by a thread,
 * renamed to b<number>, its name synced, and only then named by a FILE record
 * and to the caller.  What a crash leaves of the rest, recovery removes.
 */
#include "common/engine/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/core/codec.h"
#include "common/core/log.h"
#include "common/engine/disk.h"

enum { READ_MAX = 256 * 1024 };

void
file_blob_release(struct engine *e, uint64_t number)
{
	struct file *f = FILE_OF(e);
	struct hold *h = hold_find(f, number);
	bool idle;

	CHECK(h != NULL && h->held > 0);
	idle = h->idle;
	h->held--;
	/* Without a row it dies here; if it is in flight still, when it is
	   applied. */
	if (!hold_over(f, h) || !idle)
		return;
	if (!apply_begin(f) || !apply_blob(f, number) || !apply_end(f))
		index_broken(f);
	maintain_wrote(f, 0);
}

uint64_t
file_blob_add(struct engine *e, const struct slice *v, size_t n)
{
	struct file *f = FILE_OF(e);
	struct hold *h;
	uint64_t number;
	size_t length = 0;

	for (size_t i = 0; i < n; i++)
		length += v[i].n;
	CHECK(length <= ENGINE_INLINE_MAX);
	if (!file_room(e, length))
		return 0;
	number = f->next_blob++;
	h = hold_get(f, number);
	h->held = 1;
	h->group = f->filling;
	h->length = length;
	h->at = group_add(f, RECORD_BLOB, number, v, n) + RECORD_HEAD;
	return number;
}

/* A blob that comes bit by bit. */
struct incoming {
	struct blob	 blob;		/* first */
	struct buf	 bytes;		/* until it is too long for a record */
	int		 fd;		/* then; else -1 */
	uint64_t	 number, length;
	uint32_t	 crc;
	bool		 full;		/* its file cannot be kept */
	struct job	 job;
	void		(*done)(void *, enum engine_status, uint64_t);
	void		*arg;
};

struct blob *
file_blob_begin(struct engine *e)
{
	struct incoming *b;

	if (!file_room(e, 0))
		return NULL;
	b = mem_zero(sizeof *b);
	b->blob.engine = e;
	b->fd = -1;
	return &b->blob;
}

static void
incoming_free(struct incoming *b)
{
	buf_free(&b->bytes);
	if (b->fd >= 0)
		close(b->fd);
	free(b);
}

/* Appends to the file.  False: the disk is full. */
static bool
append(struct incoming *b, struct slice s)
{
	b->crc = crc32c(b->crc, s.p, s.n);
	while (s.n > 0) {
		ssize_t n = pwrite(b->fd, s.p, s.n, (off_t)b->length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && error_is_full(errno))
			return false;
		if (n <= 0)
			fatal("write to a blob");
		b->length += (uint64_t)n;
		s = slice_drop(s, (size_t)n);
	}
	return true;
}

static bool
spill(struct file *f, struct incoming *b)
{
	char name[32];
	bool ok;

	b->number = f->next_blob++;
	blob_name(name, 't', b->number);
	b->fd = openat(f->segments.dir, name,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (b->fd < 0)
		return false;
	ok = append(b, buf_view(&b->bytes));
	buf_free(&b->bytes);
	return ok;
}

enum engine_status
file_blob_write(struct blob *blob, struct slice s)
{
	struct incoming *b = CONTAINER(blob, struct incoming, blob);
	struct file *f = FILE_OF(blob->engine);

	if (!file_room(blob->engine, s.n))
		return ENGINE_FULL;
	if (b->fd < 0 && b->bytes.n + s.n <= ENGINE_INLINE_MAX) {
		buf_slice(&b->bytes, s);
		return ENGINE_OK;
	}
	if (b->fd < 0 && !spill(f, b))
		return ENGINE_FULL;
	return append(b, s) ? ENGINE_OK : ENGINE_FULL;
}

void
file_blob_drop(struct blob *blob)
{
	struct incoming *b = CONTAINER(blob, struct incoming, blob);
	struct file *f = FILE_OF(blob->engine);
	char name[32];

	if (b->number != 0) {
		blob_name(name, 't', b->number);
		unlinkat(f->segments.dir, name, 0);
	}
	incoming_free(b);
}

/* On a thread. */
static void
keep(struct job *j)
{
	struct incoming *b = CONTAINER(j, struct incoming, job);
	int dir = FILE_OF(b->blob.engine)->segments.dir;
	char from[32], to[32];

	blob_name(from, 't', b->number);
	blob_name(to, 'b', b->number);
	if (fdatasync(b->fd) == 0 && renameat(dir, from, dir, to) == 0 &&
	    fsync(dir) == 0)
		return;
	/* Some file systems find room only now. */
	b->full = error_is_full(errno);
	if (!b->full)
		fatal("sync of a blob");
	unlinkat(dir, from, 0);
	unlinkat(dir, to, 0);
}

static void
kept(struct job *j)
{
	struct incoming *b = CONTAINER(j, struct incoming, job);
	struct file *f = FILE_OF(b->blob.engine);
	struct slice body;
	struct hold *h;

	if (b->full) {
		b->done(b->arg, ENGINE_FULL, 0);
		incoming_free(b);
		return;
	}
	h = hold_get(f, b->number);
	h->held = 1;
	h->group = f->filling;
	h->own = true;
	h->length = b->length;
	h->crc = b->crc;
	file_body(&b->bytes, b->length, b->crc);
	body = buf_view(&b->bytes);
	group_add(f, RECORD_FILE, b->number, &body, 1);
	b->done(b->arg, ENGINE_OK, b->number);
	incoming_free(b);
}

void
file_blob_end(struct blob *blob, void (*done)(void *, enum engine_status,
    uint64_t), void *arg)
{
	struct incoming *b = CONTAINER(blob, struct incoming, blob);
	struct file *f = FILE_OF(blob->engine);
	struct slice s = buf_view(&b->bytes);
	uint64_t number;

	if (b->fd < 0) {
		number = file_blob_add(blob->engine, &s, 1);
		done(arg, number == 0 ? ENGINE_FULL : ENGINE_OK, number);
		incoming_free(b);
		return;
	}
	b->done = done;
	b->arg = arg;
	b->job = (struct job){ .work = keep, .done = kept };
	pool_add(f->readers, &b->job);
}

/* A dead blob's own file goes after the index that forgot it is durable. */
void
blob_doom(struct file *f, uint64_t number)
{
	buf_add(&f->doomed, &number, sizeof number);
}

/* Reading. */

struct reading {
	struct job	 job;
	struct file	*f;
	struct segment	*segment;	/* NULL: a file of its own */
	int		 fd;
	uint64_t	 number, at;
	size_t		 wanted, got;
	uint32_t	 crc;
	bool		 whole;		/* so its checksum can be told */
	bool		 failed;
	engine_bytes	*fn;
	void		*arg;
	char		 bytes[];
};

enum engine_status
file_blob_size(struct engine *e, uint64_t number, uint64_t *size)
{
	struct file *f = FILE_OF(e);
	struct hold *h = hold_find(f, number);
	struct place p;
	enum index_result r;

	if (h != NULL && h->group != NULL) {
		*size = h->length;
		return ENGINE_OK;
	}
	r = place_get(f, number, &p);
	if (r == INDEX_BAD)
		index_broken(f);
	if (r == INDEX_NONE)
		return ENGINE_NONE;
	*size = p.length;
	return p.kind == PLACE_LOST ? ENGINE_CORRUPT : ENGINE_OK;
}

static void
reading_end(struct reading *r)
{
	enum engine_status status = ENGINE_OK;

	if (r->got < r->wanted || r->failed ||
	    (r->whole && crc32c(0, r->bytes, r->got) != r->crc)) {
		LOG(blob_corrupt, .number = r->number, .offset = r->at);
		status = ENGINE_CORRUPT;
	}
	if (r->segment != NULL)
		segment_unuse(r->segment);
	else
		close(r->fd);
	r->fn(r->arg, status, status == ENGINE_OK ?
	    slice_of(r->bytes, r->got) : SLICE(""));
	free(r);
}

/* On a thread.  A page that cannot be read is this blob's loss, not ours. */
static void
read_cold(struct job *j)
{
	struct reading *r = CONTAINER(j, struct reading, job);

	while (r->got < r->wanted) {
		ssize_t n = pread(r->fd, r->bytes + r->got,
		    r->wanted - r->got, (off_t)(r->at + r->got));

		if (n < 0 && errno == EINTR)
			continue;
		r->failed = n < 0;
		if (n <= 0)
			return;
		r->got += (size_t)n;
	}
}

static void
read_came(struct job *j)
{
	reading_end(CONTAINER(j, struct reading, job));
}

/* What the page cache has. */
static void
read_hot(struct reading *r)
{
	while (r->got < r->wanted) {
		struct iovec v = { r->bytes + r->got, r->wanted - r->got };
		ssize_t n = preadv2(r->fd, &v, 1, (off_t)(r->at + r->got),
		    RWF_NOWAIT);

		if (n <= 0)
			return;
		r->got += (size_t)n;
	}
}

static bool
reading_open(struct file *f, struct reading *r, const struct place *p)
{
	char name[32];

	if (p->kind == PLACE_SEGMENT) {
		r->segment = segment_find(&f->segments, p->segment);
		if (r->segment == NULL)
			return false;
		r->fd = segment_fd(&f->segments, r->segment);
		if (r->fd >= 0)
			segment_use(r->segment);
		else
			r->segment = NULL;
		return r->fd >= 0;
	}
	blob_name(name, 'b', r->number);
	r->fd = openat(f->segments.dir, name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return r->fd >= 0;
}

/* From the memory of the group it is written with. */
static void
read_flying(const struct hold *h, uint64_t offset, size_t length,
    engine_bytes *fn, void *arg)
{
	struct slice s = slice_drop(buf_view(&h->group->bytes), h->at);
	struct buf copy = { 0 };

	s = slice_take(s, h->length);
	/* A callback that adds a record would move the bytes. */
	buf_slice(&copy, slice_take(slice_drop(s, offset), length));
	fn(arg, ENGINE_OK, buf_view(&copy));
	buf_free(&copy);
}

static void
read_place(struct file *f, uint64_t number, const struct place *p,
    uint64_t offset, size_t length, engine_bytes *fn, void *arg)
{
	uint64_t rest = offset < p->length ? p->length - offset : 0;
	size_t wanted = rest < length ? (size_t)rest : length;
	struct reading *r = mem_alloc(sizeof *r + wanted);

	*r = (struct reading){ .f = f, .number = number,
		.at = p->offset + (offset < p->length ? offset : 0),
		.wanted = wanted, .crc = p->crc, .fd = -1,
		.whole = offset == 0 && wanted == p->length,
		.job = { .work = read_cold, .done = read_came },
		.fn = fn, .arg = arg };
	if (!reading_open(f, r, p)) {
		LOG(blob_corrupt, .number = number);
		free(r);
		fn(arg, ENGINE_CORRUPT, SLICE(""));
		return;
	}
	read_hot(r);
	if (r->got == r->wanted)
		reading_end(r);
	else
		pool_add(f->readers, &r->job);
}

void
file_blob_read(struct engine *e, uint64_t number, uint64_t offset,
    size_t length, engine_bytes *fn, void *arg)
{
	struct file *f = FILE_OF(e);
	struct hold *h = hold_find(f, number);
	struct place p;
	enum index_result r;

	if (length > READ_MAX)
		length = READ_MAX;
	if (h != NULL && h->group != NULL && !h->own) {
		read_flying(h, offset, length, fn, arg);
		return;
	}
	if (h != NULL && h->group != NULL) {
		p = (struct place){ .kind = PLACE_FILE,
			.length = h->length, .crc = h->crc };
		r = INDEX_OK;
	} else if ((r = place_get(f, number, &p)) == INDEX_BAD) {
		index_broken(f);
	}
	if (r == INDEX_NONE)
		fn(arg, ENGINE_NONE, SLICE(""));
	else if (p.kind == PLACE_LOST)
		fn(arg, ENGINE_CORRUPT, SLICE(""));
	else
		read_place(f, number, &p, offset, length, fn, arg);
}
