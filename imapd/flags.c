/* STORE (RFC 9051 6.4.6, RFC 7162 3.1.3). */
#include "imapd/session.h"

struct wish {
	struct seqset	 set;
	struct flag_names names;
	enum flag_change change;
	bool		 silent;
	uint64_t	 unchanged;	/* UINT64_MAX: it does not matter */
};

static bool
unchanged_since(struct session *s, struct scan *a, struct wish *w)
{
	w->unchanged = UINT64_MAX;
	if (!scan_is(a, '('))
		return true;
	if (!scan_is_word(a, "UNCHANGEDSINCE"))
		return scan_fail(a, "expected UNCHANGEDSINCE");
	s->enabled |= ENABLED_CONDSTORE;
	return scan_space(a) && scan_number64(a, &w->unchanged) &&
	    scan_char(a, ')') && scan_space(a);
}

static bool
item(struct scan *a, struct wish *w)
{
	w->change = scan_is(a, '+') ? FLAGS_ADD : scan_is(a, '-') ?
	    FLAGS_REMOVE : FLAGS_SET;
	w->silent = scan_is_word(a, "FLAGS.SILENT");
	return w->silent || scan_is_word(a, "FLAGS") ||
	    scan_fail(a, "expected FLAGS, +FLAGS or -FLAGS");
}

/* The flags as they are now, also of messages that had them before: that is
   what a client without .SILENT wants to hear. */
static bool
tell(void *arg, const struct wire_entry *e)
{
	struct session *s = arg;
	uint32_t number = view_number(&s->view, e->uid);
	struct buf *out = session_out(s);

	if (number == 0)
		return true;
	buf_printf(out, "* %u FETCH (UID %u FLAGS (", number, e->uid);
	view_flags(&s->view, out, e->flags);
	buf_char(out, ')');
	if ((s->enabled & ENABLED_CONDSTORE) != 0)
		buf_printf(out, " MODSEQ (%llu)",
		    (unsigned long long)e->modseq);
	buf_str(out, ")\r\n");
	return true;
}

/* What .SILENT changes is not told, if the client knows what it was before: if
   nobody else came in between (RFC 9051 6.4.6). */
static void
own(struct view *v, uint64_t modseq, bool told)
{
	v->own = told || modseq == v->modseq + 1 ? modseq : 0;
	v->own_told = told;
	v->dirty = true;
}

/* One commit, unless the set has very many holes. */
static enum wire_status
change(struct session *s, const struct wish *w, const struct ranges *set,
    uint64_t bits, struct ranges *modified)
{
	struct box_flags_in in = { .mailbox = s->view.mailbox,
		.change = (uint8_t)w->change, .flags = bits,
		.unchanged = w->unchanged };
	enum wire_status status = WIRE_OK;
	struct box_flags_out out;
	size_t at = 0;

	in.uids = arena_array(&s->arena, WIRE_LIST_MAX, sizeof *in.uids);
	while (status == WIRE_OK &&
	    (in.n_uids = view_chunk(&s->view, set, &at, in.uids)) > 0) {
		status = box_flags(s->store, &in, &out, &s->arena, LINK_WAIT);
		if (status != WIRE_OK)
			break;
		if (out.modseq != 0)
			own(&s->view, out.modseq, !w->silent);
		if (!ranges_get(modified, out.modified))
			status = WIRE_AGAIN;
	}
	return status;
}

/* The set as the command named its messages: numbers or UIDs. */
static void
modified_print(struct session *s, struct buf *b, const struct ranges *uids)
{
	struct ranges numbers = { 0 };

	for (uint32_t u = ranges_first(uids); u != 0 && !s->uid;
	    u = ranges_next(uids, u + 1))
		ranges_add(&numbers, view_number(&s->view, u),
		    view_number(&s->view, u));
	set_print(b, s->uid ? uids : &numbers);
	ranges_free(&numbers);
}

/* Numbers of messages that somebody has expunged make it NO (RFC 2180 4.2.3,
   RFC 7162 3.1.3); UIDs of such ones never count. */
static void
reply(struct session *s, const struct ranges *set,
    const struct ranges *modified)
{
	struct ranges gone = { 0 };
	struct buf which = { 0 };
	bool lost;

	if (!s->uid)
		ranges_intersect(&gone, set, &s->view.gone);
	lost = ranges_count(&gone) > 0;
	modified_print(s, &which, modified);
	if (ranges_count(modified) == 0 && lost)
		session_no(s, "[EXPUNGEISSUED] some messages are gone");
	else if (ranges_count(modified) == 0)
		session_ok(s, "stored");
	else if (lost)
		session_no(s, "[MODIFIED %s] some are gone", buf_cstr(&which));
	else
		session_ok(s, "[MODIFIED %s] some had changed",
		    buf_cstr(&which));
	ranges_free(&gone);
	buf_free(&which);
}

static void
store(struct session *s, const struct wish *w, const struct ranges *set)
{
	struct ranges modified = { 0 };
	enum wire_status status;
	uint64_t bits;

	if (!view_bits(s, s->view.mailbox, &w->names, &bits))
		return;
	status = change(s, w, set, bits, &modified);
	if (status == WIRE_OK && s->view.dirty && !view_sync(s, s->uid))
		status = WIRE_GONE;
	if (status == WIRE_OK && !w->silent)
		status = view_each(s, set, 0, 0, tell, s);
	if (status == WIRE_OK)
		reply(s, set, &modified);
	else
		session_failed(s, status);
	ranges_free(&modified);
}

void
cmd_store(struct session *s, struct scan *a)
{
	struct ranges set;
	struct wish w;

	if (!scan_space(a) || !scan_seqset(a, &w.set) || !scan_space(a) ||
	    !unchanged_since(s, a, &w) || !item(a, &w) || !scan_space(a) ||
	    !scan_flags(a, false, &w.names) || !scan_end(a)) {
		session_misread(s, a);
		return;
	}
	if (s->view.readonly) {
		session_no(s, "[READ-ONLY] the mailbox was only examined");
		return;
	}
	if (!view_resolve(s, &w.set, &set))
		return;
	store(s, &w, &set);
	ranges_free(&set);
}
