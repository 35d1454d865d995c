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
#include "ctl/copy.h"
#include "ctl/ctl.h"
#include "ctl/say.h"

enum {
	DEFECTS = 1,			/* exit code: not all could be read */
	JOURNAL_MAX = 1 << 30,
};

struct backup backup;

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

void
entry_done(const struct entry *e)
{
	struct buf line = { 0 };

	manifest_add(&backup.made, e);
	entry_put(&line, e);
	if (write(backup.journal, line.p, line.n) != (ssize_t)line.n)
		file_failed("write", "unfinished");
	buf_free(&line);
}

const struct entry *
entry_had(struct slice name)
{
	const struct entry *e = manifest_find(&backup.old, name);
	struct stat st;

	return e != NULL && fstatat(backup.dir, e->name.p, &st,
	    AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size >= e->bytes ? e : NULL;
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
	uint64_t all = 0;
	struct tm tm;

	strftime(backup.taken, sizeof backup.taken, "%Y-%m-%dT%H:%M:%SZ",
	    gmtime_r(&now, &tm));
	keepers_each(ROLE_QUEUE, source_add);
	keepers_each(ROLE_STORE, source_add);
	keepers_each(ROLE_AUTH, source_add);
	for (size_t i = 0; i < backup.n; i++) {
		source_list(&backup.sources[i]);
		all += backup.sources[i].bytes;
	}
	way_begin(&backup.way, all);
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
	struct sheet sheet;

	report_begin(&sheet, true);
	for (size_t i = 0; i < backup.n; i++) {
		const struct source *s = &backup.sources[i];

		report_row(&sheet, s->keeper.name, s->files, s->bytes,
		    s->copied);
	}
	sheet_end(&sheet, NULL);
	if (backup.damaged == 0) {
		note("%s is whole", backup.folder);
		return;
	}
	warn("all was saved, but %u part%s %s damaged at the source",
	    backup.damaged, backup.damaged == 1 ? "" : "s",
	    backup.damaged == 1 ? "is" : "are");
	advise("store check --full");
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
	return backup.defects || backup.damaged > 0 ? DEFECTS : EX_OK;
}
