/*
 * world.h - pop3d between a client and an auth and a store of ours.
 *
 * The maildrop is drop.letters; a name is anybody's, the password is "secret".
 * store lists three messages at a time, sends what is longer than
 * WIRE_BODY_MAX over a socket, and notes what it is told to remove.
 */
#ifndef UNIT_POP3D_WORLD_H
#define UNIT_POP3D_WORLD_H

#include <stdio.h>

#include "tests/login.h"

enum { LETTERS_MAX = 40000, FETCHES_MAX = 5000, PAGE = 3 };

struct letter {
	uint32_t	 uid;
	struct slice	 text;
};

static struct {
	struct letter	 letters[LETTERS_MAX];
	size_t		 n, page;
	/* what is to go wrong */
	bool		 open_fails, fetch_fails, expunge_fails;
	bool		 cut_short;	/* half a body */
	bool		 dies;		/* in the next call after box_list */
	unsigned	 lists_until_it_dies;	/* 0: never */
	/* what was seen */
	unsigned	 opens, expunges;
	uint32_t	 fetched[FETCHES_MAX];	/* UIDs, in order */
	unsigned	 nfetched, whole;
	struct wire_range removed[LETTERS_MAX];
	size_t		 nremoved, largest;	/* ranges; most in a call */
} drop;

/* ---- store */

static inline bool
store_trouble(struct request *r, bool fails)
{
	world_stir();
	CHECK(login.ins > 0);
	if (drop.dies) {
		channel_cut();
		answer(r, WIRE_AGAIN, NULL);
	} else if (fails)
		answer(r, WIRE_AGAIN, NULL);
	return drop.dies || fails;
}

static inline void
take_open(struct request *r)
{
	struct box_open_out out = { .mailbox = 1, .uidvalidity = 0xabcd };

	world_stir();
	CHECK(slice_eq(REQUEST(box_open, r)->name, SLICE("INBOX")));
	drop.opens++;
	answer(r, drop.open_fails ? WIRE_AGAIN : WIRE_OK, &out);
}

static inline void
take_list(struct request *r)
{
	const struct box_list_in *in = REQUEST(box_list, r);
	struct box_list_out out = { 0 };

	world_stir();
	if (drop.lists_until_it_dies > 0 && --drop.lists_until_it_dies == 0) {
		channel_cut();
		answer(r, WIRE_AGAIN, NULL);
		return;
	}
	out.entries = arena_array(&r->arena, drop.page, sizeof *out.entries);
	for (size_t i = 0; i < drop.n && out.next == 0; i++) {
		const struct letter *l = &drop.letters[i];

		if (l->uid < in->uids[0].from || l->uid > in->uids[0].to)
			continue;
		if (out.n_entries == drop.page) {
			out.next = l->uid;
			break;
		}
		out.entries[out.n_entries++] = (struct wire_entry){
			.uid = l->uid, .size = l->text.n };
	}
	answer(r, WIRE_OK, &out);
}

static inline const struct letter *
letter_of(uint32_t uid)
{
	for (size_t i = 0; i < drop.n; i++)
		if (drop.letters[i].uid == uid)
			return &drop.letters[i];
	return NULL;
}

static inline void
take_fetch(struct request *r)
{
	const struct box_fetch_in *in = REQUEST(box_fetch, r);
	const struct letter *l = letter_of(in->uid);
	struct box_fetch_out out = { 0 };

	if (store_trouble(r, drop.fetch_fails))
		return;
	if (l == NULL) {
		answer(r, WIRE_NONE, NULL);
		return;
	}
	CHECK(in->offset == 0 && in->length >= l->text.n);
	CHECK(drop.nfetched < FETCHES_MAX);
	drop.fetched[drop.nfetched++] = in->uid;
	out.size = l->text.n;
	if (l->text.n <= WIRE_BODY_MAX)
		out.bytes = l->text;
	else
		out.fd = body_send(slice_take(l->text,
		    drop.cut_short ? l->text.n / 2 : l->text.n));
	answer(r, WIRE_OK, &out);
}

static inline void
take_expunge(struct request *r)
{
	const struct box_expunge_in *in = REQUEST(box_expunge, r);

	if (store_trouble(r, drop.expunge_fails))
		return;
	drop.expunges++;
	if (in->n_uids > drop.largest)
		drop.largest = in->n_uids;
	for (size_t i = 0; i < in->n_uids; i++) {
		CHECK(in->uids[i].from <= in->uids[i].to);
		drop.removed[drop.nremoved++] = in->uids[i];
	}
	answer(r, WIRE_OK, NULL);
}

/* ---- a session */

static inline void
pop3_start(void)
{
	world_start(ROLE_POP3D, "server name mail.example.org\n"
	    "privileges none\n"
	    "end sessions after 30 errors\n"
	    "allow 500 sessions per pop3d process\n");
	login_start();
	serve(WIRE_box_open, take_open);
	serve(WIRE_box_list, take_list);
	serve(WIRE_box_fetch, take_fetch);
	serve(WIRE_box_expunge, take_expunge);
}

/* An empty maildrop, and all in order. */
static inline void
pop3_reset(void)
{
	static bool started;

	if (!started)
		pop3_start();
	started = true;
	memset(&drop, 0, sizeof drop);
	memset(&login, 0, sizeof login);
	drop.page = PAGE;
	world.no_tls = false;
}

static inline void
letter_add(uint32_t uid, struct slice text)
{
	CHECK(drop.n < LETTERS_MAX);
	drop.letters[drop.n++] = (struct letter){ uid, text };
}

static inline void
pop3_begin(enum service service)
{
	world_answer(ROLE_AUTH, ROLE_POP3D);
	world_connect(service);
}

static inline void
pop3_end(void)
{
	world_disconnect();
	world_run();
	login_check();
}

/* ---- what RETR must say */

/* The message with each bare CR and LF made CR LF, and a CR LF at its end
   unless it is empty (RFC 1939 3, SMTP-3). */
static inline void
canonical(struct buf *to, struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\r') {
			buf_str(to, "\r\n");
			if (i + 1 < text.n && text.p[i + 1] == '\n')
				i++;
		} else if (text.p[i] == '\n')
			buf_str(to, "\r\n");
		else
			buf_char(to, text.p[i]);
	}
	if (to->n > 0 && to->p[to->n - 1] != '\n')
		buf_str(to, "\r\n");
}

#endif
