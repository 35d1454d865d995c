#include "common/core/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/link_private.h"
#include "common/core/log.h"

enum { READ_MAX = 256 * 1024 };

enum role		 link_self = ROLES;
static struct node	 dirty_links;
static uint64_t		 sends;

/* ---- frames */

static uint32_t
u32_at(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 |
	    (uint32_t)u[3] << 24;
}

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

/* Is this the head of a frame that this side of the link may receive? */
static bool
frame_head(const struct link *l, const char *p, struct frame *f)
{
	f->length = u32_at(p);
	f->number = u32_at(p + 4);
	f->call = (uint16_t)((unsigned char)p[8] | (unsigned char)p[9] << 8);
	f->answer = (uint8_t)p[10];
	f->status = (uint8_t)p[11];
	f->has_fd = (uint8_t)p[12];
	return f->length >= WIRE_HEAD && f->length <= WIRE_FRAME_MAX &&
	    f->call < WIRE_CALLS && f->answer == !l->serves &&
	    f->status < WIRE_STATUSES && f->has_fd <= 1 &&
	    p[13] == 0 && p[14] == 0 && p[15] == 0;
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

/* ---- reading */

/* Keeps the descriptors that came with one read; false if they are too many
   or were cut off, and then none may be trusted to match. */
static bool
keep_fds(struct link *l, struct msghdr *m)
{
	bool good = (m->msg_flags & MSG_CTRUNC) == 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	    c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (l->nfds < LINK_FDS)
				l->fds[l->nfds++] = fd;
			else {
				close(fd);
				good = false;
			}
		}
	}
	return good;
}

static int
next_fd(struct link *l)
{
	int fd = l->nfds > 0 ? l->fds[0] : 0;

	if (l->nfds > 0)
		memmove(l->fds, l->fds + 1, --l->nfds * sizeof *l->fds);
	return fd;
}

/* Handles one frame if it is whole.  Returns its length, 0 to wait for more
   bytes or because the link ended. */
static size_t
handle_frame(struct link *l, struct slice s)
{
	struct frame f;
	int fd = 0;

	if (s.n < WIRE_HEAD)
		return 0;
	if (!frame_head(l, s.p, &f)) {
		link_end(l, NULL, "not a frame");
		return 0;
	}
	if (wire_rows[f.call].secret[f.answer])
		l->secret = true;
	if (s.n < f.length)
		return 0;
	if (f.has_fd && (fd = next_fd(l)) == 0) {
		link_end(l, wire_rows[f.call].name, "descriptor missing");
		return 0;
	}
	s = slice_of(s.p + WIRE_HEAD, f.length - WIRE_HEAD);
	if (l->serves)
		request_arrived(l, &f, s, fd);
	else
		call_answered(l, &f, s, fd);
	return l->watch.fd < 0 ? 0 : f.length;
}

/* All whole frames of s; returns how many bytes they took. */
static size_t
handle_frames(struct link *l, struct slice s)
{
	size_t taken = 0, n;

	while ((n = handle_frame(l, slice_drop(s, taken))) > 0)
		taken += n;
	return taken;
}

/* The beginning of a frame stays, until the rest of it comes. */
static void
keep_input(struct link *l, struct slice s)
{
	if (l->watch.fd < 0)
		return;
	l->in.secret = l->secret;
	buf_slice(&l->in, s);
}

static void
take_input(struct link *l, struct slice s)
{
	if (l->in.n == 0) {
		keep_input(l, slice_drop(s, handle_frames(l, s)));
		return;
	}
	buf_slice(&l->in, s);
	/* Handlers may end the link, which frees in: a copy outlives that. */
	struct buf whole = l->in;
	l->in = (struct buf){ 0 };
	keep_input(l, slice_drop(buf_view(&whole),
	    handle_frames(l, buf_view(&whole))));
	whole.secret = l->secret;
	buf_free(&whole);
}

void
link_read(struct link *l)
{
	static char bytes[READ_MAX];
	struct iovec iov = { .iov_base = bytes, .iov_len = sizeof bytes };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof control };
	ssize_t n = recvmsg(l->watch.fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	l->busy++;
	if (n <= 0)
		link_end(l, NULL, NULL);
	else if (!keep_fds(l, &m))
		link_end(l, NULL, "too many descriptors");
	else
		take_input(l, slice_of(bytes, (size_t)n));
	if (l->secret && n > 0)
		mem_wipe(bytes, (size_t)n);
	l->secret = l->secret && l->in.n > 0;
	if (--l->busy == 0 && l->dead)
		link_close(l);
}

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
