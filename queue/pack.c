#include "queue/pack.h"

#include <stdlib.h>
#include <string.h>

enum {
	FEW = 16,		/* recipients: always worth it */
	WASTE = 4096,		/* bytes lost to texts of before, for more */
};

typedef void text_fn(struct slice *, void *);

static void
each_text(struct message *m, text_fn *fn, void *arg)
{
	fn(&m->env.return_path, arg);
	fn(&m->env.client, arg);
	fn(&m->env.envid, arg);
	fn(&m->env.token, arg);
	for (uint32_t i = 0; i < m->n_rcpts; i++) {
		struct recipient_row *row = &m->rcpts[i].row;

		fn(&row->address, arg);
		fn(&row->orcpt, arg);
		fn(&row->code, arg);
		fn(&row->why, arg);
		fn(&row->remote, arg);
		fn(&row->return_path, arg);
	}
}

static void
add_length(struct slice *s, void *arg)
{
	*(size_t *)arg += s->n;
}

static void
move_text(struct slice *s, void *arg)
{
	char **to = arg;

	if (s->n > 0)
		memcpy(*to, s->p, s->n);
	*s = slice_of(*to, s->n);
	*to += s->n;
}

static bool
is_idle(const struct message *m)
{
	return (m->state == MESSAGE_SPOOLED ||
	    m->state == MESSAGE_SET_ASIDE) && !m->committing &&
	    list_empty(&m->leases) && m->request == NULL &&
	    m->blob != 0 && !message_has(m, RCPT_SETTLED);
}

void
message_pack(struct message *m)
{
	size_t n = 0;
	char *block, *to;

	if (!is_idle(m))
		return;
	each_text(m, add_length, &n);
	if (m->packed != NULL && m->n_rcpts > FEW &&
	    arena_size(&m->arena) < n + WASTE)
		return;
	if (!m->slim)
		m->prefix_n = (uint32_t)(m->env.before.n + 16 +
		    m->env.after.n);
	m->slim = true;
	m->env.before = m->env.after = slice_of("", 0);
	block = to = mem_alloc(n + 1);
	each_text(m, move_text, &to);
	free(m->packed);
	m->packed = block;
	arena_free(&m->arena);
}
