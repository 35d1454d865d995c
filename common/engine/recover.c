/*
 * From a folder to an engine: everything that was acknowledged, and durable.
 *
 *  1. Sync the log from the mark on.  The process before us may have been
 *     killed between write and sync; what we find in the page cache and show
 *     to somebody must not be lost later.
 *  2. Open the index.  If it is damaged, or does not fit the log, set it
 *     aside and begin with an empty one.
 *  3. Apply all records behind the mark.
 *  4. A bad place.  If behind it there is a record of a group that began
 *     later, then the group of the bad one had been durable: this is rot, and
 *     only what is damaged is left out.  Else it is the tail of the last
 *     group, never acknowledged: cut it off, so that nothing of it can ever
 *     be taken for a later record.  Where no record of this segment follows,
 *     the file was used before, or what is torn is not even a record: there is
 *     nothing to cut.
 *  5. Remove what nobody names: blobs, files.  Not if something rotted: its
 *     records may be the ones that named them.
 */
#include "common/engine/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/alive.h"
#include "common/core/codec.h"
#include "common/core/log.h"
#include "common/engine/disk.h"
#include "common/engine/reader.h"

enum {
	CHUNK = 512,			/* records in one transaction */
	TELL = 5000,			/* ms between words of progress */
};

struct replay {
	struct file	*f;
	struct reader	 reader;
	size_t		 i;		/* segment */
	uint64_t	 last;		/* sequence of the last good record */
	unsigned	 open;		/* records in the transaction */
	bool		 broken;	/* the index failed */
	uint64_t	 told;		/* when */
};

/* ---- the index */

static void
folder_empty(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	}
	closedir(d);
}

static void
folder_sync(const struct file *f)
{
	if (fsync(f->dir) != 0)
		fatal("sync of %s", f->conf.dir);
}

/* The damaged one is kept, once, for whoever wants to know why. */
static void
index_aside(struct file *f, const char *why)
{
	LOG(index_rebuilt, .why = slice_str(why));
	if (f->index != NULL)
		index_close(f->index);
	f->index = NULL;
	apply_drop(f);
	f->figures.rebuilt = true;
	folder_empty(f->dir, "index.bad");
	unlinkat(f->dir, "index.bad", AT_REMOVEDIR);
	if (renameat(f->dir, "index", f->dir, "index.bad") != 0 ||
	    mkdirat(f->dir, "index", 0700) != 0)
		fatal("set the index aside");
	unlinkat(f->dir, "rebuild", 0);
	folder_sync(f);
	if (f->mark.sequence > f->sequence)
		f->sequence = f->mark.sequence;
	if (f->mark.blob > f->next_blob)
		f->next_blob = f->mark.blob;
	f->mark = (struct mark){ 0 };
	for (size_t i = 0; i < f->segments.n; i++)
		f->segments.v[i]->live = f->segments.v[i]->graves = 0;
	if ((f->index = index_open(f->index_path, f->conf.cache)) == NULL)
		fatal("open a new index");
}

static bool
live_note(void *arg, struct slice key, struct slice value)
{
	struct file *f = arg;
	struct segment *s;

	if (key.n == 5 && value.n == 16 && (s = segment_find(&f->segments,
	    be32_get(key.p + 1))) != NULL) {
		s->live = be64_get(value.p);
		s->graves = be64_get(value.p + 8);
	}
	return true;
}

/* Why this index is of no use for the log; NULL: it is. */
static const char *
index_unfit(struct file *f)
{
	const struct segment *s;
	bool found;

	if (faccessat(f->dir, "rebuild", F_OK, 0) == 0)
		return "asked for, or it failed in use";
	if (faccessat(f->dir, "rotten", F_OK, 0) == 0)
		return "what rot took was not made good";
	if ((f->index = index_open(f->index_path, f->conf.cache)) == NULL) {
		/* To begin anew would need even more. */
		if (reserve_failed())
			fatal("no room to open the index");
		return "it cannot be opened";
	}
	if (!mark_get(f, &found))
		return "its mark cannot be read";
	if (!found)
		return f->segments.n > 0 ? "it is empty" : NULL;
	s = segment_find(&f->segments, f->mark.segment);
	if (s == NULL || s->size < f->mark.offset)
		return "it is ahead of the log";
	if (index_scan(f->index, INDEX_MARKS, SLICE("S"), SLICE("T"),
	    live_note, f) == INDEX_BAD)
		return "its figures cannot be read";
	return NULL;
}

