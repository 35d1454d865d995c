/* LIST (RFC 9051 6.3.9), LSUB (RFC 3501 6.3.9), NAMESPACE. */
#include "imapd/mailbox.h"
#include "imapd/name.h"
#include "imapd/session.h"

#include <stdlib.h>
#include <string.h>

enum { PATTERNS_MAX = 100 };

struct wish {
	struct slice	 reference;
	struct slice	 patterns[PATTERNS_MAX];
	size_t		 n;
	bool		 only_subscribed, recursive, only_uses;
	bool		 say_subscribed;
	unsigned	 status;		/* items; 0: none */
	bool		 lsub;
};

/* Every name there is, and those that are only above others; sorted. */
struct names {
	struct wire_box	*v;
	size_t		 n, cap;
};

/* ---- the command */

static bool
one_pattern(struct scan *a, struct wish *w)
{
	if (w->n == PATTERNS_MAX)
		return scan_fail(a, "too many patterns");
	return scan_pattern(a, &w->patterns[w->n++]);
}

static bool
patterns(struct scan *a, struct wish *w)
{
	if (!scan_is(a, '('))
		return one_pattern(a, w);
	do {
		if (!one_pattern(a, w))
			return false;
	} while (scan_is(a, ' '));
	return scan_char(a, ')');
}

/* "(SUBSCRIBED RECURSIVEMATCH)".  There is nothing REMOTE here. */
static bool
selection(struct scan *a, struct wish *w)
{
	if (!scan_is(a, '('))
		return true;
	while (!scan_is(a, ')')) {
		if (scan_is_word(a, "SUBSCRIBED"))
			w->only_subscribed = w->say_subscribed = true;
		else if (scan_is_word(a, "RECURSIVEMATCH"))
			w->recursive = true;
		else if (scan_is_word(a, "SPECIAL-USE"))
			w->only_uses = true;
		else if (!scan_is_word(a, "REMOTE"))
			return scan_fail(a, "no such selection option");
		scan_is(a, ' ');
	}
	if (w->recursive && !w->only_subscribed)
		return scan_fail(a, "RECURSIVEMATCH of what?");
	return scan_space(a);
}

static bool
returns(struct session *s, struct scan *a, struct wish *w)
{
	if (!scan_is(a, ' '))
		return true;
	if (!scan_is_word(a, "RETURN") || !scan_space(a) || !scan_char(a, '('))
		return scan_fail(a, "expected RETURN (...)");
	while (!scan_is(a, ')')) {
		if (scan_is_word(a, "SUBSCRIBED"))
			w->say_subscribed = true;
		else if (scan_is_word(a, "STATUS")) {
			if (!scan_space(a) || !status_items(s, a, &w->status))
				return false;
		} else if (!scan_is_word(a, "CHILDREN") &&
		    !scan_is_word(a, "SPECIAL-USE"))
			return scan_fail(a, "no such return option");
		scan_is(a, ' ');
	}
	return true;
}

/* ---- the names */

static struct wire_box *
names_add(struct arena *arena, struct names *l)
{
	if (l->n == l->cap) {
		struct wire_box *more;

		l->cap = l->cap * 2 + 64;
		more = arena_array(arena, l->cap, sizeof *more);
		if (l->n > 0)
			memcpy(more, l->v, l->n * sizeof *more);
		l->v = more;
	}
	return &l->v[l->n++];
}

static enum wire_status
names_read(struct session *s, struct names *l)
{
	struct box_names_in in = { .after = SLICE("") };
	struct box_names_out out;
	enum wire_status status;

	do {
		status = box_names(s->store, &in, &out, &s->arena, LINK_WAIT);
		if (status != WIRE_OK)
			return status;
		for (size_t i = 0; i < out.n_boxes; i++)
			*names_add(&s->arena, l) = out.boxes[i];
		if (out.n_boxes > 0)
			in.after = out.boxes[out.n_boxes - 1].name;
	} while (out.more && out.n_boxes > 0);
	return WIRE_OK;
}

static int
by_name(const void *a, const void *b)
{
	const struct wire_box *x = a, *y = b;

	return slice_cmp(x->name, y->name);
}

