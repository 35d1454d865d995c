#include "tests/crash/store/mail.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/crash/store/mail_world.h"

enum {
	WINDOW = 8,			/* calls at a time */
	EVERY_COMPACT = 31, EVERY_CHECKPOINT = 67, EVERY_RESTART = 150,
	REMEMBERED = 50,		/* ids above the low-water mark */
};

/* A failed assertion of the store's test helpers. */
void
_ck_assert_failed(const char *file, int line, const char *expr,
    const char *msg, ...)
{
	errno = 0;
	(void)msg;
	fatal("%s:%d: %s", file, line, expr);
}

void
_mark_point(const char *file, int line)
{
	(void)file;
	(void)line;
}

const char *
mail_text(unsigned m)
{
	static char text[20000];
	size_t n = 30 + m * 397 % 3000 + (m % 23 == 0 ? 15000 : 0);

	memset(text, 'a' + (int)(m % 26), n);
	text[n] = 0;
	memcpy(text + snprintf(text, sizeof text, "message %u", m), "\r\n", 2);
	return text;
}

/* ---- calls that are not waited for */

static unsigned	 begun, answered;
static unsigned	 n_known[MAIL_USERS];	/* UIDs in INBOX that were told */
static uint32_t	 known[MAIL_USERS][MAIL_UIDS], known_m[MAIL_USERS][MAIL_UIDS];

struct asked {
	unsigned	 user;
	uint32_t	 uid, m;
	uint64_t	 flags;
	bool		 both, move;
};

static void
told_stored(unsigned user, uint32_t box, uint32_t uid, uint32_t m)
{
	mail_note(EVENT_TOLD, MAIL_STORED, user, box, uid, m, 0);
	if (box != INBOX)
		return;
	known[user][n_known[user]] = uid;
	known_m[user][n_known[user]++] = m;
}

static void
told_modseq(unsigned user, uint32_t box, uint64_t modseq)
{
	if (modseq != 0)
		mail_note(EVENT_TOLD, MAIL_MODSEQ, user, box, 0, 0, modseq);
}

/* True: a fault had it refused; nothing was promised. */
static bool
was_refused(struct asked *a, enum wire_status status)
{
	answered++;
	if (status == WIRE_OK)
		return false;
	ck_assert(tap_may_fail());
	free(a);
	return true;
}

static void
came(void *arg, enum wire_status status, const void *out)
{
	struct asked *a = arg;
	const struct store_append_out *o = out;

	if (was_refused(a, status))
		return;
	for (unsigned i = 0; i < (a->both ? 2u : 1u); i++) {
		if (o->results[i].outcome != OUTCOME_STORED) {
			ck_assert(tap_may_fail());
			continue;
		}
		told_stored((a->user + i) % MAIL_USERS, INBOX,
		    o->results[i].uid, a->m);
	}
	free(a);
}

static void
added(void *arg, enum wire_status status, const void *out)
{
	struct asked *a = arg;
	const struct box_append_out *o = out;

	if (was_refused(a, status))
		return;
	told_stored(a->user, INBOX, o->first, a->m);
	told_modseq(a->user, INBOX, o->modseq);
	free(a);
}

static void
flagged(void *arg, enum wire_status status, const void *out)
{
	struct asked *a = arg;
	const struct box_flags_out *o = out;

	if (was_refused(a, status))
		return;
	told_modseq(a->user, INBOX, o->modseq);
	if (o->changed > 0)
		mail_note(EVENT_TOLD, MAIL_FLAGS, a->user, INBOX, a->uid, a->m,
		    a->flags);
	free(a);
}

static void
expunged(void *arg, enum wire_status status, const void *out)
{
	struct asked *a = arg;
	const struct box_expunge_out *o = out;

	if (was_refused(a, status))
		return;
	told_modseq(a->user, INBOX, o->modseq);
	mail_note(EVENT_TOLD, MAIL_GONE, a->user, INBOX, a->uid, a->m, 0);
	free(a);
}

static void
copied(void *arg, enum wire_status status, const void *out)
{
	struct asked *a = arg;
	const struct box_copy_out *o = out;

	if (was_refused(a, status))
		return;
	if (o->first != 0)
		told_stored(a->user, MAIL_COPIES, o->first, a->m);
	if (o->first != 0 && a->move)
		mail_note(EVENT_TOLD, MAIL_GONE, a->user, INBOX, a->uid, a->m,
		    0);
	free(a);
}

/* All that were told, but the newest: by a range of UIDs. */
static void
sweep_note(enum event_kind kind, unsigned user, uint32_t uid)
{
	for (uint32_t i = 1; i <= uid; i++)
		mail_note(kind, MAIL_GONE, user, INBOX, i, 0, 0);
}

static void
swept(void *arg, enum wire_status status, const void *out)
{
	struct asked *a = arg;
	const struct box_expunge_out *o = out;

	if (was_refused(a, status))
		return;
	told_modseq(a->user, INBOX, o->modseq);
	sweep_note(EVENT_TOLD, a->user, a->uid);
	free(a);
}

