/* The socket of the `postino` command: what ctl may ask of master. */
#include "master/master.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/core/log.h"

enum { TLS_WAIT = 20000 };	/* ms; key itself waits for 5 s at most */

static struct watch	listening = { .fd = -1 };
static char		path[sizeof ((struct sockaddr_un *)0)->sun_path];

static void
serve_status(struct request *r)
{
	struct master_status_out out = { 0 };

	LIST_EACH(n, &children)
		out.n_children++;
	out.children = arena_array(&r->arena, out.n_children,
	    sizeof *out.children);
	out.n_children = 0;
	LIST_EACH(n, &children) {
		struct child *c = CONTAINER(n, struct child, node);

		out.children[out.n_children++] = (struct wire_child){
			.role = (uint32_t)c->role, .instance = c->instance,
			.pid = (uint32_t)c->pid, .deaths = c->deaths,
			.ms = loop_now() - c->since, .ready = c->ready };
	}
	answer(r, WIRE_OK, &out);
}

static void
serve_dial(struct request *r)
{
	const struct master_dial_in *in = REQUEST(master_dial, r);
	int fd = in->role < ROLES ?
	    dial_ctl((enum role)in->role, in->instance) : -1;
	struct master_dial_out out = { .fd = fd };

	answer(r, fd < 0 ? WIRE_NONE : WIRE_OK, &out);
}

static void
serve_reload(struct request *r)
{
	struct buf restart = { 0 };
	struct master_reload_out out = { .errors = reload_config(&restart) };

	out.restart = buf_view(&restart);
	answer(r, WIRE_OK, &out);
	buf_free(&restart);
}

/* key's answer, handed on. */
static void
tls_taken(void *arg, enum wire_status status, const void *answered)
{
	const struct key_reload_out *from = answered;
	struct master_tls_out out = { 0 };

	if (status == WIRE_OK)
		out = (struct master_tls_out){ .refused = from->refused,
			.late = from->late };
	answer(arg, status, &out);
}

static void
serve_tls(struct request *r)
{
	struct key_reload_in in = { 0 };

	LIST_EACH(n, &children) {
		struct child *c = CONTAINER(n, struct child, node);

		if (c->role != ROLE_KEY || !c->ready)
			continue;
		files_hand_over(c);
		link_call(c->link, WIRE_key_reload, &in, TLS_WAIT, tls_taken,
		    r);
		return;
	}
	answer(r, WIRE_AGAIN, NULL);
}

static void
serve_stop(struct request *r)
{
	answer(r, WIRE_OK, NULL);
	stop_all();
}

/* root, or whoever runs this instance. */
static bool
may_control(int fd)
{
	struct ucred who;
	socklen_t n = sizeof who;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 &&
	    (who.uid == 0 || who.uid == geteuid());
}

static void
accept_ctl(struct watch *w, unsigned events)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct link *l;

	(void)events;
	if (fd < 0)
		return;
	if (!may_control(fd)) {
		close(fd);
		return;
	}
	l = link_new(ROLE_CTL, 0, LINK_ONCE);
	link_serve(l);
	link_attach(l, fd);
}

void
control_open(const struct conf *conf)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t old;

	if (snprintf(path, sizeof path, "%s/control", conf->run_folder.p) >=
	    (int)sizeof path)
		fatal("%s/control: name too long", conf->run_folder.p);
	memcpy(a.sun_path, path, sizeof path);
	unlink(path);
	old = umask(077);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
	    listen(fd, 64) != 0)
		fatal("%s", path);
	umask(old);
	serve(WIRE_master_status, serve_status);
	serve(WIRE_master_dial, serve_dial);
	serve(WIRE_master_reload, serve_reload);
	serve(WIRE_master_tls, serve_tls);
	serve(WIRE_master_stop, serve_stop);
	listening.fd = fd;
	listening.ready = accept_ctl;
	if (!loop_add(&listening, LOOP_IN, false))
		fatal("%s", path);
}

void
control_close(void)
{
	unlink(path);
}
