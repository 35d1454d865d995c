#include "drop/drop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST = 64 * 1024 };	/* octets: most files' head lies in them */

/* The head, which a file of many recipients needs more octets for. */
static bool
head_read(struct letter *l, uint64_t size)
{
	size_t want = FIRST;

	for (;;) {
		char *text = arena_alloc(&l->arena, want);
		ssize_t n = pread(l->fd, text, want, 0);

		if (n < 0)
			return false;
		if (dropped_read(slice_of(text, (size_t)n), &l->arena,
		    &l->dropped))
			return l->dropped.head + l->dropped.size == size;
		if ((size_t)n < want || want >= DROPPED_HEAD)
			return false;
		want *= 8;
	}
}

static const char *
fault_of(struct letter *l, const struct stat *s)
{
	if (!S_ISREG(s->st_mode))
		return "not a regular file";
	if (s->st_nlink != 1)
		return "it has more than one name";
	if ((uint64_t)s->st_size > drop_conf->message_max + DROPPED_HEAD)
		return "it is too large";
	if (!head_read(l, (uint64_t)s->st_size))
		return "it is not what sendmail writes";
	if (lseek(l->fd, (off_t)l->dropped.head, SEEK_SET) < 0)
		return "it cannot be read";
	return NULL;
}

/* The name goes into a header field of ours. */
static bool
is_name(const char *name)
{
	return name[strspn(name, "0123456789abcdefghijklmnopqrstuvwxyz.-")] ==
	    '\0';
}

enum open_result
letter_open(struct letter *l, const char *name, const char **why)
{
	struct stat s;

	memset(l, 0, sizeof *l);
	l->name = name;
	l->fd = -1;
	if (!is_name(name)) {
		*why = "sendmail makes no such names";
		return LETTER_BAD;
	}
	l->fd = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
	    O_CLOEXEC);
	if (l->fd < 0 && errno == ENOENT)
		return LETTER_GONE;
	if (l->fd < 0 || fstat(l->fd, &s) != 0) {
		*why = errno == ELOOP ? "a symbolic link" : strerror(errno);
		return LETTER_BAD;
	}
	l->uid = (uint32_t)s.st_uid;
	l->when = s.st_mtime;
	if ((*why = fault_of(l, &s)) == NULL)
		return LETTER_OPEN;
	return LETTER_BAD;
}

void
letter_close(struct letter *l)
{
	if (l->fd >= 0)
		close(l->fd);
	arena_free(&l->arena);
}

void
letter_aside(const char *name)
{
	char aside[300];

	snprintf(aside, sizeof aside, ASIDE "%s", name);
	/* Landlock lets us make files and folders only: links and the like are
	   removed.  What cannot be is refused each time. */
	if (rename(name, aside) != 0)
		unlink(name);
}
