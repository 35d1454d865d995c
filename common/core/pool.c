#include "common/core/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/core/buf.h"
#include "common/core/log.h"

/* First in, first out; *last is where the next one is hung. */
struct queue {
	struct job	*first, **last;
	_Atomic size_t	 n;		/* for a look without the mutex */
};

/*
 * A job waits, is in the hands of a thread, is finished, is done.  The mutex
 * guards both queues and `closing`; work and done run without it.
 */
struct pool {
	pthread_mutex_t	 mutex;
	pthread_cond_t	 changed;	/* a job waits, or closing */
	struct queue	 waiting, finished;
	bool		 closing;
	struct watch	 watch;		/* an eventfd: something is finished */
	unsigned	 n_threads;
	pthread_t	 threads[];
};

static void
queue_clear(struct queue *q)
{
	*q = (struct queue){ .last = &q->first };
}

static void
queue_put(struct queue *q, struct job *j)
{
	j->next = NULL;
	*q->last = j;
	q->last = &j->next;
	q->n++;
}

static struct job *
queue_take(struct queue *q)
{
	struct job *j = q->first;

	if (j == NULL)
		return NULL;
	q->first = j->next;
	if (--q->n == 0)
		q->last = &q->first;
	return j;
}

static void
wake(struct pool *p)
{
	uint64_t one = 1;

	if (write(p->watch.fd, &one, sizeof one) != sizeof one)
		fatal("eventfd");
}

static void *
thread(void *arg)
{
	struct pool *p = arg;

	pthread_mutex_lock(&p->mutex);
	while (!p->closing) {
		struct job *j = queue_take(&p->waiting);
		if (j == NULL) {
			pthread_cond_wait(&p->changed, &p->mutex);
			continue;
		}
		pthread_mutex_unlock(&p->mutex);
		j->work(j);
		pthread_mutex_lock(&p->mutex);
		queue_put(&p->finished, j);
		if (p->finished.n == 1)
			wake(p);
	}
	pthread_mutex_unlock(&p->mutex);
	return NULL;
}

/* A done may free its job, or even the pool: neither is touched after. */
static void
finish(struct watch *w, unsigned events)
{
	struct pool *p = CONTAINER(w, struct pool, watch);
	struct job *j, *next;
	uint64_t count;

	(void)events;
	if (read(w->fd, &count, sizeof count) < 0 && errno != EAGAIN)
		fatal("eventfd");
	pthread_mutex_lock(&p->mutex);
	j = p->finished.first;
	queue_clear(&p->finished);
	pthread_mutex_unlock(&p->mutex);
	for (; j != NULL; j = next) {
		next = j->next;
		j->done(j);
	}
}

/* Signals are the loop's thread's: none may interrupt a read or a sync. */
static void
threads_start(struct pool *p, unsigned n)
{
	sigset_t all, before;
	int error = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (p->n_threads < n && error == 0) {
		error = pthread_create(&p->threads[p->n_threads], NULL, thread,
		    p);
		p->n_threads += error == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	if (error != 0)
		fatal("pthread_create");
}

struct pool *
pool_new(unsigned threads)
{
	struct pool *p = mem_zero(sizeof *p + threads * sizeof *p->threads);

	pthread_mutex_init(&p->mutex, NULL);
	pthread_cond_init(&p->changed, NULL);
	queue_clear(&p->waiting);
	queue_clear(&p->finished);
	p->watch.ready = finish;
	p->watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->watch.fd < 0 || !loop_add(&p->watch, LOOP_IN, false))
		fatal("eventfd");
	threads_start(p, threads);
	return p;
}

void
pool_add(struct pool *p, struct job *j)
{
	pthread_mutex_lock(&p->mutex);
	queue_put(&p->waiting, j);
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->mutex);
}

size_t
pool_waiting(const struct pool *p)
{
	return p->waiting.n;
}

/* Jobs that wait never begin, and no done is called any more: what they
   point to is about to go. */
void
pool_free(struct pool *p)
{
	pthread_mutex_lock(&p->mutex);
	p->closing = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->mutex);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	loop_del(&p->watch);
	close(p->watch.fd);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}