static void
index_ready(struct file *f)
{
	const char *why;

	if (mkdirat(f->dir, "index", 0700) == 0)
		folder_sync(f);
	/* A file of this name would change Berkeley DB's settings. */
	if (faccessat(f->dir, "index/DB_CONFIG", F_OK, AT_SYMLINK_NOFOLLOW)
	    == 0) {
		errno = 0;
		fatal("%s/DB_CONFIG is not ours: remove it", f->index_path);
	}
	why = index_unfit(f);
	if (why != NULL && f->index != NULL && strcmp(why, "it is empty") == 0)
		LOG(index_rebuilt, .why = slice_str(why));
	else if (why != NULL)
		index_aside(f, why);
	f->figures.rebuilt = why != NULL;
}

/* ---- records */

static void
chunk_end(struct replay *p)
{
	if (p->open > 0 && !p->broken)
		p->broken = !apply_end(p->f);
	p->open = 0;
}

static void
quarantine(struct replay *p, uint64_t from, uint64_t to)
{
	struct segment *s = p->f->segments.v[p->i];

	s->rotten = true;
	p->f->figures.quarantined++;
	p->f->figures.lost += to - from;
	/* The index will be past it before the owner has made it good. */
	file_mark(p->f, "rotten");
	LOG(log_quarantined, .segment = s->number, .offset = from,
	    .bytes = to - from);
}

static void
take_record(struct replay *p, const struct record *r, struct slice body)
{
	struct file *f = p->f;
	uint64_t length;
	uint32_t crc;

	alive();
	p->last = r->sequence;
	if (((r->type == RECORD_ROWS || r->type == RECORD_MOVED) &&
	    !ops_good(r, body)) || (r->type == RECORD_FILE &&
	    !file_parse(body, &length, &crc))) {
		quarantine(p, p->reader.found, p->reader.at);
		return;
	}
	if (p->open == 0)
		p->broken = !apply_begin(f);
	if (p->broken || !apply_record(f, r, body, f->segments.v[p->i],
	    p->reader.found)) {
		p->broken = true;
		return;
	}
	f->figures.replayed++;
	if (++p->open >= CHUNK)
		chunk_end(p);
}

/* Is there, from the reader's place on, proof that the bad record was durable
   once?  *next: the first good header in this segment, *any: there is one, be
   it of an older record. */
static bool
is_rot(struct replay *p, uint64_t bad, uint64_t *next, bool *any)
{
	struct segments *l = &p->f->segments;
	struct reader r = { 0 };
	struct record rec;
	bool rot = false;

	*next = 0;
	*any = false;
	for (size_t i = p->i; i < l->n && !rot; i++) {
		struct segment *s = l->v[i];

		if (i > p->i && s->floor >= bad) {
			rot = true;
			break;
		}
		reader_open(&r, segment_fd(l, s), s->generation,
		    i == p->i ? p->reader.at : SEGMENT_HEAD, s->size);
		while (!rot && reader_search(&r, &rec)) {
			if (i == p->i && *next == 0 && rec.sequence >= bad)
				*next = r.at;
			*any = *any || i == p->i;
			alive();
			rot = rec.group > bad;
			r.at += record_size(rec.length);
		}
	}
	reader_free(&r);
	return rot;
}

/* The log ends here.  Nothing behind it shall look like a record of it. */
static void
cut(struct replay *p, uint64_t at)
{
	struct segment *s = p->f->segments.v[p->i];
	int fd = segment_fd(&p->f->segments, s);

	LOG(log_cut, .segment = s->number, .offset = at,
	    .bytes = s->size - at);
	if (ftruncate(fd, (off_t)at) != 0)
		fatal("cut the log");
	s->size = at > p->f->segments.size ? at : p->f->segments.size;
	/* What others have taken meanwhile is not ours to write to. */
	if (disk.allocate(fd, s->size) != 0 && errno != EOPNOTSUPP)
		s->size = at;
	if (fsync(fd) != 0)
		fatal("sync of the log");
}

