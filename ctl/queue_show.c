/* One message that waits: all that is known of it, or its bytes. */
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/core/terms.h"
#include "ctl/ask.h"
#include "ctl/form.h"
#include "ctl/queue.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

/* ---- its bytes */

/* A terminal is not to be moved by what somebody sent. */
static void
body_print(struct slice bytes)
{
	struct buf b = { 0 };
	struct slice line;

	if (!isatty(STDOUT_FILENO)) {
		fwrite(bytes.p, 1, bytes.n, stdout);
		return;
	}
	while (bytes.n > 0) {
		bool whole = slice_find(bytes, '\n') < bytes.n;

		line = slice_cut(&bytes, '\n');
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		buf_clear(&b);
		form_printable(&b, line);
		if (whole)
			buf_char(&b, '\n');
		fwrite(b.p, 1, b.n, stdout);
	}
	buf_free(&b);
}

static void
show_body(struct link *queue, uint64_t id, const char *failed)
{
	struct queue_body_in in = { .id = id };
	struct queue_body_out out;
	struct arena arena = { 0 };

	do {
		arena_reset(&arena);
		ask_must(queue_body(queue, &in, &out, &arena, ASK_WAIT),
		    failed);
		body_print(out.bytes);
		in.offset += out.bytes.n;
	} while (out.bytes.n > 0 && in.offset < out.size);
	arena_free(&arena);
}

/* ---- the envelope, for people */

static void
line_time(const char *name, uint64_t ms)
{
	struct buf b = { 0 };

	form_time(&b, ms);
	sheet_line(name, buf_cstr(&b));
	buf_free(&b);
}

static const char *
sender_text(const struct queue_show_out *o)
{
	static const char *const sure[] = { [SENDER_STRANGER] =
		"not verified", [SENDER_VERIFIED] = "verified",
		[SENDER_AUTHENTICATED] = "logged in" };

	if (o->return_path.n == 0)
		return o->report ? "<> (a report of ours)" : "<>";
	return text("%s (%s)", show(o->return_path), o->sender <=
	    SENDER_AUTHENTICATED ? sure[o->sender] : sure[0]);
}

static void
envelope_show(uint64_t id, const struct queue_show_out *o)
{
	struct buf b = { 0 };

	sheet_line("message", text("%016llx", (unsigned long long)id));
	sheet_line("state", show(o->state));
	sheet_line("sender", sender_text(o));
	if (o->client.n > 0)
		sheet_line("client", text("%s, session %llu", show(o->client),
		    (unsigned long long)o->session));
	form_size(&b, o->size);
	sheet_line("size", buf_cstr(&b));
	line_time("accepted", o->accepted);
	if (o->expires > 0)
		line_time("expires", o->expires);
	if (o->envid.n > 0)
		sheet_line("envid", show(o->envid));
	putchar('\n');
	buf_free(&b);
}

/* ---- the recipients */

static void
addressee_row(struct sheet *s, uint64_t id, const struct queue_show_out *o,
    const struct wire_addressee *a)
{
	struct cell cells[] = { { .text = a->address }, { .text = a->state },
		{ .number = a->tries }, { .number = a->last },
		{ .number = a->next }, { .text = a->code },
		{ .text = a->why }, { .text = a->remote },
		{ .number = id }, { .text = o->return_path },
		{ .number = o->size }, { .number = o->accepted },
		{ .number = o->expires }, { .text = o->client },
		{ .number = o->session }, { .text = o->envid },
		{ .number = a->number }, { .number = a->parent },
		{ .text = a->orcpt } };

	sheet_row(s, cells);
}

static void
show_recipients(struct link *queue, uint64_t id, const char *failed)
{
	/* People have had the rest above. */
	enum { HUMAN = 8, ALL = 19 };
	static const struct column columns[ALL] = {
		{ "recipient", COLUMN_TEXT, NULL },
		{ "state", COLUMN_TEXT, NULL },
		{ "tries", COLUMN_NUMBER, NULL },
		{ "last", COLUMN_TIME, "-" },
		{ "next", COLUMN_TIME, "-" },
		{ "code", COLUMN_TEXT, NULL },
		{ "why", COLUMN_TEXT, NULL },
		{ "remote", COLUMN_TEXT, NULL },
		{ "id", COLUMN_ID, NULL },
		{ "sender", COLUMN_TEXT, NULL },
		{ "size", COLUMN_SIZE, NULL },
		{ "accepted", COLUMN_TIME, NULL },
		{ "expires", COLUMN_TIME, "-" },
		{ "client", COLUMN_TEXT, NULL },
		{ "session", COLUMN_NUMBER, "-" },
		{ "envid", COLUMN_TEXT, NULL },
		{ "number", COLUMN_NUMBER, NULL },
		{ "parent", COLUMN_NUMBER, NULL },
		{ "orcpt", COLUMN_TEXT, NULL },
	};
	struct queue_show_in in = { .id = id };
	struct queue_show_out out;
	struct arena arena = { 0 };
	struct sheet s;

	sheet_begin(&s, columns, ctl.form == FORM_HUMAN ? HUMAN : ALL);
	do {
		arena_reset(&arena);
		ask_must(queue_show(queue, &in, &out, &arena, ASK_WAIT),
		    failed);
		if (in.from == 0 && ctl.form == FORM_HUMAN)
			envelope_show(id, &out);
		for (size_t i = 0; i < out.n_recipients; i++) {
			addressee_row(&s, id, &out, &out.recipients[i]);
			in.from = out.recipients[i].number + 1;
		}
		sheet_page(&s);
	} while (out.more);
	sheet_end(&s, NULL);
	arena_free(&arena);
}

int
cmd_queue_show(void)
{
	uint64_t id = queue_id(ctl.args.words[0]);
	const char *failed = text("cannot show the message %016llx",
	    (unsigned long long)id);
	struct link *queue = role_dial(ROLE_QUEUE);

	if (args_has(&ctl.args, OPTION_BODY))
		show_body(queue, id, failed);
	else
		show_recipients(queue, id, failed);
	return EX_OK;
}
