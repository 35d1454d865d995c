/* CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE STATUS, quotas. */
#include "imapd/mailbox.h"

#include "imapd/name.h"
#include "imapd/session.h"

static const struct { const char *name; uint32_t bit; } uses[] = {
	{ "\\Archive", ATTRIBUTE_ARCHIVE }, { "\\Drafts", ATTRIBUTE_DRAFTS },
	{ "\\Flagged", ATTRIBUTE_FLAGGED }, { "\\Junk", ATTRIBUTE_JUNK },
	{ "\\Sent", ATTRIBUTE_SENT }, { "\\Trash", ATTRIBUTE_TRASH },
	{ "\\All", ATTRIBUTE_ALL }, { "\\Important", ATTRIBUTE_IMPORTANT },
};

void
uses_print(struct buf *out, uint32_t attributes)
{
	for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
		if ((attributes & uses[i].bit) != 0)
			buf_printf(out, " %s", uses[i].name);
}

static bool
use_named(struct slice name, uint32_t *attributes)
{
	for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
		if (slice_ieq(name, slice_str(uses[i].name + 1))) {
			*attributes |= uses[i].bit;
			return true;
		}
	return false;
}

static void
done(struct session *s, enum wire_status status)
{
	if (status == WIRE_OK)
		session_ok(s, "done");
	else
		session_failed(s, status);
}

/* "(USE (\Sent))", RFC 6154 3.  unknown: a use that we have no word for. */
static bool
create_options(struct scan *a, uint32_t *attributes, bool *unknown)
{
	struct slice name;

	*unknown = false;
	if (!scan_is(a, ' '))
		return true;
	if (!scan_char(a, '(') || !scan_is_word(a, "USE") || !scan_space(a) ||
	    !scan_char(a, '('))
		return scan_fail(a, "expected (USE (...))");
	do {
		if (!scan_char(a, '\\') || !scan_atom(a, &name))
			return false;
		if (!use_named(name, attributes))
			*unknown = true;
	} while (scan_is(a, ' '));
	return scan_char(a, ')') && scan_char(a, ')');
}

/* A name may end with the separator: others will be made below it. */
void
cmd_create(struct session *s, struct scan *a)
{
	struct box_create_in in = { 0 };
	struct box_create_out out;
	bool unknown;

	if (!scan_space(a) || !scan_mailbox(a, &in.name) ||
	    !create_options(a, &in.attributes, &unknown) || !scan_end(a)) {
		session_misread(s, a);
		return;
	}
	if (unknown) {
		session_no(s, "[USEATTR] no such use of a mailbox");
		return;
	}
	if (in.name.n > 1 && in.name.p[in.name.n - 1] == '/')
		in.name.n--;
	done(s, box_create(s->store, &in, &out, &s->arena, LINK_WAIT));
}

static bool
is_selected(struct session *s, struct slice name)
{
	struct box_status_in in = { .name = name };
	struct box_status_out out;

	return s->view.mailbox != 0 && box_status(s->store, &in, &out,
	    &s->arena, LINK_WAIT) == WIRE_OK &&
	    out.mailbox == s->view.mailbox;
}

/* Who deletes what he has selected has nothing selected then. */
void
cmd_delete(struct session *s, struct scan *a)
{
	struct box_delete_in in = { 0 };
	struct box_delete_out out;
	enum wire_status status;
	bool selected;

	if (!scan_space(a) || !scan_mailbox(a, &in.name) || !scan_end(a)) {
		session_misread(s, a);
		return;
	}
	selected = is_selected(s, in.name);
	status = box_delete(s->store, &in, &out, &s->arena, LINK_WAIT);
	if (status == WIRE_OK && selected) {
		conn_write(s->conn, SLICE("* OK [CLOSED] it is gone\r\n"));
		view_close(s);
	}
	done(s, status);
}

void
cmd_rename(struct session *s, struct scan *a)
{
	struct box_rename_in in = { 0 };
	struct box_rename_out out;

	if (!scan_space(a) || !scan_mailbox(a, &in.from) || !scan_space(a) ||
	    !scan_mailbox(a, &in.to) || !scan_end(a))
		session_misread(s, a);
	else
		done(s, box_rename(s->store, &in, &out, &s->arena, LINK_WAIT));
}

static void
subscribe(struct session *s, struct scan *a, bool on)
{
	struct box_subscribe_in in = { .on = on };
	struct box_subscribe_out out;

	if (!scan_space(a) || !scan_mailbox(a, &in.name) || !scan_end(a))
		session_misread(s, a);
	else
		done(s, box_subscribe(s->store, &in, &out, &s->arena,
		    LINK_WAIT));
}

void
cmd_subscribe(struct session *s, struct scan *a)
{
	subscribe(s, a, true);
}

void
cmd_unsubscribe(struct session *s, struct scan *a)
{
	subscribe(s, a, false);
}

/* ---- STATUS */

enum { MESSAGES, RECENT, UIDNEXT, UIDVALIDITY, UNSEEN, DELETED,
	DELETED_STORAGE, SIZE, HIGHESTMODSEQ, APPENDLIMIT, ITEMS };

static const char *const items[ITEMS] = { "MESSAGES", "RECENT", "UIDNEXT",
	"UIDVALIDITY", "UNSEEN", "DELETED", "DELETED-STORAGE", "SIZE",
	"HIGHESTMODSEQ", "APPENDLIMIT" };

