#include "common/core/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/link_private.h"
#include "common/core/log.h"

enum role		 link_self = ROLES;
static struct node	 dirty_links;
static uint64_t		 sends;

/* ---- frames */

static void
u32_to(char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (char)(v >> 8 * i);
}

bool
frame_put(struct buf *to, const struct frame *f,
    void (*put)(struct wire_out *, const void *), const void *fields, int *fd)
{
	struct wire_out w = { .to = to };
	size_t start = to->n, length;
	char head[WIRE_HEAD] = { 0 };

	if (wire_rows[f->call].secret[f->answer])
		to->secret = true;
	buf_add(to, head, sizeof head);
	if (put != NULL)
		put(&w, fields);
	length = to->n - start;
	*fd = w.fd > 0 ? w.fd : 0;
	if (length > WIRE_FRAME_MAX) {
		to->n = start;
		return false;
	}
	u32_to(to->p + start, (uint32_t)length);
	u32_to(to->p + start + 4, f->number);
	to->p[start + 8] = (char)f->call;
	to->p[start + 9] = (char)(f->call >> 8);
	to->p[start + 10] = (char)f->answer;
	to->p[start + 11] = (char)f->status;
	to->p[start + 12] = w.fd > 0;
	return true;
}

/* ---- writing */

static void
flush_all(void)
{
	struct node *n;

	while ((n = list_pop(&dirty_links)) != NULL)
		link_flush(CONTAINER(n, struct link, dirty));
}

static void
link_dirty(struct link *l)
{
	if (l->watch.fd >= 0 && !l->blocked && !list_in(&l->dirty)) {
		list_push(&dirty_links, &l->dirty);
		loop_again();
	}
}

/* A descriptor leaves with the byte of the stream at `at`. */
static void
parcel_add(struct link *l, uint64_t at, int fd)
{
	struct parcel *p;

	if (fd <= 0)
		return;
	p = mem_zero(sizeof *p);
	p->at = at;
	p->fd = fd;
	list_push(&l->parcels, &p->node);
}

bool
link_send(struct link *l, const struct frame *f,
    void (*put)(struct wire_out *, const void *), const void *fields)
{
	uint64_t at = l->sent + l->out.n;
	int fd;

	if (!frame_put(&l->out, f, put, fields, &fd)) {
		if (fd > 0)
			close(fd);
		return false;
	}
	parcel_add(l, at, fd);
	link_dirty(l);
	return true;
}

void
link_queue(struct link *l, const struct buf *frame, int fd)
{
	parcel_add(l, l->sent + l->out.n, fd);
	if (frame->secret)
		l->out.secret = true;
	buf_slice(&l->out, buf_view(frame));
	link_dirty(l);
}

