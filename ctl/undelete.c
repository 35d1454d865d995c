/* undelete: what was removed comes back, as long as it is kept. */
#include <sysexits.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/mail.h"
#include "ctl/progress.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

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
		in.since = argument_time(ctl.args.value[OPTION_SINCE]);
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