/* A bad place, or the end of a segment.  True: go on reading in it. */
static bool
pass(struct replay *p, const struct record *r, enum reader_result what)
{
	uint64_t at = p->reader.at, next;
	uint64_t bad = r->type != 0 ? r->sequence : p->last + 1;
	bool last = p->i + 1 == p->f->segments.n, any;

	if (what == READER_END && !reader_more(&p->reader)) {
		p->reader.at = at;
		return false;
	}
	if (what == READER_RECORD)	/* but older than those before it */
		at = p->reader.found;
	/* Never look for records inside of one whose length is known: it may
	   be a message that tries to look like one. */
	p->reader.at = r->type != 0 ? at + record_size(r->length) : at + 8;
	if (is_rot(p, bad, &next, &any)) {
		quarantine(p, at, next != 0 ? next : p->reader.end);
		p->reader.at = next != 0 ? next : p->reader.end;
		if (r->type != 0)
			p->last = r->sequence;
		return next != 0;
	}
	/* Or it is of an earlier use of the file, and no harm. */
	if (last ? any || r->type != 0 : what != READER_END)
		cut(p, at);
	p->reader.at = at;
	return false;
}

static void
progress_tell(struct replay *p)
{
	if (loop_clock() < p->told + TELL)
		return;
	p->told = loop_clock();
	LOG(log_replayed, .segment = p->i + 1, .segments = p->f->segments.n,
	    .records = p->f->figures.replayed);
}

static void
segment_replay(struct replay *p, uint64_t from)
{
	struct segment *s = p->f->segments.v[p->i];
	bool last = p->i + 1 == p->f->segments.n;
	int fd = segment_fd(&p->f->segments, s);
	struct record r;
	struct slice body;

	reader_open(&p->reader, fd, s->generation, from, s->size);
	while (!p->broken) {
		enum reader_result what = reader_next(&p->reader, &r, &body);

		if (what == READER_RECORD && r.sequence > p->last)
			take_record(p, &r, body);
		else if (!pass(p, &r, what))
			break;
	}
	s->end = p->reader.at;
	if (last || p->broken || s->end == s->size)
		return;
	if (ftruncate(fd, (off_t)s->end) == 0)
		s->size = s->end;
}

/* False: the index failed under it. */
static bool
replay(struct file *f)
{
	struct replay p = { .f = f, .last = f->mark.sequence,
		.told = loop_clock() };

	f->replaying = true;
	for (p.i = 0; p.i < f->segments.n && !p.broken; p.i++) {
		const struct segment *s = f->segments.v[p.i];

		if (s->number < f->mark.segment)
			continue;
		segment_replay(&p, s->number == f->mark.segment ?
		    f->mark.offset : SEGMENT_HEAD);
		progress_tell(&p);
	}
	chunk_end(&p);
	reader_free(&p.reader);
	f->replaying = false;
	if (p.last > f->sequence)
		f->sequence = p.last;
	if (f->mark.blob > f->next_blob)
		f->next_blob = f->mark.blob;
	return !p.broken;
}

/* ---- what nobody names */

static void
orphans(struct file *f)
{
	if (!apply_orphans(f))
		index_broken(f);
	if (f->figures.quarantined == 0)
		folder_clean(f);
}

static void
log_sync(struct file *f)
{
	for (size_t i = 0; i < f->segments.n; i++) {
		struct segment *s = f->segments.v[i];

		alive();
		if (s->number >= f->mark.segment &&
		    fdatasync(segment_fd(&f->segments, s)) != 0)
			fatal("sync of the log");
	}
	if (fsync(f->segments.dir) != 0)
		fatal("sync of the folder");
}

void
recover(struct file *f)
{
	uint64_t began = loop_clock(), quarantined;

	f->next_blob = 1;
	folder_read(f);
	quarantined = f->figures.quarantined;
	index_ready(f);
	log_sync(f);
	if (!replay(f)) {
		if (reserve_failed())
			fatal("no room to bring the index up to date");
		if (f->figures.rebuilt)
			fatal("the new index fails as well");
		index_aside(f, "it failed in the replay");
		f->figures.replayed = f->figures.lost = 0;
		f->figures.quarantined = quarantined;
		log_sync(f);
		if (!replay(f))
			fatal("the new index fails as well");
	}
	orphans(f);
	if (f->figures.lost == 0)
		unlinkat(f->dir, "rotten", 0);
	if (f->figures.replayed > 0 &&
	    index_checkpoint(f->index) != INDEX_OK)
		index_broken(f);
	f->figures.sequence = f->sequence;
	LOG(engine_opened, .folder = slice_str(f->conf.dir),
	    .segments = f->segments.n, .replayed = f->figures.replayed,
	    .quarantined = f->figures.quarantined,
	    .ms = loop_clock() - began);
}
