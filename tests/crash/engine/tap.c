#include "tests/crash/engine/tap.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/crash/engine/tap_private.h"

enum { ENTRIES = 4096 };

pthread_mutex_t		 tap_lock = PTHREAD_MUTEX_INITIALIZER;
struct tap		 tap_now;
bool			 tap_is_open;
uint32_t		 tap_files[TAP_FDS];
uint32_t		 tap_n_files;
static struct tap_entry	 entries[ENTRIES];
static size_t		 n_entries;
static uint64_t		 calls, allocations;

/* ---- names */

static struct tap_entry *
entry_find(uint32_t dir, const char *name)
{
	for (size_t i = 0; i < n_entries; i++) {
		if (entries[i].dir == dir && strcmp(entries[i].name, name) == 0)
			return &entries[i];
	}
	return NULL;
}

struct tap_entry *
tap_enter(uint32_t dir, const char *name, uint32_t file)
{
	struct tap_entry *e = &entries[n_entries++];

	if (n_entries > ENTRIES || strlen(name) >= TRACE_NAME)
		errx(1, "tap: too many files, or too long a name: %s", name);
	*e = (struct tap_entry){ .dir = dir, .file = file };
	strcpy(e->name, name);
	return e;
}

void
tap_leave(struct tap_entry *e)
{
	*e = entries[--n_entries];
}

bool
tap_find(struct tap_where *w, int at, const char *path)
{
	size_t n;

	*w = (struct tap_where){ 0 };
	if (!tap_is_open)
		return false;
	n = strlen(tap_now.root);
	if (strncmp(path, tap_now.root, n) == 0 && path[n] == '/') {
		w->dir = TRACE_ROOT;
		path += n;
	} else if (path[0] != '/' && at >= 0 && at < TAP_FDS) {
		w->dir = tap_files[at];
	}
	while (w->dir != 0) {
		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n == 0 || n >= TRACE_NAME || (n == 1 && path[0] == '.'))
			return false;
		memcpy(w->leaf, path, n);
		w->leaf[n] = 0;
		path += n;
		w->entry = entry_find(w->dir, w->leaf);
		if (*path == 0)
			return true;
		w->dir = w->entry != NULL ? w->entry->file : 0;
	}
	return false;
}

/* ---- what is recorded */

void
tap_record(const struct event *e, const void *bytes)
{
	if (tap_now.trace != NULL &&
	    (!tap_now.notes || e->kind >= EVENT_BEGIN))
		trace_add(tap_now.trace, e, bytes);
}

void
tap_name(enum event_kind kind, uint32_t dir, const char *name,
    const char *other, uint32_t file)
{
	struct event e = { .kind = kind, .dir = dir, .file = file };

	strcpy(e.name, name);
	strcpy(e.other, other);
	tap_record(&e, NULL);
}

void
tap_sync(uint32_t file, uint64_t since)
{
	tap_record(&(struct event){ .kind = EVENT_SYNC, .file = file,
	    .since = since }, NULL);
}

uint64_t
tap_place(void)
{
	return tap_now.trace != NULL ? tap_now.trace->end : 0;
}

void
tap_note(enum event_kind kind, uint32_t number, uint64_t offset,
    uint64_t status)
{
	pthread_mutex_lock(&tap_lock);
	if (tap_is_open)
		tap_record(&(struct event){ .kind = kind, .number = number,
		    .offset = offset, .length = status }, NULL);
	pthread_mutex_unlock(&tap_lock);
}

/* ---- faults */

bool
tap_hits(unsigned can, bool *half)
{
	*half = false;
	calls++;
	if (tap_now.trace != NULL)
		tap_now.trace->calls = calls;
	if (calls != tap_now.at)
		return false;
	switch (tap_now.fault) {
	case FAULT_KILL:
		raise(SIGKILL);
		break;
	case FAULT_HALF:
		*half = true;
		if (!(can & IS_WRITE))
			raise(SIGKILL);
		break;
	case FAULT_SHORT:
		*half = (can & IS_WRITE) != 0;
		break;
	case FAULT_EIO:
		errno = EIO;
		return true;
	case FAULT_FULL:
		errno = ENOSPC;
		return (can & MAY_FILL) != 0;
	default:
		break;
	}
	return false;
}

bool
tap_may_fail(void)
{
	return tap_is_open && tap_now.fault != FAULT_NONE;
}

bool
tap_refuses_memory(void)
{
	uint64_t n;

	if (!tap_is_open)
		return false;
	n = __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
	if (tap_now.trace != NULL)
		tap_now.trace->memory = n;
	if (tap_now.fault != FAULT_MEMORY || n != tap_now.at)
		return false;
	errno = ENOMEM;
	return true;
}

/* ---- life */

static void
note_bytes(uint32_t file, int fd)
{
	static char bytes[1 << 16];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		err(1, "tap");
	tap_record(&(struct event){ .kind = EVENT_SIZE, .file = file,
	    .length = (uint64_t)st.st_size }, NULL);
	for (off_t at = 0; (n = pread(fd, bytes, sizeof bytes, at)) > 0;
	    at += n) {
		size_t i = 0;

		while (i < (size_t)n && bytes[i] == 0)
			i++;
		if (i < (size_t)n)
			tap_record(&(struct event){ .kind = EVENT_WRITE,
			    .file = file, .offset = (uint64_t)at,
			    .length = (uint64_t)n }, bytes);
	}
	tap_sync(file, tap_place());
}

static void
note_folder(uint32_t dir, int fd)
{
	DIR *d = fdopendir(fd);

	if (d == NULL)
		err(1, "tap");
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		bool folder = e->d_type == DT_DIR;
		uint32_t file;
		int sub;

		if (e->d_name[0] == '.')
			continue;
		file = tap_enter(dir, e->d_name, ++tap_n_files)->file;
		tap_name(folder ? EVENT_FOLDER : EVENT_CREATE, dir,
		    e->d_name, "", file);
		if ((sub = openat(dirfd(d), e->d_name, O_RDONLY)) < 0)
			err(1, "tap: %s", e->d_name);
		if (folder)
			note_folder(file, sub);
		else
			note_bytes(file, sub);
		if (!folder)
			close(sub);
	}
	closedir(d);
	tap_sync(dir, tap_place());
}

void
tap_open(const struct tap *t)
{
	int fd = open(t->root, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		err(1, "tap: %s", t->root);
	tap_now = *t;
	n_entries = 0;
	tap_n_files = TRACE_ROOT;
	calls = allocations = 0;
	memset(tap_files, 0, sizeof tap_files);
	if (t->trace != NULL)
		trace_clear(t->trace);
	note_folder(TRACE_ROOT, fd);
	if (t->trace != NULL)
		t->trace->start = t->trace->end;
	tap_is_open = true;
}

void
tap_close(void)
{
	pthread_mutex_lock(&tap_lock);
	tap_is_open = false;
	pthread_mutex_unlock(&tap_lock);
}
