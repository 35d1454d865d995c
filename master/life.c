#include "master/life.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/core/log.h"

static void
stands_still(struct timer *t)
{
	struct life *l = CONTAINER(t, struct life, timer);

	l->still(l);
}

static void
unwatch(struct life *l)
{
	if (l->watch.ready == NULL)
		return;
	loop_del(&l->watch);
	close(l->watch.fd);
	l->watch.ready = NULL;
}

/* What it writes says nothing, only that it writes. */
static void
sign_came(struct watch *w, unsigned events)
{
	struct life *l = CONTAINER(w, struct life, watch);
	char signs[64];

	(void)events;
	if (read(w->fd, signs, sizeof signs) > 0)
		timer_set(&l->timer, loop_now() + l->wait);
	else
		unwatch(l);	/* that was the last */
}

int
life_begin(struct life *l, uint64_t wait, void (*still)(struct life *))
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		fatal("pipe");
	l->wait = wait;
	l->still = still;
	l->watch.fd = ends[0];
	l->watch.ready = sign_came;
	if (!loop_add(&l->watch, LOOP_IN, false))
		fatal("cannot watch a child");
	l->timer.fire = stands_still;
	timer_set(&l->timer, loop_clock() + wait);
	return ends[1];
}

void
life_end(struct life *l)
{
	unwatch(l);
	timer_stop(&l->timer);
}
