/*
 * The smarthosts and their passwords.  master opens the password files, at the
 * start and before each reload; we read them here, and forget those that
 * nobody needs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/core/sandbox.h"
#include "relay/relay.h"

enum { PASSWORD_MAX = 1024 };	/* octets */

/* A password file until it is used. */
struct given {
	struct node	 node;
	struct slice	 path;
	struct slice	 password;
};

static struct node	 files;		/* the newest of a path first */
static struct smart	*smarts;
static size_t		 n_smarts;

static struct slice
kept(struct slice s)
{
	return slice_of(mem_str(s), s.n);
}

static void
let_go(struct slice s)
{
	mem_wipe((void *)(uintptr_t)s.p, s.n);
	free((void *)(uintptr_t)s.p);
}

/* ---- passwords */

/* The first line of the file, or nothing, with the reason in the log. */
static struct slice
password_read(struct slice path, int fd, struct slice why)
{
	char text[PASSWORD_MAX + 1];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);
	struct slice line = slice_of(text, n > 0 ? (size_t)n : 0);

	line = slice_take(line, slice_find(line, '\n'));
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n > PASSWORD_MAX || slice_find(line, '\0') < line.n)
		line.n = 0;
	if (line.n == 0)
		LOG(relay_no_password, .file = path, .why = fd < 0 ? why :
		    slice_str(n < 0 ? strerror(errno) :
		    "its first line is no password"));
	line = kept(line);
	mem_wipe(text, sizeof text);
	return line;
}

void
smart_file(struct slice path, int fd, struct slice why)
{
	struct given *g = mem_zero(sizeof *g);

	if (files.next == NULL)
		list_init(&files);
	g->path = kept(path);
	g->password = password_read(path, fd, why);
	if (fd >= 0)
		close(fd);
	list_unshift(&files, &g->node);
}

static const struct given *
given_find(struct slice path)
{
	LIST_EACH(n, &files) {
		const struct given *g = CONTAINER(n, struct given, node);

		if (slice_eq(g->path, path))
			return g;
	}
	return NULL;
}

static void
files_forget(void)
{
	LIST_EACH(n, &files) {
		struct given *g = CONTAINER(n, struct given, node);

		list_del(n);
		let_go(g->path);
		let_go(g->password);
		free(g);
	}
}

/* One that cannot be read now does not undo the last that could. */
static void
password_take(struct smart *s, struct slice path)
{
	const struct given *g = given_find(path);

	if (g == NULL || g->password.n == 0)
		return;
	let_go(s->password);
	s->password = kept(g->password);
}

void
smart_reload(const struct conf *c)
{
	struct buf name = { 0 };

	if (files.next == NULL)
		return;
	for (size_t i = 0; i < c->n_smarthosts; i++) {
		buf_clear(&name);
		smarthost_name(&c->smarthosts[i], &name);
		for (size_t k = 0; k < n_smarts; k++)
			if (slice_eq(smarts[k].name, buf_view(&name)))
				password_take(&smarts[k],
				    c->smarthosts[i].password);
	}
	buf_free(&name);
	files_forget();
}

/* ---- smarthosts */

static void
add(struct smart *to, const struct smarthost *from)
{
	struct buf name = { 0 };

	smarthost_name(from, &name);
	*to = (struct smart){ .name = kept(buf_view(&name)),
		.host = kept(from->host), .port = (uint16_t)from->port,
		.user = kept(from->user), .password = kept(SLICE("")) };
	buf_free(&name);
	sandbox_connects(to->port);
}

void
smart_load(const struct conf *c)
{
	n_smarts = c->n_smarthosts;
	smarts = mem_array(n_smarts + 1, sizeof *smarts);
	for (size_t i = 0; i < n_smarts; i++)
		add(&smarts[i], &c->smarthosts[i]);
	smart_reload(c);
}

const struct smart *
smart_named(struct slice name)
{
	for (size_t i = 0; i < n_smarts; i++)
		if (slice_eq(smarts[i].name, name))
			return &smarts[i];
	return NULL;
}
