#include "imapd/session.h"

void
view_close(struct session *s)
{
	struct view *v = &s->view;

	if (v->watch != NULL)
		link_forget(v->watch);
	ranges_free(&v->uids);
	ranges_free(&v->gone);
	arena_free(&v->arena);
	*v = (struct view){ 0 };
}
