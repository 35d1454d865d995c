/*
 * progress.h - how far a long command got: one line, drawn over and over on a
 * terminal, and nothing at all elsewhere.
 */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

/* Drawn at most ten times a second. */
void		 progress(const char *, ...)
		    __attribute__((format(printf, 1, 2)));
/* Takes the line away, before anything else is said. */
void		 progress_end(void);
/* Of a hundred; 100 if all is 0. */
unsigned	 percent(unsigned long long part, unsigned long long all);

#endif
