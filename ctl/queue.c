/* The messages that wait. */
#include <sysexits.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

static void
waiting_row(struct sheet *s, const struct wire_waiting *w)
{
	sheet_row(s, (struct cell[]){ { .number = w->id },
	    { .text = w->return_path.n > 0 || ctl.form != FORM_HUMAN ?
	    w->return_path : SLICE("<>") },
	    { .text = w->recipient }, { .text = w->state },
	    { .number = w->size }, { .number = w->accepted },
	    { .number = w->next }, { .number = w->tries },
	    { .text = w->why } });
}

int
cmd_queue_list(void)
{
	static const struct column columns[] = {
		{ "id", COLUMN_ID, NULL },
		{ "sender", COLUMN_TEXT, NULL },
		{ "recipient", COLUMN_TEXT, NULL },
		{ "state", COLUMN_TEXT, NULL },
		{ "size", COLUMN_SIZE, NULL },
		{ "accepted", COLUMN_TIME, NULL },
		{ "next", COLUMN_TIME, "-" },
		{ "tries", COLUMN_NUMBER, NULL },
		{ "why", COLUMN_TEXT, NULL },
	};
	struct link *queue = role_dial(ROLE_QUEUE);
	struct queue_list_in in = { 0 };
	struct queue_list_out out;
	struct arena arena = { 0 };
	struct sheet s;

	sheet_begin(&s, columns, 9);
	do {
		arena_reset(&arena);
		ask_must(queue_list(queue, &in, &out, &arena, ASK_WAIT),
		    "cannot list the queue");
		for (size_t i = 0; i < out.n_messages; i++) {
			waiting_row(&s, &out.messages[i]);
			in.after = out.messages[i].id;
		}
		sheet_page(&s);
	} while (out.more && out.n_messages > 0);
	sheet_end(&s, "nothing waits");
	arena_free(&arena);
	return EX_OK;
}
