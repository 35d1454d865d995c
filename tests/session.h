/*
 * session.h - a session daemon in one loop with its client and with those it
 * asks: the real door, tasks, links and session, all in this process.
 *
 * The client is a socket that is written and read beside the loop: world_say
 * returns when nothing more happens, so what was heard is then complete.
 * Nothing here waits for time to pass.
 *
 * Two things are faked here, and the linker leaves out the real ones: tls.h
 * (a handshake always succeeds and changes no octet), and of daemon.h what a
 * role asks of it once it runs.
 *
 * Include it once in a program; check.h or fuzzers may be around it.
 */
#ifndef TESTS_SESSION_H
#define TESTS_SESSION_H

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/core/daemon.h"
#include "common/core/log.h"
#include "common/task/conn_private.h"
#include "common/task/task.h"
#include "common/task/tls.h"

enum { QUIET = 4 };	/* turns of the loop in which nothing was seen */

static struct {
	struct conf		 conf;
	struct sockaddr_un	 doors[SERVICES];
	socklen_t		 door_size[SERVICES];
	int			 client;	/* -1: none */
	struct buf		 heard;
	bool			 over;		/* the server closed */
	unsigned		 quiet;
	int			 unread;	/* by the server */
	unsigned		 idle_tasks;	/* those of no session */
	bool			 no_tls;
	unsigned		 tls_starts;
	void			(*on_tls)(void);
	enum role		 self;
	struct link		*asked[ROLES], *serving[ROLES];
	bool			 may_end;	/* the role said daemon_idle */
	uint64_t		 figures[8];	/* in the order they were said */
	unsigned		 nfigures, nsleepers;
} world = { .client = -1 };

/* Whoever does something says so, or world_run ends too early. */
static inline void
world_stir(void)
{
	world.quiet = 0;
}

/* ---- tls.h */

void
tls_init(const char *alpn)
{
	(void)alpn;
}

void
tls_follow_key(struct link *key)
{
	(void)key;
}

bool
tls_ready(void)
{
	return !world.no_tls;
}

bool
conn_start_tls(struct conn *c)
{
	static char fake;

	if (!conn_flush(c))
		return false;
	/* Whoever lets octets through from before the handshake is wrong. */
	CHECK(c->in.at == c->in.n);
	c->tls = (void *)&fake;
	world.tls_starts++;
	if (world.on_tls != NULL)
		world.on_tls();
	return true;
}

bool
conn_is_tls(const struct conn *c)
{
	return c->tls != NULL;
}

const char *
conn_tls_version(const struct conn *c)
{
	return c->tls != NULL ? "TLSv1.3" : "";
}

const char *
conn_tls_cipher(const struct conn *c)
{
	return c->tls != NULL ? "TLS_FAKE" : "";
}

static inline ssize_t
world_tls_result(struct conn *c, ssize_t n, enum conn_way *way,
    enum conn_way which)
{
	*way = which;
	if (n >= 0 || errno == EAGAIN)
		return n;
	conn_broke(c, CONN_RESET, strerror(errno));
	return -2;
}

ssize_t
tls_read(struct conn *c, void *to, size_t n, enum conn_way *way)
{
	return world_tls_result(c, conn_recv(c, to, n), way, WAY_IN);
}

ssize_t
tls_write(struct conn *c, const void *from, size_t n, enum conn_way *way)
{
	return world_tls_result(c, conn_send(c, from, n), way, WAY_OUT);
}

