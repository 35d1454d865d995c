/* The names below are the C library's: no checking variants of them. */
#undef _FORTIFY_SOURCE
#include "tests/crash/engine/tap_private.h"

#include <dirent.h>
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- memory */

void	*__libc_malloc(size_t);
void	*__libc_calloc(size_t, size_t);
void	*__libc_realloc(void *, size_t);

void *
malloc(size_t n)
{
	return tap_refuses_memory() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return tap_refuses_memory() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return tap_refuses_memory() ? NULL : __libc_realloc(p, n);
}

/* ---- calls on names */

static int
done(int result)
{
	int e = errno;

	pthread_mutex_unlock(&tap_lock);
	errno = e;
	return result;
}

static int
open_at(int at, const char *path, int flags, mode_t mode)
{
	struct tap_where w;
	bool half, ours;
	int fd;

	pthread_mutex_lock(&tap_lock);
	ours = tap_find(&w, at, path);
	if (ours && w.entry == NULL && (flags & O_CREAT) != 0 &&
	    tap_hits(MAY_FILL, &half))
		return done(-1);
	fd = (int)syscall(SYS_openat, at, path, flags, mode);
	if (fd < 0 || fd >= TAP_FDS)
		return done(fd);
	tap_files[fd] = 0;
	if (tap_is_open && strcmp(path, tap_now.root) == 0)
		tap_files[fd] = TRACE_ROOT;
	if (!ours)
		return done(fd);
	if (w.entry == NULL) {
		w.entry = tap_enter(w.dir, w.leaf, ++tap_n_files);
		tap_name(EVENT_CREATE, w.dir, w.leaf, "", tap_n_files);
	} else if ((flags & O_TRUNC) != 0) {
		tap_record(&(struct event){ .kind = EVENT_SIZE,
		    .file = w.entry->file }, NULL);
	}
	tap_files[fd] = w.entry->file;
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

	pthread_mutex_lock(&tap_lock);
	if (fd >= 0 && fd < TAP_FDS)
		tap_files[fd] = 0;
	result = (int)syscall(SYS_close, fd);
	return done(result);
}

/* It closes a descriptor that is not told to us otherwise. */
int
closedir(DIR *d)
{
	int (*next)(DIR *) = (int (*)(DIR *))dlsym(RTLD_NEXT, "closedir");

	tap_files[dirfd(d)] = 0;
	return next(d);
}

int
mkdirat(int at, const char *path, mode_t mode)
{
	struct tap_where w;
	bool half, ours;
	int result;

	pthread_mutex_lock(&tap_lock);
	ours = tap_find(&w, at, path);
	if (ours && w.entry == NULL && tap_hits(MAY_FILL, &half))
		return done(-1);
	result = (int)syscall(SYS_mkdirat, at, path, mode);
	if (ours && result == 0) {
		tap_enter(w.dir, w.leaf, ++tap_n_files);
		tap_name(EVENT_FOLDER, w.dir, w.leaf, "", tap_n_files);
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
	struct tap_where w;
	bool half, ours;
	int result;

	pthread_mutex_lock(&tap_lock);
	ours = tap_find(&w, at, path);
	if (ours && w.entry != NULL && tap_hits(0, &half))
		return done(-1);
	result = (int)syscall(SYS_unlinkat, at, path, flags);
	if (ours && result == 0 && w.entry != NULL) {
		tap_name(EVENT_UNLINK, w.dir, w.leaf, "", w.entry->file);
		tap_leave(w.entry);
	}
	return done(result);
}

int
unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int
renameat2(int from_at, const char *from, int to_at, const char *to,
    unsigned flags)
{
	struct tap_where a, b;
	bool half, ours;
	int result;

	pthread_mutex_lock(&tap_lock);
	ours = tap_find(&a, from_at, from) && tap_find(&b, to_at, to);
	if (ours && a.dir != b.dir)
		errx(1, "tap: rename to another folder: %s", to);
	if (ours && tap_hits(MAY_FILL, &half))
		return done(-1);
	result = (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
	if (ours && result == 0) {
		uint32_t file = a.entry->file;

		tap_name(EVENT_RENAME, a.dir, a.leaf, b.leaf, file);
		if (b.entry != NULL)
			b.entry->file = file;
		else
			strcpy(a.entry->name, b.leaf);
		if (b.entry != NULL)
			tap_leave(a.entry);
	}
	return done(result);
}

int
renameat(int from_at, const char *from, int to_at, const char *to)
{
	return renameat2(from_at, from, to_at, to, 0);
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
	return tap_is_open && fd >= 0 && fd < TAP_FDS ? tap_files[fd] : 0;
}

static ssize_t
write_at(int fd, const void *p, size_t n, off_t at, bool moves)
{
	uint32_t file;
	ssize_t got;
	bool half;

	pthread_mutex_lock(&tap_lock);
	if ((file = file_at(fd)) == 0) {
		pthread_mutex_unlock(&tap_lock);
		return moves ? syscall(SYS_write, fd, p, n) :
		    syscall(SYS_pwrite64, fd, p, n, at);
	}
	if (tap_hits(MAY_FILL | IS_WRITE, &half))
		return done(-1);
	if (half && n > 1)
		n /= 2;
	if (moves)
		at = (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
	got = moves ? syscall(SYS_write, fd, p, n) :
	    syscall(SYS_pwrite64, fd, p, n, at);
	if (got > 0)
		tap_record(&(struct event){ .kind = EVENT_WRITE, .file = file,
		    .offset = (uint64_t)at, .length = (uint64_t)got }, p);
	if (half && tap_now.fault == FAULT_HALF)
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

	pthread_mutex_lock(&tap_lock);
	file = file_at(fd);
	if (file != 0 && tap_hits(MAY_FILL, &half))
		return done(-1);
	result = (int)syscall(SYS_ftruncate, fd, size);
	if (file != 0 && result == 0)
		tap_record(&(struct event){ .kind = EVENT_SIZE, .file = file,
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
		tap_record(&(struct event){ .kind = EVENT_SIZE, .file = file,
		    .length = (uint64_t)size }, NULL);
	return done(result);
}

int
fallocate(int fd, int mode, off_t at, off_t n)
{
	uint32_t file;
	bool half;
	int result;

	pthread_mutex_lock(&tap_lock);
	file = file_at(fd);
	if (file != 0 && tap_hits(MAY_FILL, &half))
		return done(-1);
	if (file != 0 && mode == 0 && !tap_now.real)
		return longer(fd, file, at + n);
	result = (int)syscall(SYS_fallocate, fd, mode, at, n);
	if (file != 0 && result == 0 && mode == 0)
		tap_record(&(struct event){ .kind = EVENT_SIZE, .file = file,
		    .length = (uint64_t)(at + n) }, NULL);
	else if (file != 0 && result == 0)
		tap_record(&(struct event){ .kind = EVENT_ZERO, .file = file,
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

	pthread_mutex_lock(&tap_lock);
	if ((file = file_at(fd)) == 0) {
		pthread_mutex_unlock(&tap_lock);
		return tap_is_open ? (int)syscall(call, fd) : 0;
	}
	if (tap_hits(MAY_FILL, &half))
		return done(-1);
	since = tap_place();
	pthread_mutex_unlock(&tap_lock);
	if (tap_now.real)
		result = (int)syscall(call, fd);
	else if (tap_now.slow)
		usleep((useconds_t)(since * 2654435761u >> 8) % 1000);
	pthread_mutex_lock(&tap_lock);
	if (result == 0 && tap_is_open)
		tap_sync(file, since);
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
