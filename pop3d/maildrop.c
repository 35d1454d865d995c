/* The maildrop: STAT LIST UIDL DELE RSET NOOP QUIT. */
#include "pop3d/session.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/log.h"

static void
mail_add(struct session *s, const struct wire_entry *e)
{
	if (s->n == s->cap) {
		struct mail *more;

		s->cap = s->cap * 2 + 64;
		more = mem_array(s->cap, sizeof *more);
		if (s->n > 0)
			memcpy(more, s->mails, s->n * sizeof *more);
		free(s->mails);
		s->mails = more;
	}
	s->mails[s->n++] = (struct mail){ .uid = e->uid, .size = e->size };
}

/* The message numbers are fixed here, for the whole session. */
static bool
list_all(struct session *s)
{
	struct wire_range range = { 1, UINT32_MAX };
	struct box_list_in in = { .mailbox = s->mailbox, .uids = &range,
		.n_uids = 1 };
	struct box_list_out out;
	struct arena arena = { 0 };
	bool good = true;

	while (good && range.from != 0) {
		good = box_list(s->store, &in, &out, &arena, LINK_WAIT) ==
		    WIRE_OK;
		for (size_t i = 0; good && i < out.n_entries; i++)
			mail_add(s, &out.entries[i]);
		range.from = good ? out.next : 0;	/* 0: that was all */
		arena_reset(&arena);
	}
	arena_free(&arena);
	return good;
}

bool
maildrop_open(struct session *s)
{
	struct box_open_in in = { .name = SLICE("INBOX"), .examine = 1 };
	struct box_open_out out;

	if (box_open(s->store, &in, &out, &s->arena, LINK_WAIT) != WIRE_OK) {
		session_err(s, "[SYS/TEMP] the mailbox cannot be opened now");
		return false;
	}
	s->mailbox = out.mailbox;
	s->uidvalidity = out.uidvalidity;
	s->cap = out.messages;
	s->mails = mem_array(s->cap, sizeof *s->mails);
	if (!list_all(s)) {
		session_err(s, "[SYS/TEMP] the mailbox cannot be read now");
		return false;
	}
	session_ok(s, "%zu messages", s->n);
	return true;
}

void
maildrop_forget(struct session *s)
{
	if (s->store != NULL)
		link_close(s->store);
	s->store = NULL;
	free(s->mails);
	s->mails = NULL;
	s->n = s->cap = 0;
}

struct mail *
maildrop_message(struct session *s, struct slice number)
{
	uint64_t n;

	if (!slice_u64(number, UINT32_MAX, &n)) {
		session_err(s, "say the number of a message");
		return NULL;
	}
	if (n == 0 || n > s->n || s->mails[n - 1].deleted) {
		session_err(s, "no such message");
		return NULL;
	}
	return &s->mails[n - 1];
}

static void
stat_add(struct session *s, size_t *n, uint64_t *size)
{
	*n = 0;
	*size = 0;
	for (size_t i = 0; i < s->n; i++)
		if (!s->mails[i].deleted) {
			++*n;
			*size += s->mails[i].size;
		}
}

void
cmd_stat(struct session *s, struct slice arg)
{
	uint64_t size;
	size_t n;

	(void)arg;
	stat_add(s, &n, &size);
	session_ok(s, "%zu %llu", n, (unsigned long long)size);
}

/* LIST and UIDL differ in what they say of a message only. */
static void
listing(struct session *s, struct slice arg,
    void (*say)(struct session *, struct buf *, const struct mail *))
{
	struct buf *out = conn_out(s->conn);
	const struct mail *m;
	uint64_t size;
	size_t n;

	if (arg.n > 0) {
		if ((m = maildrop_message(s, arg)) != NULL) {
			buf_str(out, "+OK ");
			say(s, out, m);
		}
		return;
	}
	stat_add(s, &n, &size);
	session_ok(s, "%zu messages (%llu octets)", n,
	    (unsigned long long)size);
	for (size_t i = 0; i < s->n; i++)
		if (!s->mails[i].deleted)
			say(s, conn_out(s->conn), &s->mails[i]);
	conn_write(s->conn, SLICE(".\r\n"));
}

static void
say_size(struct session *s, struct buf *out, const struct mail *m)
{
	buf_printf(out, "%zu %llu\r\n", (size_t)(m - s->mails) + 1,
	    (unsigned long long)m->size);
}

/* UIDVALIDITY and UID: unique for ever (RFC 1939 7). */
static void
say_uid(struct session *s, struct buf *out, const struct mail *m)
{
	buf_printf(out, "%zu %08x%08x\r\n", (size_t)(m - s->mails) + 1,
	    s->uidvalidity, m->uid);
}

void
cmd_list(struct session *s, struct slice arg)
{
	listing(s, arg, say_size);
}

void
cmd_uidl(struct session *s, struct slice arg)
{
	listing(s, arg, say_uid);
}

void
cmd_dele(struct session *s, struct slice arg)
{
	struct mail *m = maildrop_message(s, arg);

	if (m == NULL)
		return;
	m->deleted = true;
	s->deleted++;
	session_ok(s, "marked; it goes at QUIT");
}

void
cmd_rset(struct session *s, struct slice arg)
{
	(void)arg;
	for (size_t i = 0; i < s->n; i++)
		s->mails[i].deleted = false;
	s->deleted = 0;
	session_ok(s, "nothing is marked");
}

void
cmd_noop(struct session *s, struct slice arg)
{
	(void)arg;
	session_ok(s, "still here");
}

/* ---- the UPDATE state */

/* The marked messages as ranges of UIDs, from *at on, as many as one call
   takes.  A range spans only neighbours in the list. */
static size_t
ranges(struct session *s, size_t *at, struct wire_range *to)
{
	size_t n = 0;
	bool open = false;

	for (; *at < s->n && n < WIRE_LIST_MAX; ++*at) {
		const struct mail *m = &s->mails[*at];

		if (!m->deleted) {
			open = false;
			continue;
		}
		if (open)
			to[n - 1].to = m->uid;
		else
			to[n++] = (struct wire_range){ m->uid, m->uid };
		open = true;
	}
	return n;
}

static bool
expunge(struct session *s)
{
	struct wire_range *r = mem_array(WIRE_LIST_MAX, sizeof *r);
	struct box_expunge_in in = { .mailbox = s->mailbox, .uids = r };
	size_t at = 0;
	bool good = true;

	while (good && (in.n_uids = ranges(s, &at, r)) > 0)
		good = box_expunge(s->store, &in, NULL, NULL, LINK_WAIT) ==
		    WIRE_OK;
	free(r);
	return good;
}

void
cmd_quit(struct session *s, struct slice arg)
{
	(void)arg;
	s->leaving = true;
	if (s->deleted > 0 && !expunge(s))
		session_err(s, "[SYS/TEMP] marked messages are still there");
	else {
		if (s->deleted > 0)
			LOG(pop3_deleted, .session = s->number,
			    .messages = s->deleted);
		session_ok(s, "bye");
	}
}
