/* Mailboxes and their passwords. */
#include <stdio.h>
#include <sysexits.h>

#include "common/core/terms.h"
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

/* 0: the configuration's. */
static uint64_t
quota(bool standard)
{
	uint64_t limit = 0;
	const char *why;

	if (standard && slice_ieq(ctl.args.value[OPTION_QUOTA],
	    SLICE("default")))
		return 0;
	if (args_has(&ctl.args, OPTION_QUOTA) &&
	    !quota_read(ctl.args.value[OPTION_QUOTA], &limit, &why))
		fail(EX_USAGE, text("--quota %s is not a size",
		    show(ctl.args.value[OPTION_QUOTA])), why, NULL);
	return limit;
}

int
cmd_user_add(void)
{
	struct user_add_in in = { .limit = quota(false),
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

static uint8_t
what_to_set(void)
{
	uint8_t set = 0;

	if (args_has(&ctl.args, OPTION_QUOTA))
		set |= USER_LIMIT;
	if (args_has(&ctl.args, OPTION_DISABLE))
		set |= USER_DISABLED;
	if (args_has(&ctl.args, OPTION_ENABLE))
		set |= USER_ENABLED;
	if (set == 0)
		fail(EX_USAGE, "user set needs --quota, --disable or --enable",
		    NULL, "help user set");
	if ((set & USER_DISABLED) != 0 && (set & USER_ENABLED) != 0)
		fail(EX_USAGE, "--disable and --enable exclude each other",
		    NULL, NULL);
	return set;
}

int
cmd_user_set(void)
{
	struct user_set_in in = { .set = what_to_set(), .limit = quota(true),
		.address = argument_address(ctl.args.words[0], false) };

	ask_must(user_set(role_dial(ROLE_AUTH), &in, NULL, NULL, ASK_WAIT),
	    text("cannot set anything of %s", show(in.address)));
	if ((in.set & USER_LIMIT) != 0)
		note("%s: new quota", show(in.address));
	if ((in.set & USER_DISABLED) != 0)
		note("%s: disabled; sessions ended, mail is refused",
		    show(in.address));
	if ((in.set & USER_ENABLED) != 0)
		note("%s: enabled", show(in.address));
	return EX_OK;
}

static void
removed(struct slice address, const struct user_rm_out *out)
{
	static const struct column columns[] = {
		{ "address", COLUMN_TEXT, NULL },
		{ "messages", COLUMN_NUMBER, NULL },
		{ "bytes", COLUMN_SIZE, NULL },
		{ "later", COLUMN_NUMBER, NULL },
	};
	struct sheet s;

	if (ctl.form == FORM_HUMAN && out->later)
		note("%s removed; its mail goes as soon as store can be "
		    "reached", show(address));
	else if (ctl.form == FORM_HUMAN)
		note("%s removed, with %llu message%s", show(address),
		    (unsigned long long)out->messages,
		    out->messages == 1 ? "" : "s");
	else {
		sheet_begin(&s, columns, 4);
		sheet_row(&s, (struct cell[]){ { .text = address },
		    { .number = out->messages }, { .number = out->bytes },
		    { .number = out->later } });
		sheet_end(&s, NULL);
	}
}

int
cmd_user_rm(void)
{
	struct user_rm_in in = {
		.address = argument_address(ctl.args.words[0], false) };
	const char *name = show(in.address);
	struct user_rm_out out;

	if (!args_has(&ctl.args, OPTION_YES))
		fail(EX_USAGE, text("this would remove %s and all its mail, "
		    "for good", name), text("to keep the mail: user set %s "
		    "--disable", name), text("user rm %s --yes", name));
	ask_must(user_rm(role_dial(ROLE_AUTH), &in, &out, &ctl.arena,
	    ASK_WAIT), text("cannot remove %s", name));
	removed(in.address, &out);
	aliases_warn(in.address, out.aliases, out.n_aliases);
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
