/*
 * Mail loops (RFC 5321 6.3, SMTP-9): a message that carries more trace fields
 * than any sane road has hops, or our own mark of this very recipient.
 */
#include "common/mail/header.h"
#include "mda/mda.h"

enum { RECEIVED_MAX = 100, MARKS_MAX = 100 };

static const char loop[] = "5.4.6 a mail loop: it has been here before";

static void
refuse_all(struct lease *l)
{
	for (size_t i = 0; i < l->next.n_recipients; i++)
		if (l->targets[i].refuse == NULL)
			target_refuse(&l->targets[i], loop);
}

static void
refuse_address(struct lease *l, struct slice address)
{
	for (size_t i = 0; i < l->next.n_recipients; i++)
		if (slice_ieq(l->targets[i].due->address, address))
			target_refuse(&l->targets[i], loop);
}

void
lease_loops(struct lease *l)
{
	struct slice header, body;
	unsigned received = 0, marks = 0;
	struct field f;

	header_split(buf_view(&l->start), &header, &body);
	while (header_next(&header, &f)) {
		if (slice_ieq(f.name, SLICE("Received")))
			received++;
		else if (slice_ieq(f.name, SLICE("Delivered-To")) &&
		    ++marks <= MARKS_MAX)
			refuse_address(l, slice_trim(f.body));
	}
	if (received > RECEIVED_MAX || marks > MARKS_MAX)
		refuse_all(l);
}
