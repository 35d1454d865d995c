/*
 * The parts of a cut: a name never stands for two files, so what the folder has
 * of one is good, and only what came behind it is read.
 */
#include "ctl/copy.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/say.h"

enum {
	READ = 512 << 10,		/* bytes a call */
	OVERLAP = 64 << 10,		/* compared where a part goes on */
};

struct copying {
	struct source	*source;
	const struct wire_part *part;
	size_t		 i;
	const char	*name;
	int		 fd;
	struct sum	 sum;
	uint64_t	 at;		/* before it all is there */
	bool		 damaged;
};

/* False: it is not needed. */
static bool
part_read(struct copying *c, uint64_t at, size_t n, struct keeper_read_out *out,
    struct arena *arena)
{
	struct keeper_read_in in = { .part = c->i, .offset = at,
		.length = (uint32_t)n };
	enum wire_status status = keeper_read(c->source->link, &in, out, arena,
	    ASK_WAIT);

	if (status == WIRE_NONE && c->part->kind == 'b')
		return false;
	ask_must(status, text("cannot read %s", c->name));
	if (out->bytes.n == 0)
		ask_failed(WIRE_OK, text("cannot read %s", c->name));
	c->damaged |= out->damaged != 0;
	return true;
}

/* Is what the folder has of it the beginning of what is there now?  Else the
   disk of the mail was set back to an older state, and has gone on from
   there under the same names. */
static void
must_go_on(struct copying *c)
{
	size_t n = c->at < OVERLAP ? (size_t)c->at : OVERLAP;
	struct keeper_read_out out;
	struct arena arena = { 0 };
	struct buf ours = { 0 };

	buf_reserve(&ours, n);
	if (!part_read(c, c->at - n, n, &out, &arena) || out.bytes.n != n ||
	    pread(c->fd, ours.p, n, (off_t)(c->at - n)) != (ssize_t)n ||
	    memcmp(ours.p, out.bytes.p, n) != 0)
		fail(EX_DATAERR, text("%s does not go on from what %s has of "
		    "it", c->name, backup.folder), "the mail was set back "
		    "meanwhile: take another folder", NULL);
	buf_free(&ours);
	arena_free(&arena);
}

/* How much of it is there already. */
static void
part_begin(struct copying *c, const struct entry *had)
{
	char sum[SUM_TEXT + 1];

	sum_begin(&c->sum);
	if (had == NULL || had->bytes > c->part->length || had->bytes == 0 ||
	    c->part->kind != 's')
		return;
	if (bytes_sum(c->fd, &c->sum, 0, had->bytes)) {
		sum_so_far(&c->sum, sum);
		if (strcmp(sum, had->sum) == 0) {
			c->at = had->bytes;
			c->damaged = had->kind == ENTRY_DAMAGED;
			must_go_on(c);
			return;
		}
	}
	warn("%s/%s was damaged; it is copied anew", backup.folder, c->name);
	sum_end(&c->sum, sum);
	sum_begin(&c->sum);
}

/* False: it is not needed. */
static bool
part_fetch(struct copying *c)
{
	struct keeper_read_out out;
	struct arena arena = { 0 };
	bool needed = true;

	while (c->at < c->part->length && needed) {
		uint64_t rest = c->part->length - c->at;

		arena_reset(&arena);
		needed = part_read(c, c->at, rest < READ ? (size_t)rest : READ,
		    &out, &arena);
		if (!needed)
			break;
		bytes_write(c->fd, c->name, out.bytes, c->at);
		sum_add(&c->sum, out.bytes);
		c->at += out.bytes.n;
		c->source->copied += out.bytes.n;
		way_went(&backup.way, c->source->keeper.name, out.bytes.n);
	}
	arena_free(&arena);
	return needed;
}

/* Each time, since it does not heal.  rotten: damage is known by now of what an
   earlier run copied; whether it was there then, nobody knows. */
static void
part_tell(const struct entry *e, bool rotten)
{
	if (e->kind != ENTRY_DAMAGED && !rotten)
		return;
	backup.damaged++;
	progress_end();
	warn("%s is damaged at its source; it %s", e->name.p,
	    e->kind == ENTRY_DAMAGED ? "was copied as it is" :
	    "is kept as an earlier run found it");
}

static void
part_copy(struct copying *c, const struct entry *had)
{
	struct entry e = { .kind = ENTRY_PART, .mode = 0600,
		.bytes = c->part->length, .name = slice_str(c->name) };
	bool needed;

	c->fd = openat(backup.dir, c->name, O_RDWR | O_CREAT | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (c->fd < 0)
		file_failed("make", c->name);
	part_begin(c, had);
	backup.way.done += c->at;
	needed = part_fetch(c);
	sum_end(&c->sum, e.sum);
	if (!needed)
		unlinkat(backup.dir, c->name, 0);
	else if (fdatasync(c->fd) != 0)
		file_failed("sync", c->name);
	else {
		if (c->damaged || c->part->rotten)
			e.kind = ENTRY_DAMAGED;
		entry_done(&e);
		part_tell(&e, false);
	}
	close(c->fd);
}

static void
part_do(struct source *s, size_t i)
{
	const struct wire_part *p = &s->parts[i];
	const struct part_name name = { .role = s->keeper.role,
		.instance = s->keeper.instance, .kind = (char)p->kind,
		.number = p->number, .tag = p->tag };
	struct copying c = { .source = s, .part = p, .i = i };
	const struct entry *had;
	struct buf b = { 0 };

	part_name_put(&b, &name);
	had = entry_had(buf_view(&b));
	if (had != NULL && had->bytes == p->length) {
		manifest_add(&backup.made, had);
		backup.way.done += p->length;
		part_tell(had, p->rotten);
	} else {
		c.name = text("%s", buf_cstr(&b));
		part_copy(&c, had);
	}
	buf_free(&b);
}

void
source_copy(struct source *s)
{
	int fd = folder_open(backup.dir, s->keeper.name);

	for (size_t i = 0; i < s->n; i++)
		part_do(s, i);
	if (fsync(fd) != 0)
		file_failed("sync", s->keeper.name);
	close(fd);
	link_close(s->link);
}
