#include "common/task/door.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/task/task.h"

enum { DOORS_MAX = 64, ACCEPT_MAX = 64, PAUSE = 1000 };

struct entrance {
	struct watch		 watch;
	struct timer		 pause;
	enum service		 service;
	const struct door	*door;
};

/* One address that has sessions here. */
struct visitor {
	struct map_node		 node;
	unsigned		 sessions;
};

struct visit {
	struct node		 node;
	const struct entrance	*entrance;
	struct visitor		*visitor;	/* NULL: a UNIX socket */
	struct conn		*conn;
	struct task		*task;
	uint64_t		 number, login;
	bool			 at_prompt, kicked;
};

static struct entrance	 entrances[DOORS_MAX];
static unsigned		 nentrances, sessions;
static uint64_t		 accepted, refused, last_number;
static struct map	 visitors;
static struct node	 visits;
static bool		 closed;

/* ---- who is there */

/* IPv4 whole, IPv6 by its /64: that is what one customer has. */
static uint64_t
address_key(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *v4 = (const void *)a;
	const struct sockaddr_in6 *v6 = (const void *)a;

	if (a->ss_family == AF_INET)
		return map_hash(&v4->sin_addr, sizeof v4->sin_addr);
	return map_hash(&v6->sin6_addr, 8);
}

static struct visitor *
visitor_of(const struct sockaddr_storage *a)
{
	uint64_t key = address_key(a);
	struct map_node *n = map_get(&visitors, key);
	struct visitor *v;

	if (n != NULL)
		return CONTAINER(n, struct visitor, node);
	v = mem_zero(sizeof *v);
	map_put(&visitors, &v->node, key);
	return v;
}

static void
visitor_release(struct visitor *v)
{
	if (v == NULL || v->sessions > 0)
		return;
	map_del(&visitors, &v->node);
	free(v);
}

static void
address_text(const struct sockaddr_storage *a, char *to, socklen_t size)
{
	const struct sockaddr_in *v4 = (const void *)a;
	const struct sockaddr_in6 *v6 = (const void *)a;

	if (a->ss_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, to, size);
	else if (a->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &v6->sin6_addr, to, size);
	else
		strcpy(to, "local");
}

/* ---- sessions */

static void
visit_end(struct visit *v)
{
	conn_close(v->conn);
	list_del(&v->node);
	sessions--;
	if (v->visitor != NULL)
		v->visitor->sessions--;
	visitor_release(v->visitor);
	free(v);
	if (closed && sessions == 0)
		daemon_idle();
}

static void
visit_run(void *arg)
{
	struct visit *v = arg;

	v->task = task_self();
	task_session(v->number);
	task_name("%s %s", v->entrance->door->name, conn_peer(v->conn));
	v->entrance->door->session(v, v->conn, v->entrance->service);
	visit_end(v);
}

/* Turned away in one write that never waits: who is too many gets no task. */
static void
refuse(int fd, struct slice text)
{
	ssize_t ignored = send(fd, text.p, text.n,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)ignored;
	refused++;
	close(fd);
}

/* No two processes of one time have the same: the log is one, and so is the
   list of sessions. */
static uint64_t
next_number(void)
{
	if (last_number == 0)
		last_number = (uint64_t)getpid() << 20;
	return ++last_number;
}

static void
visit_begin(struct entrance *e, int fd, const struct sockaddr_storage *from)
{
	struct visitor *visitor = from->ss_family == AF_UNIX ? NULL :
	    visitor_of(from);
	char peer[INET6_ADDRSTRLEN];
	struct visit *v;

	if (sessions >= e->door->most) {
		refuse(fd, e->door->busy);
		visitor_release(visitor);
		return;
	}
	if (visitor != NULL && visitor->sessions >= e->door->per_address) {
		refuse(fd, e->door->busy_client);
		return;
	}
	address_text(from, peer, sizeof peer);
	v = mem_zero(sizeof *v);
	v->entrance = e;
	v->visitor = visitor;
	v->number = next_number();
	v->conn = conn_new(fd, peer);
	if (visitor != NULL)
		visitor->sessions++;
	sessions++;
	accepted++;
	list_push(&visits, &v->node);
	if (!task_spawn(e->door->name, visit_run, v)) {
		conn_write(v->conn, e->door->busy);
		visit_end(v);
	}
}

