#include "tests/crash/engine/image.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/buf.h"

enum { PAGE = 4096, SECTOR = 512, FILES = 8192, NAMES = 4096 };

const char *const	 state_names[STATES] = {
	"all", "nothing", "pages", "torn", "log", "index", "names", "files",
	"both",
};

/* Something done to a file, or in a folder, and not durable. */
struct change {
	const struct event *e;
	size_t		 at;		/* in the trace */
};

struct file {
	bool		 folder;
	struct buf	 durable;	/* bytes, or struct entry each */
	struct buf	 changes;	/* struct change */
};

struct entry {
	uint32_t	 file;
	char		 name[TRACE_NAME];
};

struct image {
	struct file	 files[FILES];
};

struct image *
image_new(void)
{
	struct image *m = mem_zero(sizeof *m);

	m->files[TRACE_ROOT].folder = true;
	return m;
}

void
image_free(struct image *m)
{
	for (size_t i = 0; i < FILES; i++) {
		buf_free(&m->files[i].durable);
		buf_free(&m->files[i].changes);
	}
	free(m);
}

static struct change *
changes_of(const struct file *f, size_t *n)
{
	*n = f->changes.n / sizeof(struct change);
	return (void *)f->changes.p;
}

/* ---- what an event does */

static void
size_set(struct buf *b, uint64_t size)
{
	if (size > b->n) {
		buf_reserve(b, size - b->n);
		memset(b->p + b->n, 0, size - b->n);
	}
	b->n = size;
}

static void
bytes_change(struct buf *b, const struct event *e)
{
	uint64_t end = e->offset + e->length;

	if (e->kind == EVENT_SIZE) {
		size_set(b, e->length);
		return;
	}
	if (b->n < end)
		size_set(b, end);
	if (e->kind == EVENT_WRITE)
		memcpy(b->p + e->offset, e->bytes, e->length);
	else
		memset(b->p + e->offset, 0, e->length);
}

static struct entry *
entry_find(const struct buf *b, const char *name)
{
	struct entry *e = (void *)b->p;

	for (size_t i = 0; i < b->n / sizeof *e; i++) {
		if (strcmp(e[i].name, name) == 0)
			return &e[i];
	}
	return NULL;
}

static void
entry_del(struct buf *b, const char *name)
{
	struct entry *e = entry_find(b, name);

	if (e == NULL)
		return;
	b->n -= sizeof *e;
	memmove(e, b->p + b->n, sizeof *e);
}

static void
name_set(struct buf *b, const char *name, uint32_t file)
{
	struct entry e = { .file = file };

	entry_del(b, name);
	strcpy(e.name, name);
	if (file != 0)
		buf_add(b, &e, sizeof e);
}

static void
names_change(struct buf *b, const struct event *e)
{
	name_set(b, e->name, e->kind == EVENT_CREATE ||
	    e->kind == EVENT_FOLDER ? e->file : 0);
	if (e->kind == EVENT_RENAME)
		name_set(b, e->other, e->file);
}

static void
change_do(bool folder, struct buf *b, const struct event *e)
{
	if (folder)
		names_change(b, e);
	else
		bytes_change(b, e);
}

static void
sync_feed(struct file *f, uint64_t since)
{
	size_t n, i = 0;
	const struct change *c = changes_of(f, &n);

	for (; i < n && c[i].at < since; i++)
		change_do(f->folder, &f->durable, c[i].e);
	buf_drop(&f->changes, i * sizeof *c);
}

void
image_feed(struct image *m, const struct event *e, size_t at)
{
	const struct change c = { e, at };
	uint32_t file = e->file;

	if (file >= FILES)
		errx(1, "image: too many files");
	switch (e->kind) {
	case EVENT_FOLDER:
		m->files[file].folder = true;
		file = e->dir;
		break;
	case EVENT_CREATE:
	case EVENT_RENAME:
	case EVENT_UNLINK:
		file = e->dir;
		break;
	case EVENT_SYNC:
		sync_feed(&m->files[file], e->since);
		return;
	case EVENT_WRITE:
	case EVENT_SIZE:
	case EVENT_ZERO:
		break;
	default:
		return;
	}
	buf_add(&m->files[file].changes, &c, sizeof c);
}

