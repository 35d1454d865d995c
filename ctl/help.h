/*
 * help.h - what can be said, and the nearest word to what was.
 */
#ifndef CTL_HELP_H
#define CTL_HELP_H

#include "common/core/conf_parts.h"

/* The nearest of some words to one that is none of them. */
struct nearest {
	struct words	 words;
	struct miss	 miss;
};
void		 nearest_init(struct nearest *, struct slice found);
void		 nearest_try(struct nearest *, struct slice candidate);
/* `did you mean "PREFIXword"?`, or NULL if none is near. */
const char	*nearest_say(const struct nearest *, const char *prefix);

/* To standard output: all commands, those of a noun, or one. */
void		 help_all(void);
void		 help_noun(struct slice noun);
struct command;
void		 help_command(const struct command *);

#endif
