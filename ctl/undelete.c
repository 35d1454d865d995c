/* undelete: what was removed comes back, as long as it is kept. */
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/mail.h"
#include "ctl/progress.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

/* A local time to ms since 1970. */
static uint64_t
time_read(struct slice word)
{
	static const char *const forms[] = { "%Y-%m-%d", "%Y-%m-%d %H:%M",
		"%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S" };
	const char *said = arena_str(&ctl.arena, word), *end;
	struct tm tm;
	time_t t;

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		memset(&tm, 0, sizeof tm);
		tm.tm_isdst = -1;
		end = strptime(said, forms[i], &tm);
		if (end != NULL && *end == '\0' && (t = mktime(&tm)) >= 0)
			return (uint64_t)t * 1000;
	}
	fail(EX_DATAERR, text("\"%s\" is no time", show(word)), "a time is 2026-11-20, or "
	    "'2026-11-20 14:00', as on the clock here", "help undelete");
}

int
cmd_undelete(void)
{
	static const struct column columns[] = {
		{ "address", COLUMN_TEXT, NULL },
		{ "messages", COLUMN_NUMBER, NULL },
		{ "mailboxes", COLUMN_NUMBER, NULL },
	};
	struct slice address = argument_address(ctl.args.words[0], false);
	struct box_undelete_in in = { .since = 0 };
	struct box_undelete_out out;
	uint64_t messages = 0, boxes = 0;
	struct link *store;
	struct sheet s;

	if (args_has(&ctl.args, OPTION_SINCE))
		in.since = time_read(ctl.args.value[OPTION_SINCE]);
	if (ctl.args.n > 1)
		in.name = ctl.args.words[1];
	store = mail_open(address);
	do {
		ask_must(box_undelete(store, &in, &out, NULL, ASK_WAIT),
		    text("cannot bring back the mail of %s", show(address)));
		messages += out.messages;
		boxes += out.mailboxes;
		progress("%llu messages", (unsigned long long)messages);
	} while (out.messages + out.mailboxes > 0);
	progress_end();
	if (ctl.form == FORM_HUMAN) {
		note("%s: %llu message%s came back, and %llu mailbox%s",
		    show(address), (unsigned long long)messages,
		    messages == 1 ? "" : "s", (unsigned long long)boxes,
		    boxes == 1 ? "" : "es");
		return EX_OK;
	}
	sheet_begin(&s, columns, 3);
	sheet_row(&s, (struct cell[]){ { .text = address },
	    { .number = messages }, { .number = boxes } });
	sheet_end(&s, NULL);
	return EX_OK;
}
