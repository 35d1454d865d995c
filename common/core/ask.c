/* The asking side of a link. */
#include "common/core/link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/link_private.h"
#include "common/core/log.h"

struct call {
	struct map_node	 by_number;
	struct node	 node;		/* while it waits for a connection */
	struct timer	 timer;
	struct link	*link;
	enum wire_call	 call;
	struct buf	 frame;		/* likewise */
	int		 fd;
	link_done	*done;
	void		*arg;
	bool		 raw;		/* done is link_ask's */
};

/* How link_ask gets an answer: still encoded, to decode into its arena. */
struct ask {
	struct link_wait wait;
	struct link	*link;
	struct call	*call;
	enum wire_status status;
	void		*out;		/* may be NULL */
	size_t		 size;		/* of *out */
	struct arena	*arena;
};

/* Ends a call: its callback is called once, and it is freed. */
static void
call_end(struct call *c, enum wire_status status, const void *out)
{
	map_del(&c->link->calls, &c->by_number);
	list_del(&c->node);
	timer_stop(&c->timer);
	if (c->fd > 0)
		close(c->fd);
	buf_free(&c->frame);
	if (c->done != NULL)
		c->done(c->arg, status, out);
	free(c);
}

static void
call_late(struct timer *t)
{
	call_end(CONTAINER(t, struct call, timer), WIRE_TIMEOUT, NULL);
}

static void
call_refused(struct timer *t)
{
	call_end(CONTAINER(t, struct call, timer), WIRE_BAD, NULL);
}

static void
call_lost(struct timer *t)
{
	call_end(CONTAINER(t, struct call, timer), WIRE_GONE, NULL);
}

static struct call *
call_begin(struct link *l, enum wire_call call, const void *in, uint64_t ms,
    link_done *done, void *arg)
{
	struct call *c = mem_zero(sizeof *c);
	struct frame f = { .number = ++l->last, .call = (uint16_t)call };
	bool lost = !link_up(l) && l->kind == LINK_KEPT, fits;

	c->link = l;
	c->call = call;
	c->done = done;
	c->arg = arg;
	c->timer.fire = call_late;
	map_put(&l->calls, &c->by_number, f.number);
	if (link_up(l))
		fits = link_send(l, &f, wire_rows[call].in_put, in);
	else {
		fits = frame_put(&c->frame, &f, wire_rows[call].in_put, in,
		    &c->fd);
		if (!lost)
			list_push(&l->waiting, &c->node);
	}
	if (!fits || lost)
		c->timer.fire = lost ? call_lost : call_refused;
	if (ms > 0 || !fits || lost)
		timer_set(&c->timer, loop_now() + (fits && !lost ? ms : 0));
	return c;
}

struct call *
link_call(struct link *l, enum wire_call call, const void *in, uint64_t ms,
    link_done *done, void *arg)
{
	return call_begin(l, call, in, ms, done, arg);
}

void
link_forget(struct call *c)
{
	c->done = NULL;
}

/* ---- what link.c tells us */

void
call_answered(struct link *l, const struct frame *f, struct slice body, int fd)
{
	struct map_node *n = map_get(&l->calls, f->number);
	struct call *c = n == NULL ? NULL :
	    CONTAINER(n, struct call, by_number);
	struct arena arena = { 0 };
	uint64_t room[64];	/* holds the _out struct of any call */
	bool ok = f->status == WIRE_OK;

	/* An answer to a call whose deadline passed is late, not garbage. */
	if (c == NULL || c->call != f->call || c->done == NULL || !ok) {
		if (fd > 0)
			close(fd);
		if (c != NULL && c->call == f->call)
			call_end(c, (enum wire_status)f->status, NULL);
		return;
	}
	CHECK(wire_rows[c->call].out_size <= sizeof room);
	if (c->raw) {
		struct ask *a = c->arg;

		body = arena_slice(a->arena, body);
		ok = wire_decode_out(c->call, body, fd, a->arena, room);
	} else
		ok = wire_decode_out(c->call, body, fd, &arena, room);
	if (ok)
		call_end(c, WIRE_OK, room);
	else
		link_end(l, wire_rows[f->call].name, "answer cannot be read");
	arena_free(&arena);
}

