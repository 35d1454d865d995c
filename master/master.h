/*
 * master.h - the parent of all: it binds, starts, connects and watches, and
 * is the only process that stays root.
 *
 * It reads the configuration and nothing else: no byte of a message, a
 * mailbox, a key or the network reaches it.  From its children it accepts the
 * fixed-size answers of wire.def only (PRIV-2).
 *
 *	main.c	   options, signals, reload, the end
 *	bind.c	   listening sockets
 *	files.c	   the configuration, folders, users, keys for key
 *	child.c	   start, restart with back-off, watchdog
 *	life.c	   ... and signs of life from who is not ready yet
 *	dial.c	   who is connected to whom
 *	control.c  the socket of the `postino` command
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include <sys/types.h>

#include "common/core/conf.h"
#include "common/core/link.h"
#include "common/core/sandbox.h"
#include "master/life.h"

/* One row of roles.def, with what master found out about it. */
struct role_row {
	const char	*name, *program;
	enum kind	 kind;
	const char	*user;
	int		 binary;	/* opened at our start: an upgrade of
					   the files never mixes two builds */
};
extern struct role_row role_rows[ROLES];

struct child {
	struct node	 node;		/* in children */
	enum role	 role;
	unsigned	 instance;
	pid_t		 pid;		/* 0: not running */
	struct link	*link;		/* to ask it; NULL: not running */
	bool		 ready;		/* confined and serving */
	bool		 pinged;	/* a ping is under way */
	unsigned	 connects;	/* connections handed over, ever */
	unsigned	 connects_at_ping;
	uint32_t	 deaths;
	uint64_t	 since;		/* ms: started, or died */
	unsigned	 quick;		/* deaths in a row, soon after start */
	struct timer	 again, ping;
	struct life	 life;		/* until it is ready */
};
extern struct node children;

struct master {
	struct conf	*conf;		/* as at our start: ports, users ... */
	struct conf	*live;		/* as read last; may be the same */
	struct buf	 text;		/* of that */
	const char	*file;		/* its absolute name */
	bool		 stopping;
	int		 exit;		/* our code in the end */
};
extern struct master master;

/* main.c */
/* Reads the file again; on errors nothing changes.  Returns how many there
   were; *restart gets what only a restart would bring into effect. */
unsigned	 reload_config(struct buf *restart);
void		 stop_all(void);
/* A child has ended for good while stopping: go on with the next kind. */
void		 stop_next_stage(void);

/* bind.c */
void		 bind_all(const struct conf *);	/* listeners; fatal if taken */
void		 bind_close(void);		/* and remove socket files */
/* Hands the listening sockets of its services to a child. */
void		 bind_hand_over(struct child *);

/* files.c */
bool		 file_read(const char *path, struct buf *to);
/* Hands a child what it needs of the files that root alone may read: before
   each configuration that it gets. */
void		 files_hand_over(struct child *);
void		 folders_make(const struct conf *);
/* The root folder of a role; a keeper's own, or the empty one. */
const char	*folder_of(const struct conf *, enum role, unsigned instance);
void		 user_of(const struct conf *, enum role, uint32_t *uid,
		    uint32_t *gid);

/* child.c */
void		 child_start(struct child *);
void		 children_reaped(void);		/* after SIGCHLD */
void		 child_kill(struct child *, const char *why);

/* dial.c */
void		 dial_all(struct child *);	/* a child has become ready */
/* The answer to a ping: whom it says it cannot reach. */
void		 dial_lost(struct child *, const struct role_ping_out *);
/* A connection on which ctl asks this child; -1 if there is none. */
int		 dial_ctl(enum role, unsigned instance);

/* control.c */
void		 control_open(const struct conf *);
void		 control_close(void);

#endif
