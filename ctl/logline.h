/*
 * logline.h - a line of our log (log.h), read back.
 *
 * What a service manager has put in front of it is passed over.
 */
#ifndef CTL_LOGLINE_H
#define CTL_LOGLINE_H

#include "common/core/arena.h"

enum { LOG_FIELDS = 20 };

struct log_field {
	struct slice	 name, value;	/* as it was before it was quoted */
};

struct log_line {
	uint64_t	 when;		/* ms since 1970 */
	struct slice	 process, level, event;
	uint64_t	 pid;
	struct log_field fields[LOG_FIELDS];
	unsigned	 n;
};

/* Slices lie in the line, or in the arena if they had to be changed.  False:
   it is none of ours. */
bool		 log_line_read(struct arena *, struct slice,
		    struct log_line *);
/* The value of a field; empty if it is not there. */
struct slice	 log_line_field(const struct log_line *, const char *name);
/* The same as a number; 0 if it is none.  id: of 16 hexadecimal digits. */
uint64_t	 log_line_number(const struct log_line *, const char *name);
uint64_t	 log_line_id(const struct log_line *, const char *name);
/* All of it moves to the arena. */
void		 log_line_keep(struct arena *, struct log_line *);

#endif
