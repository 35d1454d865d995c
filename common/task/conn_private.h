/*
 * conn_private.h - what conn*.c and tls.c share; nobody else.
 *
 * The kernel tells of a change once (edge-triggered), so `readable` and
 * `writable` are kept until a system call refutes them: a recv that fills
 * less than it could has taken all there was, and the next one waits for an
 * event.  After the peer's end was reported (`hung_up`) no further event
 * comes, and then only recv itself tells.
 */
#ifndef TASK_CONN_PRIVATE_H
#define TASK_CONN_PRIVATE_H

#include <sys/types.h>

#include "common/core/loop.h"
#include "common/task/conn.h"
#include "common/task/task_private.h"

enum {
	CONN_IN_MAX = 64 * 1024,	/* bytes of an input buffer */
	CONN_OUT_MAX = 64 * 1024,	/* gathered before they are sent */
	CONN_WHY_MAX = 120,
};

enum conn_way { WAY_IN, WAY_OUT };

/* Bytes p[at..n) were received and not yet read. */
struct input {
	char		*p;
	size_t		 at, n, cap;
	size_t		 last;		/* what conn_unread may give back */
};

struct conn {
	struct watch	 watch;
	bool		 watched;	/* by the loop, if there is one */
	bool		 readable, writable, hung_up;
	bool		 no_way_out;	/* output is dropped */
	bool		 closing;	/* last words wait for the FIN */
	struct task	*waiter;
	const bool	*awaited;	/* readable or writable */

	struct input	 in;
	struct buf	 out;
	uint64_t	 bytes_in, bytes_out;

	uint64_t	 deadline;	/* absolute; 0: none */
	uint64_t	 idle;		/* ms; 0: none */

	enum conn_error	 error;
	struct ssl_st	*tls;
	char		*peer;
	char		 why[CONN_WHY_MAX];
};

/* When a wait that begins now has to end. */
uint64_t	 conn_limit(const struct conn *);
/* Waits until recv (or send) is worth trying.  False: the connection has
   failed, with the error set. */
bool		 conn_wait(struct conn *, enum conn_way, const char *what,
		    uint64_t deadline);
/* The same in a task, and a task_wake ends it too.  True: worth looking. */
bool		 conn_wait_wake(struct conn *, enum conn_way, const char *what,
		    uint64_t deadline, bool *woken);
/* The first error stays.  why may be NULL. */
void		 conn_broke(struct conn *, enum conn_error, const char *why);

/* recv and send that never wait, and keep the bits.  -1: errno; EAGAIN if
   there is nothing (without asking the kernel, when that is known). */
ssize_t		 conn_recv(struct conn *, void *, size_t);
ssize_t		 conn_send(struct conn *, const void *, size_t);

/* Gives the input buffer back as far as it is not in use. */
void		 conn_give_back(struct conn *);

/* The same over TLS (tls.c).  > 0: bytes; 0: the peer has closed; -1: not
   now, wait for *way; -2: failed, and conn_broke was called. */
ssize_t		 tls_read(struct conn *, void *, size_t, enum conn_way *);
ssize_t		 tls_write(struct conn *, const void *, size_t,
		    enum conn_way *);
bool		 tls_has_input(struct conn *);
void		 tls_close(struct conn *);

#endif
