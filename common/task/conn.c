#include "common/task/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/task/conn_private.h"

enum {
	UNACKNOWLEDGED = 60 * 1000,	/* ms a peer may leave data so */
	LAST_WORDS = 1000,		/* ms conn_close may take to send */
};

/* ---- waiting */

static void
ready(struct watch *w, unsigned events)
{
	struct conn *c = CONTAINER(w, struct conn, watch);

	if ((events & LOOP_HUP) != 0)
		c->hung_up = true;
	if ((events & (LOOP_IN | LOOP_HUP)) != 0)
		c->readable = true;
	if ((events & (LOOP_OUT | LOOP_HUP)) != 0)
		c->writable = true;
	if (c->waiter != NULL && *c->awaited)
		task_resume(c->waiter);
}

/* At the first wait, so that a connection may be made before its task is:
   the kernel then reports the state it finds. */
static bool
watch(struct conn *c)
{
	if (!c->watched)
		c->watched = loop_add(&c->watch, LOOP_IN | LOOP_OUT | LOOP_HUP,
		    true);
	return c->watched;
}

static bool *
bit_of(struct conn *c, enum conn_way way)
{
	return way == WAY_IN ? &c->readable : &c->writable;
}

static void
wait_in_task(struct conn *c, const bool *bit, const char *what,
    uint64_t deadline)
{
	if (!watch(c)) {
		conn_broke(c, CONN_RESET, strerror(errno));
		return;
	}
	c->waiter = task_self();
	c->awaited = bit;
	while (!*bit && task_doze(what, deadline))
		;
	c->waiter = NULL;
	if (!*bit)
		conn_broke(c, task_cancelled() ? CONN_CANCELLED : CONN_TIMEOUT,
		    what);
}

static int
ms_until(uint64_t deadline)
{
	uint64_t now = loop_clock();

	if (deadline == 0)
		return -1;
	return deadline <= now ? 0 : deadline - now > 1000000 ? 1000000 :
	    (int)(deadline - now);
}

static void
wait_alone(struct conn *c, bool *bit, enum conn_way way, const char *what,
    uint64_t deadline)
{
	struct pollfd p = { .fd = c->watch.fd,
		.events = way == WAY_IN ? POLLIN : POLLOUT };

	while (!*bit) {
		int ms = ms_until(deadline), n = poll(&p, 1, ms);

		if (n > 0)
			*bit = true;
		else if (n == 0 && ms == 0) {
			conn_broke(c, CONN_TIMEOUT, what);
			return;
		} else if (n < 0 && errno != EINTR)
			fatal("poll");
	}
}

bool
conn_wait(struct conn *c, enum conn_way way, const char *what,
    uint64_t deadline)
{
	bool *bit = bit_of(c, way);

	if (task_self() == NULL)
		wait_alone(c, bit, way, what, deadline);
	else
		wait_in_task(c, bit, what, deadline);
	return *bit;
}

bool
conn_wait_wake(struct conn *c, enum conn_way way, const char *what,
    uint64_t deadline, bool *woken)
{
	const bool *bit = bit_of(c, way);

	if (!watch(c)) {
		conn_broke(c, CONN_RESET, strerror(errno));
		return false;
	}
	c->waiter = task_self();
	c->awaited = bit;
	while (!(*woken = task_woken()) && !*bit && task_doze(what, deadline))
		;
	c->waiter = NULL;
	if (!*bit && !*woken)
		conn_broke(c, task_cancelled() ? CONN_CANCELLED : CONN_TIMEOUT,
		    what);
	return *bit || *woken;
}

uint64_t
conn_limit(const struct conn *c)
{
	uint64_t at = c->idle == 0 ? 0 : loop_clock() + c->idle;

	return at == 0 || (c->deadline != 0 && c->deadline < at) ?
	    c->deadline : at;
}

void
conn_deadline(struct conn *c, uint64_t at)
{
	c->deadline = at;
}

void
conn_idle(struct conn *c, uint64_t ms)
{
	c->idle = ms;
}

/* ---- the socket */

