/*
 * copy.h - between the halves of backup: backup.c makes the folder, the cuts
 * and the manifest, copy.c copies the parts.
 */
#ifndef CTL_COPY_H
#define CTL_COPY_H

#include "common/core/link.h"
#include "ctl/backup.h"
#include "ctl/keeper.h"
#include "ctl/progress.h"

enum { KEEPERS = 66 };

/* One of those whose data it is. */
struct source {
	struct keeper	 keeper;
	struct link	*link;
	struct wire_part *parts;	/* of its cut */
	size_t		 n;
	uint64_t	 files, bytes, copied;
};

struct backup {
	const char	*folder;
	int		 dir, journal;
	struct manifest	 old, made;	/* old: with what the journal has */
	struct source	 sources[KEEPERS];
	size_t		 n;
	struct way	 way;		/* bytes of all parts */
	unsigned	 damaged;	/* parts that are, at their source */
	bool		 defects;	/* other things cannot be read */
	char		 taken[32];
};
extern struct backup backup;

/* It is whole, and on the disk. */
void		 entry_done(const struct entry *);
/* What the folder has under this name from an earlier run, or NULL. */
const struct entry *entry_had(struct slice name);

/* copy.c: the parts of its cut. */
void		 source_copy(struct source *);

#endif
