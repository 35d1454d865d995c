#include "common/core/loop.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "common/core/log.h"

enum {
	BATCH_MOST = 128,	/* events taken in one turn */
	HOOKS_MOST = 8,		/* in one phase */
};

/* These are reported whether asked for or not; saying so makes what is
   registered never 0. */
static const uint32_t ALWAYS = EPOLLERR | EPOLLHUP;

static int		 epoll_fd = -1;
static struct epoll_event batch[BATCH_MOST];
static int		 batch_at, batch_n;	/* batch_at: the next */

static struct heap	 timers;
static uint64_t		 now;
static bool		 firing;

static void		(*hooks[LOOP_PHASES][HOOKS_MOST])(void);
static bool		 again, stopping;

void
loop_init(void)
{
	if (epoll_fd >= 0)
		close(epoll_fd);
	if ((epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
		fatal("epoll_create1");
	heap_free(&timers);
	for (int phase = 0; phase < LOOP_PHASES; phase++)
		for (int i = 0; i < HOOKS_MOST; i++)
			hooks[phase][i] = NULL;
	again = stopping = firing = false;
	now = loop_clock();
}

/* ---- descriptors */

static uint32_t
mask_of(unsigned events)
{
	return ALWAYS | ((events & LOOP_IN) != 0 ? EPOLLIN : 0u) |
	    ((events & LOOP_OUT) != 0 ? EPOLLOUT : 0u) |
	    ((events & LOOP_HUP) != 0 ? EPOLLRDHUP : 0u);
}

static bool
control(struct watch *w, int operation, uint32_t mask)
{
	struct epoll_event e = { .events = mask, .data.ptr = w };

	return epoll_ctl(epoll_fd, operation, w->fd, &e) == 0;
}

bool
loop_add(struct watch *w, unsigned events, bool edge)
{
	uint32_t mask = mask_of(events) | (edge ? EPOLLET : 0u) |
	    ((events & LOOP_ALONE) != 0 ? EPOLLEXCLUSIVE : 0u);

	if (!control(w, EPOLL_CTL_ADD, mask))
		return false;
	w->epoll = mask;
	return true;
}

void
loop_mod(struct watch *w, unsigned events)
{
	uint32_t mask = mask_of(events) | (w->epoll & EPOLLET);

	if (mask == w->epoll)
		return;
	if (!control(w, EPOLL_CTL_MOD, mask))
		fatal("epoll_ctl: change of descriptor %d", w->fd);
	w->epoll = mask;
}

/* A descriptor closed too early is fatal here: if a copy of it lives on in
   another process, the kernel would go on reporting a watch that is gone. */
void
loop_del(struct watch *w)
{
	if (w->epoll == 0)
		return;
	if (!control(w, EPOLL_CTL_DEL, 0))
		fatal("epoll_ctl: removal of descriptor %d", w->fd);
	w->epoll = 0;
	for (int i = batch_at; i < batch_n; i++)
		if (batch[i].data.ptr == w)
			batch[i].data.ptr = NULL;
}

/*
 * An error or the end of a connection is also whatever the owner waits for:
 * the next read or write tells it more.  What an earlier handler of this turn
 * has ceased to ask for is dropped.
 */
static unsigned
events_of(const struct watch *w, uint32_t got)
{
	unsigned events = 0;

	if ((got & ALWAYS) != 0)
		got |= EPOLLIN | EPOLLOUT;
	if ((got & w->epoll & EPOLLIN) != 0)
		events |= LOOP_IN;
	if ((got & w->epoll & EPOLLOUT) != 0)
		events |= LOOP_OUT;
	if ((got & w->epoll & (ALWAYS | EPOLLRDHUP)) != 0)
		events |= LOOP_HUP;
	return events;
}

/* A wait that ends early costs a turn, one that ends late delays a timer:
   so the clock is read anew. */
static int
wait_time(void)
{
	const struct heap_node *first = heap_top(&timers);
	uint64_t clock;

	if (again || stopping)
		return 0;
	if (first == NULL)
		return -1;
	clock = loop_clock();
	if (first->key <= clock)
		return 0;
	return first->key - clock > INT_MAX ? INT_MAX :
	    (int)(first->key - clock);
}

static void
wait_events(void)
{
	int ms = wait_time();

	again = false;
	batch_at = 0;
	batch_n = epoll_wait(epoll_fd, batch, BATCH_MOST, ms);
	if (batch_n < 0) {
		if (errno != EINTR)
			fatal("epoll_wait");
		batch_n = 0;
	}
	now = loop_clock();
}

static void
handle_events(void)
{
	while (batch_at < batch_n) {
		const struct epoll_event *e = &batch[batch_at++];
		struct watch *w = e->data.ptr;
		unsigned events = w == NULL ? 0 : events_of(w, e->events);

		if (events != 0)
			w->ready(w, events);
	}
}

/* ---- timers */

/* While timers fire, one that is set to now or earlier waits for the next
   millisecond: or a timer that sets itself would keep the turn for ever. */
void
timer_set(struct timer *t, uint64_t at)
{
	if (at == 0) {
		timer_stop(t);
		return;
	}
	heap_put(&timers, &t->node, firing && at <= now ? now + 1 : at);
}

void
timer_stop(struct timer *t)
{
	heap_del(&timers, &t->node);
}

static void
fire_timers(void)
{
	struct heap_node *n;

	firing = true;
	while ((n = heap_top(&timers)) != NULL && n->key <= now) {
		struct timer *t = CONTAINER(n, struct timer, node);
		heap_del(&timers, n);
		t->fire(t);
	}
	firing = false;
}

uint64_t
loop_now(void)
{
	return now;
}

uint64_t
loop_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- turns */

void
loop_hook(enum loop_phase phase, void (*fn)(void))
{
	int i = 0;

	while (i < HOOKS_MOST && hooks[phase][i] != NULL &&
	    hooks[phase][i] != fn)
		i++;
	CHECK(i < HOOKS_MOST);
	hooks[phase][i] = fn;
}

void
loop_again(void)
{
	again = true;
}

void
loop_stop(void)
{
	stopping = true;
}

static void
turn(void)
{
	wait_events();
	handle_events();
	fire_timers();
	for (int phase = 0; phase < LOOP_PHASES; phase++)
		for (int i = 0; i < HOOKS_MOST && hooks[phase][i] != NULL; i++)
			hooks[phase][i]();
}

/* The turn in which loop_stop is called is finished: its answers go out. */
void
loop_run(void)
{
	while (!stopping)
		turn();
	stopping = false;
}
