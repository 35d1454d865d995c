/* The answering side of a link. */
#include "common/core/link.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/link_private.h"
#include "common/core/log.h"

static link_handler	*handlers[WIRE_CALLS];

void
serve(enum wire_call call, link_handler *handler)
{
	handlers[call] = handler;
}

void
link_serve(struct link *l)
{
	l->serves = true;
}

static struct request *
request_new(struct link *l, const struct frame *f, struct slice body)
{
	struct request *r = mem_zero(sizeof *r);

	r->from = l;
	r->call = (enum wire_call)f->call;
	r->number = f->number;
	r->frame.secret = wire_rows[f->call].secret[0];
	buf_reserve(&r->frame, body.n + 1);
	buf_slice(&r->frame, body);
	list_push(&l->requests, &r->node);
	return r;
}

static void
request_free(struct request *r)
{
	list_del(&r->node);
	arena_free(&r->arena);
	buf_free(&r->frame);
	free(r);
}

void
request_arrived(struct link *l, const struct frame *f, struct slice body,
    int fd)
{
	const struct wire_row *row = &wire_rows[f->call];
	struct request *r;
	void *in;

	if (!wire_allowed((enum wire_call)f->call, l->peer,
	    link_self == ROLES ? row->answerer : link_self,
	    l->kind == LINK_CHANNEL)) {
		if (fd > 0)
			close(fd);
		link_end(l, row->name, "not its call");
		return;
	}
	r = request_new(l, f, body);
	in = arena_array(&r->arena, 1, row->in_size);
	r->in = in;
	if (!wire_decode_in(r->call, buf_view(&r->frame), fd,
	    &r->arena, in)) {
		request_free(r);
		link_end(l, row->name, "request cannot be read");
	} else if (handlers[f->call] == NULL) {
		if (fd > 0)
			close(fd);
		answer(r, WIRE_DENIED, NULL);
	} else
		handlers[f->call](r);
}

void
requests_lost(struct link *l)
{
	struct node *n;

	while ((n = list_pop(&l->requests)) != NULL) {
		struct request *r = CONTAINER(n, struct request, node);

		r->from = NULL;
		if (r->lost != NULL)
			r->lost(r);
	}
}

/* The descriptor of an answer that cannot be sent is closed here: it is the
   first field of every _out struct. */
static void
drop_fd(const void *out)
{
	const int *fd = out;

	if (*fd > 0)
		close(*fd);
}

void
answer(struct request *r, enum wire_status status, const void *out)
{
	struct frame f = { .number = r->number, .call = (uint16_t)r->call,
		.answer = 1, .status = (uint8_t)status };
	static const uint64_t nothing[64];	/* an _out struct of zeroes */
	bool fields = status == WIRE_OK;

	if (out == NULL)
		out = nothing;
	if (r->from == NULL && fields)
		drop_fd(out);
	else if (r->from == NULL)
		;	/* nobody listens any more */
	else if (!link_send(r->from, &f,
	    fields ? wire_rows[r->call].out_put : NULL, out)) {
		f.status = WIRE_BAD;
		link_send(r->from, &f, NULL, NULL);
	}
	request_free(r);
}