bool
tls_has_input(struct conn *c)
{
	char byte;

	c->readable = true;
	return recv(c->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void
tls_close(struct conn *c)
{
	c->tls = NULL;
}

/* ---- daemon.h */

enum role
daemon_self(void)
{
	return world.self;
}

struct link *
daemon_link(enum role answerer, unsigned instance)
{
	struct link **l = &world.asked[answerer];

	CHECK(instance == 0);
	if (*l == NULL)
		*l = link_new(answerer, instance, LINK_LASTING);
	return *l;
}

void
daemon_idle(void)
{
	world.may_end = true;
}

void
figure_add(struct figures *f, const char *name, uint64_t value)
{
	(void)f;
	(void)name;
	world.figures[world.nfigures++ % 8] = value;
}

void
figure_session(struct figures *f, struct slice name, struct slice waits,
    uint64_t ms, uint64_t session)
{
	(void)f, (void)name, (void)waits, (void)ms, (void)session;
	world.nsleepers++;
}

/* ---- the client's ear, once a turn */

static inline void
world_hear(void)
{
	static char bytes[65536];
	ssize_t n;

	while ((n = recv(world.client, bytes, sizeof bytes,
	    MSG_DONTWAIT)) > 0) {
		buf_add(&world.heard, bytes, (size_t)n);
		world_stir();
	}
	if ((n == 0 || errno != EAGAIN) && !world.over) {
		world.over = true;
		world_stir();
	}
}

static inline void
world_turn(void)
{
	int unread = 0;

	if (world.client >= 0) {
		world_hear();
		ioctl(world.client, SIOCOUTQ, &unread);
	}
	if (unread != world.unread)
		world_stir();
	world.unread = unread;
	if (++world.quiet > QUIET)
		loop_stop();
	else
		loop_again();
}

/* Lets everything happen that is going to. */
static inline void
world_run(void)
{
	world_stir();
	loop_again();
	loop_run();
}

/* ---- birth */

static inline void
world_log(const char *line, size_t n)
{
	if (memmem(line, n, " error ", 7) != NULL)
		(void)!write(2, line, n);
}

/* Starts the role once in a program's life. */
static inline void
world_start(enum role self, const char *conf)
{
	struct buf errors = { 0 };

	world.self = self;
	loop_init();
	log_init("test", LOG_DEBUG);
	log_divert(world_log);
	CHECK(conf_parse(&world.conf, slice_str(conf), "test", &errors) == 0);
	buf_free(&errors);
	daemon_role.load(&world.conf);
	daemon_role.start(&world.conf);
	loop_hook(LOOP_AFTER, world_turn);
}

/* A new configuration, as after `postino reload`. */
static inline void
world_reload(const char *text)
{
	struct conf fresh, old = world.conf;
	struct buf errors = { 0 };

	CHECK(conf_parse(&fresh, slice_str(text), "test", &errors) == 0);
	world.conf = fresh;
	daemon_role.reload(&world.conf, &errors);
	conf_free(&old);
	buf_free(&errors);
}

/* A fresh connection on which `asker` (the role under test) asks `answerer`;
   handlers are set with serve().  What was there before ends. */
static inline void
world_answer(enum role answerer, enum role asker)
{
	struct link *serving = link_new(asker, 0, LINK_ONCE);
	int fds[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	world.serving[answerer] = serving;	/* for leak checkers */
	link_serve(serving);
	link_attach(serving, fds[0]);
	link_attach(daemon_link(answerer, 0), fds[1]);
}

static inline void
world_listen(enum service service)
{
	struct sockaddr_un *a = &world.doors[service];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);

	a->sun_family = AF_UNIX;
	/* Without a name the kernel gives it one. */
	CHECK(bind(fd, (struct sockaddr *)a, sizeof a->sun_family) == 0);
	CHECK(listen(fd, 16) == 0);
	world.door_size[service] = sizeof *a;
	CHECK(getsockname(fd, (struct sockaddr *)a,
	    &world.door_size[service]) == 0);
	daemon_role.listen(fd, service);
}

/* ---- the client's life */

static inline void
world_connect(enum service service)
{
	int room = 4 * 1024 * 1024;

	CHECK(world.client < 0);
	if (world.door_size[service] == 0)
		world_listen(service);
	world_run();
	world.idle_tasks = task_count();
	world.client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(world.client, SOL_SOCKET, SO_SNDBUF, &room,
	    sizeof room);
	CHECK(connect(world.client, (struct sockaddr *)&world.doors[service],
	    world.door_size[service]) == 0);
	world.over = false;
	world.tls_starts = 0;
	buf_clear(&world.heard);
	world_run();
}

/* What does not fit the socket waits until the server has read. */
static inline void
world_say(struct slice s)
{
	while (s.n > 0 && !world.over) {
		ssize_t n = send(world.client, s.p, s.n,
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		s = slice_drop(s, n > 0 ? (size_t)n : 0);
		if (n < 0 && errno != EAGAIN)
			break;
		world_run();
	}
	world_run();
}

/* Says no more, but listens. */
static inline void
world_hang_up(void)
{
	shutdown(world.client, SHUT_WR);
	world_run();
}

/* The session must be over by now, or is once its client is gone. */
static inline void
world_disconnect(void)
{
	close(world.client);
	world.client = -1;
	world_run();
	CHECK(task_count() == world.idle_tasks);
}

#endif
