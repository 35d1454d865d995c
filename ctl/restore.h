/*
 * restore.h - between the two halves of restore: restore.c looks, and
 * restore_write.c writes.
 */
#ifndef CTL_RESTORE_H
#define CTL_RESTORE_H

#include "ctl/backup.h"

/* In the folder of the data, from the first file to the last. */
#define RESTORING	"restoring"

enum { RESTORE_PLACES = 66 };

/* Where the parts of one process go. */
struct place {
	enum role	 role;
	unsigned	 instance;
	const char	*name;
	uint32_t	 uid, gid;
	int		 dir, log, lock;
	uint64_t	 files, bytes;
};

struct restore {
	const char	*folder;	/* of the backup */
	int		 from, data;	/* that, and the data's */
	struct manifest	 m;
	const struct conf *conf;
	bool		 configured;	/* the configuration is there */
	struct place	 places[RESTORE_PLACES];
	size_t		 n;
	uint64_t	 bytes;
};
extern struct restore restore;

int		 entry_open(const struct entry *);
/* Where a part goes; NULL: it is none. */
struct place	*place_of(const struct entry *);
const struct entry *entry_of_config(void);
/* All of it.  The command ends if it cannot be. */
void		 restore_write(void);

#endif
