/*
 * What lies in the folder log when an engine opens it: which segments, and
 * what is to be removed.
 */
#include "common/engine/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/alive.h"
#include "common/core/log.h"
#include "common/engine/reader.h"

static int
by_number(const void *a, const void *b)
{
	uint32_t m, n;

	memcpy(&m, a, sizeof m);
	memcpy(&n, b, sizeof n);
	return m < n ? -1 : m > n;
}

/* The number in a name like s0000002a; false: another name. */
static bool
number_of(const char *name, char kind, size_t digits, uint64_t *number)
{
	char *end;

	if (name[0] != kind || strlen(name) != digits + 1 ||
	    strspn(name + 1, "0123456789abcdef") != digits)
		return false;
	*number = strtoull(name + 1, &end, 16);
	return true;
}

bool
blob_named(const char *name, uint64_t *number)
{
	return number_of(name, 'b', 16, number);
}

static void
folder_each(struct file *f, void (*fn)(struct file *, const char *, void *),
    void *arg)
{
	int fd = openat(f->segments.dir, ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL)
		fatal("read the folder log");
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		alive();
		fn(f, e->d_name, arg);
	}
	closedir(d);
}

/* Segment numbers are noted; a blob's number is never given out again; what
   was being written when we were killed goes. */
static void
folder_note(struct file *f, const char *name, void *arg)
{
	uint64_t number;
	uint32_t segment;

	if (number_of(name, 's', 8, &number)) {
		segment = (uint32_t)number;
		buf_add(arg, &segment, sizeof segment);
	} else if (number_of(name, 't', 16, &number) ||
	    strcmp(name, "new") == 0) {
		unlinkat(f->segments.dir, name, 0);
	} else if (blob_named(name, &number) &&
	    number >= f->next_blob) {
		f->next_blob = number + 1;
	}
}

/* Both of its headers are damaged: the first record that follows tells. */
static void
generation_guess(struct file *f, struct segment *s, int fd)
{
	struct reader r = { 0 };
	struct record rec;

	reader_open(&r, fd, 0, SEGMENT_HEAD, s->size);
	if (reader_search(&r, &rec))
		s->generation = rec.generation;
	reader_free(&r);
	s->rotten = true;
	f->figures.quarantined++;
	LOG(log_quarantined, .segment = s->number, .offset = 0,
	    .bytes = SEGMENT_HEAD);
}

static void
segment_enter(struct file *f, uint32_t number)
{
	struct segment *s = segment_add(&f->segments, number);
	struct segment_start start;
	struct stat st;
	int fd = segment_fd(&f->segments, s);

	alive();
	if (fd < 0 || fstat(fd, &st) != 0)
		fatal("open segment %08x", number);
	s->size = s->end = (uint64_t)st.st_size;
	if (!segment_load(fd, &start)) {
		generation_guess(f, s, fd);
		return;
	}
	s->generation = start.generation;
	s->floor = start.floor;
	if (start.floor > f->sequence)
		f->sequence = start.floor;
	if (start.blob > f->next_blob)
		f->next_blob = start.blob;
}

void
folder_read(struct file *f)
{
	struct buf numbers = { 0 };
	uint32_t number;

	folder_each(f, folder_note, &numbers);
	if (numbers.n > 0)
		qsort(numbers.p, numbers.n / sizeof number, sizeof number,
		    by_number);
	for (size_t i = 0; i < numbers.n; i += sizeof number) {
		memcpy(&number, numbers.p + i, sizeof number);
		segment_enter(f, number);
	}
	buf_free(&numbers);
}

static void
file_orphan(struct file *f, const char *name, void *arg)
{
	struct place p;
	uint64_t number;

	(void)arg;
	if (!blob_named(name, &number))
		return;
	switch (place_get(f, number, &p)) {
	case INDEX_NONE:
		unlinkat(f->segments.dir, name, 0);
		break;
	case INDEX_BAD:
		index_broken(f);
	case INDEX_OK:
		break;
	}
}

void
folder_clean(struct file *f)
{
	folder_each(f, file_orphan, NULL);
}
