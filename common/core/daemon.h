/*
 * daemon.h - the one main() of every role but master.
 *
 * A role says what it is in one struct, `daemon_role`, and is called back in
 * this order:
 *
 *	file	  what only root can open, before load and before each reload:
 *		  a descriptor, or -1 and why not
 *	load	  as master left us: load tables
 *	open	  own uid and root folder, no way back, but threads may still
 *		  be made: a keeper opens its engine here, in "."
 *	start	  sealed (seccomp).  Links exist but may not be up yet; serve()
 *		  and the role's first calls belong here
 *	listen	  a listening socket for a service has come
 *	reload	  a new configuration; append to *restart what needs a restart
 *	stop	  accept nothing more; call daemon_idle when the last session
 *		  ended (without a stop callback the process ends at once)
 *	end	  the loop has ended: close what is open
 *	stats	  add figures for `postino status`
 *	who	  add sessions for `postino who`, always in the same order; it
 *		  is called for each page of them
 *
 * Any of them may be NULL.  The conf given to load stays valid until after
 * reload returned with a new one.  The links to and from other roles are made
 * by master, kept here, and last: a call made while the other end is being
 * restarted waits within its deadline.
 */
#ifndef CORE_DAEMON_H
#define CORE_DAEMON_H

#include "common/core/conf.h"
#include "common/core/link.h"
#include "common/core/terms.h"

struct figures;			/* takes role_status rows */

struct daemon {
	const char	*name;		/* in the log until role_start */
	void		(*file)(struct slice path, int fd, struct slice why);
	void		(*load)(const struct conf *);
	void		(*open)(const struct conf *);
	void		(*start)(const struct conf *);
	void		(*listen)(int fd, enum service);
	void		(*reload)(const struct conf *, struct buf *restart);
	void		(*stop)(void);
	void		(*end)(void);
	void		(*stats)(struct figures *);
	void		(*who)(struct figures *);
};
extern const struct daemon daemon_role;

/* The life of a role, from master's first call to the exit code. */
int		 daemon_run(void);

/* Who this process is. */
enum role	 daemon_self(void);
unsigned	 daemon_instance(void);
/* The link on which this process asks `answerer`, instance n.  It is made when
   first asked for; calls wait on it until master has connected it. */
struct link	*daemon_link(enum role answerer, unsigned instance);
/* Called for each new connection on which `asker` asks us; may be NULL. */
void		 daemon_on_asker(void (*)(struct link *));
/* Nothing is under way any more: exit, if a stop was asked for. */
void		 daemon_idle(void);
bool		 daemon_stopping(void);
/* Ends the process, once what was answered has left; master starts it anew. */
void		 daemon_again(void);
/* Ends the process at once, and with it the suite: what it found cannot be
   served with this configuration.  For start alone, and when it was logged. */
_Noreturn void	 daemon_refuse(void);

/* name: small letters, digits and _, no blank: it is a JSON member. */
void		 figure_add(struct figures *, const char *name, uint64_t);
/* A session: its name, what it waits for, since how many ms. */
void		 figure_session(struct figures *, struct slice name,
		    struct slice waits, uint64_t ms, uint64_t session);

#endif