/* ---- a state */

struct build {
	const struct image *m;
	enum state	 state;
	uint64_t	 random;
	bool		 index;		/* below the folder index */
};

static uint64_t
below(struct build *b, uint64_t n)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return (b->random >> 16) % n;
}

/* How each page and the length of this file are chosen. */
enum choice { NONE, ALL, PAGES, TORN };

static enum choice
choice_of(const struct build *b)
{
	switch (b->state) {
	case STATE_NOTHING:
	case STATE_FILES:
		return NONE;
	case STATE_PAGES:
	case STATE_BOTH:
		return PAGES;
	case STATE_TORN:
		return TORN;
	case STATE_LOG:
		return b->index ? ALL : NONE;
	case STATE_INDEX:
		return b->index ? NONE : ALL;
	default:
		return ALL;
	}
}

/* Of the last write only some sectors came. */
static void
tear(struct build *b, struct buf *out, const struct event *e)
{
	uint64_t end = e->offset + e->length;

	if (e->kind != EVENT_WRITE)
		return;
	if (out->n < end)
		size_set(out, end);
	for (uint64_t at = e->offset; at < end;) {
		uint64_t to = (at / SECTOR + 1) * SECTOR;

		to = to < end ? to : end;
		if (below(b, 2) != 0)
			memcpy(out->p + at, e->bytes + (at - e->offset),
			    to - at);
		at = to;
	}
}

/* A change, as far as it concerns one page and that page has seen it. */
static void
page_change(struct buf *out, const struct event *e, uint64_t page)
{
	uint64_t from = page * PAGE, to = from + PAGE;

	if (e->kind == EVENT_SIZE) {
		if (e->length < to && e->length < out->n) {
			from = e->length > from ? e->length : from;
			memset(out->p + from, 0,
			    (to < out->n ? to : out->n) - from);
		}
		return;
	}
	if (e->offset > from)
		from = e->offset;
	if (e->offset + e->length < to)
		to = e->offset + e->length;
	if (from >= to)
		return;
	if (e->kind == EVENT_WRITE)
		memcpy(out->p + from, e->bytes + (from - e->offset),
		    to - from);
	else
		memset(out->p + from, 0, to - from);
}

static uint64_t
end_of(const struct event *e, uint64_t size)
{
	if (e->kind == EVENT_SIZE)
		return e->length;
	return e->offset + e->length > size ? e->offset + e->length : size;
}

/* Each page, and the length, as after a number of changes of its own. */
static void
pages(struct build *b, const struct file *f, struct buf *out)
{
	size_t n, upto, *seen;
	const struct change *c = changes_of(f, &n);
	uint64_t size = out->n, most = size, count;

	upto = below(b, n + 1);
	for (size_t i = 0; i < n; i++) {
		uint64_t end = end_of(c[i].e, most);

		most = end > most ? end : most;
		if (i < upto)
			size = end_of(c[i].e, size);
	}
	size_set(out, most);
	count = (most + PAGE - 1) / PAGE;
	seen = mem_array(count + 1, sizeof *seen);
	for (uint64_t p = 0; p < count; p++)
		seen[p] = below(b, n + 1);
	for (size_t i = 0; i < n; i++) {
		const struct event *e = c[i].e;
		uint64_t p = e->kind == EVENT_SIZE ? e->length / PAGE :
		    e->offset / PAGE;
		uint64_t to = e->kind == EVENT_SIZE ? count :
		    (e->offset + e->length + PAGE - 1) / PAGE;

		for (; p < to; p++) {
			if (seen[p] > i)
				page_change(out, e, p);
		}
	}
	free(seen);
	size_set(out, size);
}

static void
contents(struct build *b, const struct file *f, struct buf *out)
{
	enum choice how = choice_of(b);
	size_t n;
	const struct change *c = changes_of(f, &n);

	buf_slice(out, buf_view(&f->durable));
	if (how == PAGES) {
		pages(b, f, out);
		return;
	}
	if (how == NONE || n == 0)
		return;
	for (size_t i = 0; i + 1 < n; i++)
		bytes_change(out, c[i].e);
	if (how == TORN)
		tear(b, out, c[n - 1].e);
	else
		bytes_change(out, c[n - 1].e);
}

