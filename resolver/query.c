/* One question: the limits around it, libunbound's answer, ours. */
#include "resolver/resolver.h"

#include <stdlib.h>
#include <unbound-event.h>
#include <unbound.h>

#include "resolver/context.h"
#include "resolver/packet.h"

enum {
	CLASS_IN = 1,
	LOOKUPS_MAX = 8,	/* for one question: each may end at a CNAME
				   that only the next one follows */
};

struct query {
	struct node	 node;		/* in todo or asked */
	struct request	*request;
	struct dname	 name;		/* to be asked now */
	unsigned	 type;
	unsigned	 lookups;
	bool		 secure;	/* all lookups so far */
	uint32_t	 ttl;
	bool		 waiting;	/* for libunbound, under this number */
	int		 id;
	bool		*ended;		/* set when it is freed; may be NULL */
	uint64_t	 began;
	struct timer	 deadline;
};

uint64_t		 query_wait = 30 * 1000;
struct counts		 counts;
static struct ub_ctx	*ctx;
static bool		 replacing;	/* the old context is being deleted */
static struct node	 todo, asked;
static uint64_t		 under_way;

/* ---- how many an asker has: kept as its link's owner */

static void
asker_add(struct link *l, intptr_t n)
{
	link_own(l, (void *)((intptr_t)link_owner(l) + n));
}

static bool
asker_is_full(struct link *l)
{
	return (intptr_t)link_owner(l) >= QUERIES_MOST;
}

/* ---- the end of a query */

static void
query_free(struct query *q)
{
	list_del(&q->node);
	timer_stop(&q->deadline);
	if (q->ended != NULL)
		*q->ended = true;
	under_way--;
	free(q);
}

static void
finish(struct query *q, struct dns_query_out *out)
{
	struct request *r = q->request;

	counts.results[out->result]++;
	counts.secure += out->secure;
	counts.ms += loop_clock() - q->began;
	if (r->from != NULL)
		asker_add(r->from, -1);
	query_free(q);
	answer(r, WIRE_OK, out);
}

/* No records, whatever they may be. */
static void
fail(struct query *q, enum dns result, const char *why)
{
	struct dns_query_out out = { .result = (uint8_t)result };
	struct buf name = { 0 };

	dname_show(&q->name, &name);
	if (result == DNS_BOGUS)
		LOG(dns_bogus, .name = buf_view(&name), .type = q->type,
		    .why = slice_str(why));
	else if (result == DNS_FAILED)
		LOG(dns_failed, .name = buf_view(&name), .type = q->type,
		    .why = slice_str(why));
	out.canonical = buf_view(&name);
	finish(q, &out);
	buf_free(&name);
}

static void
cancel(struct query *q)
{
	if (q->waiting)
		ub_cancel(ctx, q->id);
}

static void
deadline(struct timer *t)
{
	struct query *q = CONTAINER(t, struct query, deadline);

	cancel(q);
	fail(q, DNS_FAILED, "no answer in time");
}

/* The asker is gone; so is the wish to know. */
static void
lost(struct request *r)
{
	struct query *q = r->owner;

	cancel(q);
	query_free(q);
	answer(r, WIRE_AGAIN, NULL);
}

/* ---- its way */

static void
succeed(struct query *q, const struct records *found)
{
	struct arena *arena = &q->request->arena;
	struct dns_query_out out = { .result = (uint8_t)found->result,
		.secure = q->secure, .ttl = q->ttl };
	struct buf name = { 0 };

	dname_show(&found->canonical, &name);
	out.canonical = arena_slice(arena, buf_view(&name));
	buf_free(&name);
	out.answers = arena_array(arena, found->n, sizeof *out.answers);
	out.n_answers = found->n;
	for (size_t i = 0; i < found->n; i++)
		out.answers[i].data = found->data[i];
	finish(q, &out);
}

static void
again(struct query *q)
{
	q->waiting = false;
	list_del(&q->node);
	list_push(&todo, &q->node);
	loop_again();
}

/* Names known from our file are answered as far as the CNAME only.  Where
   libunbound has followed it itself, its cache says so once more. */
static bool
leads_on(struct query *q, const struct records *r)
{
	if (r->result != DNS_NODATA || r->links == 0 ||
	    q->lookups >= LOOKUPS_MAX)
		return false;
	q->name = r->canonical;
	again(q);
	return true;
}

