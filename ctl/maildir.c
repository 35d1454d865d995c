/*
 * export to Maildir: INBOX is the folder itself, every other mailbox one below
 * it (Maildir++).  Flags are letters in the names; keywords are the letters
 * from a on, which the file dovecot-keywords explains.
 *
 * A name says the UID, so what is there is not written again.
 */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/list.h"
#include "common/core/terms.h"
#include "ctl/ctl.h"
#include "ctl/export.h"
#include "ctl/say.h"

enum { KEYWORD_LETTERS = 26 };

/* A message that is there. */
struct there {
	struct map_node	 by_uid;
	char		*name;
};

struct maildir {
	int		 dir, cur, tmp;
	struct map	 there;
};

static int
folder_open(int dir, const char *name)
{
	int fd;

	if (mkdirat(dir, name, 0700) != 0 && errno != EEXIST)
		export_failed(name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (fd < 0)
		export_failed(name);
	return fd;
}

/* "1732543210.U17V1732500000.postino,S=..." */
static void
there_note(struct maildir *m, const char *name, uint32_t uidvalidity)
{
	const char *u = strstr(name, ".U");
	unsigned uid, validity;
	struct there *t;

	if (u == NULL || sscanf(u, ".U%uV%u.", &uid, &validity) != 2 ||
	    validity != uidvalidity || map_get(&m->there, uid) != NULL)
		return;
	t = mem_zero(sizeof *t);
	t->name = mem_str(slice_str(name));
	map_put(&m->there, &t->by_uid, uid);
}

static void
there_read(struct maildir *m, uint32_t uidvalidity)
{
	int fd = openat(m->cur, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL)
		export_failed("cur");
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		there_note(m, e->d_name, uidvalidity);
	closedir(d);
}

static void
keywords_write(const struct maildir *m, const struct outgoing *o)
{
	struct buf b = { 0 };
	int fd;

	for (size_t i = 0; i < o->n_keywords && i < KEYWORD_LETTERS; i++) {
		buf_printf(&b, "%zu ", i);
		buf_slice(&b, o->keywords[i].name);
		buf_char(&b, '\n');
	}
	unlinkat(m->dir, "dovecot-keywords", 0);
	fd = export_create(m->dir, "dovecot-keywords");
	export_write(fd, "dovecot-keywords", buf_view(&b));
	close(fd);
	buf_free(&b);
}

static bool
maildir_begin(struct outgoing *o)
{
	struct maildir *m = mem_zero(sizeof *m);

	o->private = m;
	m->dir = *o->name == '\0' ? dup(o->dir) :
	    folder_open(o->dir, text(".%s", o->name));
	m->cur = folder_open(m->dir, "cur");
	m->tmp = folder_open(m->dir, "tmp");
	close(folder_open(m->dir, "new"));
	if (*o->name != '\0')
		close(openat(m->dir, "maildirfolder", O_WRONLY | O_CREAT |
		    O_NOFOLLOW | O_CLOEXEC, 0600));
	if (o->n_keywords > 0)
		keywords_write(m, o);
	there_read(m, o->uidvalidity);
	return true;
}

/* ":2," and the letters, in the order of ASCII. */
static void
flags_put(struct buf *b, uint64_t flags)
{
	static const struct {
		uint64_t flag;
		char	 letter;
	} letters[] = { { FLAG_DRAFT, 'D' }, { FLAG_FLAGGED, 'F' },
		{ FLAG_ANSWERED, 'R' }, { FLAG_SEEN, 'S' },
		{ FLAG_DELETED, 'T' } };

	buf_str(b, ":2,");
	for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
		if ((flags & letters[i].flag) != 0)
			buf_char(b, letters[i].letter);
	for (unsigned k = 0; k < KEYWORD_LETTERS; k++)
		if ((flags >> (FLAGS_SYSTEM + k) & 1) != 0)
			buf_char(b, (char)('a' + k));
}

static bool
maildir_has(struct outgoing *o, const struct wire_entry *e)
{
	struct maildir *m = o->private;
	struct map_node *n = map_get(&m->there, e->uid);
	struct buf name = { 0 };
	const char *old, *colon;

	if (n == NULL)
		return false;
	old = CONTAINER(n, struct there, by_uid)->name;
	colon = strchr(old, ':');
	buf_add(&name, old, colon != NULL ? (size_t)(colon - old) :
	    strlen(old));
	flags_put(&name, e->flags);
	if (strcmp(buf_cstr(&name), old) != 0 &&
	    renameat(m->cur, old, m->cur, buf_cstr(&name)) != 0)
		export_failed(old);
	buf_free(&name);
	return true;
}

/* CRLF becomes LF. */
static void
lines_put(struct buf *out, struct slice s)
{
	size_t at;

	buf_reserve(out, s.n);
	while ((at = slice_find(s, '\r')) < s.n) {
		bool end = at + 1 < s.n && s.p[at + 1] == '\n';

		buf_add(out, s.p, at + (end ? 0 : 1));
		s = slice_drop(s, at + 1);
	}
	buf_slice(out, s);
}

/* First in tmp, so that what is in cur is whole; the time is INTERNALDATE. */
static void
maildir_add(struct outgoing *o, const struct wire_entry *e,
    struct slice message)
{
	struct maildir *m = o->private;
	const struct timespec when[2] = {
		{ .tv_sec = (time_t)(e->when / 1000) },
		{ .tv_sec = (time_t)(e->when / 1000) } };
	struct buf bytes = { 0 }, name = { 0 };
	const char *tmp;
	int fd;

	lines_put(&bytes, message);
	buf_printf(&name, "%llu.U%uV%u.postino,S=%zu,W=%zu",
	    (unsigned long long)(e->when / 1000), e->uid, o->uidvalidity,
	    bytes.n, message.n);
	tmp = text("%s", buf_cstr(&name));
	flags_put(&name, e->flags);
	unlinkat(m->tmp, tmp, 0);
	fd = export_create(m->tmp, tmp);
	export_write(fd, tmp, buf_view(&bytes));
	futimens(fd, when);
	close(fd);
	if (renameat(m->tmp, tmp, m->cur, buf_cstr(&name)) != 0)
		export_failed(tmp);
	buf_free(&bytes);
	buf_free(&name);
}

static void
there_free(struct map_node *n, void *arg)
{
	struct there *t = CONTAINER(n, struct there, by_uid);

	(void)arg;
	free(t->name);
	free(t);
}

static void
maildir_end(struct outgoing *o)
{
	struct maildir *m = o->private;

	map_each(&m->there, there_free, NULL);
	map_free(&m->there);
	close(m->tmp);
	close(m->cur);
	close(m->dir);
	free(m);
}

const struct format maildir_format = {
	.name = "maildir",
	.begin = maildir_begin,
	.has = maildir_has,
	.add = maildir_add,
	.end = maildir_end,
};
