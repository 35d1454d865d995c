#include "tests/crash/queue/scenario.h"

#include "tests/crash/engine/scenario.h"
#include "tests/crash/queue/post.h"

enum {
	WINDOW = 6,			/* submissions at a time */
	EVERY_COMPACT = 31, EVERY_CHECKPOINT = 53, EVERY_RESTART = 120,
	EVERY_ACT = 7, ACT_BACK = 3,
	STEP = 60 * 1000,		/* ms */
};

static void
between(const char *root, uint32_t n)
{
	if (n % EVERY_COMPACT == 0)
		post_compact();
	if (n % EVERY_CHECKPOINT == 0)
		post_checkpoint();
	if (n % EVERY_RESTART == 0) {
		post_settle();
		post_close();
		post_open(root);
	}
}

/* Held ones are released some time after. */
static void
administer(uint32_t n)
{
	static const enum note acts[] = { NOTE_HOLD, NOTE_REMOVE, NOTE_BOUNCE };
	uint32_t m = n - ACT_BACK, before = n - 10 * EVERY_ACT;

	if (n % EVERY_ACT != 0 || n <= ACT_BACK)
		return;
	if (ledger.mails[m].id != 0)
		post_act(acts[n / EVERY_ACT % 3], m);
	if (n > 10 * EVERY_ACT + ACT_BACK &&
	    (ledger.mails[before - ACT_BACK].asked & 1 << NOTE_HOLD) != 0)
		post_act(NOTE_RELEASE, before - ACT_BACK);
}

static void
queue_drive(const char *root, unsigned steps)
{
	ledger_clear();
	post_deadly = true;
	post_open(root);
	for (uint32_t n = 1; n <= steps; n++) {
		between(root, n);
		post_submit(n);
		administer(n);
		post_clock(STEP);
		do
			post_turn();
		while (post_sent > post_answered + WINDOW);
	}
	post_settle();
	post_close();
}

const struct scenario scenario = {
	.name = "queue", .drive = queue_drive, .check = check_queue,
	.steps = { 300, 1000 }, .cuts = { 32, 800 }, .deep = { 14, 12 },
	.wrong_cuts = { 30, 60 }, .fault_steps = { 100, 250 },
	.stride = { 29, 2 }, .memory_stride = { 600, 1 },
	.rounds = { 2, 20 },
};
