/*
 * mailbox.h - a store in a process of its own, asked as imapd asks it, and what
 * that costs: CPU time of both processes, so that neither the disk nor the
 * neighbours count.
 */
#ifndef BENCH_MAILBOX_H
#define BENCH_MAILBOX_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/core/log.h"
#include "store/session.h"
#include "store/store.h"

enum { BATCH = 10000, DIGEST = 600 };

static pid_t		 child;		/* the store */
static struct arena	 arena;

/* ---- in the store */

static inline void
landed(struct change *c, enum engine_status status)
{
	(void)c;
	if (status != ENGINE_OK)
		fatal("commit");
	loop_stop();
}

/* The user's INBOX gets so many messages; one UID of each `gone` is missing,
   as after years, 0: none. */
static inline void
mailbox_fill(uint64_t user, uint32_t messages, uint32_t gone)
{
	static char digest[DIGEST];
	struct user *u = user_hold(user);
	struct box *b = box_inbox(u);

	for (uint32_t done = 0; done < messages;) {
		struct change c;

		change_begin(&c, u, b);
		for (int i = 0; i < BATCH && done < messages; i++, done++) {
			struct message_row row = { .modseq = ++b->now.modseq,
				.size = 5000 + done % 1000, .when = done,
				.head = SLICE("Return-Path: <ann@example.org>"
				"\r\n"), .head_n = 32, .id = done };

			if (gone > 0 && done % gone == 0)
				b->now.uidnext++;
			change_add(&c, &c.parts[0], &row, 0,
			    slice_of(digest, sizeof digest));
		}
		change_commit(&c, landed);
		loop_run();
	}
	user_release(u);
}

/* A session of the user, who asks over this descriptor. */
static inline void
session_listen(uint64_t user, int fd)
{
	struct session *s = mem_zero(sizeof *s);
	struct link *l = link_new(ROLE_IMAPD, 0, LINK_CHANNEL);

	s->user = user_hold(user);
	s->rights = RIGHT_IMAP;
	s->home = true;
	list_init(&s->streams);
	link_own(l, s);
	link_serve(l);
	link_attach(l, fd);
}

/* ---- in the session */

/* us, of both processes. */
static inline double
cpu(void)
{
	struct timespec own, its;
	clockid_t clock;

	clock_getcpuclockid(child, &clock);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
	clock_gettime(clock, &its);
	return (double)(own.tv_sec + its.tv_sec) * 1e6 +
	    (double)(own.tv_nsec + its.tv_nsec) / 1e3;
}

static inline void
expect(enum wire_status status)
{
	if (status != WIRE_OK)
		fatal("%s", wire_status_name(status));
}

#endif