void
calls_resume(struct link *l)
{
	struct node *n;

	while ((n = list_pop(&l->waiting)) != NULL) {
		struct call *c = CONTAINER(n, struct call, node);

		link_queue(l, &c->frame, c->fd);
		c->fd = 0;
		buf_free(&c->frame);
	}
}

/* Those that wait for a connection go on waiting, if one may still come. */
static void
call_doomed(struct map_node *n, void *arg)
{
	struct call *c = CONTAINER(n, struct call, by_number);

	if (c->link->dead || !list_in(&c->node)) {
		list_del(&c->node);
		list_push(arg, &c->node);
	}
}

/* In two steps: a callback may ask again at once, on this very link. */
void
calls_gone(struct link *l)
{
	struct node doomed, *n;

	list_init(&doomed);
	map_each(&l->calls, call_doomed, &doomed);
	while ((n = list_pop(&doomed)) != NULL)
		call_end(CONTAINER(n, struct call, node), WIRE_GONE, NULL);
}

/* ---- as a function */

static void
ask_done(void *arg, enum wire_status status, const void *out)
{
	struct ask *a = arg;
	int fd;

	a->status = status;
	if (status == WIRE_OK && a->out != NULL)
		memcpy(a->out, out, a->size);
	else if (status == WIRE_OK) {
		memcpy(&fd, out, sizeof fd);	/* the first field of any */
		if (fd > 0)
			close(fd);
	}
	a->wait.done = true;
	link_wake(&a->wait);
}

static void
ask_begin(struct ask *a, enum wire_call call, const void *in, uint64_t ms)
{
	a->size = wire_rows[call].out_size;
	if (a->out != NULL)
		memset(a->out, 0, a->size);
	if (ms > 0)
		a->wait.deadline = loop_clock() + ms;
	a->call = call_begin(a->link, call, in, ms, ask_done, a);
	a->call->raw = true;
}

static enum wire_status
ask_end(struct ask *a)
{
	link_suspend(a->link, &a->wait);
	if (!a->wait.done)
		call_end(a->call, WIRE_TIMEOUT, NULL);
	return a->status;
}

enum wire_status
link_ask(struct link *l, enum wire_call call, const void *in, void *out,
    struct arena *arena, uint64_t ms)
{
	struct arena own = { 0 };
	struct ask a = { .link = l, .out = out,
		.arena = arena != NULL ? arena : &own };

	ask_begin(&a, call, in, ms);
	ask_end(&a);
	arena_free(&own);
	return a.status;
}

struct ask *
link_ask_begin(struct link *l, enum wire_call call, const void *in, void *out,
    struct arena *arena, uint64_t ms)
{
	struct ask *a = mem_zero(sizeof *a);

	a->link = l;
	a->out = out;
	a->arena = arena;
	ask_begin(a, call, in, ms);
	/* Its end would free a link that nobody keeps. */
	l->busy++;
	link_flush(l);
	if (--l->busy == 0 && l->dead)
		link_close(l);
	return a;
}

enum wire_status
link_ask_end(struct ask *a)
{
	enum wire_status status = ask_end(a);

	free(a);
	return status;
}

void
link_ask_drop(struct ask *a)
{
	if (!a->wait.done)
		link_forget(a->call);
	free(a);
}

/* Without tasks: this link alone is run, in poll. */
static void
suspend_alone(struct link *l, struct link_wait *w)
{
	while (!w->done) {
		struct pollfd p = { .fd = l->watch.fd, .events = POLLIN };
		uint64_t now = loop_clock();
		int ms = -1;

		if (w->deadline != 0 && now >= w->deadline)
			return;
		if (w->deadline != 0)
			ms = (int)(w->deadline - now) + 1;
		if (l->watch.fd < 0 || !link_flush(l))
			return;
		if (l->blocked)
			p.events |= POLLOUT;
		if (poll(&p, 1, ms) < 0 && errno != EINTR)
			fatal("poll");
		if (p.revents & (POLLIN | POLLHUP | POLLERR))
			link_read(l);
	}
}

static void
wake_alone(struct link_wait *w)
{
	(void)w;	/* suspend_alone looks at done itself */
}

void	(*link_suspend)(struct link *, struct link_wait *) = suspend_alone;
void	(*link_wake)(struct link_wait *) = wake_alone;