/* Where the first name lies that is not below this one. */
static size_t
names_at(const struct names *l, size_t n, struct slice name)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (slice_cmp(l->v[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Levels that are no mailboxes themselves, because theirs was deleted. */
static void
names_above(struct arena *arena, struct names *l)
{
	size_t known = l->n;

	for (size_t i = 0; i < known; i++) {
		struct slice name = l->v[i].name;

		for (size_t c = 1; c < name.n; c++) {
			struct slice above = slice_take(name, c);
			size_t at;

			if (name.p[c] != '/')
				continue;
			at = names_at(l, known, above);
			if (at < known && slice_eq(l->v[at].name, above))
				continue;
			*names_add(arena, l) = (struct wire_box){
				.name = above };
		}
	}
}

static void
names_sort(struct names *l)
{
	size_t n = 0;

	if (l->n > 0)
		qsort(l->v, l->n, sizeof *l->v, by_name);
	for (size_t i = 0; i < l->n; i++)
		if (n == 0 || !slice_eq(l->v[n - 1].name, l->v[i].name))
			l->v[n++] = l->v[i];
	l->n = n;
}

static bool
is_subscribed(const struct wire_box *b)
{
	return (b->attributes & ATTRIBUTE_SUBSCRIBED) != 0;
}

/* Does a name below this one fulfil the test? */
static bool
below(struct arena *arena, const struct names *l, struct slice name,
    const struct wish *w,
    bool (*is)(const struct wire_box *, const struct wish *))
{
	struct slice prefix = slice_str(arena_printf(arena, "%.*s/",
	    (int)name.n, name.p));

	for (size_t i = names_at(l, l->n, prefix);
	    i < l->n && slice_starts(l->v[i].name, prefix); i++)
		if (is(&l->v[i], w))
			return true;
	return false;
}

/* A pattern is what is behind the reference. */
static void
join_reference(struct wish *w, struct arena *arena)
{
	for (size_t i = 0; i < w->n && w->reference.n > 0; i++)
		w->patterns[i] = slice_str(arena_printf(arena, "%.*s%.*s",
		    (int)w->reference.n, w->reference.p,
		    (int)w->patterns[i].n, w->patterns[i].p));
}

static bool
matches(const struct wish *w, struct slice name)
{
	for (size_t i = 0; i < w->n; i++)
		if (name_matches(w->patterns[i], name))
			return true;
	return false;
}

static bool
exists(const struct wire_box *b, const struct wish *w)
{
	(void)w;
	return b->mailbox != 0;
}

static bool
subscribed(const struct wire_box *b, const struct wish *w)
{
	(void)w;
	return is_subscribed(b);
}

/* ... and not listed itself, so that what is above it stands for it. */
static bool
hidden(const struct wire_box *b, const struct wish *w)
{
	return is_subscribed(b) && !matches(w, b->name);
}

/* ---- what is said of one */

static void
say(struct session *s, const struct wish *w, const struct wire_box *b,
    bool children, bool childinfo)
{
	struct buf *out = session_out(s);

	buf_printf(out, "* %s (%s", w->lsub ? "LSUB" : "LIST",
	    children ? "\\HasChildren" : "\\HasNoChildren");
	/* Clients of RFC 3501 know the second only. */
	if (b->mailbox == 0)
		buf_str(out, w->lsub ? " \\Noselect" :
		    " \\NonExistent \\Noselect");
	if (w->say_subscribed && is_subscribed(b))
		buf_str(out, " \\Subscribed");
	uses_print(out, b->attributes);
	buf_str(out, ") \"/\" ");
	name_print(out, b->name, (s->enabled & ENABLED_REV2) != 0);
	if (childinfo)
		buf_str(out, " (\"CHILDINFO\" (\"SUBSCRIBED\"))");
	buf_str(out, "\r\n");
	if (w->status != 0 && b->mailbox != 0)
		status_print(s, b, w->status);
}

/* RFC 9051 6.3.9.  LSUB and RECURSIVEMATCH name what is above a subscribed
   name, too, if that is not listed itself (RFC 3501 6.3.9, RFC 5258 3.5). */
static void
consider(struct session *s, const struct wish *w, const struct names *l,
    const struct wire_box *b)
{
	bool children, above = w->recursive || w->lsub;

	if (!matches(w, b->name))
		return;
	if (w->only_uses &&
	    (b->attributes & ~(uint32_t)ATTRIBUTE_SUBSCRIBED) == 0)
		return;
	children = below(&s->arena, l, b->name, w, exists);
	if (w->only_subscribed || w->lsub) {
		if (!is_subscribed(b) && (!above ||
		    !below(&s->arena, l, b->name, w, hidden)))
			return;
	} else if (b->mailbox == 0 && !children)
		return;
	if (w->lsub && !is_subscribed(b))
		say(s, w, &(struct wire_box){ .name = b->name }, children,
		    false);
	else
		say(s, w, b, children, w->recursive &&
		    below(&s->arena, l, b->name, w, subscribed));
}

static void
list(struct session *s, struct wish *w)
{
	struct names l = { 0 };
	enum wire_status status = names_read(s, &l);

	join_reference(w, &s->arena);
	if (status != WIRE_OK) {
		session_failed(s, status);
		return;
	}
	names_sort(&l);
	names_above(&s->arena, &l);
	names_sort(&l);
	for (size_t i = 0; i < l.n; i++)
		consider(s, w, &l, &l.v[i]);
	session_ok(s, "that is all");
}

/* LIST "" "": what separates levels. */
static bool
asks_separator(const struct wish *w)
{
	return w->n == 1 && w->patterns[0].n == 0;
}

void
cmd_list(struct session *s, struct scan *a)
{
	struct wish *w = arena_array(&s->arena, 1, sizeof *w);

	if (!scan_space(a) || !selection(a, w) ||
	    !scan_mailbox(a, &w->reference) || !scan_space(a) ||
	    !patterns(a, w) || !returns(s, a, w) || !scan_end(a)) {
		session_misread(s, a);
		return;
	}
	if (asks_separator(w)) {
		buf_str(session_out(s), "* LIST (\\Noselect) \"/\" \"\"\r\n");
		session_ok(s, "that is all");
	} else
		list(s, w);
}

void
cmd_lsub(struct session *s, struct scan *a)
{
	struct wish *w = arena_array(&s->arena, 1, sizeof *w);

	w->lsub = true;
	if (!scan_space(a) || !scan_mailbox(a, &w->reference) ||
	    !scan_space(a) || !one_pattern(a, w) || !scan_end(a))
		session_misread(s, a);
	else
		list(s, w);
}

/* Everything is the user's own (RFC 9051 6.3.10). */
void
cmd_namespace(struct session *s, struct scan *a)
{
	if (!scan_end(a)) {
		session_misread(s, a);
		return;
	}
	buf_str(session_out(s), "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
	session_ok(s, "that is all");
}
