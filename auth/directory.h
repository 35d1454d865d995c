/*
 * directory.h - all accounts in memory: domains, users, aliases.
 *
 * The rows on the engine are the truth; this is the copy that every question
 * is answered from, read at start (directory_load) and changed in step.
 *
 * A thing enters the directory when its rows are given to the engine, so that
 * nobody else can take its name, and becomes `live` when they are durable:
 * before that it does not exist for anybody who asks.  What is changing has
 * other rows, or none, on their way: who wants to change it too comes later.
 *  One name is a user or
 * an alias, or both: then the alias names itself among its targets, and who
 * has the mailbox keeps a copy of what the others get.
 */
#ifndef AUTH_DIRECTORY_H
#define AUTH_DIRECTORY_H

#include "auth/name.h"
#include "auth/rows.h"
#include "common/core/list.h"
#include "common/core/terms.h"
#include "common/engine/engine.h"

struct remembered;		/* remember.h */

struct domain {
	struct map_node	 node;
	struct slice	 name;
	bool		 live, changing;
	uint64_t	 users, aliases;	/* that are live */
	uint64_t	 names;		/* users and aliases, live or not */
	struct user	*first;		/* oldest that takes mail, or NULL */
};

struct user {
	struct map_node	 by_name, by_number;
	struct slice	 name;
	struct domain	*domain;
	struct row_user	 row;
	bool		 live, changing;
	char		*hash;		/* crypt(5), or NULL: no login */
	uint64_t	 used;		/* bytes in the store, as last told */
	struct remembered *remembered;	/* the password, once verified */
	struct node	 sessions;	/* session.h */
};

struct alias {
	struct map_node	 node;
	struct slice	 name;
	struct domain	*domain;
	bool		 live, changing;
	struct slice	*targets;	/* addresses, in name_text form */
	size_t		 n;
};

struct directory {
	struct map	 domains, users, numbers, aliases;
	struct user	*first;		/* the oldest that takes mail */
	uint64_t	 last;		/* highest number ever given */
	uint64_t	 n_domains, n_users, n_aliases;	/* live */
	uint64_t	 of_shard[SHARDS_MAX];	/* users, live or not */
	struct srs_key	 srs;		/* of return paths, if has_srs */
	bool		 has_srs;
};

/* Reads everything; a row that cannot be read is logged and left alone. */
void		 directory_load(struct directory *, struct engine *);
void		 directory_free(struct directory *);

/* Finding, also what is not live; NULL: not there. */
struct domain	*directory_domain(const struct directory *, struct slice name);
struct user	*directory_user(const struct directory *, struct slice name);
struct user	*directory_number(const struct directory *, uint64_t);
struct alias	*directory_alias(const struct directory *, struct slice name);

/* Entering: the caller has looked that the name is free.  leave takes back
   what never became live, gone takes what was. */
struct domain	*domain_enter(struct directory *, struct slice name);
void		 domain_live(struct directory *, struct domain *);
void		 domain_leave(struct directory *, struct domain *);
void		 domain_gone(struct directory *, struct domain *);
struct user	*user_enter(struct directory *, struct domain *,
		    struct slice name, const struct row_user *);
void		 user_live(struct directory *, struct user *);
void		 user_leave(struct directory *, struct user *);
void		 user_gone(struct directory *, struct user *);
void		 user_disable(struct directory *, struct user *, bool);
void		 user_hash(struct user *, struct slice);
struct alias	*alias_enter(struct directory *, struct domain *,
		    struct slice name, const struct slice *targets, size_t n);
void		 alias_live(struct directory *, struct alias *);
void		 alias_leave(struct directory *, struct alias *);
void		 alias_gone(struct directory *, struct alias *);
void		 alias_retarget(struct alias *, const struct slice *targets,
		    size_t n);

#endif
