/*
 * login.h - what lies behind pop3d and imapd alike: an auth that lets anybody
 * in who says "secret", the channel to store that comes with it, and bodies on
 * their way out of store.
 */
#ifndef TESTS_LOGIN_H
#define TESTS_LOGIN_H

#include "tests/session.h"

enum { STREAMS_MAX = 4 };

static struct {
	struct link	*channel;	/* store's end; NULL: nobody is in */
	/* what is to go wrong */
	bool		 later, fails;
	/* what was seen */
	unsigned	 ins, outs;
} login;

/* ---- the channel */

static inline void
channel_lost(struct link *l)
{
	(void)l;
	login.channel = NULL;
	world_stir();
}

static inline int
channel_new(void)
{
	int fds[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	CHECK(login.channel == NULL);
	login.channel = link_new(world.self, 0, LINK_CHANNEL);
	link_serve(login.channel);
	link_on_end(login.channel, channel_lost);
	link_attach(login.channel, fds[0]);
	return fds[1];
}

/* As store does when it dies, or auth has revoked the login. */
static inline void
channel_cut(void)
{
	struct link *l = login.channel;

	login.channel = NULL;
	if (l != NULL)
		link_close(l);
}

/* ---- auth */

static inline void
take_login(struct request *r)
{
	const struct auth_login_in *in = REQUEST(auth_login, r);
	struct auth_login_out out = { .login = LOGIN_DENIED };

	world_stir();
	CHECK(world.tls_starts > 0 && in->name.n > 0);
	if (login.later)
		out.login = LOGIN_LATER;
	else if (slice_eq(in->password, SLICE("secret"))) {
		out = (struct auth_login_out){ .fd = channel_new(),
			.login = LOGIN_OK, .user = 7, .session = 70,
			.address = SLICE("ann@example.org") };
		login.ins++;
	}
	answer(r, login.fails ? WIRE_AGAIN : WIRE_OK, &out);
	if (login.fails)
		channel_cut();
}

static inline void
take_logout(struct request *r)
{
	world_stir();
	login.outs++;
	answer(r, WIRE_OK, NULL);
}

static inline void
login_start(void)
{
	serve(WIRE_auth_login, take_login);
	serve(WIRE_auth_logout, take_logout);
}

/* ---- bodies, to the session */

static struct outgoing {
	struct watch	 watch;		/* fd 0: free */
	struct slice	 left;
} outgoing[STREAMS_MAX];

static inline void
body_end(struct watch *w)
{
	loop_del(w);
	close(w->fd);
	w->fd = 0;
	world_stir();
}

static inline void
body_writable(struct watch *w, unsigned events)
{
	struct outgoing *o = CONTAINER(w, struct outgoing, watch);
	ssize_t n;

	world_stir();
	if ((events & LOOP_HUP) != 0) {
		body_end(w);
		return;
	}
	n = send(w->fd, o->left.p, o->left.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		o->left = slice_drop(o->left, (size_t)n);
	if (n < 0 || o->left.n == 0)
		body_end(w);
}

/* The end for the session; the text must live on. */
static inline int
body_send(struct slice text)
{
	struct outgoing *o = outgoing;
	int fds[2];

	while (o->watch.fd > 0)
		CHECK(++o < outgoing + STREAMS_MAX);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	o->watch = (struct watch){ .fd = fds[0], .ready = body_writable };
	o->left = text;
	CHECK(loop_add(&o->watch, LOOP_OUT | LOOP_HUP, false));
	return fds[1];
}

/* A session has ended: nothing of it may be left. */
static inline void
login_check(void)
{
	CHECK(login.channel == NULL);
	CHECK(login.outs == login.ins || login.fails);
	for (int i = 0; i < STREAMS_MAX; i++)
		CHECK(outgoing[i].watch.fd == 0);
}

#endif
