/*
 * Restoring: everything is looked at before anything is touched.
 *
 *	the backup	each file against its SHA-256
 *	the machine	no suite runs, no data is there, users exist, room
 *	the data	logs only; the index is made anew at the start
 *	the rest	the configuration and what it names, where that is not
 *			there: nothing is written over
 *
 * `restoring` in the folder of the data stands there from the first file to the
 * last.  As long as it does master does not start, and restore begins anew.
 * `restored` in a store's folder tells it that clients may know of messages
 * that it does not (store/mend.h).
 */
#include "ctl/restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/config.h"
#include "ctl/ctl.h"
#include "ctl/keeper.h"
#include "ctl/progress.h"
#include "ctl/say.h"

enum { TELL = 20 };			/* damaged files */

struct restore restore;

/* ---- the backup */

int
entry_open(const struct entry *e)
{
	return openat(restore.from, e->name.p, O_RDONLY | O_NOFOLLOW |
	    O_CLOEXEC);
}

/* NULL, or what is wrong with it. */
static const char *
entry_fault(const struct entry *e)
{
	int fd = entry_open(e);
	char sum[SUM_TEXT + 1];
	struct sum s;
	bool whole;

	if (fd < 0)
		return strerror(errno);
	sum_begin(&s);
	whole = bytes_sum(fd, &s, 0, e->bytes);
	sum_end(&s, sum);
	close(fd);
	return !whole ? "it is cut off" :
	    strcmp(sum, e->sum) != 0 ? "its SHA-256 is another" : NULL;
}

static void
backup_check(void)
{
	unsigned faults = 0;
	struct way way;

	way_begin(&way, restore.bytes);
	for (size_t i = 0; i < restore.m.n; i++) {
		const struct entry *e = &restore.m.v[i];
		const char *fault = entry_fault(e);

		way_went(&way, "looking", e->bytes);
		if (fault == NULL)
			continue;
		progress_end();
		if (++faults <= TELL)
			warn("%s/%s: %s", restore.folder, e->name.p, fault);
	}
	progress_end();
	if (faults > 0)
		fail(EX_DATAERR, text("%u of %zu files of the backup are "
		    "damaged", faults, restore.m.n), "nothing was touched",
		    NULL);
}

const struct entry *
entry_of_config(void)
{
	for (size_t i = 0; i < restore.m.n; i++)
		if (restore.m.v[i].kind == ENTRY_CONFIG)
			return &restore.m.v[i];
	return NULL;
}

static void
backup_open(void)
{
	restore.from = open(restore.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (restore.from < 0)
		fail(errno == EACCES ? EX_NOPERM : EX_NOINPUT,
		    text("%s: %s", restore.folder, strerror(errno)), NULL,
		    NULL);
	if (!manifest_load(&restore.m, restore.from, restore.folder))
		fail(EX_NOINPUT, text("%s is no backup", restore.folder),
		    faccessat(restore.from, "unfinished", F_OK, 0) == 0 ?
		    "its first run was cut off" : "there is no manifest in it",
		    NULL);
	for (size_t i = 0; i < restore.m.n; i++)
		restore.bytes += restore.m.v[i].bytes;
}

/* ---- the configuration */

/* That of this machine, or, where there is none, that of the backup. */
static void
config_choose(void)
{
	const struct entry *e = entry_of_config();
	struct conf *c = arena_array(&ctl.arena, 1, sizeof *c);
	struct buf bytes = { 0 }, errors = { 0 };
	unsigned wrong;

	restore.configured = access(ctl.file, F_OK) == 0;
	if (restore.configured) {
		restore.conf = config_read(ctl.file, NULL, &wrong);
	} else {
		if (e == NULL || !file_load(restore.from, e->name.p, e->bytes,
		    &bytes))
			fail(EX_NOINPUT, text("%s is not there", ctl.file),
			    "nor is there one in the backup", NULL);
		wrong = conf_parse(c, buf_view(&bytes), ctl.file, &errors);
		restore.conf = c;
		buf_free(&bytes);
		buf_free(&errors);
	}
	if (wrong > 0)
		fail(EX_CONFIG, text("%s has faults", ctl.file),
		    "so it does not say where the data is to be",
		    "config check");
}

static void
must_not_run(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s/control",
	    restore.conf->run_folder.p);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		fail(EX_TEMPFAIL, "Postino runs",
		    text("it answers at %s", a.sun_path), "stop");
	close(fd);
}

static void
user_of(enum role role, uint32_t *uid, uint32_t *gid)
{
	struct slice name = restore.conf->user[role];
	struct passwd *pw;
	uint64_t number;

	*uid = (uint32_t)geteuid();
	*gid = (uint32_t)getegid();
	if (restore.conf->privileges != PRIVILEGES_DROP)
		return;
	if (*uid != 0)
		fail(EX_NOPERM, "only root can give files to the users of "
		    "the processes", NULL, NULL);
	if (slice_u64(name, UINT32_MAX - 1, &number)) {
		*uid = *gid = (uint32_t)number;
		return;
	}
	if ((pw = getpwnam(name.p)) == NULL)
		fail(EX_NOUSER, text("there is no user %s", name.p),
		    text("%s runs as this user: install the package first, or "
		    "say another in %s", role_name(role), ctl.file), NULL);
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
}

