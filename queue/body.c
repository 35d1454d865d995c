#include "queue/body.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queue/aside.h"
#include "queue/spool.h"

enum { PIECE = 128 * 1024 };		/* read at once */

struct pump {
	struct node	 node;
	struct watch	 watch;
	struct buf	 ready;		/* to be sent next */
	uint64_t	 id, blob;
	uint64_t	 at, size;	/* in the blob */
	bool		 reading, closed;
};

static struct node	pumps;
static size_t		n_pumps;

static void
pump_end(struct pump *p)
{
	if (!p->closed) {
		loop_del(&p->watch);
		close(p->watch.fd);
		p->closed = true;
		list_del(&p->node);
		n_pumps--;
	}
	if (p->reading)
		return;
	buf_free(&p->ready);
	free(p);
}

static void
piece_read(void *arg, enum engine_status status, struct slice bytes)
{
	struct pump *p = arg;
	struct message *m;

	p->reading = false;
	if (!p->closed && status == ENGINE_OK && bytes.n > 0) {
		p->at += bytes.n;
		buf_slice(&p->ready, bytes);
		loop_mod(&p->watch, LOOP_OUT);
		return;
	}
	m = p->closed ? NULL : message_find(p->id);
	pump_end(p);
	if (m != NULL)
		aside_begin(m, SLICE("its bytes cannot be read"));
}

static void
read_more(struct pump *p)
{
	uint64_t left = p->size - p->at;

	p->reading = true;
	loop_mod(&p->watch, 0);
	blob_read(spool_engine(), p->blob, p->at,
	    left < PIECE ? (size_t)left : PIECE, piece_read, p);
}

static void
pump_ready(struct watch *w, unsigned events)
{
	struct pump *p = CONTAINER(w, struct pump, watch);
	ssize_t n;

	if ((events & LOOP_HUP) != 0) {
		pump_end(p);
		return;
	}
	while (p->ready.n > 0) {
		n = send(w->fd, p->ready.p, p->ready.n,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			pump_end(p);
			return;
		}
		buf_drop(&p->ready, (size_t)n);
	}
	if (p->reading)
		return;
	if (p->at < p->size)
		read_more(p);
	else
		pump_end(p);
}

int
body_over_fd(const struct message *m, struct buf *prefix)
{
	struct pump *p;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    ends) < 0)
		return 0;
	p = mem_zero(sizeof *p);
	p->watch.fd = ends[0];
	p->watch.ready = pump_ready;
	p->id = m->id;
	p->blob = m->blob;
	p->size = m->blob == 0 ? 0 : m->env.size;
	p->ready = *prefix;
	*prefix = (struct buf){ 0 };
	buf_slice(&p->ready, m->body);
	if (!loop_add(&p->watch, LOOP_OUT, false)) {
		close(ends[0]);
		close(ends[1]);
		buf_free(&p->ready);
		free(p);
		return 0;
	}
	if (pumps.next == NULL)
		list_init(&pumps);
	list_push(&pumps, &p->node);
	n_pumps++;
	return ends[1];
}

size_t
body_count(void)
{
	return n_pumps;
}

void
body_forget(void)
{
	while (n_pumps > 0)
		pump_end(CONTAINER(pumps.next, struct pump, node));
}
