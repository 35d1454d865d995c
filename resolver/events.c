#include "resolver/events.h"

#include <stdlib.h>
#include <sys/time.h>
#include <unbound-event.h>

#include "common/core/buf.h"
#include "common/core/log.h"
#include "common/core/loop.h"

typedef void callback(int, short, void *);

struct event {
	struct ub_event	 ub;		/* first: what libunbound holds */
	struct watch	 watch;
	struct timer	 timer;
	int		 fd;		/* -1: none */
	short		 bits;
	bool		 watched;
	uint64_t	 limit;		/* ms; 0: none */
	callback	*fn;
	void		*arg;
};

static struct event *
event_of(struct ub_event *ub)
{
	return CONTAINER(ub, struct event, ub);
}

/* ---- firing */

static void
deactivate(struct event *e)
{
	if (e->watched)
		loop_del(&e->watch);
	e->watched = false;
	timer_stop(&e->timer);
}

/* The callback may free the event: it comes last. */
static void
fire(struct event *e, short bits)
{
	if ((e->bits & UB_EV_PERSIST) == 0)
		deactivate(e);
	else if (e->limit > 0)
		timer_set(&e->timer, loop_now() + e->limit);
	e->fn(e->fd, bits, e->arg);
}

static void
ready(struct watch *w, unsigned events)
{
	struct event *e = CONTAINER(w, struct event, watch);
	short bits = 0;

	if ((events & (LOOP_IN | LOOP_HUP)) != 0)
		bits |= e->bits & UB_EV_READ;
	if ((events & (LOOP_OUT | LOOP_HUP)) != 0)
		bits |= e->bits & UB_EV_WRITE;
	fire(e, bits);
}

static void
expired(struct timer *t)
{
	fire(CONTAINER(t, struct event, timer), UB_EV_TIMEOUT);
}

/* ---- what libunbound calls */

static void
add_bits(struct ub_event *ub, short bits)
{
	event_of(ub)->bits |= bits;
}

static void
del_bits(struct ub_event *ub, short bits)
{
	event_of(ub)->bits &= (short)~bits;
}

static void
set_fd(struct ub_event *ub, int fd)
{
	event_of(ub)->fd = fd;
}

static void
event_free(struct ub_event *ub)
{
	deactivate(event_of(ub));
	free(event_of(ub));
}

/* Rounded up: never before its time. */
static uint64_t
ms_of(const struct timeval *tv)
{
	uint64_t ms = (uint64_t)tv->tv_sec * 1000 +
	    ((uint64_t)tv->tv_usec + 999) / 1000;

	return ms > 0 ? ms : 1;
}

static int
event_add(struct ub_event *ub, struct timeval *tv)
{
	struct event *e = event_of(ub);
	unsigned wanted = ((e->bits & UB_EV_READ) != 0 ? LOOP_IN : 0u) |
	    ((e->bits & UB_EV_WRITE) != 0 ? LOOP_OUT : 0u);

	deactivate(e);
	e->limit = tv != NULL ? ms_of(tv) : 0;
	if (e->fd >= 0 && wanted != 0) {
		e->watch.fd = e->fd;
		e->watch.ready = ready;
		if (!loop_add(&e->watch, wanted, false))
			return -1;
		e->watched = true;
	}
	if (e->limit > 0)
		timer_set(&e->timer, loop_now() + e->limit);
	return 0;
}

static int
event_del(struct ub_event *ub)
{
	deactivate(event_of(ub));
	return 0;
}

static int
add_timer(struct ub_event *ub, struct ub_event_base *base, callback *fn,
    void *arg, struct timeval *tv)
{
	struct event *e = event_of(ub);

	(void)base;
	e->fn = fn;
	e->arg = arg;
	return event_add(ub, tv);
}

/* Signals are ours. */
static int
signal_add(struct ub_event *ub, struct timeval *tv)
{
	(void)ub;
	(void)tv;
	return -1;
}

static int
signal_del(struct ub_event *ub)
{
	(void)ub;
	return -1;
}

/* Of another system. */
static void
winsock_forget(struct ub_event *ub)
{
	(void)ub;
}

static void
winsock_would_block(struct ub_event *ub, int bit)
{
	(void)ub;
	(void)bit;
}

static struct ub_event_vmt event_calls = {
	.add_bits = add_bits, .del_bits = del_bits, .set_fd = set_fd,
	.free = event_free, .add = event_add, .del = event_del,
	.add_timer = add_timer, .del_timer = event_del,
	.add_signal = signal_add, .del_signal = signal_del,
	.winsock_unregister_wsaevent = winsock_forget,
	.winsock_tcp_wouldblock = winsock_would_block,
};

static struct ub_event *
event_new(struct ub_event_base *base, int fd, short bits, callback *fn,
    void *arg)
{
	struct event *e = mem_zero(sizeof *e);

	(void)base;
	e->ub.magic = UB_EVENT_MAGIC;
	e->ub.vmt = &event_calls;
	e->fd = fd;
	e->bits = bits;
	e->fn = fn;
	e->arg = arg;
	e->timer.fire = expired;
	return &e->ub;
}

static void
base_free(struct ub_event_base *base)
{
	(void)base;
}

static int
base_dispatch(struct ub_event_base *base)
{
	(void)base;
	return -1;
}

static int
base_exit(struct ub_event_base *base, struct timeval *tv)
{
	(void)base;
	(void)tv;
	return -1;
}

static struct ub_event *
signal_new(struct ub_event_base *base, int number, callback *fn, void *arg)
{
	(void)base;
	(void)number;
	(void)fn;
	(void)arg;
	return NULL;
}

static struct ub_event *
winsock_new(struct ub_event_base *base, void *event, callback *fn, void *arg)
{
	(void)base;
	(void)event;
	(void)fn;
	(void)arg;
	return NULL;
}

struct ub_event_base *
events_base(void)
{
	static struct ub_event_base_vmt calls = {
		.free = base_free, .dispatch = base_dispatch,
		.loopexit = base_exit, .new_event = event_new,
		.new_signal = signal_new,
		.winsock_register_wsaevent = winsock_new,
	};
	static struct ub_event_base base = { .magic = UB_EVENT_MAGIC,
		.vmt = &calls };

	return &base;
}
