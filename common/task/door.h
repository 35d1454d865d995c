/*
 * door.h - from a listening socket to a session in a task: the part that
 * smtpd, pop3d and imapd have in common.
 *
 * The door accepts until nobody waits (at most 64 a turn), turns away who is
 * too many (in all, or from one address: /32 and /64, DOS-2), counts, and
 * when descriptors run out stops listening for a second instead of spinning
 * (DOS-8).  The session function gets a conn that it must not close: the
 * door does, when the function returns.
 *
 * A session that waits for its peer's next command says so with
 * door_prompt(true): there it may be ended at once by a stop or a kick, and
 * hears CONN_CANCELLED.  In the middle of a command it finishes first.
 */
#ifndef TASK_DOOR_H
#define TASK_DOOR_H

#include "common/core/daemon.h"
#include "common/task/conn.h"

struct visit;			/* one session, from the door's side */

struct door {
	const char	*name;		/* of the tasks: "smtp session" */
	void		(*session)(struct visit *, struct conn *, enum service);
	struct slice	 busy;		/* said to who is too many in all */
	struct slice	 busy_client;	/* ... from one address */
	unsigned	 most, per_address;
};

/* Takes the listening socket.  The struct is kept, not copied; most and
   per_address may change later. */
void		 door_open(int fd, enum service, const struct door *);
/* A session on a socket that is connected already, which it takes; it is
   bounded in all, as others are. */
void		 door_admit(int fd, enum service, const struct door *);
/* Accepts nobody more, ends those at a prompt, and calls daemon_idle when the
   last has gone: a role's stop callback. */
void		 door_close(void);
/* The session's number: process id and a counter. */
uint64_t	 door_number(const struct visit *);
void		 door_prompt(struct visit *, bool at_prompt);
/* Is the session to end at its next prompt?  (A stop, or it was kicked.) */
bool		 door_leaving(const struct visit *);
/* The number auth gave the session's login, for door_kick. */
void		 door_login(struct visit *, uint64_t login);
/* auth has revoked this login: the session ends at its prompt. */
void		 door_kick(uint64_t login);
/* The same for one session that is known. */
void		 door_end(struct visit *);

/* The role's stats callback. */
void		 door_stats(struct figures *);

#endif