/* ---- what is there */

struct place *
place_of(const struct entry *e)
{
	struct part_name p;
	struct place *x = restore.places;

	if (!entry_is_part(e) || !part_name_parse(e->name, &p))
		return NULL;
	while (x < restore.places + restore.n &&
	    (x->role != p.role || x->instance != p.instance))
		x++;
	if (x == restore.places + restore.n) {
		if (restore.n == RESTORE_PLACES)
			fail(EX_DATAERR, "the backup has too many processes",
			    NULL, NULL);
		restore.n++;
		*x = (struct place){ .role = p.role, .instance = p.instance,
			.name = keeper_name(p.role, p.instance) };
		user_of(p.role, &x->uid, &x->gid);
	}
	return x;
}

static void
places_find(void)
{
	uint32_t stores = restore.conf->workers[ROLE_STORE], needed = 1;

	for (size_t i = 0; i < restore.m.n; i++) {
		struct place *x = place_of(&restore.m.v[i]);

		if (x == NULL)
			continue;
		x->files++;
		x->bytes += restore.m.v[i].bytes;
		if (x->role == ROLE_STORE && x->instance >= needed)
			needed = x->instance + 1;
	}
	/* auth knows by number where each user's mail is. */
	if (needed > stores)
		fail(EX_CONFIG, text("the backup has mail of %u stores, and "
		    "%s has only %u run", needed, ctl.file, stores),
		    text("say there: run %u store processes", needed), NULL);
}

static void
must_be_empty(const char *keeper)
{
	const char *path = text("%s/%s/log", restore.conf->data_folder.p,
	    keeper);
	DIR *d = opendir(path);

	if (d == NULL && errno != ENOENT)
		file_failed("look into", path);
	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if ((e->d_name[0] != 's' || strlen(e->d_name) != 9) &&
		    (e->d_name[0] != 'b' || strlen(e->d_name) != 17))
			continue;
		fail(EX_CANTCREAT, text("%s has data already",
		    restore.conf->data_folder.p), text("there is %s/%s; a "
		    "backup is only restored where nothing is: move %s away",
		    path, e->d_name, restore.conf->data_folder.p), NULL);
	}
	closedir(d);
}

static void
must_be_free(void)
{
	const char *data = restore.conf->data_folder.p;
	DIR *d = opendir(data);

	if (d == NULL)
		return;
	if (access(text("%s/%s", data, RESTORING), F_OK) != 0)
		for (struct dirent *e; (e = readdir(d)) != NULL;)
			if (slice_starts(slice_str(e->d_name), SLICE("store")) ||
			    strcmp(e->d_name, "queue") == 0 ||
			    strcmp(e->d_name, "auth") == 0)
				must_be_empty(e->d_name);
	closedir(d);
}

static void
data_open(void)
{
	const char *path = restore.conf->data_folder.p;

	if (mkdir(path, 0711) != 0 && errno != EEXIST)
		file_failed("make", path);
	restore.data = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (restore.data < 0)
		file_failed("open", path);
}

static void
must_have_room(void)
{
	struct statvfs v;
	uint64_t room;

	if (fstatvfs(restore.data, &v) != 0)
		return;
	room = (uint64_t)v.f_bavail * v.f_frsize;
	if (room < restore.bytes)
		fail(EX_CANTCREAT, text("%s has no room for it",
		    restore.conf->data_folder.p), text("the backup has %s, "
		    "free are %s", size_text(restore.bytes),
		    size_text(room)), NULL);
}

static void
report(void)
{
	struct sheet sheet;

	report_begin(&sheet, false);
	for (size_t i = 0; i < restore.n; i++) {
		const struct place *x = &restore.places[i];

		report_row(&sheet, x->name, x->files, x->bytes, 0);
	}
	sheet_end(&sheet, NULL);
}

/* They are served without what cannot be read. */
static void
damaged_tell(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < restore.m.n; i++)
		if (restore.m.v[i].kind == ENTRY_DAMAGED) {
			warn("%s was damaged already when it was saved",
			    restore.m.v[i].name.p);
			n++;
		}
	if (n > 0)
		advise("store check --full");
}

int
cmd_restore(void)
{
	bool only_look = args_has(&ctl.args, OPTION_CHECK);

	umask(077);
	restore.folder = arena_str(&ctl.arena, ctl.args.words[0]);
	backup_open();
	if (!only_look) {
		config_choose();
		must_not_run();
		must_be_free();
		places_find();
	}
	backup_check();
	if (only_look) {
		note("%s of %s, taken %s, is whole", restore.folder,
		    show(restore.m.host), show(restore.m.taken));
		damaged_tell();
		return EX_OK;
	}
	data_open();
	must_have_room();
	restore_write();
	progress_end();
	report();
	damaged_tell();
	note("%s is as of %s; Postino may be started, and makes its indexes "
	    "anew", restore.conf->data_folder.p, show(restore.m.taken));
	return EX_OK;
}
