#include "store/body.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/log.h"
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

/* The link is gone: what it sent is of no use to anybody. */
static void
bodies_end(struct link *l)
{
	struct bodies *of = link_owner(l);

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
bodies_of(struct link *l)
{
	struct bodies *of = link_owner(l);

	if (of == NULL) {
		of = mem_zero(sizeof *of);
		list_init(&of->list);
		link_own(l, of);
		link_on_end(l, bodies_end);
	}
	return of;
}

static void
take_body(struct request *r)
{
	const struct store_body_in *in = REQUEST(store_body, r);
	struct bodies *of = bodies_of(r->from);
	enum wire_status status = WIRE_BAD;
	struct blob *blob = NULL;
	struct body *b;

	if (in->fd > 0 && in->size > 0) {
		status = WIRE_AGAIN;
		if (of->n < BODIES_MAX && engine_room(store.engine, in->size))
			blob = blob_begin(store.engine);
	}
	if (blob == NULL) {
		if (in->fd > 0)
			close(in->fd);
		answer(r, status, NULL);
		return;
	}
	b = mem_zero(sizeof *b);
	*b = (struct body){ .of = of, .request = r, .blob = blob,
		.size = in->size, .watch = { .fd = in->fd,
		.ready = body_ready } };
	list_push(&of->list, &b->node);
	of->n++;
	count++;
	if (!loop_add(&b->watch, LOOP_IN, false)) {
		close(in->fd);
		b->watch.fd = -1;
		body_fail(b, WIRE_BAD);
	}
}

uint64_t
body_take(struct link *l, uint64_t number, uint64_t *size)
{
	struct bodies *of = link_owner(l);

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

void
body_serve(void)
{
	serve(WIRE_store_body, take_body);
}
