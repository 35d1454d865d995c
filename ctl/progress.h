/*
 * progress.h - how far a long command got: one line, drawn over and over on a
 * terminal, and nothing at all elsewhere.
 */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <stdint.h>

/* Drawn at most ten times a second. */
void		 progress(const char *, ...)
		    __attribute__((format(printf, 1, 2)));
/* Takes the line away, before anything else is said. */
void		 progress_end(void);
/* Of a hundred; 100 if all is 0. */
unsigned	 percent(unsigned long long part, unsigned long long all);

/* Bytes that are gone through, of all. */
struct way {
	uint64_t	 all, done;
	const char	*size;		/* the former, as text */
};
void		 way_begin(struct way *, uint64_t all);
/* So many more are done: "what: 41 % of 1.5 GB". */
void		 way_went(struct way *, const char *what, uint64_t bytes);

#endif
