#include "ctl/queue.h"

#include <sysexits.h>

#include "ctl/ask.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

struct slice
queue_sender(void)
{
	struct slice s = ctl.args.value[OPTION_SENDER];

	if (!args_has(&ctl.args, OPTION_SENDER))
		return slice_of("", 0);
	if (s.n == 0 || slice_eq(s, SLICE("<>")))
		return SLICE("<>");
	return argument_address(s, false);
}

struct slice
queue_recipient(void)
{
	if (!args_has(&ctl.args, OPTION_RECIPIENT))
		return slice_of("", 0);
	return argument_address(ctl.args.value[OPTION_RECIPIENT], true);
}

uint64_t
queue_id(struct slice word)
{
	uint64_t id = 0;
	bool good = word.n > 0 && word.n <= 16;

	for (size_t i = 0; good && i < word.n; i++) {
		char c = (char)(word.p[i] | 0x20);

		good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
		id = id << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	if (!good || id == 0)
		fail(EX_DATAERR, text("%s is not a message", show(word)),
		    "a message is named by its 16 hexadecimal digits",
		    "queue list");
	return id;
}

/* ---- queue list */

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

/* Rows of one message follow each other. */
struct total {
	uint64_t	 messages, recipients, last;
};

static void
total_add(struct total *t, uint64_t id)
{
	t->messages += id != t->last;
	t->recipients++;
	t->last = id;
}

static void
total_note(const struct total *t)
{
	if (t->recipients > 0)
		note("%llu recipient%s of %llu message%s",
		    (unsigned long long)t->recipients,
		    t->recipients == 1 ? "" : "s",
		    (unsigned long long)t->messages,
		    t->messages == 1 ? "" : "s");
}

static void
list_pages(struct sheet *s, struct queue_list_in *in, struct total *total)
{
	struct link *queue = role_dial(ROLE_QUEUE);
	struct queue_list_out out;
	struct arena arena = { 0 };

	do {
		arena_reset(&arena);
		ask_must(queue_list(queue, in, &out, &arena, ASK_WAIT),
		    "cannot list the queue");
		for (size_t i = 0; i < out.n_messages; i++) {
			waiting_row(s, &out.messages[i]);
			total_add(total, out.messages[i].id);
		}
		in->after = out.next;
		sheet_page(s);
	} while (out.more);
	arena_free(&arena);
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
	struct queue_list_in in = { .sender = queue_sender(),
		.recipient = queue_recipient() };
	struct total total = { 0 };
	struct sheet s;

	sheet_begin(&s, columns, 9);
	list_pages(&s, &in, &total);
	sheet_end(&s, in.sender.n + in.recipient.n > 0 ?
	    "nothing that matches waits" : "nothing waits");
	total_note(&total);
	return EX_OK;
}
