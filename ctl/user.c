/* Mailboxes and their passwords. */
#include <stdio.h>
#include <sysexits.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/domain.h"
#include "ctl/password.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

/* At most one way to get a password. */
static void
check_ways(void)
{
	const uint32_t ways = HAS(GENERATE) | HAS(PASSWORD_STDIN) |
	    HAS(HASH_STDIN);
	uint32_t given = ctl.args.given & ways;

	if ((given & (given - 1)) != 0)
		fail(EX_USAGE, "there are two ways to get the password",
		    "say one of them", text("help %s %s", ctl.command->noun,
		    ctl.command->verb));
}

/* For programs a row; for people the password alone, if it was made up, so
   that it can be piped on, and a remark.  It is shown this once. */
static void
done(struct slice address, uint64_t user, const struct secret *s,
    const char *what)
{
	static const struct column columns[] = {
		{ "address", COLUMN_TEXT, NULL },
		{ "user", COLUMN_NUMBER, "-" },
		{ "password", COLUMN_TEXT, NULL },
	};
	bool made = args_has(&ctl.args, OPTION_GENERATE);
	struct sheet sheet;

	if (ctl.form == FORM_HUMAN) {
		if (made)
			puts(s->text);
		note("%s: %s", show(address), what);
		return;
	}
	sheet_begin(&sheet, columns, made ? 3 : 2);
	sheet_row(&sheet, (struct cell[]){ { .text = address },
	    { .number = user }, { .text = secret_view(s) } });
	sheet_end(&sheet, NULL);
}

static uint64_t
quota(void)
{
	uint64_t limit = 0;
	const char *why;

	if (args_has(&ctl.args, OPTION_QUOTA) &&
	    !quota_read(ctl.args.value[OPTION_QUOTA], &limit, &why))
		fail(EX_USAGE, text("--quota %s is not a size",
		    show(ctl.args.value[OPTION_QUOTA])), why, NULL);
	return limit;
}

int
cmd_user_add(void)
{
	struct user_add_in in = { .limit = quota(),
		.address = argument_address(ctl.args.words[0], false) };
	struct user_add_out out;
	struct secret s = { .n = 0 };
	const char *what = text("cannot add %s", show(in.address));
	struct link *auth;

	check_ways();
	auth = role_dial(ROLE_AUTH);	/* before anybody types a password */
	if (args_has(&ctl.args, OPTION_HASH_STDIN)) {
		secret_read(&s, "hash");
		in.hash = secret_view(&s);
	} else {
		secret_get(&s);
		in.password = secret_view(&s);
	}
	ask_must(user_add(auth, &in, &out, &ctl.arena, ASK_WAIT), what);
	if (out.why.n > 0) {
		secret_wipe(&s);
		if (out.exists)
			fail(EX_CANTCREAT, what, show(out.why), "user list");
		address_refused(auth, in.address, what, out.why);
	}
	done(in.address, out.user, &s, "mailbox added");
	secret_wipe(&s);
	return EX_OK;
}

int
cmd_user_passwd(void)
{
	struct user_passwd_in in = {
		.address = argument_address(ctl.args.words[0], false) };
	struct secret s = { .n = 0 };
	struct link *auth;

	check_ways();
	auth = role_dial(ROLE_AUTH);
	secret_get(&s);
	in.password = secret_view(&s);
	ask_must(user_passwd(auth, &in, NULL, NULL, ASK_WAIT),
	    text("no new password for %s", show(in.address)));
	done(in.address, 0, &s, "new password, old sessions ended");
	secret_wipe(&s);
	return EX_OK;
}

int
cmd_user_list(void)
{
	static const struct column columns[] = {
		{ "address", COLUMN_TEXT, NULL },
		{ "state", COLUMN_TEXT, NULL },
		{ "quota", COLUMN_QUOTA, "default" },
		{ "shard", COLUMN_NUMBER, NULL },
		{ "user", COLUMN_NUMBER, NULL },
	};
	struct link *auth = role_dial(ROLE_AUTH);
	struct user_list_in in = { 0 };
	struct user_list_out out;
	struct sheet s;

	sheet_begin(&s, columns, 5);
	do {
		ask_must(user_list(auth, &in, &out, &ctl.arena, ASK_WAIT),
		    "cannot list the mailboxes");
		for (size_t i = 0; i < out.n_users; i++) {
			const struct wire_user *u = &out.users[i];

			sheet_row(&s, (struct cell[]){ { .text = u->address },
			    { .text = u->disabled ? SLICE("disabled") :
			    SLICE("active"), .mood = u->disabled ? MOOD_BAD :
			    MOOD_NONE }, { .number = u->limit },
			    { .number = u->shard }, { .number = u->user } });
			in.after = u->address;
		}
		sheet_page(&s);
	} while (out.more && out.n_users > 0);
	sheet_end(&s, "no mailboxes yet; next: postino user add ADDRESS");
	return EX_OK;
}
