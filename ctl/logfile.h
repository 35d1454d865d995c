/*
 * logfile.h - the log as one stream of lines: the file that is written now and
 * before it those that were rotated away, oldest first.
 *
 * Those are NAME.1, NAME.2.gz, NAME-20261123 and the like; what is compressed
 * is read as it is (zlib).  All are opened once: a rotation meanwhile changes
 * nothing.  "-" is standard input.
 */
#ifndef CTL_LOGFILE_H
#define CTL_LOGFILE_H

#include "common/core/buf.h"

struct log_files;

/* Those that were written to after `since` (ms since 1970).  Ends the command
   if the log cannot be opened. */
struct log_files *log_files_open(const char *name, uint64_t since);
/* From the beginning (again). */
void		 log_files_rewind(struct log_files *);
/* The next line, without its end; good until the next call.  What is longer
   than a line of ours can be is cut. */
bool		 log_files_line(struct log_files *, struct slice *);
/* How many files, and how many of them could not be read to their end. */
unsigned	 log_files_count(const struct log_files *);
unsigned	 log_files_damaged(const struct log_files *);

#endif
