/*
 * daemon.h - the one main() of every role but master.
 *
 * A role says what it is in one struct, `daemon_role`, and is called back:
 *
 *	load	  everything that opens files, before confinement; the role's
 *		  folder is then the current directory (keepers)
 *	start	  confined; links exist but may not be up yet; serve() calls here
 *	listen	  a listening socket for a service has come
 *	reload	  a new configuration; names in *restart what needs a restart
 *	stop	  accept nothing more; daemon_idle when the last session ended
 *	stats	  add figures for `postino status`
 *	who	  add sessions for `postino who`
 *
 * Any of them may be NULL.  The links to and from other roles are made by
 * master, kept here, and last: a call made while the other end is being
 * restarted waits within its deadline.
 */
#ifndef CORE_DAEMON_H
#define CORE_DAEMON_H

#include "common/core/conf.h"
#include "common/core/link.h"
#include "common/core/terms.h"

struct figures;			/* takes role_status rows */

struct daemon {
	const char	*name;		/* in the log until role_start names it */
	void		(*load)(const struct conf *);
	void		(*start)(const struct conf *);
	void		(*listen)(int fd, enum service);
	void		(*reload)(const struct conf *, struct buf *restart);
	void		(*stop)(void);
	void		(*stats)(struct figures *);
	void		(*who)(struct figures *);
};
extern const struct daemon daemon_role;

/* Who this process is. */
enum role	 daemon_self(void);
unsigned	 daemon_instance(void);
/* The link on which this process asks `answerer`, instance n.  It exists from
   the start for instance 0; for others from when master connects them. */
struct link	*daemon_link(enum role answerer, unsigned instance);
/* Called for each new connection on which `asker` asks us; may be NULL. */
void		 daemon_on_asker(void (*)(struct link *));
/* Nothing is under way any more: exit, if a stop was asked for. */
void		 daemon_idle(void);
bool		 daemon_stopping(void);

void		 figure_add(struct figures *, const char *name, uint64_t);
/* A session: its name, what it waits for, since how many ms. */
void		 figure_session(struct figures *, struct slice name,
		    struct slice waits, uint64_t ms, uint64_t session);

#endif
