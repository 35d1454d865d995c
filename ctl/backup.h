/*
 * backup.h - the folder of a backup: what both backup and restore do in it.
 *
 *	manifest	what belongs to it (manifest.h); it appears last
 *	unfinished	the journal of a run that is under way, or was cut off
 *	store, queue, auth, store-1 ...	the parts of their logs
 *	files		the configuration and what it names
 *
 * Only root, or who runs the suite, may read any of it.
 */
#ifndef CTL_BACKUP_H
#define CTL_BACKUP_H

#include "common/core/conf.h"
#include "ctl/manifest.h"
#include "ctl/sheet.h"

/* All of a file below dir; false with errno. */
bool		 file_load(int dir, const char *name, size_t most,
		    struct buf *);
/* Ends the command: `name` could not be written, or what is said in what. */
void		 file_failed(const char *what, const char *name)
		    __attribute__((noreturn));
/* Opens a folder below dir, and makes it if it is not there. */
int		 folder_open(int dir, const char *name);
void		 bytes_write(int fd, const char *name, struct slice,
		    uint64_t at);
/* False: it is shorter, or cannot be read. */
bool		 bytes_sum(int fd, struct sum *, uint64_t from, uint64_t to);
/* The manifest of the folder.  False: there is none.  The command ends if it is
   damaged. */
bool		 manifest_load(struct manifest *, int dir, const char *folder);
/* Copies the configuration and what it names to `files`; done is called with
   each that is on the disk.  False: not all could be read; that is said. */
bool		 files_copy(int dir, const struct conf *,
		    void (*done)(const struct entry *));

/* What each process has in it, a row for each; `copied` is shown by backup. */
void		 report_begin(struct sheet *, bool copied);
void		 report_row(struct sheet *, const char *process,
		    uint64_t files, uint64_t bytes, uint64_t copied);

#endif
