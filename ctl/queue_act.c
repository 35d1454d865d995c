/* What waits is held, released, retried, removed or bounced. */
#include <sysexits.h>

#include "common/core/terms.h"
#include "ctl/ask.h"
#include "ctl/queue.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

struct deed {
	enum queue_action action;
	const char	*done;		/* "3 recipients of 2 messages ..." */
	struct link	*queue;
	struct queue_act_in in;
	uint64_t	 messages, recipients, skipped;
};

/* Page by page, over all that match. */
static void
deed_do(struct deed *d)
{
	struct queue_act_out out;
	struct arena arena = { 0 };

	do {
		arena_reset(&arena);
		ask_must(queue_act(d->queue, &d->in, &out, &arena, ASK_WAIT),
		    text("cannot %s them", ctl.command->verb));
		d->messages += out.messages;
		d->recipients += out.recipients;
		d->skipped += out.skipped;
		d->in.after = out.next;
	} while (out.more);
	arena_free(&arena);
}

static void
check_choice(const struct deed *d)
{
	const char *help = text("help queue %s", ctl.command->verb);
	bool all = args_has(&ctl.args, OPTION_EVERYTHING);
	bool any = ctl.args.n > 0 || d->in.sender.n > 0 ||
	    d->in.recipient.n > 0;

	if (!all && !any)
		fail(EX_USAGE, text("queue %s needs to know which messages",
		    ctl.command->verb), "name them, or say --sender, "
		    "--recipient or --all", help);
	if (all && any)
		fail(EX_USAGE, "--all is all: it leaves nothing to choose",
		    NULL, help);
}

/* One by one, so that each that is not there is told.  0: all were. */
static int
deed_each(struct deed *d)
{
	int code = EX_OK;

	for (unsigned i = 0; i < ctl.args.n; i++)
		queue_id(ctl.args.words[i]);	/* before anything is done */
	for (unsigned i = 0; i < ctl.args.n; i++) {
		uint64_t before = d->recipients + d->skipped;

		d->in.id = queue_id(ctl.args.words[i]);
		d->in.after = 0;
		deed_do(d);
		if (d->recipients + d->skipped > before)
			continue;
		warn("%s: nothing of it to %s", show(ctl.args.words[i]),
		    ctl.command->verb);
		code = EX_NOUSER;
	}
	return code;
}

static void
deed_show(const struct deed *d)
{
	static const struct column columns[] = {
		{ "action", COLUMN_TEXT, NULL },
		{ "messages", COLUMN_NUMBER, NULL },
		{ "recipients", COLUMN_NUMBER, NULL },
		{ "skipped", COLUMN_NUMBER, NULL },
	};
	struct sheet s;

	if (d->skipped > 0)
		warn("%llu without a sender cannot be bounced: there is "
		    "nobody to tell\n  try: postino queue rm",
		    (unsigned long long)d->skipped);
	if (ctl.form == FORM_HUMAN) {
		note("%llu recipient%s of %llu message%s %s",
		    (unsigned long long)d->recipients,
		    d->recipients == 1 ? "" : "s",
		    (unsigned long long)d->messages,
		    d->messages == 1 ? "" : "s", d->done);
		return;
	}
	sheet_begin(&s, columns, 4);
	sheet_row(&s, (struct cell[]){
	    { .text = slice_str(ctl.command->verb) },
	    { .number = d->messages }, { .number = d->recipients },
	    { .number = d->skipped } });
	sheet_end(&s, NULL);
}

/* One line, as it stands in the report. */
static struct slice
reason(void)
{
	struct slice s = ctl.args.value[OPTION_REASON];

	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ')
			fail(EX_DATAERR, "--reason has more than one line",
			    "it is one line of text", "help queue bounce");
	return s;
}

static int
deed(enum queue_action action, const char *done)
{
	struct deed d = { .action = action, .done = done,
		.in = { .action = (uint8_t)action, .sender = queue_sender(),
		    .recipient = queue_recipient(),
		    .why = reason(),
		    .all = args_has(&ctl.args, OPTION_EVERYTHING) } };
	int code = EX_OK;

	check_choice(&d);
	d.queue = role_dial(ROLE_QUEUE);
	if (ctl.args.n > 0)
		code = deed_each(&d);
	else
		deed_do(&d);
	deed_show(&d);
	return code;
}

int
cmd_queue_hold(void)
{
	return deed(QUEUE_HOLD, "held");
}

int
cmd_queue_release(void)
{
	return deed(QUEUE_RELEASE, "released");
}

int
cmd_queue_retry(void)
{
	return deed(QUEUE_RETRY, "tried now");
}

int
cmd_queue_rm(void)
{
	return deed(QUEUE_REMOVE, "removed");
}

int
cmd_queue_bounce(void)
{
	return deed(QUEUE_BOUNCE, "returned");
}
