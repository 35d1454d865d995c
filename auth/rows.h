/*
 * rows.h - the form of everything auth keeps on its engine.
 *
 * All rows lie in ROWS under unit 0, so that whatever changes together is one
 * txn.  Numbers are big endian.  A key:
 *
 *	 0  8	unit: zero
 *	 8  1	table (enum row_table)
 *	 9  ..	what it is about
 *
 *	table		about			value
 *	D domain	the domain		1 format
 *	U user		its name (name.h)	1 format, 1 flags (1: disabled),
 *						4 shard, 8 number, 8 limit
						(LIMIT_NONE of terms.h, 0: the
						configuration's)
 *	P password	8 user's number,	1 format, then the text of
 *			4 which: zero		crypt(5)
 *	A alias		its name		1 format, 2 count, and so often
 *						2 length, address
 *	G gone		8 user's number		1 format, 4 shard: removed, and
 *						its mail is to follow
 *	L last		nothing			1 format, 8 the highest number
 *						ever given to a user
 *	S secret	nothing			1 format, the key of return
 *						paths (srs.h)
 *
 * The password is a row of its own: lists of users do not read it, and one
 * user can get further ones.  Format is 1; a row of any other form cannot be
 * read (and nothing is lost by an older program: it leaves it alone).
 */
#ifndef AUTH_ROWS_H
#define AUTH_ROWS_H

#include "auth/srs.h"

enum row_table {
	ROW_ALIAS = 'A', ROW_DOMAIN = 'D', ROW_GONE = 'G', ROW_LAST = 'L',
	ROW_PASSWORD = 'P', ROW_SECRET = 'S', ROW_USER = 'U',
};

enum {
	ROWS_UNIT = 0,
	ROW_DISABLED = 1,		/* flag */
	ROW_TARGETS_MAX = 1000,		/* of an alias */
};

struct row_user {
	uint64_t	 number, limit;
	uint32_t	 shard;
	bool		 disabled;
};

/* Keys; each clears the buf first. */
void		 row_key(struct buf *, enum row_table, struct slice about);
void		 row_password_key(struct buf *, uint64_t user);
/* All keys of a table with a key above row_key(table, after). */
void		 row_range(struct buf *from, struct buf *to, enum row_table,
		    struct slice after);
/* What a key is about; false if it is none of that table. */
bool		 row_about(struct slice key, enum row_table, struct slice *);
bool		 row_password_about(struct slice key, uint64_t *user);
void		 row_gone_key(struct buf *, uint64_t user);
bool		 row_gone_about(struct slice key, uint64_t *user);

/* Values; each clears the buf first.  The readers check all lengths and that
   nothing is left over. */
void		 row_domain_put(struct buf *);
bool		 row_domain_get(struct slice);
void		 row_user_put(struct buf *, const struct row_user *);
bool		 row_user_get(struct slice, struct row_user *);
void		 row_password_put(struct buf *, struct slice hash);
bool		 row_password_get(struct slice, struct slice *hash);
void		 row_gone_put(struct buf *, uint32_t shard);
bool		 row_gone_get(struct slice, uint32_t *shard);
void		 row_last_put(struct buf *, uint64_t);
bool		 row_last_get(struct slice, uint64_t *);
void		 row_secret_put(struct buf *, const struct srs_key *);
bool		 row_secret_get(struct slice, struct srs_key *);
void		 row_alias_put(struct buf *, const struct slice *, size_t n);
/* Fills at most ROW_TARGETS_MAX targets, which point into the value. */
bool		 row_alias_get(struct slice, struct slice *, size_t *n);

#endif
