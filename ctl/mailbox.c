/* A user's sessions and mail, for the admin: kick, mailbox list, mailbox cat.
   Opening somebody's mail is written to the log. */
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/core/terms.h"
#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/domain.h"
#include "ctl/mail.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

enum { PIECE = 64 * 1024 };

int
cmd_kick(void)
{
	static const struct column columns[] = {
		{ "address", COLUMN_TEXT, NULL },
		{ "sessions", COLUMN_NUMBER, NULL },
	};
	struct auth_kick_in in = {
		.address = argument_address(ctl.args.words[0], false) };
	struct auth_kick_out out;
	struct sheet s;

	ask_must(auth_kick(role_dial(ROLE_AUTH), &in, &out, NULL, ASK_WAIT),
	    text("cannot end the sessions of %s", show(in.address)));
	if (ctl.form == FORM_HUMAN) {
		note("%s: %u session%s ended", show(in.address), out.sessions,
		    out.sessions == 1 ? "" : "s");
		return EX_OK;
	}
	sheet_begin(&s, columns, 2);
	sheet_row(&s, (struct cell[]){ { .text = in.address },
	    { .number = out.sessions } });
	sheet_end(&s, NULL);
	return EX_OK;
}

/* auth's link must stay as long. */
struct link *
mail_open(struct slice address)
{
	struct auth_open_in in = { .address = address };
	struct auth_open_out out;
	struct link *store;

	ask_must(auth_open(role_dial(ROLE_AUTH), &in, &out, NULL, ASK_WAIT),
	    text("cannot open the mail of %s", show(address)));
	if (out.fd <= 0)
		ask_failed(WIRE_AGAIN, text("cannot open the mail of %s",
		    show(address)));
	store = link_new(ROLE_STORE, 0, LINK_ONCE);
	link_attach(store, out.fd);
	return store;
}

int
cmd_mailbox_list(void)
{
	static const struct column columns[] = {
		{ "mailbox", COLUMN_TEXT, NULL },
		{ "messages", COLUMN_NUMBER, NULL },
		{ "unseen", COLUMN_NUMBER, NULL },
		{ "size", COLUMN_SIZE, NULL },
	};
	struct link *store = mail_open(argument_address(ctl.args.words[0],
	    false));
	struct box_names_in in = { .after = SLICE("") };
	struct box_names_out out;
	struct arena arena = { 0 };
	struct sheet s;

	sheet_begin(&s, columns, 4);
	do {
		ask_must(box_names(store, &in, &out, &arena, ASK_WAIT),
		    "cannot list the mailboxes");
		for (size_t i = 0; i < out.n_boxes; i++) {
			const struct wire_box *b = &out.boxes[i];

			in.after = b->name;
			if (b->mailbox != 0)
				sheet_row(&s, (struct cell[]){
				    { .text = b->name },
				    { .number = b->messages },
				    { .number = b->unseen },
				    { .number = b->bytes } });
		}
		sheet_page(&s);
	} while (out.more && out.n_boxes > 0);
	sheet_end(&s, "no mailboxes");
	arena_free(&arena);
	return EX_OK;
}

/* ---- mailbox cat */

static void
messages_list(struct link *store, uint32_t mailbox)
{
	static const struct column columns[] = {
		{ "uid", COLUMN_NUMBER, NULL },
		{ "received", COLUMN_TIME, NULL },
		{ "size", COLUMN_SIZE, NULL },
		{ "seen", COLUMN_TEXT, NULL },
		{ "id", COLUMN_ID, NULL },
	};
	struct wire_range all = { 1, UINT32_MAX };
	struct box_list_in in = { .mailbox = mailbox, .uids = &all,
		.n_uids = 1 };
	struct box_list_out out;
	struct arena arena = { 0 };
	struct sheet s;

	sheet_begin(&s, columns, 5);
	do {
		arena_reset(&arena);
		ask_must(box_list(store, &in, &out, &arena, ASK_WAIT),
		    "cannot list the mailbox");
		for (size_t i = 0; i < out.n_entries; i++)
			sheet_row(&s, (struct cell[]){
			    { .number = out.entries[i].uid },
			    { .number = out.entries[i].when },
			    { .number = out.entries[i].size },
			    { .text = out.entries[i].flags & FLAG_SEEN ?
			    SLICE("yes") : SLICE("no") },
			    { .number = out.entries[i].id } });
		all.from = out.next;
		sheet_page(&s);
	} while (out.next != 0);
	sheet_end(&s, "the mailbox is empty");
	arena_free(&arena);
}

static void
copy_out(int fd, uint64_t n)
{
	static char piece[PIECE];
	ssize_t got;

	for (; n > 0 && (got = read(fd, piece, n < PIECE ? n : PIECE)) > 0;
	    n -= (uint64_t)got)
		fwrite(piece, 1, (size_t)got, stdout);
	close(fd);
	if (n > 0)
		fail(EX_TEMPFAIL, "the message broke off", "the store ended",
		    "status");
}

static void
message_print(struct link *store, uint32_t mailbox, struct slice word)
{
	struct box_fetch_in in = { .mailbox = mailbox, .length = UINT64_MAX };
	struct box_fetch_out out;
	struct arena arena = { 0 };
	uint64_t uid;

	if (!slice_u64(word, UINT32_MAX, &uid) || uid == 0)
		fail(EX_USAGE, text("\"%s\" is no UID", show(word)),
		    "a message is named by its number in the mailbox",
		    "help mailbox cat");
	in.uid = (uint32_t)uid;
	ask_must(box_fetch(store, &in, &out, &arena, ASK_WAIT),
	    text("cannot read message %s", show(word)));
	if (out.fd > 0)
		copy_out(out.fd, out.size);
	else
		fwrite(out.bytes.p, 1, out.bytes.n, stdout);
	arena_free(&arena);
}

int
cmd_mailbox_cat(void)
{
	struct link *store = mail_open(argument_address(ctl.args.words[0],
	    false));
	struct box_status_in in = { .name = ctl.args.words[1] };
	struct box_status_out out;
	struct arena arena = { 0 };

	ask_must(box_status(store, &in, &out, &arena, ASK_WAIT),
	    text("cannot open the mailbox %s", show(in.name)));
	if (ctl.args.n == 2)
		messages_list(store, out.mailbox);
	else
		message_print(store, out.mailbox, ctl.args.words[2]);
	arena_free(&arena);
	return EX_OK;
}
