/*
 * export to mbox, one file a mailbox (RFC 4155), in the form called mboxrd: a
 * line that begins with "From ", behind any number of ">", gets one ">" more,
 * so that it can be undone.  Flags are in Status and X-Status.
 *
 * A file gets its name when it is whole: what has it is not written again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/core/terms.h"
#include "ctl/ctl.h"
#include "ctl/export.h"
#include "ctl/say.h"

struct mbox {
	int		 fd;
	const char	*part, *whole;	/* names */
};

static bool
mbox_begin(struct outgoing *o)
{
	struct mbox *m;

	m = mem_zero(sizeof *m);
	m->whole = text("%s.mbox", o->name);
	m->part = text("%s.part", m->whole);
	if (faccessat(o->dir, m->whole, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		free(m);
		return false;
	}
	unlinkat(o->dir, m->part, 0);
	m->fd = export_create(o->dir, m->part);
	o->private = m;
	return true;
}

static bool
mbox_has(struct outgoing *o, const struct wire_entry *e)
{
	(void)o;
	(void)e;
	return false;
}

/* The address in a Return-Path that we wrote, in front of everything. */
static struct slice
sender(struct slice message)
{
	const struct slice none = SLICE("MAILER-DAEMON");
	struct slice path;

	if (!slice_starts(message, SLICE("Return-Path: <")))
		return none;
	path = slice_drop(message, sizeof "Return-Path: <" - 1);
	path = slice_take(path, slice_find(path, '>'));
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] <= ' ' || path.p[i] == '\x7f')
			return none;
	return path.n > 0 ? path : none;
}

static void
envelope_put(struct buf *b, const struct wire_entry *e, struct slice message)
{
	time_t t = (time_t)(e->when / 1000);
	struct tm tm;
	char date[64];

	gmtime_r(&t, &tm);
	strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", &tm);
	buf_str(b, "From ");
	buf_slice(b, sender(message));
	buf_printf(b, " %s\n", date);
	buf_printf(b, "Status: %sO\n", e->flags & FLAG_SEEN ? "R" : "");
	buf_printf(b, "X-Status: %s%s%s%s\n",
	    e->flags & FLAG_ANSWERED ? "A" : "",
	    e->flags & FLAG_FLAGGED ? "F" : "",
	    e->flags & FLAG_DRAFT ? "T" : "",
	    e->flags & FLAG_DELETED ? "D" : "");
}

static void
line_put(struct buf *b, struct slice line)
{
	size_t quotes = 0;

	while (quotes < line.n && line.p[quotes] == '>')
		quotes++;
	if (slice_starts(slice_drop(line, quotes), SLICE("From ")))
		buf_char(b, '>');
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	buf_slice(b, line);
	buf_char(b, '\n');
}

static void
mbox_add(struct outgoing *o, const struct wire_entry *e, struct slice message)
{
	struct mbox *m = o->private;
	struct buf b = { 0 };

	buf_reserve(&b, message.n + 1024);
	envelope_put(&b, e, message);
	while (message.n > 0) {
		size_t at = slice_find(message, '\n');

		line_put(&b, slice_take(message, at));
		message = slice_drop(message, at < message.n ? at + 1 : at);
	}
	buf_char(&b, '\n');
	export_write(m->fd, m->part, buf_view(&b));
	buf_free(&b);
}

static void
mbox_end(struct outgoing *o)
{
	struct mbox *m = o->private;

	if (close(m->fd) != 0 ||
	    renameat(o->dir, m->part, o->dir, m->whole) != 0)
		export_failed(m->part);
	free(m);
}

const struct format mbox_format = {
	.name = "mbox",
	.begin = mbox_begin,
	.has = mbox_has,
	.add = mbox_add,
	.end = mbox_end,
};