ssize_t
conn_recv(struct conn *c, void *to, size_t n)
{
	ssize_t got;

	if (!c->readable) {
		errno = EAGAIN;
		return -1;
	}
	do
		got = recv(c->watch.fd, to, n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 ? errno == EAGAIN : (size_t)got < n && !c->hung_up)
		c->readable = false;
	return got;
}

static uint64_t	sends;

uint64_t
conn_sends(void)
{
	return sends;
}

/* The last words go with the FIN, in one segment less. */
ssize_t
conn_send(struct conn *c, const void *from, size_t n)
{
	ssize_t sent;

	if (!c->writable) {
		errno = EAGAIN;
		return -1;
	}
	do
		sent = send(c->watch.fd, from, n, MSG_DONTWAIT | MSG_NOSIGNAL |
		    (c->closing ? MSG_MORE : 0));
	while (sent < 0 && errno == EINTR);
	sends++;
	if (sent < 0 ? errno == EAGAIN : (size_t)sent < n)
		c->writable = false;
	return sent;
}

/* ---- errors */

/* A peer that has sent its last byte, or is too slow with it, may still
   listen; and one that is to go is told so. */
void
conn_broke(struct conn *c, enum conn_error error, const char *why)
{
	if (error == CONN_RESET || error == CONN_TLS)
		c->no_way_out = true;
	if (c->error != CONN_OK)
		return;
	c->error = error;
	snprintf(c->why, sizeof c->why, "%s", why == NULL ? "" : why);
}

void
conn_fail(struct conn *c, enum conn_error error)
{
	conn_broke(c, error, NULL);
}

enum conn_error
conn_error(const struct conn *c)
{
	return c->error;
}

const char *
conn_why(const struct conn *c)
{
	static const char *const words[] = { "no error", "closed by the peer",
		"broken off", "timed out", "asked to end", "TLS failed" };

	return *c->why != '\0' ? c->why : words[c->error];
}

/* ---- birth and death */

struct conn *
conn_new(int fd, const char *peer)
{
	struct conn *c = mem_zero(sizeof *c);
	int on = 1, ms = UNACKNOWLEDGED;

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	/* Fail on a UNIX socket, where they are not needed. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
	c->watch.fd = fd;
	c->watch.ready = ready;
	c->writable = true;
	c->peer = mem_str(slice_str(peer));
	return c;
}

struct conn *
conn_connect(const struct sockaddr *to, unsigned size, const char *peer,
    uint64_t ms)
{
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0), error = 0;
	struct conn *c = conn_new(fd, peer);
	socklen_t n = sizeof error;

	if (fd < 0 || connect(fd, to, size) != 0)
		error = errno;
	/* Nobody there yet: writable is how the kernel says that this ended. */
	c->writable = error == 0;
	if (error == EINPROGRESS && conn_wait(c, WAY_OUT, "connection",
	    loop_clock() + ms) &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		error = errno;
	if (error != 0 && c->error == CONN_OK)
		conn_broke(c, CONN_RESET, strerror(error));
	return c;
}

/* A close with input unread sends a reset, which may overtake our last reply
   and make the peer's kernel drop it (RFC 1122 4.2.2.13). */
static void
drain(struct conn *c)
{
	char bytes[4096];

	for (int i = 0; i < 16 && conn_recv(c, bytes, sizeof bytes) > 0; i++)
		;
}

void
conn_close(struct conn *c)
{
	c->deadline = loop_clock() + LAST_WORDS;
	c->idle = 0;
	c->closing = true;
	conn_flush(c);
	tls_close(c);
	shutdown(c->watch.fd, SHUT_WR);
	drain(c);
	if (c->watched)
		loop_del(&c->watch);
	close(c->watch.fd);
	c->in.at = c->in.n;
	conn_give_back(c);
	buf_free(&c->out);
	free(c->peer);
	free(c);
}

const char *
conn_peer(const struct conn *c)
{
	return c->peer;
}

uint64_t
conn_bytes_in(const struct conn *c)
{
	return c->bytes_in;
}

uint64_t
conn_bytes_out(const struct conn *c)
{
	return c->bytes_out;
}
