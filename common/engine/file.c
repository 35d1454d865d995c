#include "common/engine/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/log.h"

enum { CACHE_LEAST = 1 << 20, SEGMENT_LEAST = 64 << 10 };

void
file_mark(const struct file *f, const char *name)
{
	int fd = openat(f->dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || fsync(f->dir) != 0)
		fatal("%s is to be rebuilt", f->index_path);
	close(fd);
}

static void
distrust(struct engine *e)
{
	file_mark(FILE_OF(e), "rebuild");
}

static void
mended(struct engine *e)
{
	unlinkat(FILE_OF(e)->dir, "rotten", 0);
}

/* Whoever comes next makes it anew, even if what failed is a page that the
   recovery of Berkeley DB does not look at.  A full disk is no damage, and to
   make it anew would need even more. */
void
index_broken(struct file *f)
{
	if (!reserve_failed())
		distrust(&f->engine);
	errno = 0;
	fatal("the index failed");
}

static enum engine_status
get(struct engine *e, enum engine_space space, struct slice key,
    struct buf *out, uint64_t *blob)
{
	struct file *f = FILE_OF(e);
	struct row row;
	enum index_result r = index_get(f->index, (enum index_table)space,
	    key, &f->scratch);

	if (r == INDEX_NONE)
		return ENGINE_NONE;
	if (r == INDEX_BAD || !row_parse(buf_view(&f->scratch), &row))
		index_broken(f);
	if (out != NULL)
		buf_slice(out, row.value);
	if (blob != NULL)
		*blob = row.blob;
	return ENGINE_OK;
}

struct walk {
	engine_row	*fn;
	void		*arg;
	bool		 bad;
};

static bool
walk_row(void *arg, struct slice key, struct slice value)
{
	struct walk *w = arg;
	struct row row;

	w->bad = !row_parse(value, &row);
	return !w->bad && w->fn(w->arg, key, row.value, row.blob);
}

static enum engine_status
scan(struct engine *e, enum engine_space space, struct slice from,
    struct slice to, bool back, engine_row *fn, void *arg)
{
	struct file *f = FILE_OF(e);
	struct walk w = { .fn = fn, .arg = arg };
	enum index_result r = (back ? index_scan_back : index_scan)(f->index,
	    (enum index_table)space, from, to, walk_row, &w);

	if (r == INDEX_BAD || w.bad)
		index_broken(f);
	return r == INDEX_NONE ? ENGINE_NONE : ENGINE_OK;
}

static void
figures(struct engine *e, struct engine_figures *out)
{
	const struct file *f = FILE_OF(e);

	*out = f->figures;
	out->segments = f->segments.n;
	for (size_t i = 0; i < f->segments.n; i++) {
		const struct segment *s = f->segments.v[i];

		out->live += s->live;
		if (s->end > SEGMENT_HEAD + s->live)
			out->dead += s->end - SEGMENT_HEAD - s->live;
	}
}

static void
hold_free(struct map_node *n, void *arg)
{
	(void)arg;
	free(CONTAINER(n, struct hold, node));
}

static void
file_close(struct engine *e)
{
	struct file *f = FILE_OF(e);

	reclaim_close(f);
	group_close(f);
	maintain_close(f);
	cuts_close(f);
	index_close(f->index);
	segments_free(&f->segments);
	map_each(&f->holds, hold_free, NULL);
	map_free(&f->holds);
	map_free(&f->touched);
	arena_free(&f->arena);
	buf_free(&f->scratch);
	reserve_close(&f->reserve);
	close(f->segments.dir);
	close(f->dir);
	close(f->lock);		/* and with it the lock */
	free(f->index_path);
	engine_leave(e);
	free(f);
}

static const struct engine_ops ops = {
	.close = file_close,
	.commit = group_commit,
	.blob_add = file_blob_add,
	.blob_begin = file_blob_begin,
	.blob_write = file_blob_write,
	.blob_end = file_blob_end,
	.blob_drop = file_blob_drop,
	.blob_release = file_blob_release,
	.get = get,
	.scan = scan,
	.blob_size = file_blob_size,
	.blob_read = file_blob_read,
	.settle = group_settle,
	.room = file_room,
	.floor = file_floor,
	.figures = figures,
	.checkpoint = file_checkpoint,
	.compact = file_compact,
	.check = file_check,
	.distrust = distrust,
	.mended = mended,
	.cut = file_cut,
	.cut_read = file_cut_read,
	.cut_end = file_cut_end,
	.export = file_export,
	.import = file_import,
	.turn = group_turn,
};

/* The folder, and the right to it: a process that is ending still has it. */
static void
folder_open(struct file *f)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	size_t n = strlen(f->conf.dir) + sizeof "/index";
	int log;

	f->index_path = mem_alloc(n);
	snprintf(f->index_path, n, "%s/index", f->conf.dir);
	f->dir = open(f->conf.dir, flags);
	if (f->dir < 0)
		fatal("open %s", f->conf.dir);
	f->lock = openat(f->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (f->lock < 0)
		fatal("open %s/lock", f->conf.dir);
	while (flock(f->lock, LOCK_EX) != 0) {
		if (errno != EINTR)
			fatal("lock %s", f->conf.dir);
	}
	mkdirat(f->dir, "log", 0700);
	log = openat(f->dir, "log", flags);
	if (log < 0 || fsync(f->dir) != 0)
		fatal("open %s/log", f->conf.dir);
	segments_init(&f->segments, log, f->conf.segment);
}

struct engine *
engine_open_file(const struct engine_conf *conf)
{
	struct file *f = mem_zero(sizeof *f);

	f->conf = *conf;
	list_init(&f->cuts);
	if (f->conf.cache < CACHE_LEAST)
		f->conf.cache = CACHE_LEAST;
	if (f->conf.segment < SEGMENT_LEAST)
		f->conf.segment = SEGMENT_LEAST;
	folder_open(f);
	room_open(f);
	recover(f);
	maintain_open(f);
	group_open(f);
	reclaim_open(f);
	engine_enter(&f->engine, &ops);
	return &f->engine;
}
