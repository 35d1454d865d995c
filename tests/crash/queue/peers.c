#include "tests/crash/queue/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/buf.h"
#include "tests/crash/queue/post.h"

enum { MDAS = 2, CREDITS = 4 };

static struct link *mdas[MDAS], *relay;
static bool	 dead[MDAS];
static unsigned char tries[MAILS][RCPTS];

const char *
mail_text(uint32_t m)
{
	static char text[20000];
	size_t n = 100 + m * 397 % 2000 + (m % 23 == 0 ? 15000 : 0);

	memset(text, 'a' + (int)(m % 26), n);
	text[n] = 0;
	memcpy(text + snprintf(text, sizeof text, "Subject: mail %u", m),
	    "\r\n\r\n", 4);
	return text;
}

/* ---- what queue_done answers */

struct reported {
	uint32_t	 m;
	unsigned	 n, k[RCPTS];
	bool		 firm[RCPTS];	/* queue shall not ask again */
};

static void
reported(void *arg, enum wire_status status, const void *out)
{
	struct reported *r = arg;

	(void)out;
	post_events++;
	for (unsigned i = 0; status == WIRE_OK && i < r->n; i++)
		if (r->firm[i])
			note(EVENT_TOLD, NOTE_DONE, r->m, r->k[i], 0, 0, 0);
	free(r);
}

/* ---- what is offered */

/* Nothing that was promised to be over. */
static void
offer_check(uint32_t m, unsigned k, bool expired)
{
	const struct mail *w = &ledger.mails[m];
	const struct fate *f = &w->to[k];

	if (post_verdict == NULL)
		return;
	if (f->done)
		verdict_doubled(post_verdict, "r%u.%u was done", m, k);
	if ((w->acted & 1 << NOTE_REMOVE) != 0)
		verdict_doubled(post_verdict, "r%u.%u was removed", m, k);
	if ((w->acted & 1 << NOTE_HOLD) != 0 &&
	    (w->asked & (1 << NOTE_RELEASE | 1 << NOTE_BOUNCE)) == 0)
		verdict_lost(post_verdict, "r%u.%u was held", m, k);
	if ((w->acted & 1 << NOTE_BOUNCE) != 0 && (is_far(m, k) || !expired))
		verdict_lost(post_verdict, "r%u.%u was bounced", m, k);
}

static void
bytes_check(uint32_t m, const struct queue_next_out *o)
{
	struct slice want = slice_str(mail_text(m));

	if (o->body.n < want.n ||
	    !slice_eq(slice_drop(o->body, o->body.n - want.n), want)) {
		if (post_verdict == NULL)
			abort();
		verdict_lost(post_verdict, "bytes of mail %u", m);
	}
}

static uint8_t
local_outcome(uint32_t m, unsigned k, uint64_t id, bool expired)
{
	enum deed deed = deed_of(m, k);

	if (expired)
		return store_decide(m, k, id, OUTCOME_REFUSED);
	if (deed == DEED_LATER && tries[m][k]++ == 0)
		return OUTCOME_LATER;
	if (deed == DEED_ALIAS)
		return OUTCOME_BECAME;
	return store_decide(m, k, id, deed == DEED_REFUSE ? OUTCOME_REFUSED :
	    OUTCOME_STORED);
}

static uint8_t
far_outcome(uint32_t m, unsigned k, uint64_t id)
{
	enum deed deed = deed_of(m, k);

	if (deed == DEED_NEVER || (deed == DEED_LATER && tries[m][k]++ == 0))
		return OUTCOME_LATER;
	if (deed == DEED_REFUSE)
		return OUTCOME_REFUSED;
	note(EVENT_TOLD, NOTE_SENT, m, k, 0, id, 0);
	return OUTCOME_STORED;
}

/* A report of queue comes to a sender, who reads of whom it speaks. */
static void
report_read(const struct queue_next_out *o)
{
	struct buf text = { 0 };
	const char *at;
	uint32_t m;
	unsigned k;

	buf_slice(&text, o->body);
	at = buf_cstr(&text);
	while ((at = strstr(at, "Final-Recipient: rfc822; ")) != NULL) {
		at += strlen("Final-Recipient: rfc822; ");
		if (!address_parse(slice_str(at), &m, &k))
			continue;
		note(EVENT_TOLD, NOTE_REPORT, m, k, 0, o->id, 0);
		if (copies_stored(&ledger.mails[m].to[k]) > 0 &&
		    post_verdict != NULL)
			verdict_doubled(post_verdict,
			    "r%u.%u is stored and returned", m, k);
	}
	buf_free(&text);
}

