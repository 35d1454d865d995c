/*
 * manifest.h - what a backup consists of: the text file `manifest` in it.
 *
 *	postino backup 1
 *	taken 2026-11-23T16:40:02Z
 *	host mail.example.org
 *	part 0600 67108864 9f86...0a08 store/s00000001-1f2e3d4c
 *	damaged 0600 67108864 31aa...77de store/s00000002-5a6b7c8d
 *	config 0640 1234 60303...0752 files/603030...-postino.conf /etc/...
 *	end 2c26...e7ae
 *
 * (damaged: so it was where it was copied from; its SHA-256 is of the copy.)
 *
 * An entry is its kind, the mode of the file, how many of its bytes count,
 * their SHA-256, its name below the folder of the backup; and, of what is no
 * part of the log, where it came from.  Lines that begin with # say something
 * to people.  `end` has the SHA-256 of all lines before it.
 *
 * The name of a part says the process, and number and tag of engine.h, in hex:
 * a name never stands for two different files, but one may have grown.  Two
 * backups that follow each other so share all that stayed the same.
 *
 * The journal of a backup that is under way, `unfinished`, has entries only,
 * and lines that broke off.
 */
#ifndef CTL_MANIFEST_H
#define CTL_MANIFEST_H

#include "common/core/arena.h"
#include "common/core/wire.h"
#include "ctl/sum.h"

enum entry_kind {
	ENTRY_PART,		/* of a keeper's log */
	ENTRY_DAMAGED,		/* the same, known to be, where it lay */
	ENTRY_CONFIG,		/* the configuration */
	ENTRY_FILE,		/* that the configuration names */
	ENTRY_KINDS
};

struct entry {
	enum entry_kind	 kind;
	uint32_t	 mode;
	uint64_t	 bytes;
	char		 sum[SUM_TEXT + 1];
	struct slice	 name;		/* with a NUL behind it */
	struct slice	 origin;	/* likewise; empty: a part */
};

struct manifest {
	struct slice	 taken, host;
	struct entry	*v;
	size_t		 n, cap;
	bool		 sorted;	/* by name */
	struct arena	 arena;		/* their texts */
};

void		 manifest_free(struct manifest *);
/* Adds a copy. */
void		 manifest_add(struct manifest *, const struct entry *);
/* The newest of this name, or NULL. */
const struct entry *manifest_find(struct manifest *, struct slice name);
/* All lines before `end`; false: *line is the first that is not one. */
bool		 manifest_parse(struct manifest *, struct slice text,
		    unsigned *line);
/* Takes the entries of a journal that are whole. */
void		 manifest_journal(struct manifest *, struct slice text);
/* Cuts `end` and its sum off *text.  False: it is not there, or not right. */
bool		 manifest_whole(struct slice *text);

/* Is it a part of a log, damaged or not? */
bool		 entry_is_part(const struct entry *);
void		 entry_put(struct buf *, const struct entry *);
/* The text of a whole manifest. */
void		 manifest_put(struct buf *, const struct manifest *);

/* What the name of a part says. */
struct part_name {
	enum role	 role;
	unsigned	 instance;
	char		 kind;		/* 's' or 'b' */
	uint64_t	 number, tag;
};
void		 part_name_put(struct buf *, const struct part_name *);
bool		 part_name_parse(struct slice, struct part_name *);

#endif
