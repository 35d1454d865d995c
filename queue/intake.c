#include "queue/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queue/accept.h"
#include "queue/hold.h"
#include "queue/spool.h"
#include "queue/token.h"

enum { PIECE = 64 * 1024 };

struct intake {
	struct watch	 watch;
	struct message	*m;		/* NULL: the end of a blob is awaited,
					   for nobody */
	struct link	*from;
	struct blob	*blob;		/* NULL: in m->kept */
	uint64_t	 received, size;
	struct request	*commit;
	enum wire_status failed;	/* the rest is read and dropped */
	bool		 ending;	/* blob_end is under way */
};

static size_t	intakes;

static void
let_fd_go(struct intake *k)
{
	if (k->watch.fd < 0)
		return;
	loop_del(&k->watch);
	close(k->watch.fd);
	k->watch.fd = -1;
	intakes--;
}

void
intake_end(struct message *m)
{
	struct intake *k = m->intake;

	if (k == NULL)
		return;
	m->intake = NULL;
	k->m = NULL;
	let_fd_go(k);
	if (k->blob != NULL && !k->ending)
		blob_drop(k->blob);
	if (!k->ending)
		free(k);
}

size_t
intake_count(void)
{
	return intakes;
}

/* The message ends before it was whole. */
static void
abandon(struct intake *k, enum wire_status status)
{
	struct request *r = k->commit;
	struct message *m = k->m;

	intake_end(m);
	message_step(m, STEP_aborted);
	if (r != NULL) {
		r->lost = NULL;
		answer(r, status, NULL);
	}
}

/* ---- bytes */

static void
spill(struct intake *k)
{
	struct message *m = k->m;

	if ((k->blob = blob_begin(spool_engine())) == NULL ||
	    blob_write(k->blob, buf_view(&m->kept)) != ENGINE_OK)
		k->failed = WIRE_AGAIN;
	buf_free(&m->kept);
	hold_release(m);
}

static void
keep(struct intake *k, struct slice s)
{
	struct message *m = k->m;

	k->received += s.n;
	if (k->received > accept_max())
		k->failed = WIRE_BAD;
	if (k->failed != WIRE_OK)
		return;
	if (k->blob == NULL) {
		buf_slice(&m->kept, s);
		if (m->kept.n > HOLD_SIZE_MAX || !hold_count(m, m->kept.n))
			spill(k);
	} else if (blob_write(k->blob, s) != ENGINE_OK)
		k->failed = WIRE_AGAIN;
}

/* ---- the end */

static void
whole(struct intake *k)
{
	struct message *m = k->m;
	struct request *r = k->commit;

	m->env.size = k->size;
	if (m->blob == 0)
		m->body = buf_view(&m->kept);
	/* Space is reserved before the first offer (hand-off rule 5). */
	if (m->blob == 0 && !spool_room(k->size)) {
		abandon(k, WIRE_AGAIN);
		return;
	}
	k->commit = NULL;
	message_step(m, STEP_arrived);
	accept_whole(m, r);
}

static void
blob_ended(void *arg, enum engine_status status, uint64_t number)
{
	struct intake *k = arg;

	k->ending = false;
	k->blob = NULL;
	if (k->m == NULL) {
		if (status == ENGINE_OK)
			blob_release(spool_engine(), number);
		free(k);
	} else if (status != ENGINE_OK)
		abandon(k, WIRE_AGAIN);
	else {
		k->m->blob = number;
		whole(k);
	}
}

static void
look(struct intake *k)
{
	if (k->commit == NULL || k->ending)
		return;
	if (k->received > k->size)
		abandon(k, WIRE_BAD);
	else if (k->received < k->size)
		return;
	else if (k->failed != WIRE_OK)
		abandon(k, k->failed);
	else if (k->blob == NULL)
		whole(k);
	else {
		k->ending = true;
		blob_end(k->blob, blob_ended, k);
	}
}

/* Anything after the last byte, its end too, says the session has gone. */
static void
closed(struct intake *k)
{
	struct message *m = k->m;

	if (m->state == MESSAGE_RECEIVING)
		abandon(k, WIRE_BAD);
	else
		accept_lost(m);
}

static void
intake_ready(struct watch *w, unsigned events)
{
	static char bytes[PIECE];
	struct intake *k = CONTAINER(w, struct intake, watch);
	ssize_t n = recv(w->fd, bytes, sizeof bytes, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || k->m->state != MESSAGE_RECEIVING || k->ending) {
		closed(k);
		return;
	}
	keep(k, slice_of(bytes, (size_t)n));
	look(k);
}

/* ---- the two calls */

void
intake_begin(struct request *r)
{
	const struct queue_begin_in *in = REQUEST(queue_begin, r);
	struct queue_submit_in same = { .return_path = in->return_path,
		.sender = in->sender, .user = in->user, .client = in->client,
		.session = in->session, .envid = in->envid, .ret = in->ret,
		.smtputf8 = in->smtputf8, .each = in->each, .once = in->once,
		.recipients = in->recipients,
		.n_recipients = in->n_recipients };
	struct queue_begin_out out = { 0 };
	struct intake *k;
	struct message *m;

	if (in->fd <= 0) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	m = accept_envelope(r, &same, MESSAGE_RECEIVING, intake_begin);
	if (m == NULL)
		return;
	k = mem_zero(sizeof *k);
	k->m = m;
	k->from = r->from;
	k->watch.fd = in->fd;
	k->watch.ready = intake_ready;
	m->intake = k;
	intakes++;
	if (!loop_add(&k->watch, LOOP_IN, false))
		k->failed = WIRE_AGAIN;
	out.id = m->id;
	answer(r, WIRE_OK, &out);
}

static void
commit_lost(struct request *r)
{
	abandon(r->owner, WIRE_GONE);
}

void
intake_commit(struct request *r)
{
	const struct queue_commit_in *in = REQUEST(queue_commit, r);
	struct message *m = message_find(in->id);
	struct intake *k = m == NULL ? NULL : m->intake;

	if (k == NULL || k->from != r->from || k->commit != NULL ||
	    m->state != MESSAGE_RECEIVING) {
		answer(r, WIRE_NONE, NULL);
		return;
	}
	if (in->token.n > TOKEN_MAX || in->before.n + in->after.n > PREFIX_MAX) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	if (accept_parks(r, in->token, intake_commit))
		return;
	m->env.token = arena_slice(&m->arena, in->token);
	m->env.eightbit = in->eightbit;
	m->env.before = arena_slice(&m->arena, in->before);
	m->env.after = arena_slice(&m->arena, in->after);
	k->size = in->size;
	k->commit = r;
	r->owner = k;
	r->lost = commit_lost;
	look(k);
}
