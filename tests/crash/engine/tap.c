/* The names below are the C library's: no checking variants of them. */
#undef _FORTIFY_SOURCE
#include "tests/crash/engine/tap.h"

#include <dirent.h>
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FDS = 4096, ENTRIES = 4096 };

struct entry {
	uint32_t	 dir, file;
	char		 name[TRACE_NAME];
};

static pthread_mutex_t	 lock = PTHREAD_MUTEX_INITIALIZER;
static struct tap	 tap;
static bool		 is_open;
static uint32_t		 file_of[FDS];		/* 0: not below the root */
static struct entry	 entries[ENTRIES];
static size_t		 n_entries;
static uint32_t		 n_files;
static uint64_t		 calls, allocations;

/* ---- names */

static struct entry *
entry_find(uint32_t dir, const char *name)
{
	for (size_t i = 0; i < n_entries; i++) {
		if (entries[i].dir == dir && strcmp(entries[i].name, name) == 0)
			return &entries[i];
	}
	return NULL;
}

static struct entry *
entry_add(uint32_t dir, const char *name, uint32_t file)
{
	struct entry *e = &entries[n_entries++];

	if (n_entries > ENTRIES || strlen(name) >= TRACE_NAME)
		errx(1, "tap: too many files, or too long a name: %s", name);
	*e = (struct entry){ .dir = dir, .file = file };
	strcpy(e->name, name);
	return e;
}

static void
entry_del(struct entry *e)
{
	*e = entries[--n_entries];
}

struct where {
	uint32_t	 dir;
	char		 leaf[TRACE_NAME];
	struct entry	*entry;		/* NULL: not there */
};