/* libunbound's answer, also from inside ub_resolve_event.  secure: 0 no, 1
   bogus, 2 yes. */
static void
answered(void *arg, int code, void *packet, int n, int secure, char *why,
    int limited)
{
	struct query *q = arg;
	struct records found;

	(void)limited;
	if (replacing)
		return;
	if (secure == 1)
		fail(q, DNS_BOGUS, why);
	else if (code != 0 || packet == NULL || n < 0)
		fail(q, DNS_FAILED, "no server gave an answer");
	else if (!packet_read(slice_of(packet, (size_t)n), &q->name, q->type,
	    &q->request->arena, &found))
		fail(q, DNS_FAILED, "an answer that cannot be read");
	else if (found.result == DNS_FAILED)
		fail(q, DNS_FAILED, "the servers refuse or fail");
	else {
		q->secure = q->secure && secure == 2;
		if (found.ttl < q->ttl)
			q->ttl = found.ttl;
		if (!leads_on(q, &found))
			succeed(q, &found);
	}
}

/* The answer may be there before ub_resolve_event returns, and with it the
   end of the query, or its next name. */
static void
ask(struct query *q)
{
	struct buf name = { 0 };
	bool ended = false;
	int id = 0;

	dname_show(&q->name, &name);
	if (!dname_is_root(&q->name))
		buf_char(&name, '.');
	list_push(&asked, &q->node);
	q->lookups++;
	q->waiting = true;
	q->ended = &ended;
	if (ub_resolve_event(ctx, buf_cstr(&name), (int)q->type, CLASS_IN, q,
	    answered, &id) != 0 && !ended)
		fail(q, DNS_FAILED, "libunbound cannot ask");
	buf_free(&name);
	if (ended)
		return;
	q->ended = NULL;
	q->id = id;
}

static void
ask_all(void)
{
	struct node *n;

	while ((n = list_pop(&todo)) != NULL)
		ask(CONTAINER(n, struct query, node));
}

/* A type that records have, not one of questions and protocols (RFC 6895
   3.1). */
static bool
is_record_type(uint32_t type)
{
	return type > 0 && type < 0xff00 && type != 41 &&
	    (type < 128 || type > 255);
}

static void
query_new(struct request *r, const struct dname *name, unsigned type)
{
	struct query *q = mem_zero(sizeof *q);

	q->request = r;
	q->name = *name;
	q->type = type;
	q->secure = true;
	q->ttl = UINT32_MAX;
	q->began = loop_clock();
	q->deadline.fire = deadline;
	timer_set(&q->deadline, loop_now() + query_wait);
	r->owner = q;
	r->lost = lost;
	list_push(&todo, &q->node);
	under_way++;
}

void
query_take(struct request *r)
{
	const struct dns_query_in *in = REQUEST(dns_query, r);
	struct dns_query_out none = { .result = DNS_NXDOMAIN };
	struct dname name;

	counts.queries++;
	if (!is_record_type(in->type)) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	if (asker_is_full(r->from)) {
		counts.refused++;
		answer(r, WIRE_AGAIN, NULL);
		return;
	}
	if (!dname_parse(in->name, &name)) {
		counts.results[DNS_NXDOMAIN]++;
		answer(r, WIRE_OK, &none);
		return;
	}
	asker_add(r->from, 1);
	query_new(r, &name, in->type);
}

/* ---- the context */

void
query_use(const struct conf *c)
{
	struct ub_ctx *old = ctx;

	if (old == NULL) {
		list_init(&todo);
		list_init(&asked);
		loop_hook(LOOP_TASKS, ask_all);
	}
	ctx = context_new(c);
	if (old == NULL)
		return;
	/* What it still knows of it tells the callbacks as failed. */
	replacing = true;
	ub_ctx_delete(old);
	replacing = false;
	LIST_EACH(n, &asked)
		again(CONTAINER(n, struct query, node));
}

/* ---- what is seen from outside */

uint64_t
queries_under_way(void)
{
	return under_way;
}

void
queries_each(void (*fn)(void *, struct slice, uint64_t), void *arg)
{
	LIST_EACH(n, &asked) {
		const struct query *q = CONTAINER(n, struct query, node);
		struct buf name = { 0 };

		dname_show(&q->name, &name);
		fn(arg, buf_view(&name), loop_clock() - q->began);
		buf_free(&name);
	}
}