/* ---- a job */

static void
result_fill(struct wire_result *r, uint32_t m, unsigned k, uint8_t outcome)
{
	static char address[64];
	static struct wire_forward to;

	r->outcome = outcome;
	if (outcome == OUTCOME_REFUSED) {
		r->code = SLICE("5.1.1");
		r->text = SLICE("550 5.1.1 nobody of that name");
	} else if (outcome == OUTCOME_LATER) {
		r->code = SLICE("4.7.1");
		r->text = SLICE("451 4.7.1 not now");
	} else if (outcome == OUTCOME_BECAME) {
		snprintf(address, sizeof address, "r%u.2@far.example", m);
		to = (struct wire_forward){ .address = slice_str(address),
			.remote = 1 };
		r->became = &to;
		r->n_became = 1;
	}
	(void)k;
}

static void
job_do(struct link *l, const struct queue_next_out *o)
{
	struct wire_result results[RCPTS] = { 0 };
	struct queue_done_in in = { .id = o->id, .results = results };
	struct reported *r = mem_zero(sizeof *r);

	for (size_t i = 0; i < o->n_recipients && i < RCPTS; i++) {
		const struct wire_due *d = &o->recipients[i];
		uint8_t outcome = OUTCOME_STORED;
		unsigned k = 0;
		uint32_t m = 0;

		if (!address_parse(d->address, &m, &k)) {
			report_read(o);
		} else {
			offer_check(m, k, d->expired != 0);
			outcome = l == relay ? far_outcome(m, k, o->id) :
			    local_outcome(m, k, o->id, d->expired != 0);
			r->m = m;
			r->k[r->n] = k;
			r->firm[r->n++] = outcome != OUTCOME_LATER &&
			    (l == relay || outcome != OUTCOME_STORED);
		}
		results[in.n_results].number = d->number;
		result_fill(&results[in.n_results++], m, k, outcome);
	}
	link_call(l, WIRE_queue_done, &in, 0, reported, r);
}

static void	ask(struct link *);

static void
job_came(void *arg, enum wire_status status, const void *out)
{
	const struct queue_next_out *o = out;
	struct link *l = arg;
	uint32_t m = 0;
	unsigned k;

	if (status != WIRE_OK)
		return;
	post_events++;
	if (o->id > ledger.id_most)
		ledger.id_most = o->id;
	if (address_parse(o->recipients[0].address, &m, &k)) {
		bytes_check(m, o);
		for (int i = 0; i < MDAS && post_deadly && is_poison(m); i++)
			dead[i] |= l == mdas[i];
		if (post_deadly && is_poison(m) && l != relay)
			return;
	}
	job_do(l, o);
	ask(l);
}

static void
ask(struct link *l)
{
	struct queue_next_in in = { .work = l == relay ? WORK_REMOTE :
		WORK_LOCAL };

	link_call(l, WIRE_queue_next, &in, 0, job_came, l);
}

/* ---- life */

static void
credits_give(struct link *l)
{
	for (unsigned i = 0; i < CREDITS; i++)
		ask(l);
}

void
peers_begin(void)
{
	struct queue_relay_in hello = { .n_jobs = 0 };

	memset(tries, 0, sizeof tries);
	for (int i = 0; i < MDAS; i++) {
		dead[i] = false;
		credits_give(mdas[i] = post_link(ROLE_MDA));
	}
	relay = post_link(ROLE_RELAY);
	link_call(relay, WIRE_queue_relay, &hello, 0, reported,
	    mem_zero(sizeof(struct reported)));
	credits_give(relay);
}

void
peers_end(void)
{
	for (int i = 0; i < MDAS; i++)
		link_close(mdas[i]);
	link_close(relay);
}

void
peers_mend(void)
{
	for (int i = 0; i < MDAS; i++) {
		if (!dead[i])
			continue;
		dead[i] = false;
		post_events++;
		link_close(mdas[i]);
		credits_give(mdas[i] = post_link(ROLE_MDA));
	}
}
