/*
 * A cut: the engine as of one moment, for a backup.
 *
 * What is on the disk at any moment is what a crash would leave, and recovery
 * makes an engine of that.  So a cut is the list of the segments, each up to
 * its last durable record, and the long blobs that there are; nothing has to
 * stop.  Three things could take bytes of it away later:
 *
 *	compaction	removes a segment: its file is unlinked, but stays open
 *			as long as a cut has it pinned (segment.c)
 *	upkeep		unlinks long blobs that died: not while there is a cut
 *	trimming	takes from a full segment what is behind its end, which
 *			belongs to no cut
 *
 * The blobs are listed by the keeper's thread, behind any upkeep that was
 * under way: what is still unlinked was dead before.  What is listed and is of
 * no use, recovery removes, as it does after a crash.
 */
#include "common/engine/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/log.h"

enum { BLOCK = 4096, NS = 1000000000 };

struct cut {
	struct engine_cut cut;		/* first */
	struct node	 node;
	struct file	*f;		/* NULL: the engine is closed */
	struct segment	**segments;	/* of the first parts */
	size_t		 n_segments;
	size_t		 held;		/* the first that is still pinned */
	uint64_t	 blobs;		/* numbers of its blobs are below */
	struct buf	 parts;		/* struct engine_part each */
	unsigned	 out;		/* jobs */
	bool		 ended;
	struct job	 job;
	void		(*listed)(void *, struct engine_cut *);
	void		*arg;
};

#define CUT_OF(c)	CONTAINER(c, struct cut, cut)

static void
let_go(struct cut *c, size_t before)
{
	for (; c->held < before && c->held < c->n_segments; c->held++)
		segment_unpin(c->segments[c->held]);
}

static void
free_if_over(struct cut *c)
{
	if (!c->ended || c->out > 0)
		return;
	buf_free(&c->parts);
	free(c->segments);
	free(c);
}

/* ---- the list */

/* The file of one that is just being made may not be there yet. */
static bool
is_made(const struct file *f, const struct segment *s)
{
	return f->flying == NULL || f->flying->segment != s ||
	    f->flying->start.number == 0;
}

static void
segments_take(struct cut *c)
{
	const struct segments *l = &c->f->segments;

	c->segments = mem_array(l->n + 1, sizeof(struct segment *));
	for (size_t i = 0; i < l->n; i++) {
		struct segment *s = l->v[i];
		const struct engine_part part = { .kind = 's',
			.grows = i + 1 == l->n, .rotten = s->rotten,
			.number = s->number, .tag = s->generation,
			.length = s->end };

		if (!is_made(c->f, s))
			continue;
		segment_pin(s);
		c->segments[c->n_segments++] = s;
		buf_add(&c->parts, &part, sizeof part);
	}
}

static int
by_number(const void *a, const void *b)
{
	struct engine_part p, q;

	memcpy(&p, a, sizeof p);
	memcpy(&q, b, sizeof q);
	return p.number < q.number ? -1 : p.number > q.number;
}

