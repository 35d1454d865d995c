#include "store/body.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/log.h"
#include "store/session.h"
#include "store/store.h"

enum { PIECE = 64 * 1024, PIECES = 4 };	/* read at once; in a turn */

/* Either under way (request), or held (number). */
struct body {
	struct node	 node;		/* in its link's list */
	struct bodies	*of;		/* NULL: the link is gone */
	struct watch	 watch;		/* fd -1: all is read */
	struct request	*request;
	struct blob	*blob;
	uint64_t	 size, got, number;
};

struct bodies {
	struct node	 list;
	unsigned	 n;
};

static size_t count;

size_t
bodies_count(void)
{
	return count;
}

static void
body_free(struct body *b)
{
	list_del(&b->node);
	if (b->of != NULL)
		b->of->n--;
	count--;
	free(b);
}

static void
stop_reading(struct body *b)
{
	if (b->watch.fd < 0)
		return;
	loop_del(&b->watch);
	close(b->watch.fd);
	b->watch.fd = -1;
}

/* Ends a body whose bytes did not all come, or had no room. */
static void
body_fail(struct body *b, enum wire_status status)
{
	struct request *r = b->request;

	stop_reading(b);
	blob_drop(b->blob);
	body_free(b);
	answer(r, status, NULL);
}

static void
body_ended(void *arg, enum engine_status status, uint64_t number)
{
	struct body *b = arg;
	struct request *r = b->request;
	struct store_body_out out = { .number = number };

	static_assert(sizeof out == sizeof(struct box_body_out) &&
	    offsetof(struct store_body_out, number) ==
	    offsetof(struct box_body_out, number), "one answer for both");
	b->request = NULL;
	b->number = number;
	if (status != ENGINE_OK) {
		body_free(b);
		answer(r, WIRE_AGAIN, NULL);
		return;
	}
	if (b->of == NULL) {
		blob_release(store.engine, number);
		body_free(b);
	}
	answer(r, WIRE_OK, &out);
}

/* One read.  False: nothing more to do in this turn, or b is gone. */
static bool
body_read(struct body *b)
{
	static char piece[PIECE];
	uint64_t left = b->size - b->got;
	ssize_t n = recv(b->watch.fd, piece, left < PIECE ? left : PIECE,
	    MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		body_fail(b, WIRE_BAD);
		return false;
	}
	if (blob_write(b->blob, slice_of(piece, (size_t)n)) != ENGINE_OK) {
		body_fail(b, WIRE_AGAIN);
		return false;
	}
	b->got += (uint64_t)n;
	if (b->got < b->size)
		return true;
	stop_reading(b);
	blob_end(b->blob, body_ended, b);
	return false;
}

static void
body_ready(struct watch *w, unsigned events)
{
	struct body *b = CONTAINER(w, struct body, watch);

	(void)events;
	for (int i = 0; i < PIECES && body_read(b); i++)
		;
}

void
bodies_end(struct bodies *of)
{
	if (of == NULL)
		return;
	LIST_EACH(n, &of->list) {
		struct body *b = CONTAINER(n, struct body, node);

		if (b->watch.fd >= 0)
			body_fail(b, WIRE_GONE);
		else if (b->request != NULL) {
			list_del(&b->node);
			b->of = NULL;	/* body_ended sees to it */
		} else {
			blob_release(store.engine, b->number);
			body_free(b);
		}
	}
	free(of);
}

static struct bodies *
bodies_new(void)
{
	struct bodies *of = mem_zero(sizeof *of);

	list_init(&of->list);
	return of;
}

static struct body *
body_new(struct bodies *of, const struct body *like)
{
	struct body *b = mem_zero(sizeof *b);

	*b = *like;
	b->of = of;
	list_push(&of->list, &b->node);
	of->n++;
	count++;
	return b;
}

static bool
has_room(const struct bodies *of, uint64_t size)
{
	return of->n < BODIES_MAX && engine_room(store.engine, size);
}

/* Over a socket. */
static void
body_begin(struct request *r, struct bodies *of, int fd, uint64_t size)
{
	struct blob *blob = size > 0 && has_room(of, size) ?
	    blob_begin(store.engine) : NULL;
	struct body *b;

	if (blob == NULL) {
		close(fd);
		answer(r, size > 0 ? WIRE_AGAIN : WIRE_BAD, NULL);
		return;
	}
	b = body_new(of, &(struct body){ .request = r, .blob = blob,
	    .size = size, .watch = { .fd = fd, .ready = body_ready } });
	if (!loop_add(&b->watch, LOOP_IN, false)) {
		close(fd);
		b->watch.fd = -1;
		body_fail(b, WIRE_BAD);
	}
}

uint64_t
body_take(struct bodies *of, uint64_t number, uint64_t *size)
{
	if (of == NULL)
		return 0;
	LIST_EACH(n, &of->list) {
		struct body *b = CONTAINER(n, struct body, node);

		if (b->request == NULL && b->number == number) {
			*size = b->size;
			body_free(b);
			return number;
		}
	}
	return 0;
}

/* ---- store_body: the link is mda's */

static void
link_gone(struct link *l)
{
	bodies_end(link_owner(l));
}

static void
take_body(struct request *r)
{
	const struct store_body_in *in = REQUEST(store_body, r);
	struct bodies *of = link_owner(r->from);

	if (in->fd <= 0) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	if (of == NULL) {
		of = bodies_new();
		link_own(r->from, of);
		link_on_end(r->from, link_gone);
	}
	body_begin(r, of, in->fd, in->size);
}

/* ---- box_body: a session's channel */

static void
body_whole(struct request *r, struct bodies *of, struct slice bytes)
{
	struct body *b;
	uint64_t number = 0;

	if (has_room(of, bytes.n))
		number = blob_add(store.engine, &bytes, 1);
	if (number == 0) {
		answer(r, WIRE_AGAIN, NULL);
		return;
	}
	b = body_new(of, &(struct body){ .watch = { .fd = -1 },
	    .size = bytes.n, .number = number });
	answer(r, WIRE_OK, &(struct box_body_out){ .number = b->number });
}

static void
take_box_body(struct request *r)
{
	const struct box_body_in *in = REQUEST(box_body, r);
	struct session *s = link_owner(r->from);

	if (s == NULL || (s->rights & RIGHT_APPEND) == 0) {
		if (in->fd > 0)
			close(in->fd);
		answer(r, WIRE_DENIED, NULL);
		return;
	}
	if (s->bodies == NULL)
		s->bodies = bodies_new();
	if (in->fd > 0)
		body_begin(r, s->bodies, in->fd, in->size);
	else if (in->body.n == 0 || in->body.n != in->size)
		answer(r, WIRE_BAD, NULL);
	else
		body_whole(r, s->bodies, in->body);
}

void
body_serve(void)
{
	serve(WIRE_store_body, take_body);
	serve(WIRE_box_body, take_box_body);
}