/* ---- accepting */

static void
entrance_resume(struct timer *t)
{
	struct entrance *e = CONTAINER(t, struct entrance, pause);

	if (!closed &&
	    !loop_add(&e->watch, LOOP_IN | LOOP_ALONE, false))
		timer_set(t, loop_now() + PAUSE);
}

static void
entrance_ready(struct watch *w, unsigned events)
{
	struct entrance *e = CONTAINER(w, struct entrance, watch);

	(void)events;
	for (int i = 0; i < ACCEPT_MAX; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t n = sizeof from;
		int fd = accept4(w->fd, (struct sockaddr *)&from, &n,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			visit_begin(e, fd, &from);
		else if (errno == EMFILE || errno == ENFILE ||
		    errno == ENOBUFS || errno == ENOMEM) {
			loop_del(w);
			timer_set(&e->pause, loop_now() + PAUSE);
			return;
		} else if (errno == EAGAIN || errno == EINTR)
			return;
	}
}

void
door_open(int fd, enum service service, const struct door *door)
{
	struct entrance *e;

	if (visits.next == NULL)
		list_init(&visits);
	CHECK(nentrances < DOORS_MAX);
	e = &entrances[nentrances++];
	e->watch.fd = fd;
	e->watch.ready = entrance_ready;
	e->pause.fire = entrance_resume;
	e->service = service;
	e->door = door;
	if (!loop_add(&e->watch, LOOP_IN | LOOP_ALONE, false))
		fatal("cannot watch a listening socket");
}

/* An entrance that nobody can knock at. */
void
door_admit(int fd, enum service service, const struct door *door)
{
	static struct entrance inside;
	struct sockaddr_storage local = { .ss_family = AF_UNIX };

	if (visits.next == NULL)
		list_init(&visits);
	inside.service = service;
	inside.door = door;
	if (closed)
		close(fd);
	else
		visit_begin(&inside, fd, &local);
}

void
door_close(void)
{
	closed = true;
	for (unsigned i = 0; i < nentrances; i++) {
		timer_stop(&entrances[i].pause);
		loop_del(&entrances[i].watch);
		close(entrances[i].watch.fd);
	}
	if (sessions == 0) {
		daemon_idle();
		return;
	}
	LIST_EACH(n, &visits) {
		struct visit *v = CONTAINER(n, struct visit, node);

		if (v->at_prompt)
			task_cancel(v->task);
	}
}

/* ---- what a session asks of the door */

uint64_t
door_number(const struct visit *v)
{
	return v->number;
}

void
door_prompt(struct visit *v, bool at_prompt)
{
	v->at_prompt = at_prompt;
}

bool
door_leaving(const struct visit *v)
{
	return closed || v->kicked;
}

void
door_login(struct visit *v, uint64_t login)
{
	v->login = login;
}

void
door_end(struct visit *v)
{
	v->kicked = true;
	if (v->at_prompt)
		task_cancel(v->task);
}

void
door_kick(uint64_t login)
{
	if (visits.next == NULL)
		return;
	LIST_EACH(n, &visits) {
		struct visit *v = CONTAINER(n, struct visit, node);

		if (v->login == login)
			door_end(v);
	}
}

/* ---- seen from outside */

void
door_stats(struct figures *f)
{
	figure_add(f, "sessions", sessions);
	figure_add(f, "accepted", accepted);
	figure_add(f, "refused", refused);
	figure_add(f, "tcp_sends", conn_sends());
}
