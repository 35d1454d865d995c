/* SELECT EXAMINE CLOSE UNSELECT. */
#include "imapd/session.h"
#include "imapd/name.h"

/* What SELECT may say behind the name (RFC 4466, RFC 7162 3.2.5). */
struct wish {
	bool		 qresync, knows;
	uint32_t	 uidvalidity;
	uint64_t	 modseq;
	struct ranges	 known;
};

/* "(1:3 1:5)": which numbers had which UIDs.  It only helps a server that
   keeps no history to say less; ours does. */
static bool
match_data(struct scan *a)
{
	struct seqset ignored;

	return scan_char(a, '(') && scan_seqset(a, &ignored) &&
	    scan_space(a) && scan_seqset(a, &ignored) && scan_char(a, ')');
}

static bool
known_uids(struct scan *a, struct wish *w)
{
	struct seqset set;

	if (!scan_seqset(a, &set))
		return false;
	w->knows = true;
	for (size_t i = 0; i < set.n; i++)
		ranges_add(&w->known, set.r[i].from, set.r[i].to);
	return true;
}

static bool
qresync(struct session *s, struct scan *a, struct wish *w)
{
	if ((s->enabled & ENABLED_QRESYNC) == 0)
		return scan_fail(a, "say ENABLE QRESYNC first");
	w->qresync = true;
	if (!scan_space(a) || !scan_char(a, '(') ||
	    !scan_nz_number(a, &w->uidvalidity) || !scan_space(a) ||
	    !scan_number64(a, &w->modseq))
		return false;
	if (scan_is(a, ' ') && !scan_next_is(a, '(') && !known_uids(a, w))
		return false;
	if ((scan_is(a, ' ') || scan_next_is(a, '(')) && !match_data(a))
		return false;
	return scan_char(a, ')');
}

static bool
wishes(struct session *s, struct scan *a, struct wish *w)
{
	if (!scan_is(a, ' '))
		return true;
	if (!scan_char(a, '('))
		return false;
	do {
		if (scan_is_word(a, "CONDSTORE"))
			s->enabled |= ENABLED_CONDSTORE;
		else if (!scan_is_word(a, "QRESYNC"))
			return scan_fail(a, "CONDSTORE or QRESYNC");
		else if (!qresync(s, a, w))
			return false;
	} while (scan_is(a, ' '));
	return scan_char(a, ')');
}

/* RFC 9051 6.3.2; what clients of RFC 3501 want besides. */
static void
describe(struct session *s, struct slice name, const struct box_open_out *o)
{
	struct buf *out;

	view_tell_flags(s);
	out = session_out(s);
	buf_printf(out, "* %u EXISTS\r\n", o->messages);
	if ((s->enabled & ENABLED_REV2) == 0)
		buf_printf(out, "* %u RECENT\r\n", o->recent);
	buf_printf(out, "* OK [UIDVALIDITY %u] UIDs are for ever\r\n"
	    "* OK [UIDNEXT %u] the next UID\r\n"
	    "* OK [HIGHESTMODSEQ %llu] the newest change\r\n",
	    o->uidvalidity, o->uidnext, (unsigned long long)o->modseq);
	if ((s->enabled & ENABLED_REV2) == 0)
		return;
	buf_str(out, "* LIST () \"/\" ");
	name_print(out, name, true);
	buf_str(out, "\r\n");
}

static bool
resync(struct session *s, const struct wish *w)
{
	if (!w->qresync || w->uidvalidity != s->view.uidvalidity)
		return true;
	return view_tell_since(s, w->modseq, w->knows ? &w->known : NULL);
}

static void
open_mailbox(struct session *s, struct slice name, bool readonly,
    const struct wish *w)
{
	struct box_open_out out;
	enum wire_status status;

	if (s->view.mailbox != 0) {
		conn_write(s->conn, SLICE("* OK [CLOSED] the other one\r\n"));
		view_close(s);
	}
	status = view_open(s, name, readonly, &out);
	if (status != WIRE_OK) {
		session_failed(s, status);
		return;
	}
	describe(s, name, &out);
	if (!resync(s, w)) {
		view_close(s);
		session_failed(s, WIRE_AGAIN);
		return;
	}
	session_ok(s, readonly ? "[READ-ONLY] look, but do not touch" :
	    "[READ-WRITE] selected");
}

static void
choose(struct session *s, struct scan *a, bool readonly)
{
	struct wish w = { 0 };
	struct slice name;

	if (scan_space(a) && scan_mailbox(a, &name) && wishes(s, a, &w) &&
	    scan_end(a))
		open_mailbox(s, name, readonly, &w);
	else
		session_misread(s, a);
	ranges_free(&w.known);
}

void
cmd_select(struct session *s, struct scan *a)
{
	choose(s, a, false);
}

void
cmd_examine(struct session *s, struct scan *a)
{
	choose(s, a, true);
}

/* Expunges without a word (RFC 9051 6.4.1). */
void
cmd_close(struct session *s, struct scan *a)
{
	struct wire_range all = { 1, UINT32_MAX };
	struct box_expunge_in in = { .mailbox = s->view.mailbox,
		.uids = &all, .n_uids = 1, .deleted = true };
	struct box_expunge_out out;
	enum wire_status status;

	if (!scan_end(a)) {
		session_misread(s, a);
		return;
	}
	if (!s->view.readonly) {
		status = box_expunge(s->store, &in, &out, &s->arena, LINK_WAIT);
		if (status != WIRE_OK) {
			session_failed(s, status);
			return;
		}
	}
	view_close(s);
	session_ok(s, "closed");
}

void
cmd_unselect(struct session *s, struct scan *a)
{
	if (!scan_end(a)) {
		session_misread(s, a);
		return;
	}
	view_close(s);
	session_ok(s, "nothing is selected");
}
