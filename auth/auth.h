/*
 * auth.h - what all of auth shares.
 *
 * auth is a keeper: it owns the accounts, answers questions about them from
 * memory, checks passwords in threads, and gives each session that logged in
 * its channel to the store.  Its parts:
 *
 *	ask.c		auth_rcpt, auth_route, auth_sender
 *	login.c		auth_login, with password, penalty and remember
 *	session.c	sessions, their channels and their end
 *	change.c	what ctl changes: domain.c, user.c, alias.c
 *	gone.c		users that were removed, until their mail is gone
 *	list.c		what ctl lists
 *	usage.c		whose mailbox is full
 *	shard.c		which store keeps whose mail
 *	forward.c	the return path of what goes on to others, with srs
 *	directory, load, rows, name, resolve: the accounts themselves
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "auth/directory.h"
#include "auth/penalty.h"
#include "auth/resolve.h"
#include "common/core/conf.h"
#include "common/core/link.h"

struct auth_counts {
	uint64_t	 granted, denied, put_off, from_memory;	/* logins */
	uint64_t	 changes, revoked;
};

struct auth {
	struct engine	*engine;
	struct directory dir;
	struct rules	 rules;
	uint64_t	 quota;		/* of those without one; 0: none */
	uint32_t	 shards;
	struct penalties *penalties;
	struct auth_counts counts;
	/* The link to a store; a test has its own. */
	struct link	*(*store)(unsigned shard);
	unsigned	 busy;		/* logins and changes under way */
	void		(*idle)(void);	/* called when busy falls to 0 */
};
extern struct auth auth;

/* Takes the configuration, which stays the caller's and must stay valid. */
void		 auth_configure(const struct conf *);
/* Reads the accounts of this engine and begins to serve; passwords must be
   ready (password.h) and loop_init done.  False, and nothing is served: the
   configuration runs too few stores (shard.h). */
bool		 auth_begin(struct engine *);
void		 auth_end(void);

/* Each part's handlers. */
void		 ask_serve(void);
void		 login_serve(void);
void		 session_serve(void);
void		 admin_serve(void);
void		 domain_serve(void);
void		 user_serve(void);
void		 alias_serve(void);
void		 list_serve(void);

/* A user's limit in bytes; 0: none. */
uint64_t	 user_limit(const struct user *);
bool		 user_is_full(const struct user *);

/* Around everything that ends later than its handler. */
void		 busy_begin(void);
void		 busy_end(void);

#endif