/* False: it does not lie below the root, or is the root. */
static bool
where_is(struct where *w, int at, const char *path)
{
	size_t n;

	*w = (struct where){ 0 };
	if (!is_open)
		return false;
	n = strlen(tap.root);
	if (strncmp(path, tap.root, n) == 0 && path[n] == '/') {
		w->dir = TRACE_ROOT;
		path += n;
	} else if (path[0] != '/' && at >= 0 && at < FDS) {
		w->dir = file_of[at];
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

static void
record(const struct event *e, const void *bytes)
{
	if (tap.trace != NULL)
		trace_add(tap.trace, e, bytes);
}

static void
record_name(enum event_kind kind, uint32_t dir, const char *name,
    const char *other, uint32_t file)
{
	struct event e = { .kind = kind, .dir = dir, .file = file };

	strcpy(e.name, name);
	strcpy(e.other, other);
	record(&e, NULL);
}

static void
record_sync(uint32_t file, uint64_t since)
{
	record(&(struct event){ .kind = EVENT_SYNC, .file = file,
	    .since = since }, NULL);
}

static uint64_t
place(void)
{
	return tap.trace != NULL ? tap.trace->end : 0;
}

void
tap_note(enum event_kind kind, uint32_t number, uint64_t offset,
    uint64_t status)
{
	pthread_mutex_lock(&lock);
	if (is_open)
		record(&(struct event){ .kind = kind, .number = number,
		    .offset = offset, .length = status }, NULL);
	pthread_mutex_unlock(&lock);
}

/* ---- faults */

/* What a call can answer besides. */
enum { MAY_FILL = 1, IS_WRITE = 2 };

/* A call that changes the disk is about to be made.  True: it fails, with
   errno; *half: only a part of it is done. */
static bool
is_hit(unsigned can, bool *half)
{
	*half = false;
	calls++;
	if (tap.trace != NULL)
		tap.trace->calls = calls;
	if (calls != tap.at)
		return false;
	switch (tap.fault) {
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

static bool
memory_is_refused(void)
{
	uint64_t n;

	if (!is_open)
		return false;
	n = __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
	if (tap.trace != NULL)
		tap.trace->memory = n;
	return tap.fault == FAULT_MEMORY && n == tap.at;
}

void	*__libc_malloc(size_t);
void	*__libc_calloc(size_t, size_t);
void	*__libc_realloc(void *, size_t);

void *
malloc(size_t n)
{
	return memory_is_refused() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return memory_is_refused() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return memory_is_refused() ? NULL : __libc_realloc(p, n);
}

/* ---- calls on names */

static int
done(int result)
{
	int e = errno;

	pthread_mutex_unlock(&lock);
	errno = e;
	return result;
}

static int
open_at(int at, const char *path, int flags, mode_t mode)
{
	struct where w;
	bool half, ours;
	int fd;

	pthread_mutex_lock(&lock);
	ours = where_is(&w, at, path);
	if (ours && w.entry == NULL && (flags & O_CREAT) != 0 &&
	    is_hit(MAY_FILL, &half))
		return done(-1);
	fd = (int)syscall(SYS_openat, at, path, flags, mode);
	if (fd < 0 || fd >= FDS)
		return done(fd);
	file_of[fd] = 0;
	if (is_open && strcmp(path, tap.root) == 0)
		file_of[fd] = TRACE_ROOT;
	if (!ours)
		return done(fd);
	if (w.entry == NULL) {
		w.entry = entry_add(w.dir, w.leaf, ++n_files);
		record_name(EVENT_CREATE, w.dir, w.leaf, "", n_files);
	} else if ((flags & O_TRUNC) != 0) {
		record(&(struct event){ .kind = EVENT_SIZE,
		    .file = w.entry->file }, NULL);
	}
	file_of[fd] = w.entry->file;
	return done(fd);
}

int
open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return open_at(AT_FDCWD, path, flags, mode);
}

int
openat(int at, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return open_at(at, path, flags, mode);
}

int
close(int fd)
{
	int result;

	pthread_mutex_lock(&lock);
	if (fd >= 0 && fd < FDS)
		file_of[fd] = 0;
	result = (int)syscall(SYS_close, fd);
	return done(result);
}

/* It closes a descriptor that is not told to us otherwise. */
int
closedir(DIR *d)
{
	int (*next)(DIR *) = (int (*)(DIR *))dlsym(RTLD_NEXT, "closedir");

	file_of[dirfd(d)] = 0;
	return next(d);
}

int
mkdirat(int at, const char *path, mode_t mode)
{
	struct where w;
	bool half, ours;
	int result;

	pthread_mutex_lock(&lock);
	ours = where_is(&w, at, path);
	if (ours && w.entry == NULL && is_hit(MAY_FILL, &half))
		return done(-1);
	result = (int)syscall(SYS_mkdirat, at, path, mode);
	if (ours && result == 0) {
		entry_add(w.dir, w.leaf, ++n_files);
		record_name(EVENT_FOLDER, w.dir, w.leaf, "", n_files);
	}
	return done(result);
}

int
mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int
unlinkat(int at, const char *path, int flags)
{
	struct where w;
	bool half, ours;
	int result;

	pthread_mutex_lock(&lock);
	ours = where_is(&w, at, path);
	if (ours && w.entry != NULL && is_hit(0, &half))
		return done(-1);
	result = (int)syscall(SYS_unlinkat, at, path, flags);
	if (ours && result == 0 && w.entry != NULL) {
		record_name(EVENT_UNLINK, w.dir, w.leaf, "", w.entry->file);
		entry_del(w.entry);
	}
	return done(result);
}

int
unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int
renameat(int from_at, const char *from, int to_at, const char *to)
{
	struct where a, b;
	bool half, ours;
	int result;

	pthread_mutex_lock(&lock);
	ours = where_is(&a, from_at, from) && where_is(&b, to_at, to);
	if (ours && a.dir != b.dir)
		errx(1, "tap: rename to another folder: %s", to);
	if (ours && is_hit(MAY_FILL, &half))
		return done(-1);
	result = (int)syscall(SYS_renameat2, from_at, from, to_at, to, 0);
	if (ours && result == 0) {
		uint32_t file = a.entry->file;

		record_name(EVENT_RENAME, a.dir, a.leaf, b.leaf, file);
		if (b.entry != NULL)
			b.entry->file = file;
		else
			strcpy(a.entry->name, b.leaf);
		if (b.entry != NULL)
			entry_del(a.entry);
	}
	return done(result);
}

int
rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

/* ---- calls on files */

static uint32_t
file_at(int fd)
{
	return is_open && fd >= 0 && fd < FDS ? file_of[fd] : 0;
}

static ssize_t
write_at(int fd, const void *p, size_t n, off_t at, bool moves)
{
	uint32_t file;
	ssize_t got;
	bool half;

	pthread_mutex_lock(&lock);
	if ((file = file_at(fd)) == 0) {
		pthread_mutex_unlock(&lock);
		return moves ? syscall(SYS_write, fd, p, n) :
		    syscall(SYS_pwrite64, fd, p, n, at);
	}
	if (is_hit(MAY_FILL | IS_WRITE, &half))
		return done(-1);
	if (half && n > 1)
		n /= 2;
	if (moves)
		at = (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
	got = moves ? syscall(SYS_write, fd, p, n) :
	    syscall(SYS_pwrite64, fd, p, n, at);
	if (got > 0)
		record(&(struct event){ .kind = EVENT_WRITE, .file = file,
		    .offset = (uint64_t)at, .length = (uint64_t)got }, p);
	if (half && tap.fault == FAULT_HALF)
		raise(SIGKILL);
	done(0);
	return got;
}

ssize_t
write(int fd, const void *p, size_t n)
{
	return write_at(fd, p, n, 0, true);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	return write_at(fd, p, n, at, false);
}

int
ftruncate(int fd, off_t size)
{
	uint32_t file;
	bool half;
	int result;

	pthread_mutex_lock(&lock);
	file = file_at(fd);
	if (file != 0 && is_hit(MAY_FILL, &half))
		return done(-1);
	result = (int)syscall(SYS_ftruncate, fd, size);
	if (file != 0 && result == 0)
		record(&(struct event){ .kind = EVENT_SIZE, .file = file,
		    .length = (uint64_t)size }, NULL);
	return done(result);
}

/* Room is not taken: a thousand folders would not fit into memory. */
static int
longer(int fd, uint32_t file, off_t size)
{
	struct stat st;
	int result;

	if (fstat(fd, &st) != 0 || st.st_size >= size)
		return done(0);
	result = (int)syscall(SYS_ftruncate, fd, size);
	if (result == 0)
		record(&(struct event){ .kind = EVENT_SIZE, .file = file,
		    .length = (uint64_t)size }, NULL);
	return done(result);
}

int
fallocate(int fd, int mode, off_t at, off_t n)
{
	uint32_t file;
	bool half;
	int result;

	pthread_mutex_lock(&lock);
	file = file_at(fd);
	if (file != 0 && is_hit(MAY_FILL, &half))
		return done(-1);
	if (file != 0 && mode == 0 && !tap.real)
		return longer(fd, file, at + n);
	result = (int)syscall(SYS_fallocate, fd, mode, at, n);
	if (file != 0 && result == 0 && mode == 0)
		record(&(struct event){ .kind = EVENT_SIZE, .file = file,
		    .length = (uint64_t)(at + n) }, NULL);
	else if (file != 0 && result == 0)
		record(&(struct event){ .kind = EVENT_ZERO, .file = file,
		    .offset = (uint64_t)at, .length = (uint64_t)n }, NULL);
	return done(result);
}

static int
sync_file(int fd, long call)
{
	uint64_t since;
	uint32_t file;
	bool half;
	int result = 0;

	pthread_mutex_lock(&lock);
	if ((file = file_at(fd)) == 0) {
		pthread_mutex_unlock(&lock);
		return is_open ? (int)syscall(call, fd) : 0;
	}
	if (is_hit(MAY_FILL, &half))
		return done(-1);
	since = place();
	pthread_mutex_unlock(&lock);
	if (tap.real)
		result = (int)syscall(call, fd);
	else if (tap.slow)
		usleep((useconds_t)(since * 2654435761u >> 8) % 1000);
	pthread_mutex_lock(&lock);
	if (result == 0 && is_open)
		record_sync(file, since);
	return done(result);
}

int
fdatasync(int fd)
{
	return sync_file(fd, SYS_fdatasync);
}

int
fsync(int fd)
{
	return sync_file(fd, SYS_fsync);
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
	record(&(struct event){ .kind = EVENT_SIZE, .file = file,
	    .length = (uint64_t)st.st_size }, NULL);
	for (off_t at = 0; (n = pread(fd, bytes, sizeof bytes, at)) > 0;
	    at += n) {
		size_t i = 0;

		while (i < (size_t)n && bytes[i] == 0)
			i++;
		if (i < (size_t)n)
			record(&(struct event){ .kind = EVENT_WRITE,
			    .file = file, .offset = (uint64_t)at,
			    .length = (uint64_t)n }, bytes);
	}
	record_sync(file, place());
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
		file = entry_add(dir, e->d_name, ++n_files)->file;
		record_name(folder ? EVENT_FOLDER : EVENT_CREATE, dir,
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
	record_sync(dir, place());
}

void
tap_open(const struct tap *t)
{
	int fd = open(t->root, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		err(1, "tap: %s", t->root);
	tap = *t;
	n_entries = 0;
	n_files = TRACE_ROOT;
	calls = allocations = 0;
	memset(file_of, 0, sizeof file_of);
	if (t->trace != NULL)
		trace_clear(t->trace);
	note_folder(TRACE_ROOT, fd);
	if (t->trace != NULL)
		t->trace->start = t->trace->end;
	is_open = true;
}

void
tap_close(void)
{
	pthread_mutex_lock(&lock);
	is_open = false;
	pthread_mutex_unlock(&lock);
}
