/*
 * The second half of restore: writing.
 *
 * Folders belong to the users of the roles, who might have put links into them:
 * so no name is followed.
 */
#include "ctl/restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/progress.h"
#include "ctl/say.h"

enum { PIECE = 256 << 10, NS = 1000000000 };

static struct way	writing;

static void
give(int fd, const char *name, const struct place *x, mode_t mode)
{
	if (fchown(fd, x->uid, x->gid) != 0 || fchmod(fd, mode) != 0)
		file_failed("give away", name);
}

static void
file_make(int dir, const char *name, const struct place *x)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
	    0600);

	if (fd < 0)
		file_failed("make", name);
	give(fd, name, x, 0600);
	if (fsync(fd) != 0)
		file_failed("sync", name);
	close(fd);
}

/* Of a restore that was cut off, or an index of nothing. */
static void
folder_empty(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.')
			unlinkat(fd, e->d_name, 0);
	closedir(d);
}

/* The lock is an engine's: it keeps everybody out until we have ended. */
static void
place_open(struct place *x)
{
	x->dir = folder_open(restore.data, x->name);
	give(x->dir, x->name, x, 0700);
	x->lock = openat(x->dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (x->lock < 0)
		file_failed("make", "lock");
	give(x->lock, "lock", x, 0600);
	if (flock(x->lock, LOCK_EX | LOCK_NB) != 0)
		fail(EX_TEMPFAIL, text("%s/%s is in use",
		    restore.conf->data_folder.p, x->name),
		    "a process has it open", "stop");
	folder_empty(x->dir, "log");
	folder_empty(x->dir, "index");
	x->log = folder_open(x->dir, "log");
	give(x->log, "log", x, 0700);
	if (x->role == ROLE_STORE)
		file_make(x->dir, "restored", x);
}

static void
place_close(struct place *x)
{
	if (fsync(x->log) != 0 || fsync(x->dir) != 0)
		file_failed("sync", x->name);
	close(x->log);
	close(x->dir);
}

/* Looks again at what it copies. */
static void
bytes_copy(const struct entry *e, int to, const char *name)
{
	static char piece[PIECE];
	int fd = entry_open(e);
	char sum[SUM_TEXT + 1];
	struct sum s;
	ssize_t n = 1;
	uint64_t at = 0;

	sum_begin(&s);
	for (; fd >= 0 && at < e->bytes && n > 0; at += (uint64_t)n) {
		uint64_t rest = e->bytes - at;

		n = read(fd, piece, rest < PIECE ? (size_t)rest : PIECE);
		if (n <= 0)
			break;
		sum_add(&s, slice_of(piece, (size_t)n));
		bytes_write(to, name, slice_of(piece, (size_t)n), at);
		way_went(&writing, "writing", (uint64_t)n);
	}
	sum_end(&s, sum);
	if (strcmp(sum, e->sum) != 0) {
		progress_end();
		fail(EX_IOERR, text("%s/%s cannot be read any more",
		    restore.folder, e->name.p), "the same command begins anew",
		    NULL);
	}
	if (fd >= 0)
		close(fd);
}

static void
part_write(const struct entry *e)
{
	const struct place *x = place_of(e);
	struct part_name p;
	const char *name;
	int fd;

	if (x == NULL || !part_name_parse(e->name, &p))
		return;
	name = p.kind == 's' ? text("s%08llx", (unsigned long long)p.number) :
	    text("b%016llx", (unsigned long long)p.number);
	fd = openat(x->log, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (fd < 0)
		file_failed("make", e->name.p);
	bytes_copy(e, fd, e->name.p);
	give(fd, e->name.p, x, 0600);
	/* By its time the next backup knows a blob. */
	if (p.kind == 'b')
		futimens(fd, (struct timespec[]){ { .tv_nsec = UTIME_OMIT },
		    { (time_t)(p.tag / NS), (long)(p.tag % NS) } });
	if (fdatasync(fd) != 0)
		file_failed("sync", e->name.p);
	close(fd);
}

static void
marker_make(void)
{
	int fd = openat(restore.data, RESTORING, O_WRONLY | O_CREAT |
	    O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || fsync(fd) != 0 || fsync(restore.data) != 0)
		file_failed("make", RESTORING);
	close(fd);
}

static void
data_write(void)
{
	for (size_t i = 0; i < restore.n; i++)
		place_open(&restore.places[i]);
	for (size_t i = 0; i < restore.m.n; i++)
		part_write(&restore.m.v[i]);
	for (size_t i = 0; i < restore.n; i++)
		place_close(&restore.places[i]);
	if (fsync(restore.data) != 0)
		file_failed("sync", restore.conf->data_folder.p);
}

/* ---- the rest */

static bool
names_file(const struct conf *c, struct slice path)
{
	for (size_t i = 0; i < c->n_certificates; i++)
		if (slice_eq(path, c->certificates[i].chain) ||
		    slice_eq(path, c->certificates[i].key))
			return true;
	for (size_t i = 0; i < c->n_smarthosts; i++)
		if (slice_eq(path, c->smarthosts[i].password))
			return true;
	return slice_eq(path, c->names) || slice_eq(path, c->authorities) ||
	    slice_eq(path, c->anchor);
}

static void
folder_of_file(const char *path)
{
	const char *last = strrchr(path, '/');
	const char *folder = text("%.*s", (int)(last - path), path);

	if (last > path && mkdir(folder, 0755) != 0 && errno != EEXIST)
		file_failed("make", folder);
}

static void
file_write(const struct entry *e, const char *path)
{
	const char *part = text("%s.%s", path, RESTORING);
	int fd;

	if (access(path, F_OK) == 0)
		return;
	folder_of_file(path);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd < 0)
		file_failed("make", part);
	bytes_copy(e, fd, path);
	if (fchmod(fd, e->mode) != 0 || fsync(fd) != 0 ||
	    rename(part, path) != 0)
		file_failed("write", path);
	close(fd);
	note("%s is written", path);
}

static void
files_write(void)
{
	const struct entry *config = entry_of_config();

	for (size_t i = 0; i < restore.m.n; i++) {
		const struct entry *e = &restore.m.v[i];

		if (e->kind == ENTRY_FILE &&
		    names_file(restore.conf, e->origin))
			file_write(e, e->origin.p);
	}
	if (!restore.configured && config != NULL)
		file_write(config, strchr(ctl.file, '/') != NULL ? ctl.file :
		    text("./%s", ctl.file));
}

void
restore_write(void)
{
	way_begin(&writing, restore.bytes);
	marker_make();
	data_write();
	files_write();
	if (unlinkat(restore.data, RESTORING, 0) != 0 ||
	    fsync(restore.data) != 0)
		file_failed("remove", RESTORING);
}
