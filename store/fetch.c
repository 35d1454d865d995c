#include "store/fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/log.h"
#include "store/message.h"
#include "store/store.h"

enum { PIECE = 64 * 1024, PIECES = 4 };	/* sent at once; in a turn */

static size_t count;

size_t
streams_count(void)
{
	return count;
}

static void
blob_damaged(uint64_t user, uint64_t id)
{
	LOG(body_damaged, .id = id, .user = user);
}

/* ---- in the answer */

/* A short fetch; it lies in the request's arena. */
struct fetching {
	struct request	*request;
	uint64_t	 user, id;
	char		*bytes;
	size_t		 n, left;	/* there; still to be read */
};

static void
fetch_answer(struct fetching *f)
{
	store.fetched++;
	answer(f->request, WIRE_OK, &(struct box_fetch_out){ .size = f->n,
	    .bytes = slice_of(f->bytes, f->n) });
}

static void
fetch_read(void *arg, enum engine_status status, struct slice s)
{
	struct fetching *f = arg;

	if (status != ENGINE_OK || s.n != f->left) {
		blob_damaged(f->user, f->id);
		answer(f->request, WIRE_AGAIN, NULL);
		return;
	}
	memcpy(f->bytes + f->n, s.p, s.n);
	f->n += s.n;
	fetch_answer(f);
}

static void
fetch_inline(struct request *r, struct session *s, const struct message *m,
    uint64_t offset, size_t length)
{
	struct fetching *f = arena_array(&r->arena, 1, sizeof *f);
	struct slice head = slice_take(slice_drop(m->head,
	    offset < m->head.n ? (size_t)offset : m->head.n), length);

	*f = (struct fetching){ .request = r, .user = s->user->id,
		.id = m->row.id, .bytes = arena_alloc(&r->arena, length + 1),
		.n = head.n, .left = length - head.n };
	if (head.n > 0)
		memcpy(f->bytes, head.p, head.n);
	if (f->left == 0)
		fetch_answer(f);
	else
		blob_read(store.engine, m->blob, offset + head.n - m->head.n,
		    f->left, fetch_read, f);
}

/* ---- over a socket */

struct stream {
	struct node	 node;		/* in its session's list */
	struct watch	 watch;		/* fd -1: to be freed when read */
	char		*head;
	size_t		 head_n;
	uint64_t	 user, id, blob;
	uint64_t	 at, end;	/* in the message, head included */
	bool		 reading;	/* the engine has not called back yet */
	bool		 busy;		/* stream_ready is at it */
	bool		 full;		/* the socket took no more */
};

/* Frees it, but not under the hands of engine or stream_ready. */
static void
stream_end(struct stream *s)
{
	if (s->watch.fd >= 0) {
		loop_del(&s->watch);
		close(s->watch.fd);
		s->watch.fd = -1;
		list_del(&s->node);
		count--;
	}
	if (s->reading || s->busy)
		return;
	free(s->head);
	free(s);
}

/* False: nobody reads there any more. */
static bool
stream_send(struct stream *s, struct slice bytes)
{
	ssize_t n = send(s->watch.fd, bytes.p, bytes.n,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return false;
	if (n > 0)
		s->at += (uint64_t)n;
	s->full = n < (ssize_t)bytes.n;
	return true;
}

static void
stream_read(void *arg, enum engine_status status, struct slice bytes)
{
	struct stream *s = arg;

	s->reading = false;
	if (s->watch.fd < 0)
		stream_end(s);	/* it was waiting for this */
	else if (status != ENGINE_OK || bytes.n == 0) {
		blob_damaged(s->user, s->id);
		stream_end(s);
	} else if (!stream_send(s, bytes))
		stream_end(s);
	else
		loop_mod(&s->watch, LOOP_OUT);
}

/* Sends one piece.  A reader that left is met by send. */
static void
stream_step(struct stream *s)
{
	uint64_t left = s->end - s->at;

	if (left == 0)
		stream_end(s);
	else if (s->at < s->head_n) {
		if (!stream_send(s, slice_take(slice_drop(slice_of(s->head,
		    s->head_n), (size_t)s->at), (size_t)left)))
			stream_end(s);
	} else {
		s->reading = true;
		blob_read(store.engine, s->blob, s->at - s->head_n,
		    left < PIECE ? (size_t)left : PIECE, stream_read, s);
	}
}

static void
stream_ready(struct watch *w, unsigned events)
{
	struct stream *s = CONTAINER(w, struct stream, watch);

	(void)events;
	s->full = s->reading;
	s->busy = true;
	for (int i = 0; i < PIECES && !s->full && !s->reading &&
	    s->watch.fd >= 0; i++)
		stream_step(s);
	s->busy = false;
	if (s->watch.fd < 0)
		stream_end(s);
	else if (s->reading)
		loop_mod(&s->watch, 0);	/* until stream_read */
}

void
streams_abort(struct session *session)
{
	LIST_EACH(n, &session->streams)
		stream_end(CONTAINER(n, struct stream, node));
}

static void
fetch_stream(struct request *r, struct session *session,
    const struct message *m, uint64_t offset, uint64_t length)
{
	struct stream *s;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
		answer(r, WIRE_AGAIN, NULL);
		return;
	}
	s = mem_zero(sizeof *s);
	*s = (struct stream){ .watch = { .fd = fds[0],
		.ready = stream_ready }, .head = mem_str(m->head),
		.head_n = m->head.n, .user = session->user->id,
		.id = m->row.id, .blob = m->blob, .at = offset,
		.end = offset + length };
	list_push(&session->streams, &s->node);
	count++;
	if (!loop_add(&s->watch, LOOP_OUT, false))
		fatal("cannot watch a socket");
	store.fetched++;
	answer(r, WIRE_OK, &(struct box_fetch_out){ .fd = fds[1],
	    .size = length });
}

static void
fetch_run(struct request *r, struct session *s)
{
	const struct box_fetch_in *in = REQUEST(box_fetch, r);
	uint64_t left, length;
	struct message m;

	if (session_box(r, s, in->mailbox) == NULL ||
	    !message_read(r, s, in->mailbox, in->uid, false, &m))
		return;
	left = in->offset < m.row.size ? m.row.size - in->offset : 0;
	length = in->length < left ? in->length : left;
	if (length <= WIRE_BODY_MAX)
		fetch_inline(r, s, &m, left > 0 ? in->offset : 0,
		    (size_t)length);
	else
		fetch_stream(r, s, &m, in->offset, length);
	message_free(&m);
}

static void
take_fetch(struct request *r)
{
	session_run(r, RIGHT_READ, fetch_run);
}

void
fetch_serve(void)
{
	serve(WIRE_box_fetch, take_fetch);
}
