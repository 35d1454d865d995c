/* What comes over a link: frames and descriptors, all of it hostile. */
#include "common/core/link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/link_private.h"

enum { READ_MAX = 256 * 1024 };

static uint32_t
u32_at(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 |
	    (uint32_t)u[3] << 24;
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
