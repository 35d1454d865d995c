#include "ctl/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/progress.h"
#include "ctl/say.h"

enum { PIECE = 256 << 10, MANIFEST_MAX = 1 << 30 };

bool
file_load(int dir, const char *name, size_t most, struct buf *to)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd < 0)
		return false;
	do {
		buf_reserve(to, PIECE);
		if ((n = read(fd, to->p + to->n, PIECE)) > 0)
			to->n += (size_t)n;
	} while (n > 0 && to->n <= most);
	close(fd);
	if (to->n > most) {
		errno = EFBIG;
		n = -1;
	}
	return n >= 0;
}

void
file_failed(const char *what, const char *name)
{
	int code = errno == EACCES || errno == EPERM ? EX_NOPERM :
	    EX_CANTCREAT;

	progress_end();
	fail(code, text("cannot %s %s: %s", what, show(slice_str(name)),
	    strerror(errno)), "what was done stays; the same command goes on "
	    "from there", NULL);
}

int
folder_open(int dir, const char *name)
{
	int fd;

	if (mkdirat(dir, name, 0700) != 0 && errno != EEXIST)
		file_failed("make", name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (fd < 0)
		file_failed("open", name);
	return fd;
}

void
bytes_write(int fd, const char *name, struct slice s, uint64_t at)
{
	while (s.n > 0) {
		ssize_t n = pwrite(fd, s.p, s.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			file_failed("write", name);
		at += (uint64_t)n;
		s = slice_drop(s, (size_t)n);
	}
}

bool
bytes_sum(int fd, struct sum *s, uint64_t from, uint64_t to)
{
	static char piece[PIECE];

	while (from < to) {
		size_t wanted = to - from < PIECE ? (size_t)(to - from) : PIECE;
		ssize_t n = pread(fd, piece, wanted, (off_t)from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		sum_add(s, slice_of(piece, (size_t)n));
		from += (uint64_t)n;
	}
	return true;
}

bool
manifest_load(struct manifest *m, int dir, const char *folder)
{
	struct buf bytes = { 0 };
	struct slice lines;
	unsigned line = 0;

	if (!file_load(dir, "manifest", MANIFEST_MAX, &bytes)) {
		buf_free(&bytes);
		if (errno != ENOENT)
			file_failed("read", text("%s/manifest", folder));
		return false;
	}
	lines = buf_view(&bytes);
	if (!manifest_whole(&lines))
		fail(EX_DATAERR, text("%s/manifest is damaged", folder),
		    "it does not end with the SHA-256 of itself", NULL);
	if (!manifest_parse(m, lines, &line))
		fail(EX_DATAERR, text("%s/manifest: line %u is not understood",
		    folder, line), "it may be of a newer version", "--version");
	buf_free(&bytes);
	return true;
}

void
report_begin(struct sheet *s, bool copied)
{
	static const struct column columns[] = {
		{ "process", COLUMN_TEXT, NULL },
		{ "files", COLUMN_NUMBER, NULL },
		{ "bytes", COLUMN_SIZE, NULL },
		{ "copied", COLUMN_SIZE, NULL },
	};

	sheet_begin(s, columns, copied ? 4 : 3);
}

void
report_row(struct sheet *s, const char *process, uint64_t files,
    uint64_t bytes, uint64_t copied)
{
	sheet_row(s, (struct cell[]){ { .text = slice_str(process) },
	    { .number = files }, { .number = bytes }, { .number = copied } });
}
