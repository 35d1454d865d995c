#include "queue/show.h"

#include "queue/spool.h"

enum {
	MESSAGES = 500,			/* looked at for one answer */
	BUDGET = WIRE_FRAME_MAX / 2,	/* bytes of an answer */
	ROW = 100,			/* ... of a row without its texts */
};

struct answer {
	struct wire_waiting *rows;
	size_t		 n, cap, bytes;
};

static const char *
state_name(const struct message *m, const struct rcpt *r)
{
	if (m->state == MESSAGE_SET_ASIDE)
		return "set aside";
	if (r->state == RCPT_KEPT)
		return "kept";
	if (r->state == RCPT_LEASED)
		return "being delivered";
	if (!r->row.local)
		return "waits for relay";
	return r->row.next > queue_clock() ? "deferred" : "due";
}

static bool
add(struct answer *a, const struct message *m, const struct rcpt *r)
{
	struct slice state = slice_str(state_name(m, r));
	size_t bytes = ROW + m->env.return_path.n + r->row.address.n +
	    r->row.why.n;

	if (a->n == a->cap || a->bytes + bytes > BUDGET)
		return false;
	a->bytes += bytes;
	a->rows[a->n++] = (struct wire_waiting){ .id = m->id,
		.return_path = m->env.return_path,
		.recipient = r->row.address, .state = state,
		.size = message_size(m), .accepted = m->env.accepted,
		.next = r->row.next, .tries = r->row.tries,
		.why = r->row.why };
	return true;
}

/* All recipients of a message or, if they alone are too many for an answer,
   the first ones. */
static bool
add_message(struct answer *a, const struct message *m)
{
	size_t before = a->n;

	for (uint32_t i = 0; i < m->n_rcpts; i++)
		if (m->rcpts[i].state != RCPT_FINISHED &&
		    !add(a, m, &m->rcpts[i])) {
			if (before > 0)
				a->n = before;
			return before == 0;
		}
	return true;
}

void
show_list(struct request *r)
{
	const struct queue_list_in *in = REQUEST(queue_list, r);
	struct queue_list_out out = { 0 };
	uint64_t ids[MESSAGES];
	size_t n = spool_ids(in->after, ids, MESSAGES);
	struct answer a = { .cap = WIRE_LIST_MAX };

	a.rows = arena_array(&r->arena, a.cap, sizeof *a.rows);
	out.more = n == MESSAGES;
	for (size_t i = 0; i < n; i++) {
		const struct message *m = message_find(ids[i]);

		if (m != NULL && !add_message(&a, m)) {
			out.more = 1;
			break;
		}
	}
	out.messages = a.rows;
	out.n_messages = a.n;
	answer(r, WIRE_OK, &out);
}
