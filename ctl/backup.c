/*
 * A backup: the cuts of all keepers (engine.h), one after the other within
 * milliseconds, then their bytes, as far as the folder has not got them.
 *
 * The order of the cuts: queue, store, auth.  What queue had accepted and not
 * yet handed on is in its cut, what it had handed on is in store's.  The other
 * way round a message could be in neither.  One that is in both is known to
 * store by its id (INTERNALS.md).  auth last: it knows every user that has
 * mail, and no number is given out twice.
 *
 * The manifest is written last.  Until then nothing that the one before names
 * is changed: a part that has grown is only longer.
 */
#include "ctl/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/config.h"
#include "ctl/ctl.h"
#include "ctl/keeper.h"
#include "ctl/progress.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

enum {
	DEFECTS = 1,			/* exit code: not all could be read */
	READ = 512 << 10,		/* bytes a call */
	OVERLAP = 64 << 10,		/* compared where a part goes on */
	JOURNAL_MAX = 1 << 30,
	KEEPERS = 66,
};

/* One of those that are cut. */
struct source {
	struct keeper	 keeper;
	struct link	*link;
	struct wire_part *parts;
	size_t		 n;
	uint64_t	 files, bytes, copied;
};

static struct {
	const char	*folder;
	int		 dir, journal;
	struct manifest	 old, made;	/* old: with what the journal has */
	struct source	 sources[KEEPERS];
	size_t		 n;
	uint64_t	 bytes, done;	/* of all parts */
	const char	*size;		/* the former, as text */
	bool		 defects;
	char		 taken[32];
} backup;

/* ---- the folder */

static void
folder_begin(void)
{
	struct stat st;
	DIR *d;

	if (mkdir(backup.folder, 0700) != 0 && errno != EEXIST)
		file_failed("make", backup.folder);
	backup.dir = open(backup.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (backup.dir < 0 || fstat(backup.dir, &st) != 0 ||
	    (d = opendir(backup.folder)) == NULL)
		file_failed("open", backup.folder);
	/* They could lead what root writes to elsewhere. */
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		fail(EX_NOPERM, text("others can change what is in %s",
		    backup.folder), "it must belong to who runs this, and "
		    "nobody else may write to it", NULL);
	if (!manifest_load(&backup.old, backup.dir, backup.folder) &&
	    faccessat(backup.dir, "unfinished", F_OK, 0) != 0)
		for (struct dirent *e; (e = readdir(d)) != NULL;)
			if (e->d_name[0] != '.' &&
			    strcmp(e->d_name, "lost+found") != 0)
				fail(EX_CANTCREAT, text("%s is no backup, and "
				    "not empty", backup.folder), text("there "
				    "is %s in it", e->d_name), NULL);
	closedir(d);
}

/* What a run that was cut off had copied need not be copied again. */
static void
journal_begin(void)
{
	struct buf lines = { 0 };

	if (file_load(backup.dir, "unfinished", JOURNAL_MAX, &lines))
		manifest_journal(&backup.old, buf_view(&lines));
	buf_free(&lines);
	backup.journal = openat(backup.dir, "unfinished", O_WRONLY | O_CREAT |
	    O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (backup.journal < 0)
		file_failed("make", "unfinished");
	if (flock(backup.journal, LOCK_EX | LOCK_NB) != 0)
		fail(EX_TEMPFAIL, text("another backup to %s is under way",
		    backup.folder), NULL, NULL);
	/* Its last line may have broken off. */
	if (write(backup.journal, "\n", 1) != 1)
		file_failed("write", "unfinished");
}

/* It is whole, and on the disk. */
static void
entry_done(const struct entry *e)
{
	struct buf line = { 0 };

	manifest_add(&backup.made, e);
	entry_put(&line, e);
	if (write(backup.journal, line.p, line.n) != (ssize_t)line.n)
		file_failed("write", "unfinished");
	buf_free(&line);
}

/* ---- cuts */

static struct wire_part *
parts_add(struct source *s, const struct keeper_cut_out *out)
{
	s->parts = mem_grow(s->parts, (s->n + out->n_parts + 1) *
	    sizeof *s->parts);
	if (out->n_parts > 0)
		memcpy(s->parts + s->n, out->parts,
		    out->n_parts * sizeof *s->parts);
	s->n += out->n_parts;
	return s->parts;
}

static void
source_list(struct source *s)
{
	struct keeper_cut_in in = { .from = s->n };
	struct keeper_cut_out out;
	struct arena arena = { 0 };

	do {
		arena_reset(&arena);
		ask_must(keeper_cut(s->link, &in, &out, &arena, ASK_WAIT),
		    text("cannot back up %s", s->keeper.name));
		parts_add(s, &out);
		in.from = s->n;
	} while (s->n < out.all && out.n_parts > 0);
	arena_free(&arena);
	for (size_t i = 0; i < s->n; i++)
		s->bytes += s->parts[i].length;
	s->files = s->n;
	backup.bytes += s->bytes;
}

static int
source_add(const struct keeper *k)
{
	if (backup.n == KEEPERS)
		fail(EX_SOFTWARE, "there are too many processes", NULL, NULL);
	backup.sources[backup.n++] = (struct source){ .keeper = *k,
		.link = keeper_dial(k) };
	return EX_OK;
}

static void
sources_cut(void)
{
	time_t now = time(NULL);
	struct tm tm;

	strftime(backup.taken, sizeof backup.taken, "%Y-%m-%dT%H:%M:%SZ",
	    gmtime_r(&now, &tm));
	keepers_each(ROLE_QUEUE, source_add);
	keepers_each(ROLE_STORE, source_add);
	keepers_each(ROLE_AUTH, source_add);
	for (size_t i = 0; i < backup.n; i++)
		source_list(&backup.sources[i]);
	backup.size = size_text(backup.bytes);
}

/* ---- a part */

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
		backup.done += out.bytes.n;
		progress("%s: %u %% of %s", c->source->keeper.name,
		    percent(backup.done, backup.bytes), backup.size);
	}
	arena_free(&arena);
	return needed;
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
	backup.done += c->at;
	needed = part_fetch(c);
	sum_end(&c->sum, e.sum);
	if (!needed)
		unlinkat(backup.dir, c->name, 0);
	else if (fdatasync(c->fd) != 0)
		file_failed("sync", c->name);
	else
		entry_done(&e);
	close(c->fd);
	if (c->damaged || c->part->rotten) {
		progress_end();
		warn("%s is damaged at its source; it was copied as it is",
		    c->name);
		backup.defects = true;
	}
}