bool
status_items(struct session *s, struct scan *a, unsigned *which)
{
	int i;

	*which = 0;
	if (!scan_char(a, '('))
		return false;
	do {
		for (i = 0; i < ITEMS && !scan_is_word(a, items[i]); i++)
			;
		if (i == ITEMS)
			return scan_fail(a, "no such status item");
		*which |= 1u << i;
	} while (scan_is(a, ' '));
	/* RFC 7162 3.1.7: asking for it means understanding it. */
	if ((*which & 1u << HIGHESTMODSEQ) != 0)
		s->enabled |= ENABLED_CONDSTORE;
	return scan_char(a, ')');
}

/* What EXPUNGE would free (RFC 9208 4.1.4): nobody keeps that sum, so all
   messages are looked through. */
static uint64_t
deleted_storage(struct session *s, const struct wire_box *b)
{
	struct wire_range all = { 1, UINT32_MAX };
	struct box_list_in in = { .mailbox = b->mailbox, .uids = &all,
		.n_uids = 1 };
	struct box_list_out out;
	uint64_t sum = 0;

	while (b->deleted > 0 && all.from != 0) {
		struct arena arena = { 0 };

		if (box_list(s->store, &in, &out, &arena, LINK_WAIT) !=
		    WIRE_OK)
			out = (struct box_list_out){ 0 };
		for (size_t i = 0; i < out.n_entries; i++)
			if ((out.entries[i].flags & FLAG_DELETED) != 0)
				sum += out.entries[i].size;
		all.from = out.next;
		arena_free(&arena);
	}
	return sum;
}

static uint64_t
item(struct session *s, const struct wire_box *b, int i)
{
	switch (i) {
	case MESSAGES: return b->messages;
	case RECENT: return b->recent;
	case UIDNEXT: return b->uidnext;
	case UIDVALIDITY: return b->uidvalidity;
	case UNSEEN: return b->unseen;
	case DELETED: return b->deleted;
	case DELETED_STORAGE: return deleted_storage(s, b);
	case SIZE: return b->bytes;
	case HIGHESTMODSEQ: return b->modseq;
	default: return imapd_conf->message_max;
	}
}

void
status_print(struct session *s, const struct wire_box *b, unsigned which)
{
	struct buf *out = session_out(s);
	const char *blank = "";

	buf_str(out, "* STATUS ");
	name_print(out, b->name, (s->enabled & ENABLED_REV2) != 0);
	buf_str(out, " (");
	for (int i = 0; i < ITEMS; i++)
		if ((which & 1u << i) != 0) {
			buf_printf(out, "%s%s %llu", blank, items[i],
			    (unsigned long long)item(s, b, i));
			blank = " ";
		}
	buf_str(out, ")\r\n");
}

void
cmd_status(struct session *s, struct scan *a)
{
	struct box_status_in in = { 0 };
	struct box_status_out o;
	enum wire_status status;
	unsigned which;

	if (!scan_space(a) || !scan_mailbox(a, &in.name) || !scan_space(a) ||
	    !status_items(s, a, &which) || !scan_end(a)) {
		session_misread(s, a);
		return;
	}
	status = box_status(s->store, &in, &o, &s->arena, LINK_WAIT);
	if (status == WIRE_OK && o.mailbox == 0)
		status = WIRE_NONE;
	if (status != WIRE_OK) {
		session_failed(s, status);
		return;
	}
	status_print(s, &(struct wire_box){ .name = in.name,
		.mailbox = o.mailbox, .uidvalidity = o.uidvalidity,
		.uidnext = o.uidnext, .messages = o.messages,
		.unseen = o.unseen, .deleted = o.deleted, .recent = o.recent,
		.bytes = o.bytes, .modseq = o.modseq }, which);
	session_ok(s, "done");
}

/* ---- quotas: one root, "", for all of a user's mailboxes, if he has a limit
   (RFC 9208 4.2.1: a root has a resource, and that has one) */

static bool
quota(struct session *s, struct box_quota_out *to)
{
	enum wire_status status = box_quota(s->store,
	    &(struct box_quota_in){ 0 }, to, &s->arena, LINK_WAIT);

	if (status != WIRE_OK)
		session_failed(s, status);
	return status == WIRE_OK;
}

/* In units of 1,024 octets (RFC 9208 5.1). */
static void
quota_print(struct session *s, const struct box_quota_out *q)
{
	buf_printf(session_out(s), "* QUOTA \"\" (STORAGE %llu %llu)\r\n",
	    (unsigned long long)(q->used + 1023) / 1024,
	    (unsigned long long)q->limit / 1024);
}

void
cmd_getquota(struct session *s, struct scan *a)
{
	struct box_quota_out q;
	struct slice root;

	if (!scan_space(a) || !scan_astring(a, &root) || !scan_end(a))
		session_misread(s, a);
	else if (quota(s, &q)) {
		if (root.n > 0 || q.limit == 0) {
			session_no(s, "[NONEXISTENT] there is no such quota "
			    "root");
			return;
		}
		quota_print(s, &q);
		session_ok(s, "done");
	}
}

void
cmd_getquotaroot(struct session *s, struct scan *a)
{
	struct box_quota_out q;
	struct buf *out;
	struct slice name;

	if (!scan_space(a) || !scan_mailbox(a, &name) || !scan_end(a)) {
		session_misread(s, a);
		return;
	}
	if (!quota(s, &q))
		return;
	out = session_out(s);
	buf_str(out, "* QUOTAROOT ");
	name_print(out, name, (s->enabled & ENABLED_REV2) != 0);
	buf_str(out, q.limit > 0 ? " \"\"\r\n" : "\r\n");
	if (q.limit > 0)
		quota_print(s, &q);
	session_ok(s, "done");
}