/* ---- steps */

static void
deliver(struct asked *a)
{
	struct wire_copy copies[2];
	struct sent s = { .id = a->m, .body = mail_text(a->m),
		.digest = "digest", .user = MAIL_FIRST_USER + a->user,
		.low_water = a->m > REMEMBERED ? a->m - REMEMBERED : 1 };
	struct store_append_in in = append_in(&s, &copies[0]);

	copies[1] = copies[0];
	copies[1].user = MAIL_FIRST_USER + (a->user + 1) % MAIL_USERS;
	in.n_copies = a->both ? 2 : 1;
	for (unsigned i = 0; i < in.n_copies; i++)
		mail_note(EVENT_BEGIN, MAIL_STORED,
		    (a->user + i) % MAIL_USERS, INBOX, 0, a->m, 0);
	link_call(world.mda, WIRE_store_append, &in, WAIT, came, a);
}

static void
add(struct asked *a)
{
	struct wire_appended m = { .flags = FLAG_SEEN, .when = 5,
		.digest = SLICE("digest") };
	struct box_append_in in = { .mailbox = INBOX, .messages = &m,
		.n_messages = 1, .body = slice_str(mail_text(a->m)) };

	mail_note(EVENT_BEGIN, MAIL_STORED, a->user, INBOX, 0, a->m, 0);
	link_call(sessions[a->user], WIRE_box_append, &in, WAIT, added, a);
}

static void
change(struct asked *a, unsigned deed)
{
	struct wire_range range = { a->uid, a->uid };
	struct box_flags_in flags = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1, .change = FLAGS_SET, .flags = a->flags,
		.unchanged = UINT64_MAX };
	struct box_expunge_in expunge = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1 };
	struct box_copy_in copy = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1, .to = MAIL_COPIES, .move = a->move };
	struct link *l = sessions[a->user];

	mail_note(EVENT_BEGIN, deed == 7 ? MAIL_FLAGS : deed == 8 ||
	    a->move ? MAIL_GONE : MAIL_STORED, a->user, INBOX, a->uid, a->m,
	    a->flags);
	if (deed == 7)
		link_call(l, WIRE_box_flags, &flags, WAIT, flagged, a);
	else if (deed == 8)
		link_call(l, WIRE_box_expunge, &expunge, WAIT, expunged, a);
	else
		link_call(l, WIRE_box_copy, &copy, WAIT, copied, a);
}

static void
sweep(struct asked *a)
{
	uint32_t uid = known[a->user][n_known[a->user] - 10];
	struct wire_range range = { 1, uid };
	struct box_expunge_in in = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1 };

	a->uid = uid;
	sweep_note(EVENT_BEGIN, a->user, uid);
	link_call(sessions[a->user], WIRE_box_expunge, &in, WAIT, swept, a);
}

static void
step(unsigned n)
{
	struct asked *a = mem_zero(sizeof *a);
	unsigned deed = n % 10, pick;

	a->user = n / 3 % MAIL_USERS;
	a->m = n;
	a->both = n % 5 == 0;
	begun++;
	if (deed < 6 || n_known[a->user] < 8) {
		deliver(a);
		return;
	}
	if (deed == 6) {
		a->both = false;
		add(a);
		return;
	}
	if (n % 50 == 48 && n_known[a->user] > 10) {
		sweep(a);
		return;
	}
	pick = n_known[a->user] - 1 - n * 13 % 8;
	a->uid = known[a->user][pick];
	a->m = known_m[a->user][pick];
	a->flags = n % 32;
	a->move = n % 3 == 0;
	change(a, deed);
}

/* ---- the scenario */

static void
wait_for(unsigned n)
{
	while (answered < n)
		world_run(1);
}

static unsigned	 upkept;

static void
upkeep_over(void *arg, enum engine_status status)
{
	(void)arg;
	(void)status;
	upkept++;
}

static void
between(const char *root, unsigned n)
{
	unsigned want = upkept + 1;

	if (n % EVERY_COMPACT == 0)
		engine_compact(store.engine, 256 << 10, upkeep_over, NULL);
	else if (n % EVERY_CHECKPOINT == 0)
		engine_checkpoint(store.engine, upkeep_over, NULL);
	else
		want--;
	while (upkept < want)
		world_run(1);
	if (n % EVERY_RESTART == 0) {
		wait_for(begun);
		mail_close();
		mail_open(root);
	}
}

void
mail_drive(const char *root, unsigned steps)
{
	log_init("crash", LOG_ERROR);
	mail_open(root);
	for (unsigned n = 1; n <= steps; n++) {
		between(root, n);
		step(n);
		if (begun > WINDOW)
			wait_for(begun - WINDOW);
	}
	wait_for(begun);
	mail_close();
}
