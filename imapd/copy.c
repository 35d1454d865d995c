/* COPY MOVE EXPUNGE. */
#include "imapd/session.h"

/* What went where: RFC 4315 3. */
struct copied {
	uint32_t	 uidvalidity;
	struct ranges	 from, to;
};

static void
copied_free(struct copied *c)
{
	ranges_free(&c->from);
	ranges_free(&c->to);
}

/* The number of the mailbox to copy to; 0: the reply was written. */
static uint32_t
target(struct session *s, struct slice name)
{
	struct box_status_in in = { .name = name };
	struct box_status_out out;
	enum wire_status status = box_status(s->store, &in, &out, &s->arena,
	    LINK_WAIT);

	if (status == WIRE_OK && out.mailbox != 0)
		return out.mailbox;
	if (status == WIRE_OK || status == WIRE_NONE)
		session_no(s, "[TRYCREATE] there is no such mailbox");
	else
		session_failed(s, status);
	return 0;
}

static bool
took(struct copied *c, const struct box_copy_out *out)
{
	struct ranges from = { 0 };
	bool good = ranges_get(&from, out->from);
	uint32_t n = ranges_count(&from);

	if (good && n > 0) {
		c->uidvalidity = out->uidvalidity;
		ranges_add(&c->to, out->first, out->first + n - 1);
		for (size_t i = 0; i < from.n; i++)
			ranges_add(&c->from, from.r[i].from, from.r[i].to);
	}
	ranges_free(&from);
	return good;
}

/* One commit, unless the set has very many holes.  False: the reply was
   written. */
static bool
copy(struct session *s, const struct ranges *set, uint32_t to, bool move,
    struct copied *c)
{
	struct box_copy_in in = { .mailbox = s->view.mailbox, .to = to,
		.move = move };
	struct box_copy_out out;
	enum wire_status status;
	size_t at = 0;

	in.uids = arena_array(&s->arena, WIRE_LIST_MAX, sizeof *in.uids);
	while ((in.n_uids = view_chunk(&s->view, set, &at, in.uids)) > 0) {
		status = box_copy(s->store, &in, &out, &s->arena, LINK_WAIT);
		if (status == WIRE_OK && out.full) {
			session_no(s, "[OVERQUOTA] there is no room for that");
			return false;
		}
		if (status == WIRE_OK && !took(c, &out))
			status = WIRE_AGAIN;
		if (status != WIRE_OK) {
			session_failed(s, status);
			return false;
		}
		s->view.dirty |= move || to == s->view.mailbox;
	}
	return true;
}

static void
copyuid_print(struct buf *b, const struct copied *c)
{
	buf_printf(b, "[COPYUID %u ", c->uidvalidity);
	set_print(b, &c->from);
	buf_char(b, ' ');
	set_print(b, &c->to);
	buf_str(b, "]");
}

/* MOVE says it before what went (RFC 6851 4.3). */
static void
reply(struct session *s, const struct copied *c, bool move)
{
	struct buf b = { 0 };

	if (ranges_count(&c->from) == 0) {
		session_ok(s, "there was nothing to do");
		return;
	}
	copyuid_print(&b, c);
	if (move) {
		buf_printf(session_out(s), "* OK %s moved\r\n", buf_cstr(&b));
		session_ok(s, "done");
	} else
		session_ok(s, "%s copied", buf_cstr(&b));
	buf_free(&b);
}

static void
copy_or_move(struct session *s, struct scan *a, bool move)
{
	struct copied c = { 0 };
	struct seqset said;
	struct ranges set;
	struct slice name;
	uint32_t to;

	if (!scan_space(a) || !scan_seqset(a, &said) || !scan_space(a) ||
	    !scan_mailbox(a, &name) || !scan_end(a)) {
		session_misread(s, a);
		return;
	}
	if (move && s->view.readonly) {
		session_no(s, "[READ-ONLY] the mailbox was only examined");
		return;
	}
	if (!view_resolve(s, &said, &set))
		return;
	if ((to = target(s, name)) != 0 && copy(s, &set, to, move, &c))
		reply(s, &c, move);
	copied_free(&c);
	ranges_free(&set);
}

void
cmd_copy(struct session *s, struct scan *a)
{
	copy_or_move(s, a, false);
}

void
cmd_move(struct session *s, struct scan *a)
{
	copy_or_move(s, a, true);
}

/* ---- EXPUNGE */

/* Of all messages, or of those that UID EXPUNGE names (RFC 9051 6.4.9), what
   is flagged \Deleted. */
static enum wire_status
expunge(struct session *s, const struct ranges *set)
{
	struct box_expunge_in in = { .mailbox = s->view.mailbox,
		.deleted = true };
	enum wire_status status = WIRE_OK;
	struct box_expunge_out out;
	size_t at = 0;

	in.uids = arena_array(&s->arena, WIRE_LIST_MAX, sizeof *in.uids);
	while (status == WIRE_OK &&
	    (in.n_uids = view_chunk(&s->view, set, &at, in.uids)) > 0)
		status = box_expunge(s->store, &in, &out, &s->arena,
		    LINK_WAIT);
	s->view.dirty = true;
	return status;
}

void
cmd_expunge(struct session *s, struct scan *a)
{
	struct seqset all = { .r = &(struct range){ 1, UINT32_MAX }, .n = 1 };
	struct ranges set = { 0 };
	enum wire_status status;

	if ((s->uid && (!scan_space(a) || !scan_seqset(a, &all))) ||
	    !scan_end(a)) {
		session_misread(s, a);
		return;
	}
	if (s->view.readonly) {
		session_no(s, "[READ-ONLY] the mailbox was only examined");
		return;
	}
	if (!s->uid)
		ranges_copy(&set, &s->view.uids);
	else if (!view_resolve(s, &all, &set))
		return;
	status = expunge(s, &set);
	ranges_free(&set);
	if (status != WIRE_OK)
		session_failed(s, status);
	else if (view_sync(s, true) && (s->enabled & ENABLED_QRESYNC) != 0)
		/* RFC 7162 3.2.7: the client knows all up to here. */
		session_ok(s, "[HIGHESTMODSEQ %llu] expunged",
		    (unsigned long long)s->view.modseq);
	else if (!s->leaving)
		session_ok(s, "expunged");
}
