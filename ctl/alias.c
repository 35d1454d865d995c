/* Addresses that lead to others. */
#include <sysexits.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/domain.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

static int
put(bool set)
{
	struct alias_add_in in = { .n_targets = ctl.args.n - 1, .set = set,
		.address = argument_address(ctl.args.words[0], true) };
	struct alias_add_out out;
	const char *what = text("cannot %s the alias %s", set ? "set" : "add",
	    show(in.address));
	enum wire_status status;
	struct link *auth;

	in.targets = arena_array(&ctl.arena, in.n_targets,
	    sizeof *in.targets);
	for (size_t i = 0; i < in.n_targets; i++)
		in.targets[i].address =
		    argument_address(ctl.args.words[i + 1], false);
	auth = role_dial(ROLE_AUTH);
	status = alias_add(auth, &in, &out, &ctl.arena, ASK_WAIT);
	if (set && status == WIRE_NONE)
		fail(EX_NOUSER, what, "there is no such alias", "alias list");
	ask_must(status, what);
	if (out.exists)
		fail(EX_CANTCREAT, what, show(out.why), "alias list");
	if (out.why.n > 0)
		address_refused(auth, in.address, what, out.why);
	note("%s leads to %zu address%s", show(in.address), in.n_targets,
	    in.n_targets == 1 ? "" : "es");
	return EX_OK;
}

int
cmd_alias_add(void)
{
	return put(false);
}

int
cmd_alias_set(void)
{
	return put(true);
}

int
cmd_alias_rm(void)
{
	struct alias_rm_in in = {
		.address = argument_address(ctl.args.words[0], true) };
	const char *what = text("cannot remove the alias %s",
	    show(in.address));
	struct alias_rm_out out;
	enum wire_status status = alias_rm(role_dial(ROLE_AUTH), &in, &out,
	    &ctl.arena, ASK_WAIT);

	if (status == WIRE_NONE)
		fail(EX_NOUSER, what, "there is no such alias", "alias list");
	ask_must(status, what);
	note("%s removed", show(in.address));
	aliases_warn(in.address, out.aliases, out.n_aliases);
	return EX_OK;
}

int
cmd_alias_list(void)
{
	static const struct column columns[] = {
		{ "address", COLUMN_TEXT, NULL },
		{ "targets", COLUMN_TARGETS, NULL },
	};
	struct link *auth = role_dial(ROLE_AUTH);
	struct alias_list_in in = { 0 };
	struct alias_list_out out;
	struct sheet s;

	sheet_begin(&s, columns, 2);
	do {
		ask_must(alias_list(auth, &in, &out, &ctl.arena, ASK_WAIT),
		    "cannot list the aliases");
		for (size_t i = 0; i < out.n_aliases; i++) {
			const struct wire_alias *a = &out.aliases[i];

			sheet_row(&s, (struct cell[]){ { .text = a->address },
			    { .list = a->targets,
			    .n_list = a->n_targets } });
			in.after = a->address;
		}
		sheet_page(&s);
	} while (out.more && out.n_aliases > 0);
	sheet_end(&s, "no aliases");
	return EX_OK;
}
