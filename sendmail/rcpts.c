#include "sendmail/sendmail.h"

#include <string.h>
#include <sysexits.h>

#include "common/mail/addr.h"
#include "common/mail/addrlist.h"
#include "common/mail/header.h"

static bool
complete(struct slice local, struct slice domain, struct slice *to)
{
	struct addr a = { .local = local, .domain = domain }, again;
	struct addr_error e;
	struct slice text;

	if (domain.n == 0)
		a.domain = front.conf.server_name;
	/* Quoted where it must be; then it is read as SMTP will. */
	a.flags = ADDR_QUOTED;
	text = addr_text(&front.arena, &a);
	if (!addr_parse(&front.arena, text, 0, &again, &e))
		return false;
	*to = addr_text(&front.arena, &again);
	return true;
}

bool
address_complete(struct slice text, struct slice *to)
{
	struct addrlist list = { .rest = text };
	struct address a, more;

	if (!addrlist_next(&front.arena, &list, &a) ||
	    a.kind != ADDRESS_MAILBOX || a.local.n == 0 ||
	    addrlist_next(&front.arena, &list, &more))
		return false;
	return complete(a.local, a.domain, to);
}

static void
add(struct dropped *d, struct slice address)
{
	struct slice *more;

	for (size_t i = 0; i < d->n; i++)
		if (slice_eq(d->to[i], address))
			return;
	if (d->n == DROPPED_RCPTS)
		fail(EX_USAGE, "more than %d recipients", DROPPED_RCPTS);
	if ((d->n & (d->n - 1)) == 0) {
		more = arena_array(&front.arena, d->n > 0 ? d->n * 2 : 4,
		    sizeof *more);
		if (d->n > 0)
			memcpy(more, d->to, d->n * sizeof *more);
		d->to = more;
	}
	d->to[d->n++] = address;
}

void
rcpts_add(struct slice text, struct dropped *d)
{
	struct addrlist list = { .rest = text };
	struct slice address;
	struct address a;

	while (addrlist_next(&front.arena, &list, &a)) {
		if (a.kind != ADDRESS_MAILBOX)
			continue;
		if (a.local.n == 0 || !complete(a.local, a.domain, &address))
			fail(EX_DATAERR, "\"%.*s\" is no mail address",
			    (int)text.n, text.p);
		add(d, address);
	}
}

/* Fields of these names; true if there was one. */
static bool
add_fields(struct slice header, const char *const *names, struct dropped *d)
{
	bool found = false;
	struct field f;

	while (header_next(&header, &f))
		for (unsigned i = 0; names[i] != NULL; i++)
			if (slice_ieq(f.name, slice_str(names[i]))) {
				found = true;
				rcpts_add(f.body, d);
			}
	return found;
}

void
rcpts_of_header(struct slice header, struct dropped *d)
{
	static const char *const resent[] = { "Resent-To", "Resent-Cc",
		"Resent-Bcc", NULL };
	static const char *const plain[] = { "To", "Cc", "Bcc", NULL };

	if (!add_fields(header, resent, d))
		add_fields(header, plain, d);
}
