/*
 * story.h - an event of the log in words.
 */
#ifndef CTL_STORY_H
#define CTL_STORY_H

#include "ctl/logline.h"

struct story {
	const char	*event, *words;
};
extern const struct story stories[];
extern const unsigned n_stories;

/* Appends what it says; the values as they are, to be made printable. */
void		 story_tell(struct buf *, const struct log_line *);

#endif
