/*
 * world.h - imapd between a client and an auth and a store of ours: a name is
 * anybody's, the password is "secret" (login.h); the mailboxes are those of
 * box.h.
 */
#ifndef UNIT_IMAPD_WORLD_H
#define UNIT_IMAPD_WORLD_H

#include "tests/unit/imapd/box_calls.h"

static inline void
imap_start(void)
{
	world_start(ROLE_IMAPD, "server name mail.example.org\n"
	    "privileges none\n"
	    "end sessions after 30 errors\n"
	    "allow 500 sessions per imapd process\n");
	login_start();
	for (size_t i = 0; i < CALLS; i++)
		serve(calls[i].call, calls[i].take);
}

/* An empty INBOX, and all in order. */
static inline void
imap_reset(void)
{
	static bool started;

	if (!started)
		imap_start();
	started = true;
	for (size_t i = 0; i < box.n; i++) {
		buf_free(&box.letters[i].own);
		buf_free(&box.letters[i].digest);
	}
	buf_free(&box.body);
	memset(&box, 0, sizeof box);
	memset(&login, 0, sizeof login);
	box.page = PAGE;
	box.uidnext = 1;
	box.modseq = 1;
	world.no_tls = false;
}

static inline void
imap_begin(enum service service)
{
	world_answer(ROLE_AUTH, ROLE_IMAPD);
	world_connect(service);
}

static inline void
imap_end(void)
{
	world_disconnect();
	world_run();
	if (box.held != NULL)
		answer(box.held, WIRE_GONE, NULL);
	box.held = NULL;
	login_check();
	CHECK(box.watch == NULL);
	for (int i = 0; i < STREAMS_MAX; i++)
		CHECK(box.incoming[i].watch.fd == 0);
}

#endif