static void
blob_take(struct cut *c, int dir, const char *name)
{
	struct engine_part part = { .kind = 'b' };
	struct stat st;

	if (!blob_named(name, &part.number) || part.number >= c->blobs ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	part.tag = (uint64_t)st.st_mtim.tv_sec * NS +
	    (uint64_t)st.st_mtim.tv_nsec;
	part.length = (uint64_t)st.st_size;
	buf_add(&c->parts, &part, sizeof part);
}

/* On the keeper's thread. */
static void
blobs_list(struct job *j)
{
	struct cut *c = CONTAINER(j, struct cut, job);
	size_t from = c->parts.n;
	int fd = openat(c->f->segments.dir, ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL)
		fatal("read the folder log");
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		blob_take(c, fd, e->d_name);
	closedir(d);
	if (c->parts.n > from)
		qsort(c->parts.p + from, (c->parts.n - from) /
		    sizeof(struct engine_part), sizeof(struct engine_part),
		    by_number);
}

static void
blobs_listed(struct job *j)
{
	struct cut *c = CONTAINER(j, struct cut, job);

	c->cut.parts = (struct engine_part *)(void *)c->parts.p;
	c->cut.n = c->parts.n / sizeof(struct engine_part);
	c->listed(c->arg, &c->cut);
	c->out--;
	free_if_over(c);
}

void
file_cut(struct engine *e, void (*listed)(void *, struct engine_cut *),
    void *arg)
{
	struct file *f = FILE_OF(e);
	struct cut *c = mem_zero(sizeof *c);

	*c = (struct cut){ .cut.ops = e->ops, .f = f, .blobs = f->next_blob,
		.listed = listed, .arg = arg, .out = 1,
		.job = { .work = blobs_list, .done = blobs_listed } };
	segments_take(c);
	list_push(&f->cuts, &c->node);
	pool_add(f->keeper, &c->job);
}

/* ---- reading */

struct cut_reading {
	struct job	 job;
	struct cut	*cut;
	struct segment	*segment;	/* NULL: a blob */
	int		 fd;
	uint64_t	 at;
	size_t		 wanted;
	bool		 bad;
	engine_bytes	*fn;
	void		*arg;
	char		 bytes[];
};

/* On a thread.  Blocks that cannot be read are zeros: the rest is worth having,
   and recovery knows what to do with them. */
static void
read_part(struct job *j)
{
	struct cut_reading *r = CONTAINER(j, struct cut_reading, job);
	size_t got = 0;

	while (got < r->wanted) {
		size_t block = BLOCK - (r->at + got) % BLOCK;
		ssize_t n = pread(r->fd, r->bytes + got, r->wanted - got,
		    (off_t)(r->at + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r->bad = true;
			n = (ssize_t)(block < r->wanted - got ? block :
			    r->wanted - got);
			memset(r->bytes + got, 0, (size_t)n);
		}
		got += (size_t)n;
	}
}

static void
part_came(struct job *j)
{
	struct cut_reading *r = CONTAINER(j, struct cut_reading, job);
	struct cut *c = r->cut;

	if (r->segment != NULL)
		segment_unuse(r->segment);
	else
		close(r->fd);
	r->fn(r->arg, r->bad ? ENGINE_CORRUPT : ENGINE_OK,
	    slice_of(r->bytes, r->wanted));
	free(r);
	c->out--;
	free_if_over(c);
}

static int
part_open(struct cut *c, size_t i, struct segment **segment)
{
	char name[32];

	*segment = NULL;
	if (i < c->n_segments) {
		*segment = c->segments[i];
		return segment_fd(&c->f->segments, *segment);
	}
	blob_name(name, 'b', c->cut.parts[i].number);
	return openat(c->f->segments.dir, name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

void
file_cut_read(struct engine_cut *cut, size_t i, uint64_t offset,
    size_t length, engine_bytes *fn, void *arg)
{
	struct cut *c = CUT_OF(cut);
	struct cut_reading *r;
	struct segment *segment = NULL;
	uint64_t rest;
	int fd = -1;

	let_go(c, i);
	if (c->f != NULL && i < cut->n && i >= c->held)
		fd = part_open(c, i, &segment);
	if (fd < 0) {
		fn(arg, ENGINE_NONE, SLICE(""));
		return;
	}
	rest = offset < cut->parts[i].length ?
	    cut->parts[i].length - offset : 0;
	length = length > CUT_READ ? CUT_READ : length;
	length = rest < length ? (size_t)rest : length;
	r = mem_alloc(sizeof *r + length);
	*r = (struct cut_reading){ .cut = c, .segment = segment, .fd = fd,
		.at = offset, .wanted = length, .fn = fn, .arg = arg,
		.job = { .work = read_part, .done = part_came } };
	if (segment != NULL)
		segment_use(segment);
	c->out++;
	pool_add(c->f->readers, &r->job);
}

/* ---- the end */

void
file_cut_end(struct engine_cut *cut)
{
	struct cut *c = CUT_OF(cut);
	struct file *f = c->f;

	let_go(c, c->n_segments);
	list_del(&c->node);
	/* Blobs that died meanwhile go with the next upkeep. */
	if (f != NULL && f->doomed.n > 0)
		maintain_wrote(f, 0);
	c->ended = true;
	free_if_over(c);
}

void
cuts_close(struct file *f)
{
	LIST_EACH(n, &f->cuts) {
		struct cut *c = CONTAINER(n, struct cut, node);

		let_go(c, c->n_segments);
		list_del(n);
		c->f = NULL;
	}
}
