#include "tests/crash/queue/scenario.h"

#include <stdio.h>
#include <string.h>

#include "common/core/codec.h"
#include "queue/spool.h"
#include "tests/crash/engine/drive.h"
#include "tests/crash/queue/post.h"

enum { ROUNDS = 8, LATER = 65 * 60 * 1000, ID_AT = 9 };

static bool	 kept[MAILS][RCPTS];

/* ---- nothing half visible */

static void
message_check(struct message *q, void *arg)
{
	struct verdict *v = arg;
	uint32_t m, other;
	unsigned k;

	if (q->env.report)
		return;
	if (q->n_rcpts < 2 || !address_parse(q->rcpts[0].row.address, &m, &k) ||
	    !address_parse(q->rcpts[1].row.address, &other, &k) || m != other)
		verdict_lost(v, "message %llx has %u recipients",
		    (unsigned long long)q->id, q->n_rcpts);
	else if (!ledger.mails[m].begun)
		verdict_doubled(v, "message %u was never sent", m);
}

struct rows {
	struct verdict	*v;
	size_t		 messages;
};

static bool
row_check(void *arg, struct slice key, struct slice value, uint64_t blob)
{
	struct rows *r = arg;
	char table = key.n < ID_AT + 8 ? 'L' : key.p[ID_AT - 1];

	(void)value;
	(void)blob;
	r->messages += table == 'M';
	if ((table == 'M' || table == 'R') &&
	    message_find(be64_get(key.p + ID_AT)) == NULL)
		verdict_doubled(r->v, "a row %c of no message", table);
	return true;
}

static void
spool_check(struct verdict *v)
{
	struct rows r = { .v = v };
	char from[8], to[9];

	memset(from, 0, sizeof from);
	memset(to, 0xff, sizeof to);
	engine_scan(spool_engine(), ENGINE_ROWS, slice_of(from, sizeof from),
	    slice_of(to, sizeof to), row_check, &r);
	if (r.messages != message_count())
		verdict_lost(v, "%zu messages are %zu rows", message_count(),
		    r.messages);
	message_each(message_check, v);
}

/* ---- all is brought to its end */

/* The peers of those that were never answered send them again. */
static void
retry_all(struct verdict *v)
{
	uint64_t most = ledger.id_most;
	const struct mail *last = &ledger.mails[MAIL_LAST];
	bool first = !last->answered;

	for (uint32_t m = 1; m < MAILS; m++) {
		struct mail *w = &ledger.mails[m];

		v->acked += (unsigned)(w->answered + w->to[0].done +
		    w->to[1].done + (w->acted != 0));
		if ((w->begun || m == MAIL_LAST) && !w->answered)
			post_submit(m);
	}
	post_settle();
	if (first && last->id <= most)
		verdict_doubled(v, "id %llx again, there was %llx",
		    (unsigned long long)last->id, (unsigned long long)most);
}

static void
keep_kept(struct message *q, void *arg)
{
	uint32_t m;
	unsigned k;

	for (uint32_t i = 0; i < q->n_rcpts; i++) {
		if (q->rcpts[i].state != RCPT_KEPT)
			continue;
		(*(size_t *)arg)++;
		if (address_parse(q->rcpts[i].row.address, &m, &k))
			kept[m][k] = true;
	}
}

static void
run_out(struct verdict *v)
{
	size_t n_kept = 0;

	post_act(NOTE_RELEASE, 0);
	post_settle();
	for (unsigned i = 0; i < ROUNDS; i++) {
		memset(kept, 0, sizeof kept);
		n_kept = 0;
		message_each(keep_kept, &n_kept);
		if (message_count() == 0)
			break;
		post_clock(LATER);
		post_settle();
	}
	if (message_count() > n_kept)
		verdict_lost(v, "%zu messages do not end, %zu are kept",
		    message_count(), n_kept);
}

/* ---- each recipient is settled once */

static unsigned
settled(const struct fate *f, uint32_t m, unsigned k)
{
	return copies_stored(f) + (f->sent > 0) + f->n_reports + kept[m][k];
}

static void
fate_check(struct verdict *v, uint32_t m, unsigned k)
{
	const struct mail *w = &ledger.mails[m];
	const struct fate *f = &w->to[k];
	unsigned n = settled(f, m, k), want = 1;
	/* What the admin takes away may be delivered just then. */
	bool less = (w->asked & 1 << NOTE_REMOVE) != 0 || !f->heard;
	bool more = (w->asked & 1 << NOTE_BOUNCE) != 0 &&
	    (is_far(m, k) || deed_of(m, k) == DEED_ALIAS);

	if (k == 0 && deed_of(m, 0) == DEED_ALIAS && !is_far(m, 0))
		n += settled(&w->to[2], m, 2);
	if (f->heard && f->verdict != OUTCOME_QUEUED &&
	    f->verdict != OUTCOME_STORED)
		want = 0;
	if (n < want && !less)
		verdict_lost(v, "r%u.%u is not settled", m, k);
	if (n > want + more)
		verdict_doubled(v, "r%u.%u: %u stored, %u sent, %u reported, "
		    "%u kept; verdict %u", m, k, copies_stored(f), f->sent,
		    f->n_reports, kept[m][k], f->verdict);
}

static void
fates_check(struct verdict *v)
{
	for (uint32_t m = 1; m < MAILS; m++) {
		if (ledger.mails[m].begun && !ledger.mails[m].answered)
			verdict_lost(v, "message %u is not taken", m);
		for (unsigned k = 0; k < 2 && ledger.mails[m].answered; k++)
			fate_check(v, m, k);
	}
}

void
check_queue(const char *root, const struct history *h, enum then then,
    struct verdict *v)
{
	struct engine_figures figures;
	char path[256];

	notes_read(h);
	post_verdict = v;
	post_deadly = false;
	post_open(root);
	engine_figures(spool_engine(), &figures);
	v->rebuilt = figures.rebuilt;
	spool_check(v);
	post_settle();
	retry_all(v);
	if (then != THEN_NOTHING) {
		post_close();
		snprintf(path, sizeof path, "%s/index", root);
		if (then == THEN_REBUILD)
			folder_clear(path, true);
		post_open(root);
		spool_check(v);
		post_settle();
	}
	run_out(v);
	spool_check(v);
	fates_check(v);
	v->recovered = true;
}
