#include "ctl/logfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include <zlib.h>

#include "ctl/ctl.h"
#include "ctl/say.h"

enum { PIECE = 128 * 1024, LINE = 64 * 1024 };

struct log_file {
	gzFile		 gz;
	const char	*name;
	time_t		 changed;
	bool		 damaged;
};

struct log_files {
	struct log_file	*files;
	unsigned	 n, cap, at;
	struct buf	 read;		/* and not yet given out from `from` */
	size_t		 from;
	bool		 skipping;	/* the rest of a line that was cut */
};

/* ---- which files */

/* Is it base.1, base.2.gz, base-20261123 ...? */
static bool
is_rotated(struct slice name, struct slice base)
{
	struct slice rest = slice_drop(name, base.n);

	if (!slice_starts(name, base) || rest.n < 2 ||
	    (rest.p[0] != '.' && rest.p[0] != '-'))
		return false;
	if (rest.n > 3 && slice_eq(slice_drop(rest, rest.n - 3),
	    SLICE(".gz")))
		rest = slice_take(rest, rest.n - 3);
	for (size_t i = 1; i < rest.n; i++)
		if ((rest.p[i] < '0' || rest.p[i] > '9') && rest.p[i] != '-')
			return false;
	return rest.n > 1;
}

static void
add(struct log_files *l, const char *name, int fd, time_t changed)
{
	gzFile gz = gzdopen(fd, "r");

	if (gz == NULL) {
		close(fd);
		return;
	}
	gzbuffer(gz, PIECE);
	if (l->n == l->cap) {
		l->cap = 2 * l->cap + 8;
		l->files = mem_grow(l->files, l->cap * sizeof *l->files);
	}
	l->files[l->n++] = (struct log_file){ .gz = gz, .name = name,
		.changed = changed };
}

static void
add_rotated(struct log_files *l, const char *path, uint64_t since)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		if (fd < 0)
			warn("%s: %s", path, strerror(errno));
		else
			close(fd);
	} else if ((uint64_t)st.st_mtime * 1000 < since)
		close(fd);
	else
		add(l, path, fd, st.st_mtime);
}

/* Oldest first; of the same second the higher number is the older. */
static int
older(const void *a, const void *b)
{
	const struct log_file *x = a, *y = b;

	if (x->changed != y->changed)
		return x->changed < y->changed ? -1 : 1;
	return strverscmp(y->name, x->name);
}

static void
find_rotated(struct log_files *l, const char *path, uint64_t since)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash == NULL ? path : slash + 1;
	const char *folder = slash == NULL ? "." :
	    text("%.*s", (int)(slash - path) + (slash == path), path);
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (is_rotated(slice_str(e->d_name), slice_str(base)))
			add_rotated(l, text("%s/%s", folder, e->d_name),
			    since);
	if (d != NULL)
		closedir(d);
	if (l->n > 0)
		qsort(l->files, l->n, sizeof *l->files, older);
}

/* It is read several times. */
static void
copy_input(struct log_files *l)
{
	static char piece[PIECE];
	FILE *copy = tmpfile();
	ssize_t n = 0;

	while (copy != NULL && (n = read(STDIN_FILENO, piece,
	    sizeof piece)) > 0)
		if (fwrite(piece, 1, (size_t)n, copy) != (size_t)n)
			break;
	if (copy == NULL || n != 0 || fflush(copy) != 0 ||
	    fseek(copy, 0, SEEK_SET) != 0)
		fail(EX_IOERR, "standard input cannot be kept",
		    strerror(errno), NULL);
	add(l, "standard input", dup(fileno(copy)), 0);
	fclose(copy);
}

struct log_files *
log_files_open(const char *name, uint64_t since)
{
	struct log_files *l = mem_zero(sizeof *l);
	int fd;

	if (strcmp(name, "-") == 0) {
		copy_input(l);
		return l;
	}
	find_rotated(l, name, since);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno != ENOENT || l->n == 0))
		fail(errno == EACCES ? EX_NOPERM : EX_NOINPUT,
		    text("%s: %s", name, strerror(errno)),
		    errno == EACCES ? "the log is for root to read" :
		    "name the log with --log FILE", NULL);
	if (fd >= 0)
		add(l, name, fd, 0);
	return l;
}

/* ---- lines */

void
log_files_rewind(struct log_files *l)
{
	for (unsigned i = 0; i < l->n; i++)
		if (gzrewind(l->files[i].gz) != 0)
			l->files[i].damaged = true;
	l->at = 0;
	l->from = 0;
	l->skipping = false;
	buf_clear(&l->read);
}

/* False: that was all.  What a damaged file holds up to there is used. */
static bool
fill(struct log_files *l)
{
	int n, error;

	buf_drop(&l->read, l->from);
	l->from = 0;
	while (l->at < l->n) {
		struct log_file *f = &l->files[l->at];

		buf_reserve(&l->read, PIECE);
		n = gzread(f->gz, l->read.p + l->read.n, PIECE);
		if (n > 0) {
			l->read.n += (size_t)n;
			return true;
		}
		gzerror(f->gz, &error);	/* also of one that was cut off */
		f->damaged |= n < 0 || error != Z_OK;
		l->at++;
		/* Files begin and end with lines. */
		if (l->read.n > 0) {
			buf_char(&l->read, '\n');
			return true;
		}
	}
	return false;
}

/* Where the line ends, or 0 if that has not been read. */
static bool
cut_line(struct log_files *l, struct slice *line)
{
	struct slice rest = slice_drop(buf_view(&l->read), l->from);
	size_t n = slice_find(rest, '\n');

	if (n == rest.n && n < LINE)
		return false;
	*line = slice_take(rest, n < LINE ? n : LINE);
	l->from += line->n + (n < LINE);
	return true;
}

bool
log_files_line(struct log_files *l, struct slice *line)
{
	bool skip;

	for (;;) {
		while (!cut_line(l, line))
			if (!fill(l))
				return false;
		skip = l->skipping;
		l->skipping = line->n == LINE;
		if (!skip)
			return true;
	}
}

unsigned
log_files_count(const struct log_files *l)
{
	return l->n;
}

unsigned
log_files_damaged(const struct log_files *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->n; i++)
		n += l->files[i].damaged;
	return n;
}
