#include "tests/crash/queue/post.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/log.h"
#include "queue/queue.h"
#include "queue/schedule.h"
#include "queue/spool.h"
#include "tests/crash/engine/drive.h"
#include "tests/crash/engine/tap.h"
#include "tests/crash/queue/peers.h"

unsigned	 post_sent, post_answered, post_events;
bool		 post_deadly;
struct verdict	*post_verdict;

static struct engine *engine;
static struct link *smtpd, *submission, *ctl;
static unsigned	 barriers;

static uint64_t
clock_of_ledger(void)
{
	return ledger.clock;
}

struct link *
post_link(enum role role)
{
	struct link *asks = link_new(ROLE_QUEUE, 0, LINK_LASTING);
	struct link *answers = link_new(role, 0, LINK_ONCE);
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		err(1, "socketpair");
	link_attach(asks, pair[0]);
	link_serve(answers);
	link_attach(answers, pair[1]);
	return asks;
}

/* ---- the loop */

static void
barrier_over(void *arg, enum engine_status status)
{
	(void)arg;
	(void)status;
	barriers++;
}

void
post_turn(void)
{
	unsigned want = barriers + 1;

	txn_commit(spool_begin(), barrier_over, NULL);
	drive_until(&barriers, want);
	peers_mend();
}

/* Has the queue something to do with this one, or somebody else? */
static void
look_busy(struct message *q, void *busy)
{
	*(bool *)busy |= q->committing || q->state == MESSAGE_HELD ||
	    q->state == MESSAGE_WRITING;
	for (uint32_t i = 0; i < q->n_rcpts && q->state == MESSAGE_SPOOLED; i++)
		*(bool *)busy |= q->rcpts[i].state == RCPT_LEASED ||
		    q->rcpts[i].state == RCPT_SETTLED ||
		    rcpt_due(&q->rcpts[i]);
}

/* What could not be committed, since there was no room or no life yet, is
   tried again a second later.  What does not end at all is waited for once,
   and found by who looks afterwards. */
void
post_settle(void)
{
	enum { QUIET = 3, PATIENCE = 1500, NAP = 500, SECOND = 20,
		TURNS = 20000 };
	static bool lost_patience;
	unsigned quiet = 0, naps = 0, turns = 0;

	while (quiet < QUIET && !lost_patience) {
		bool busy = post_answered != post_sent;
		unsigned before = post_events;

		post_turn();
		message_each(look_busy, &busy);
		quiet = busy || post_events != before ? 0 : quiet + 1;
		naps = post_events != before ? 0 : naps + 1;
		lost_patience = naps > PATIENCE || ++turns > TURNS;
		if (naps > 0 && busy)
			usleep(NAP);
		if (naps > 0 && naps % SECOND == 0)
			post_clock(1000);
	}
}

void
post_clock(uint64_t ms)
{
	note(EVENT_TOLD, NOTE_CLOCK, 0, 0, 0, 0, ledger.clock + ms);
	schedule_look();
}

void
post_compact(void)
{
	unsigned want = barriers + 1;

	engine_compact(engine, 256 << 10, barrier_over, NULL);
	drive_until(&barriers, want);
}

void
post_checkpoint(void)
{
	unsigned want = barriers + 1;

	engine_checkpoint(engine, barrier_over, NULL);
	drive_until(&barriers, want);
}

/* ---- life */

void
post_open(const char *root)
{
	static struct conf conf = { .message_max = 50000000,
		.hold_time = 30, .hold_memory = 64000000,
		.retry_first = 300000, .retry_most = 1200000,
		.expire_after = 3 * 3600000, .destination_max = 20,
		.workers = { [ROLE_RELAY] = 1 },
		.server_name = SLICE("mx.example.org") };

	queue_clock = clock_of_ledger;
	engine = drive_open(root);
	link_identity(ROLES);
	queue_limits(&conf);
	queue_setup();
	/* A second at least is between the end of one and its successor. */
	note(EVENT_TOLD, NOTE_CLOCK, 0, 0, 0, 0, ledger.clock + 1000);
	queue_open(engine);
	smtpd = post_link(ROLE_SMTPD);
	submission = post_link(ROLE_SUBMISSION);
	ctl = post_link(ROLE_CTL);
	peers_begin();
}

