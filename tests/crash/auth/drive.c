#include "tests/crash/auth/office.h"
#include "tests/crash/engine/drive.h"
#include "tests/crash/engine/scenario.h"

enum { WINDOW = 5, EVERY_COMPACT = 43, EVERY_CHECKPOINT = 61,
	EVERY_RESTART = 101 };

static unsigned
mix(unsigned n)
{
	uint32_t h = n * 2654435761u;

	return (h ^ h >> 15) & 0xffffff;
}

/* What comes after this state. */
static uint64_t
next_state(unsigned i, uint64_t state, unsigned h)
{
	uint64_t variant = (uint64_t)(h / 64 % VARIANTS) << 8;

	if (i < FIRST_USER)
		return state == 0 ? EXISTS : 0;
	if (state == 0)
		return EXISTS | variant | (i < FIRST_ALIAS ?
		    (uint64_t)(1 + h % 50) << 32 : 0);
	if (h % 4 == 0)
		return 0;
	if (i >= FIRST_ALIAS)
		return EXISTS | variant;
	if (h % 4 == 1)
		return state ^ DISABLED;
	if (h % 4 == 2)
		return (state & 0xffffffff) | (uint64_t)(1 + h % 47) << 32;
	return (state & ~(uint64_t)0xff00) | variant;
}

/* Domains that are full stay. */
static void
step(unsigned n)
{
	unsigned h = mix(n), i = DOMAINS - 1 + h % (THINGS - DOMAINS + 1);
	uint64_t state = accounts.things[i].state, next;

	if (n < DOMAINS) {
		office_change(n - 1, EXISTS);
		office_wait(0);
		return;
	}
	if (accounts.things[i].changing)
		return;
	if ((next = next_state(i, state, mix(n + 7777))) != state)
		office_change(i, next);
}

static unsigned	 kept;

static void
upkept(void *arg, enum engine_status status)
{
	(void)arg;
	(void)status;
	kept++;
}

static void
between(const char *root, struct engine **e, unsigned n)
{
	unsigned want = kept + 1;

	if (n % EVERY_COMPACT == 0)
		engine_compact(*e, 64 << 10, upkept, NULL);
	else if (n % EVERY_CHECKPOINT == 0)
		engine_checkpoint(*e, upkept, NULL);
	else
		want--;
	drive_until(&kept, want);
	if (n % EVERY_RESTART == 0) {
		office_close();
		*e = office_open(root);
	}
}

static void
auth_drive(const char *root, unsigned steps)
{
	struct engine *e = office_open(root);

	for (unsigned n = 1; n <= steps; n++) {
		office_drops = n % 16 < 9;
		between(root, &e, n);
		step(n);
		office_wait(WINDOW);
	}
	office_close();
}

const struct scenario scenario = {
	.name = "auth", .drive = auth_drive, .check = check_auth,
	.steps = { 400, 1500 }, .cuts = { 16, 300 }, .deep = { 14, 12 },
	.wrong_cuts = { 30, 60 }, .fault_steps = { 120, 300 },
	.stride = { 83, 3 }, .memory_stride = { 250, 1 },
	.rounds = { 1, 10 },
};