/* One sendmsg: up to the next descriptor, or with it from where it belongs. */
static ssize_t
send_some(struct link *l, struct parcel *p)
{
	struct iovec iov = { .iov_base = l->out.p, .iov_len = l->out.n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	bool with_fd = p != NULL && p->at == l->sent;
	ssize_t n;

	if (with_fd) {
		memset(&control, 0, sizeof control);
		m.msg_control = &control;
		m.msg_controllen = sizeof control;
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &p->fd, sizeof(int));
		p = p->node.next == &l->parcels ? NULL :
		    CONTAINER(p->node.next, struct parcel, node);
	}
	if (p != NULL && p->at - l->sent < iov.iov_len)
		iov.iov_len = (size_t)(p->at - l->sent);
	n = sendmsg(l->watch.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	sends++;
	if (n > 0 && with_fd) {
		p = CONTAINER(list_pop(&l->parcels), struct parcel, node);
		close(p->fd);
		free(p);
	}
	return n;
}

bool
link_flush(struct link *l)
{
	ssize_t n = 0;

	if (l->watch.fd < 0)
		return false;
	while (l->out.n > 0) {
		struct parcel *p = list_empty(&l->parcels) ? NULL :
		    CONTAINER(l->parcels.next, struct parcel, node);

		if ((n = send_some(l, p)) < 0)
			break;
		l->sent += (uint64_t)n;
		buf_drop(&l->out, (size_t)n);
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR &&
	    errno != ETOOMANYREFS) {
		link_end(l, NULL, NULL);
		return false;
	}
	if ((l->blocked = l->out.n > 0))
		loop_mod(&l->watch, LOOP_IN | LOOP_OUT);
	else if (l->out.cap > WIRE_BODY_MAX || l->out.secret)
		buf_free(&l->out);
	return true;
}

/* ---- its watch */

static void
link_ready(struct watch *w, unsigned events)
{
	struct link *l = CONTAINER(w, struct link, watch);

	if ((events & LOOP_OUT) != 0 && l->blocked) {
		loop_mod(w, LOOP_IN);
		if (!link_flush(l))
			return;
	}
	if ((events & (LOOP_IN | LOOP_HUP)) != 0)
		link_read(l);
}

/* ---- birth and death */

struct link *
link_new(enum role peer, unsigned instance, enum link_kind kind)
{
	struct link *l = mem_zero(sizeof *l);

	if (dirty_links.next == NULL)
		list_init(&dirty_links);
	loop_hook(LOOP_FLUSH, flush_all);
	l->watch.fd = -1;
	l->watch.ready = link_ready;
	l->peer = peer;
	l->instance = instance;
	l->kind = kind;
	list_init(&l->parcels);
	list_init(&l->waiting);
	list_init(&l->requests);
	return l;
}

void
link_identity(enum role self)
{
	link_self = self;
}

void
link_attach(struct link *l, int fd)
{
	l->busy++;
	if (l->watch.fd >= 0)
		link_end(l, NULL, NULL);
	l->busy--;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	l->watch.fd = fd;
	if (!loop_add(&l->watch, LOOP_IN, false))
		fatal("cannot watch a link");
	calls_resume(l);
}

/* Nothing of the old connection may reach the new one. */
static void
forget_stream(struct link *l)
{
	struct node *n;

	while (l->nfds > 0)
		close(l->fds[--l->nfds]);
	while ((n = list_pop(&l->parcels)) != NULL) {
		struct parcel *p = CONTAINER(n, struct parcel, node);

		close(p->fd);
		free(p);
	}
	buf_free(&l->in);
	buf_free(&l->out);
	list_del(&l->dirty);
	l->blocked = false;
}

void
link_end(struct link *l, const char *call, const char *why)
{
	int fd = l->watch.fd;

	if (fd < 0)
		return;
	if (why != NULL)
		LOG(peer_dropped, .peer = slice_str(role_name(l->peer)),
		    .call = slice_str(call), .why = slice_str(why));
	else
		LOG(peer_lost, .peer = slice_str(role_name(l->peer)),
		    .waiting = l->calls.n);
	l->busy++;
	loop_del(&l->watch);
	close(fd);
	l->watch.fd = -1;
	forget_stream(l);
	calls_gone(l);
	requests_lost(l);
	if (l->on_end != NULL)
		l->on_end(l);
	if (l->kind != LINK_LASTING && l->kind != LINK_KEPT)
		l->dead = true;
	if (--l->busy == 0 && l->dead)
		link_close(l);
}

void
link_close(struct link *l)
{
	if (!l->dead) {
		l->dead = true;
		l->on_end = NULL;
		l->busy++;
		link_end(l, NULL, NULL);
		l->busy--;
	}
	if (l->busy > 0)
		return;
	calls_gone(l);
	forget_stream(l);
	map_free(&l->calls);
	free(l);
}

bool
link_up(const struct link *l)
{
	return l->watch.fd >= 0;
}

enum role
link_peer(const struct link *l)
{
	return l->peer;
}

unsigned
link_instance(const struct link *l)
{
	return l->instance;
}

void
link_own(struct link *l, void *owner)
{
	l->owner = owner;
}

void *
link_owner(const struct link *l)
{
	return l->owner;
}

void
link_on_end(struct link *l, void (*fn)(struct link *))
{
	l->on_end = fn;
}

uint64_t
link_sends(void)
{
	return sends;
}

size_t
link_backlog(const struct link *l)
{
	return l->out.n;
}
