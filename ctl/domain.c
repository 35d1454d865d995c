#include "ctl/domain.h"

#include <sysexits.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/say.h"
#include "ctl/sheet.h"

int
cmd_domain_add(void)
{
	struct domain_add_in in = {
		.name = argument_domain(ctl.args.words[0]) };
	const char *name = show(in.name);
	struct link *auth = role_dial(ROLE_AUTH);

	ask_must(domain_add(auth, &in, NULL, NULL, ASK_WAIT),
	    text("cannot add the domain %s", name));
	note("%s added; next: postino user add ann@%s", name, name);
	return EX_OK;
}

int
cmd_domain_rm(void)
{
	struct domain_rm_in in = {
		.name = argument_domain(ctl.args.words[0]) };
	const char *name = show(in.name);
	const char *what = text("cannot remove the domain %s", name);
	struct domain_rm_out out;

	ask_must(domain_rm(role_dial(ROLE_AUTH), &in, &out, &ctl.arena,
	    ASK_WAIT), what);
	if (out.why.n > 0)
		fail(EX_DATAERR, what, show(out.why), "help user rm");
	note("%s removed; mail for it is refused from now on", name);
	return EX_OK;
}

bool
domain_is_ours(struct link *auth, struct slice name)
{
	struct domain_list_in in = { 0 };
	struct domain_list_out out;

	do {
		ask_must(domain_list(auth, &in, &out, &ctl.arena, ASK_WAIT),
		    "cannot list the domains");
		for (size_t i = 0; i < out.n_domains; i++) {
			in.after = out.domains[i].name;
			if (slice_eq(in.after, name))
				return true;
		}
	} while (out.more && out.n_domains > 0);
	return false;
}

void
address_refused(struct link *auth, struct slice address, const char *what,
    struct slice why)
{
	struct slice domain = address;

	/* A quoted local part may have an at sign in it, a domain none. */
	while (slice_find(domain, '@') < domain.n)
		slice_cut(&domain, '@');
	if (domain_is_ours(auth, domain))
		fail(EX_DATAERR, what, show(why), text("%s list",
		    ctl.command->noun));
	fail(EX_NOHOST, what, show(why), text("domain add %s",
	    show(domain)));
}

void
aliases_warn(struct slice address, const struct wire_target *aliases,
    size_t n)
{
	struct buf b = { 0 };

	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, " %s", show(aliases[i].address));
	warn("aliases still lead to %s:%s", show(address), buf_cstr(&b));
	buf_free(&b);
}

int
cmd_domain_list(void)
{
	static const struct column columns[] = {
		{ "domain", COLUMN_TEXT, NULL },
		{ "users", COLUMN_NUMBER, NULL },
		{ "aliases", COLUMN_NUMBER, NULL },
	};
	struct link *auth = role_dial(ROLE_AUTH);
	struct domain_list_in in = { 0 };
	struct domain_list_out out;
	struct sheet s;

	sheet_begin(&s, columns, 3);
	do {
		ask_must(domain_list(auth, &in, &out, &ctl.arena, ASK_WAIT),
		    "cannot list the domains");
		for (size_t i = 0; i < out.n_domains; i++) {
			const struct wire_domain *d = &out.domains[i];

			sheet_row(&s, (struct cell[]){ { .text = d->name },
			    { .number = d->users }, { .number = d->aliases } });
			in.after = d->name;
		}
		sheet_page(&s);
	} while (out.more && out.n_domains > 0);
	sheet_end(&s, "no domains yet; next: postino domain add NAME");
	return EX_OK;
}
