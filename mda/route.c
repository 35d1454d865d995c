/* Where each recipient leads, and in which batch it goes. */
#include "mda/mda.h"

/* Puts a target into a batch of its shard that has room. */
static void
batch_add(struct lease *l, struct target *t)
{
	struct batch *b = l->batches;

	while (b != NULL && (b->shard != t->route.shard || b->n == COPIES_MAX))
		b = b->next;
	if (b == NULL) {
		b = arena_array(l->arena, 1, sizeof *b);
		b->shard = t->route.shard;
		b->tail = &b->targets;
		b->next = l->batches;
		l->batches = b;
	}
	*b->tail = t;
	b->tail = &t->next;
	b->n++;
}

static void
decided(struct target *t, enum outcome outcome, const char *code,
    const char *text)
{
	t->result.outcome = (uint8_t)outcome;
	t->result.code = slice_str(code);
	t->result.text = slice_str(text);
}

void
target_became(struct target *t)
{
	t->result.outcome = OUTCOME_BECAME;
	t->result.became = t->route.became;
	t->result.n_became = t->route.n_became;
	t->result.return_path = t->route.return_path;
}

/* An alias, without a mailbox of its own. */
static bool
is_alias(const struct target *t)
{
	return t->route.user == 0 && t->route.n_became > 0;
}

/* It becomes nobody. */
static void
alias_stays(struct target *t, enum outcome outcome, const char *why)
{
	t->result = (struct wire_result){ .number = t->due->number,
		.outcome = (uint8_t)outcome, .text = slice_str(why) };
	t->result.code = slice_cut(&t->result.text, ' ');
}

void
target_refuse(struct target *t, const char *why)
{
	t->refuse = why;
	if (is_alias(t))
		alias_stays(t, OUTCOME_REFUSED, why);
}

/* RFC 3463 for the codes.  What concerns a user is settled by store, so that
   an older try of ours, still on its way there, can no more be stored. */
static void
target_route(struct lease *l, struct target *t)
{
	const struct auth_route_out *r = &t->route;

	switch ((enum route)r->route) {
	case ROUTE_REMOTE:
		decided(t, OUTCOME_REMOTE, "", "");
		return;
	case ROUTE_UNKNOWN:
		decided(t, OUTCOME_REFUSED, "5.1.1",
		    "nobody of that name here");
		return;
	case ROUTE_DISABLED:
		t->refuse = "5.2.1 the account takes no mail";
		break;
	case ROUTE_LOCAL:
	case ROUTE_FULL:
		break;
	default:
		return;
	}
	if (is_alias(t)) {
		decided(t, OUTCOME_BECAME, "", "");
		target_became(t);
		l->forwards = true;
		if (t->refuse != NULL)
			target_refuse(t, t->refuse);
	} else if (r->user == 0 || r->shard >= SHARDS_MAX)
		decided(t, OUTCOME_LATER, "4.3.5",
		    "the account names no mailbox");
	else
		batch_add(l, t);
}

void
lease_put_off(struct lease *l)
{
	for (size_t i = 0; i < l->next.n_recipients; i++)
		if (is_alias(&l->targets[i]) &&
		    l->targets[i].refuse == NULL)
			alias_stays(&l->targets[i], OUTCOME_LATER,
			    "4.3.0 the message could not be read");
}

void
lease_route(struct lease *l)
{
	for (size_t i = 0; i < l->next.n_recipients; i++) {
		struct target *t = &l->targets[i];
		struct auth_route_in in = { .address = t->due->address,
			.return_path = l->next.return_path };

		decided(t, OUTCOME_LATER, "4.3.0",
		    "local delivery was interrupted");
		if (t->due->expired)
			t->refuse = "4.4.7 it could not be delivered in time";
		if (auth_route(mda.auth, &in, &t->route, l->arena,
		    AUTH_WAIT) == WIRE_OK)
			target_route(l, t);
	}
}
