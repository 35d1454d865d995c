/* The configuration, and the files that it names. */
#include "ctl/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/say.h"

enum { FILE_MAX = 16 << 20, NAME_MAX_BYTES = 200 };

static struct {
	int		 dir;
	void		(*done)(const struct entry *);
	bool		 whole;
} copying;

/* What it holds is in its name: no file is ever written over by another. */
static const char *
file_name(const char *path, const char *sum)
{
	const char *last = strrchr(path, '/');
	struct buf b = { 0 };
	const char *s;

	buf_printf(&b, "files/%.12s-", sum);
	for (last = last != NULL ? last + 1 : path; *last != '\0'; last++) {
		char c = *last;

		buf_char(&b, (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ? c : '_');
	}
	s = arena_str(&ctl.arena, slice_take(buf_view(&b), NAME_MAX_BYTES));
	buf_free(&b);
	return s;
}

static void
file_copy(enum entry_kind kind, const char *path)
{
	struct entry e = { .kind = kind, .origin = slice_str(path) };
	struct buf bytes = { 0 };
	struct stat st;
	int fd;

	if (stat(path, &st) != 0 ||
	    !file_load(AT_FDCWD, path, FILE_MAX, &bytes)) {
		warn("%s is not in the backup: %s", path, strerror(errno));
		copying.whole = false;
		return;
	}
	e.mode = st.st_mode & 0777;
	e.bytes = bytes.n;
	sum_of(buf_view(&bytes), e.sum);
	e.name = slice_str(file_name(path, e.sum));
	fd = openat(copying.dir, e.name.p, O_WRONLY | O_CREAT | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (fd < 0)
		file_failed("make", e.name.p);
	bytes_write(fd, e.name.p, buf_view(&bytes), 0);
	if (fdatasync(fd) != 0)
		file_failed("sync", e.name.p);
	close(fd);
	copying.done(&e);
	buf_free(&bytes);
}

bool
files_copy(int dir, const struct conf *conf, void (*done)(const struct entry *))
{
	char *path = realpath(ctl.file, NULL);
	int fd = folder_open(dir, "files");

	copying.dir = dir;
	copying.done = done;
	copying.whole = true;
	file_copy(ENTRY_CONFIG, path != NULL ? path : ctl.file);
	free(path);
	for (size_t i = 0; i < conf->n_certificates; i++) {
		file_copy(ENTRY_FILE, conf->certificates[i].chain.p);
		file_copy(ENTRY_FILE, conf->certificates[i].key.p);
	}
	for (size_t i = 0; i < conf->n_smarthosts; i++)
		if (conf->smarthosts[i].password.n > 0)
			file_copy(ENTRY_FILE, conf->smarthosts[i].password.p);
	if (conf->names.n > 0)
		file_copy(ENTRY_FILE, conf->names.p);
	if (conf->said[CONF_authorities] > 0)
		file_copy(ENTRY_FILE, conf->authorities.p);
	if (conf->said[CONF_anchor] > 0)
		file_copy(ENTRY_FILE, conf->anchor.p);
	if (fsync(fd) != 0)
		file_failed("sync", "files");
	close(fd);
	return copying.whole;
}
