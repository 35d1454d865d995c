/*
 * The thread that makes a group durable.  It has one at a time, and says so on
 * an eventfd.
 */
#include "common/engine/file.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/engine/disk.h"

static void
write_all(int fd, struct slice s, uint64_t at)
{
	while (s.n > 0) {
		ssize_t n = pwrite(fd, s.p, s.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			fatal("write to the log");
		s = slice_drop(s, (size_t)n);
		at += (uint64_t)n;
	}
}

static void
group_write(struct committer *c, struct group *g)
{
	if (g->start.number != 0) {
		g->fd = segment_create(c->segments, &g->start, &g->end,
		    g->bytes.n, &g->size);
		if (g->fd < 0 && !error_is_full(errno))
			fatal("new segment");
		g->full = g->fd < 0;
		if (g->full)
			return;
	}
	write_all(g->fd, buf_view(&g->bytes), g->base);
	if (fdatasync(g->fd) != 0)
		fatal("sync of the log");
}

static void *
committer_run(void *arg)
{
	struct committer *c = arg;
	const uint64_t one = 1;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		while (c->work == NULL && !c->stop)
			pthread_cond_wait(&c->wake, &c->lock);
		if (c->stop)
			break;
		pthread_mutex_unlock(&c->lock);
		group_write(c, c->work);
		pthread_mutex_lock(&c->lock);
		c->work = NULL;
		if (write(c->watch.fd, &one, sizeof one) != sizeof one)
			fatal("eventfd");
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* The loop's thread from here on. */

void
committer_give(struct committer *c, struct group *g)
{
	pthread_mutex_lock(&c->lock);
	c->work = g;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
}

void
committer_start(struct committer *c, struct segments *segments,
    void (*ready)(struct watch *, unsigned))
{
	c->segments = segments;
	c->watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->watch.ready = ready;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->wake, NULL);
	if (c->watch.fd < 0 || !loop_add(&c->watch, LOOP_IN, false) ||
	    pthread_create(&c->thread, NULL, committer_run, c) != 0)
		fatal("committer");
}

void
committer_stop(struct committer *c)
{
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	loop_del(&c->watch);
	close(c->watch.fd);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->wake);
}
