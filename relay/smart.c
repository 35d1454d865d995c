/*
 * The smarthosts and their passwords, read before confinement: only a restart
 * changes them.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/core/sandbox.h"
#include "relay/relay.h"

enum { PASSWORD_MAX = 1024 };	/* octets */

static struct smart	*smarts;
static size_t		 n_smarts;

static struct slice
kept(struct slice s)
{
	return slice_of(mem_str(s), s.n);
}

static struct slice
kept_lower(struct slice s)
{
	char *p = mem_str(s);

	for (size_t i = 0; i < s.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + ('a' - 'A'));
	return slice_of(p, s.n);
}

/* The first line of the file. */
static struct slice
password_read(const char *path)
{
	char text[PASSWORD_MAX + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
	struct slice line = slice_of(text, n > 0 ? (size_t)n : 0);

	if (fd >= 0)
		close(fd);
	line = slice_take(line, slice_find(line, '\n'));
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n > PASSWORD_MAX || slice_find(line, '\0') < line.n)
		line.n = 0;
	if (line.n == 0)
		LOG(relay_no_password, .file = slice_str(path),
		    .why = slice_str(n < 0 ? strerror(errno) :
		    "its first line is no password"));
	line = kept(line);
	mem_wipe(text, sizeof text);
	return line;
}

void
smart_load(const struct conf *c)
{
	n_smarts = c->n_smarthosts;
	smarts = mem_array(n_smarts + 1, sizeof *smarts);
	for (size_t i = 0; i < n_smarts; i++) {
		const struct smarthost *from = &c->smarthosts[i];

		smarts[i] = (struct smart){ .to = kept_lower(from->to),
			.from = kept_lower(from->from),
			.host = kept_lower(from->host),
			.port = (uint16_t)from->port,
			.user = kept(from->user) };
		if (from->user.n > 0)
			smarts[i].password = password_read(from->password.p);
		sandbox_connects(smarts[i].port);
	}
}

static const struct smart *
find(struct slice to, struct slice from)
{
	for (size_t i = 0; i < n_smarts; i++)
		if (slice_eq(smarts[i].to, to) &&
		    slice_eq(smarts[i].from, from))
			return &smarts[i];
	return NULL;
}

const struct smart *
smart_for(struct slice to, struct slice from)
{
	const struct slice none = SLICE("");
	const struct smart *s = to.n > 0 ? find(to, none) : NULL;

	if (s == NULL && from.n > 0)
		s = find(none, from);
	return s != NULL ? s : find(none, none);
}
