/*
 * link.h - one connection between two processes: the asking side and the
 * answering side.
 *
 * A link has one asker and one answerer, never both.  Calls are numbered and
 * many are under way at once; they are answered in any order, and an answer
 * may come late (that is how work is pulled: queue_next is answered when there
 * is a job).  Sending only queues: each link is written once per turn of the
 * loop (LOOP_FLUSH).
 *
 * Garbage from the other side drops the link, never the process (IPC-3).
 * When a link ends, every call in flight ends with WIRE_GONE: its outcome is
 * unknown.  A *lasting* link (between two roles) then waits for master to
 * bring a new connection; a call made meanwhile waits too, within its deadline.
 *
 * Asking, from a task or a program without a loop, reads like a function:
 *
 *	struct auth_rcpt_in in = { .address = a };
 *	struct auth_rcpt_out out;
 *	if (auth_rcpt(link, &in, &out, arena, 5000) != WIRE_OK) ...
 *
 * and suspends the task (link_suspend) until the answer is there.  A keeper
 * or a callback uses link_call instead.
 */
#ifndef CORE_LINK_H
#define CORE_LINK_H

#include "common/core/loop.h"
#include "common/core/wire.h"

struct link;
struct call;

/* The answer to a call.  out is the call's _out struct if status is OK, else
   NULL; what it points to lives until the callback returns.  A descriptor in
   out->fd belongs to the callback. */
typedef void link_done(void *arg, enum wire_status, const void *out);

/* A request being answered.  `in` and what it points to live until the
   answer.  in->fd belongs to the handler.  When the asker is gone the request
   stays; answering it then is harmless and frees it. */
struct request {
	struct link	*from;		/* NULL once the asker is gone */
	enum wire_call	 call;
	uint32_t	 number;
	const void	*in;
	struct arena	 arena;		/* for the handler, freed with it */
	void		*owner;		/* the handler's, NULL at first */
	/* The handler's: the asker is gone. */
	void		(*lost)(struct request *);
	struct node	 node;		/* in the link's list; private */
	struct buf	 frame;		/* private */
};

typedef void link_handler(struct request *);

/* ---- both sides */

/* How a link is made, and what its end means. */
enum link_kind {
	LINK_ONCE,		/* one connection; freed when that ends */
	LINK_LASTING,		/* waits for the next connection */
	LINK_KEPT,		/* one connection; its owner closes it, and
				   calls made after its end are GONE at once */
	LINK_CHANNEL,		/* as ONCE, and only CHANNEL calls go over it */
};

/* A link to or from `peer`, with no connection yet. */
struct link	*link_new(enum role peer, unsigned instance, enum link_kind);
/* Which role this process is; ROLES (tests): answers for any. */
void		 link_identity(enum role self);
void		 link_attach(struct link *, int fd);	/* takes the fd */
void		 link_close(struct link *);	/* calls in flight: GONE */
bool		 link_up(const struct link *);
enum role	 link_peer(const struct link *);
unsigned	 link_instance(const struct link *);
/* What the owner of the link hangs on it (a store session, say). */
void		 link_own(struct link *, void *);
void		*link_owner(const struct link *);
/* Called when the connection ends, once per connection; may be NULL.  A link
   that is not lasting is freed after it returns. */
void		 link_on_end(struct link *, void (*)(struct link *));
/* How often any link of this process was written to, for `status`. */
uint64_t	 link_sends(void);
/* Bytes queued and not yet taken by the kernel. */
size_t		 link_backlog(const struct link *);

/* ---- asking */

/* Queues a call; deadline in ms from now, 0: none.  in is encoded before it
   returns.  done (may be NULL) is called from the loop, never from inside. */
struct call	*link_call(struct link *, enum wire_call, const void *in,
		    uint64_t ms, link_done *, void *arg);
/* Forgets the callback: the answer, when it comes, is dropped and its
   descriptor closed. */
void		 link_forget(struct call *);
/* As a function: encodes, suspends until done, copies out (lists and texts
   into the arena).  The typed wrappers below are what to use. */
enum wire_status link_ask(struct link *, enum wire_call, const void *in,
		    void *out, struct arena *, uint64_t ms);
/* The same in two halves, for who has something to do while the other side
   works: begin sends at once, end waits.  Out and arena are filled between the
   two and must stay.  Each that was begun is ended or dropped. */
struct ask	*link_ask_begin(struct link *, enum wire_call, const void *in,
		    void *out, struct arena *, uint64_t ms);
enum wire_status link_ask_end(struct ask *);
void		 link_ask_drop(struct ask *);

/* How link_ask waits: until *done is true.  A program with tasks sets it to
   suspend the task; the default runs the link alone with poll (ctl, tests).
   `wake` must make it look again. */
struct link_wait {
	bool		 done;
	void		*task;		/* who waits; the waiter sets it */
	uint64_t	 deadline;	/* absolute ms, 0: none; kept by the
					   loop's timers where a loop runs */
};
extern void	(*link_suspend)(struct link *, struct link_wait *);
extern void	(*link_wake)(struct link_wait *);

#define CALL(name, askers, answerer, doc)				\
	static inline enum wire_status					\
	name(struct link *l, const struct name##_in *in,		\
	    struct name##_out *out, struct arena *arena, uint64_t ms)	\
	{								\
		return link_ask(l, WIRE_##name, in, out, arena, ms);	\
	}
#include "common/core/wire.def"

/* ---- answering */

/* The handler of a call, for the whole process.  A call without one is
   answered DENIED; one that the asker's role may not send drops its link. */
void		 serve(enum wire_call, link_handler *);
/* Serves requests that arrive on this link, whose other end is `asker`. */
void		 link_serve(struct link *);
/* Answers and frees the request.  out may be NULL unless status is OK. */
void		 answer(struct request *, enum wire_status, const void *out);

/* With the loop's types: in = REQUEST(auth_rcpt, request). */
#define REQUEST(name, r)	((const struct name##_in *)(r)->in)

#endif