static void
file_build(struct build *b, const struct file *f, int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct buf out = { 0 };
	size_t at = 0;

	contents(b, f, &out);
	if (fd < 0 || ftruncate(fd, (off_t)out.n) != 0)
		err(1, "image: %s", name);
	while (at < out.n) {		/* what is zero stays a hole */
		static const char zeros[PAGE];
		size_t n = out.n - at < PAGE ? out.n - at : PAGE;

		if (memcmp(out.p + at, zeros, n) != 0 &&
		    pwrite(fd, out.p + at, n, (off_t)at) != (ssize_t)n)
			err(1, "image: %s", name);
		at += n;
	}
	buf_free(&out);
	close(fd);
}

/* How many of a folder's changes came to the disk. */
static size_t
names_kept(struct build *b, size_t n)
{
	if (b->state == STATE_NAMES)
		return below(b, n + 1);
	return choice_of(b) == NONE && b->state != STATE_FILES ? 0 : n;
}

/* Up to which change this name has seen them, of n. */
static size_t
name_seen(const struct build *b, const char *name, size_t n)
{
	uint64_t h = b->random;

	for (; *name != 0; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3u;
	return (h >> 20) % (n + 1);
}

/* Each name as of a moment of its own: a folder of several blocks. */
static void
names_scatter(struct build *b, const struct change *c, size_t n,
    struct buf *names)
{
	for (size_t i = 0; i < n; i++) {
		const struct event *e = c[i].e;

		if (i < name_seen(b, e->name, n))
			name_set(names, e->name, e->kind == EVENT_CREATE ||
			    e->kind == EVENT_FOLDER ? e->file : 0);
		if (e->kind == EVENT_RENAME && i < name_seen(b, e->other, n))
			name_set(names, e->other, e->file);
	}
}

/* Of a rename the disk may have done one half: the file has both names. */
static bool
is_built(const struct entry *all, size_t i, int dir)
{
	for (size_t j = 0; j < i; j++) {
		if (all[j].file != all[i].file)
			continue;
		if (linkat(dir, all[j].name, dir, all[i].name, 0) != 0)
			err(1, "image: %s", all[i].name);
		return true;
	}
	return false;
}

static void
folder_build(struct build *b, const struct file *f, int dir)
{
	struct buf names = { 0 };
	const struct entry *all;
	size_t n;
	const struct change *c = changes_of(f, &n);

	buf_slice(&names, buf_view(&f->durable));
	if (b->state == STATE_BOTH)
		names_scatter(b, c, n, &names);
	else
		n = names_kept(b, n);
	for (size_t i = 0; i < n && b->state != STATE_BOTH; i++)
		names_change(&names, c[i].e);
	all = (const void *)names.p;
	for (size_t i = 0; i < names.n / sizeof *all; i++) {
		const struct entry *e = &all[i];
		const struct file *sub = &b->m->files[e->file];
		bool index = b->index;
		int fd;

		if (strcmp(e->name, "lock") == 0)
			continue;
		if (!sub->folder) {
			if (!is_built(all, i, dir))
				file_build(b, sub, dir, e->name);
			continue;
		}
		if (mkdirat(dir, e->name, 0700) != 0 || (fd = openat(dir,
		    e->name, O_RDONLY | O_DIRECTORY)) < 0)
			err(1, "image: %s", e->name);
		b->index |= strncmp(e->name, "index", 5) == 0;
		folder_build(b, sub, fd);
		b->index = index;
		close(fd);
	}
	buf_free(&names);
}

void
image_build(const struct image *m, enum state state, uint64_t seed,
    const char *root)
{
	struct build b = { .m = m, .state = state,
		.random = seed * 0x9e3779b97f4a7c15u | 1 };
	int fd = open(root, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		err(1, "image: %s", root);
	folder_build(&b, &m->files[TRACE_ROOT], fd);
	close(fd);
}
