/*
 * The line reader against one that is obviously right: whatever the bytes, and
 * wherever the network cuts them, the same lines come out (RFC 5321 2.3.8).
 * The first byte says the limit, the second where the input is cut.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/daemon.h"
#include "common/task/conn.h"

int
LLVMFuzzerTestOneInput(const unsigned char *, size_t);

/* What door.c, in the same library, wants of a role. */
void
daemon_idle(void)
{
}

void
figure_add(struct figures *f, const char *name, uint64_t n)
{
	(void)f, (void)name, (void)n;
}

void
figure_session(struct figures *f, struct slice name, struct slice waits,
    uint64_t ms, uint64_t session)
{
	(void)f, (void)name, (void)waits, (void)ms, (void)session;
}

static void
must(bool truth)
{
	if (!truth)
		abort();
}

static bool
is_good(struct slice line)	/* without its LF */
{
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '\0' ||
		    (line.p[i] == '\r') != (i == line.n - 1))
			return false;
	return line.n > 0;
}

/* What conn_read_line has to say about the line at the front of *rest. */
static enum conn_line
expect(struct slice *rest, size_t max, struct slice *line)
{
	size_t at = 0;
	bool good;

	while (at < rest->n && rest->p[at] != '\n')
		at++;
	if (at == rest->n)
		return LINE_END;
	good = is_good(slice_take(*rest, at));
	*line = slice_take(*rest, good ? at - 1 : at + 1);
	*rest = slice_drop(*rest, at + 1);
	if (good)
		return line->n > max ? LINE_LONG : LINE_OK;
	return at > max ? LINE_LONG : LINE_BARE;
}

static void
compare(struct conn *c, struct slice *rest, size_t max)
{
	enum conn_line want;
	struct slice wanted, line;

	while ((want = expect(rest, max, &wanted)) != LINE_END) {
		enum conn_line got = conn_read_line(c, max, &line);

		must(got == want);
		must(got == LINE_LONG ? line.n == 0 : slice_eq(line, wanted));
	}
}

int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	struct slice all, rest, line;
	size_t max, cut;
	int pair[2];
	struct conn *c;

	if (n < 2 || n > 60000)
		return 0;
	max = p[0];
	all = slice_drop(slice_of(p, n), 2);
	cut = all.n * p[1] / 255;
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	c = conn_new(pair[0], "fuzzer");
	must(cut == 0 || send(pair[1], all.p, cut, 0) == (ssize_t)cut);
	rest = slice_take(all, cut);
	compare(c, &rest, max);
	rest = slice_drop(all, cut - rest.n);
	must(cut == all.n || send(pair[1], all.p + cut, all.n - cut, 0) ==
	    (ssize_t)(all.n - cut));
	close(pair[1]);
	compare(c, &rest, max);
	must(conn_read_line(c, max, &line) == LINE_END);
	must(conn_error(c) == CONN_EOF);
	must(conn_bytes_in(c) == all.n);
	conn_close(c);
	return 0;
}
