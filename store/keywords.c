/* box_keywords: keywords a mailbox did not have yet (RFC 9051 2.3.2). */
#include <stdlib.h>

#include "common/core/log.h"
#include "store/list.h"
#include "store/session.h"
#include "store/store.h"

struct wire_keyword *
keywords_list(const struct box *b, struct arena *a, size_t *n)
{
	struct wire_keyword *v = arena_array(a, b->seen.keywords, sizeof *v);
	struct slice rest = buf_view(&b->keywords);

	*n = 0;
	while (*n < b->seen.keywords && keyword_next(&rest, &v[*n].name))
		++*n;
	return v;
}

/* An atom (RFC 9051 9, flag-keyword). */
static bool
name_good(struct slice s)
{
	const struct slice specials = SLICE("(){%*\"\\]");

	if (s.n == 0 || s.n > KEYWORD_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' ||
		    slice_find(specials, s.p[i]) < specials.n)
			return false;
	return true;
}

struct adding {
	struct change	 change;
	struct request	*request;
	bool		 full;
};

static void
keywords_answer(struct request *r, const struct box *b, bool full)
{
	struct box_keywords_out out = { .full = full };

	out.keywords = keywords_list(b, &r->arena, &out.n_keywords);
	answer(r, WIRE_OK, &out);
}

static void
adding_landed(struct change *c, enum engine_status status)
{
	struct adding *a = CONTAINER(c, struct adding, change);

	if (status == ENGINE_OK)
		keywords_answer(a->request, c->parts[0].box, a->full);
	else
		answer(a->request, WIRE_AGAIN, NULL);
	free(a);
}

static void
keywords_add(struct request *r, struct session *s, struct box *b)
{
	const struct box_keywords_in *in = REQUEST(box_keywords, r);
	struct adding *a = mem_zero(sizeof *a);
	struct part *p;

	a->request = r;
	change_begin(&a->change, s->user, b);
	a->change.alters = true;
	p = &a->change.parts[0];
	for (size_t i = 0; i < in->n_names; i++) {
		struct slice name = in->names[i].name;

		if (keyword_bit(b, name) != 0)
			continue;
		if (keyword_new(b, name) != 0)
			p->keywords++;
		else
			a->full = true;
	}
	if (p->keywords > 0) {
		change_commit(&a->change, adding_landed);
		return;
	}
	keywords_answer(r, b, a->full);
	change_drop(&a->change);
	free(a);
}

static void
keywords_run(struct request *r, struct session *s)
{
	const struct box_keywords_in *in = REQUEST(box_keywords, r);
	struct box *b = session_box(r, s, in->mailbox);
	size_t missing = 0;

	if (b == NULL)
		return;
	for (size_t i = 0; i < in->n_names; i++) {
		if (!name_good(in->names[i].name)) {
			answer(r, WIRE_BAD, NULL);
			return;
		}
		missing += keyword_bit(b, in->names[i].name) == 0;
	}
	if (missing == 0)
		keywords_answer(r, b, false);
	else if ((s->rights & RIGHT_FLAGS) == 0)
		answer(r, WIRE_DENIED, NULL);
	else
		keywords_add(r, s, b);
}

static void
take_keywords(struct request *r)
{
	session_run(r, RIGHT_READ, keywords_run);
}

void
keywords_serve(void)
{
	serve(WIRE_box_keywords, take_keywords);
}