static bool
has_bytes(const struct entry *e)
{
	struct stat st;

	return fstatat(backup.dir, e->name.p, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && (uint64_t)st.st_size >= e->bytes;
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
	had = manifest_find(&backup.old, buf_view(&b));
	if (had != NULL && !has_bytes(had))
		had = NULL;
	if (had != NULL && had->bytes == p->length) {
		manifest_add(&backup.made, had);
		backup.done += p->length;
	} else {
		c.name = text("%s", buf_cstr(&b));
		part_copy(&c, had);
	}
	buf_free(&b);
}

static void
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

/* ---- the end */

static void
manifest_write(const struct conf *conf)
{
	struct buf b = { 0 };
	int fd = openat(backup.dir, "manifest.new", O_WRONLY | O_CREAT |
	    O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		file_failed("make", "manifest.new");
	backup.made.taken = slice_str(backup.taken);
	backup.made.host = conf->server_name;
	manifest_put(&b, &backup.made);
	bytes_write(fd, "manifest.new", buf_view(&b), 0);
	if (fsync(fd) != 0 || fsync(backup.dir) != 0 || renameat(backup.dir,
	    "manifest.new", backup.dir, "manifest") != 0 ||
	    fsync(backup.dir) != 0)
		file_failed("write", "manifest");
	close(fd);
	buf_free(&b);
}

/* What the manifest does not name any more. */
static void
folder_clean(const char *name)
{
	int fd = openat(backup.dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		const char *path = text("%s/%s", name, e->d_name);
		const struct entry *has = manifest_find(&backup.made,
		    slice_str(path));
		struct part_name p;

		if (has == NULL && e->d_name[0] != '.' &&
		    (strcmp(name, "files") == 0 ||
		    part_name_parse(slice_str(path), &p)))
			unlinkat(fd, e->d_name, 0);
	}
	closedir(d);
}

static void
folders_clean(void)
{
	DIR *d = opendir(backup.folder);

	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (slice_starts(slice_str(e->d_name), SLICE("store")) ||
		    strcmp(e->d_name, "queue") == 0 ||
		    strcmp(e->d_name, "auth") == 0 ||
		    strcmp(e->d_name, "files") == 0)
			folder_clean(e->d_name);
	closedir(d);
	unlinkat(backup.dir, "unfinished", 0);
}

static void
report(void)
{
	static const struct column columns[] = {
		{ "process", COLUMN_TEXT, NULL },
		{ "files", COLUMN_NUMBER, NULL },
		{ "bytes", COLUMN_SIZE, NULL },
		{ "copied", COLUMN_SIZE, NULL },
	};
	struct sheet sheet;

	sheet_begin(&sheet, columns, 4);
	for (size_t i = 0; i < backup.n; i++) {
		const struct source *s = &backup.sources[i];

		sheet_row(&sheet, (struct cell[]){
		    { .text = slice_str(s->keeper.name) },
		    { .number = s->files }, { .number = s->bytes },
		    { .number = s->copied } });
	}
	sheet_end(&sheet, NULL);
}

int
cmd_backup(void)
{
	unsigned wrong;
	const struct conf *conf = config_read(ctl.file, NULL, &wrong);

	if (wrong > 0)
		fail(EX_CONFIG, text("%s has faults", ctl.file),
		    "so it cannot be said what belongs to the backup",
		    "config check");
	umask(077);
	backup.folder = arena_str(&ctl.arena, ctl.args.words[0]);
	master_link();
	folder_begin();
	journal_begin();
	sources_cut();
	for (size_t i = 0; i < backup.n; i++)
		source_copy(&backup.sources[i]);
	backup.defects |= !files_copy(backup.dir, conf, entry_done);
	progress_end();
	manifest_write(conf);
	folders_clean();
	report();
	note("%s is whole", backup.folder);
	return backup.defects ? DEFECTS : EX_OK;
}