void
post_close(void)
{
	link_close(smtpd);
	link_close(submission);
	link_close(ctl);
	peers_end();
	post_turn();
	post_turn();
	queue_forget();
	engine_close(engine);
}

/* ---- the peer */

bool
address_parse(struct slice s, uint32_t *m, unsigned *k)
{
	char text[64];

	snprintf(text, sizeof text, "%.*s", (int)s.n, s.p);
	return sscanf(text, "r%u.%u@", m, k) == 2 && *m < MAILS && *k < RCPTS;
}

static void
heard(void *arg, enum wire_status status, const void *out)
{
	const struct queue_submit_out *o = out;
	uint32_t m = (uint32_t)(uintptr_t)arg;

	post_answered++;
	post_events++;
	for (unsigned k = 0; status == WIRE_OK && k < o->n_verdicts; k++)
		note(EVENT_TOLD, NOTE_SUBMIT, m, k, o->verdicts[k].outcome,
		    o->id, 0);
}

void
post_submit(uint32_t m)
{
	char to[2][64], from[64], token[16];
	struct wire_recipient rcpts[2];
	struct queue_submit_in in = {
		.sender = is_stranger(m) ? SENDER_STRANGER :
		SENDER_AUTHENTICATED,
		.session = m, .recipients = rcpts, .n_recipients = 2,
		.before = SLICE("Received: by mx id "), .after = SLICE("\r\n"),
		.body = slice_str(mail_text(m)) };

	for (unsigned k = 0; k < 2; k++) {
		snprintf(to[k], sizeof to[k], "r%u.%u@%s.example", m, k,
		    is_far(m, k) ? "far" : "here");
		rcpts[k] = (struct wire_recipient){
			.address = slice_str(to[k]), .local = !is_far(m, k) };
	}
	snprintf(from, sizeof from, "s%u@here.example", m);
	snprintf(token, sizeof token, "token %u", m);
	in.return_path = slice_str(from);
	in.token = slice_str(token);
	note(EVENT_BEGIN, NOTE_SUBMIT, m, 0, 0, 0, 0);
	post_sent++;
	link_call(is_stranger(m) ? smtpd : submission, WIRE_queue_submit, &in,
	    0, heard, (void *)(uintptr_t)m);
}

/* ---- the admin */

struct asked {
	enum note	 what;
	uint32_t	 m;
};

/* All of it is promised only if all of it was waiting. */
static void
acted(void *arg, enum wire_status status, const void *out)
{
	const struct queue_act_out *o = out;
	struct asked *a = arg;

	post_answered++;
	post_events++;
	if (status == WIRE_OK && a->m != 0 && o->recipients == 2)
		note(EVENT_TOLD, a->what, a->m, 0, 0, 0, 0);
	free(a);
}

void
post_act(enum note what, uint32_t m)
{
	static const enum queue_action actions[] = {
		[NOTE_HOLD] = QUEUE_HOLD, [NOTE_RELEASE] = QUEUE_RELEASE,
		[NOTE_REMOVE] = QUEUE_REMOVE, [NOTE_BOUNCE] = QUEUE_BOUNCE };
	struct queue_act_in in = { .action = actions[what],
		.id = m == 0 ? 0 : ledger.mails[m].id, .all = m == 0 };
	struct asked *a = mem_zero(sizeof *a);

	*a = (struct asked){ what, m };
	for (uint32_t i = m == 0 ? 1 : m; i < (m == 0 ? MAILS : m + 1); i++)
		if (ledger.mails[i].begun)
			note(EVENT_BEGIN, what, i, 0, 0, 0, 0);
	post_sent++;
	link_call(ctl, WIRE_queue_act, &in, 0, acted, a);
}
