/*
 * args.h - the words and options of a command line.
 *
 * Options may stand anywhere; "--" ends them.  A word that cannot be an
 * argument ends the program (say.h) before anything was asked or changed.
 */
#ifndef CTL_ARGS_H
#define CTL_ARGS_H

#include "common/core/buf.h"

#define CONFIG_FILE	"/etc/postino/postino.conf"

enum option {
#define OPTION(NAME, letter, name, argument, whose, help) OPTION_##NAME,
#include "ctl/commands.def"
	OPTIONS
};
#define HAS(option)	(1u << OPTION_##option)

struct args {
	struct slice	*words;		/* noun, verb, arguments */
	unsigned	 n;
	uint32_t	 given;		/* bits of options */
	struct slice	 value[OPTIONS];
};

struct option_row {
	char		 letter;	/* 0: none */
	bool		 all;		/* every command takes it */
	const char	*name, *argument, *help;
};
extern const struct option_row option_rows[OPTIONS];

void		 args_split(struct args *, int argc, char **argv);
bool		 args_has(const struct args *, enum option);

/* The address as we write it; catch_all: "@domain" is one too. */
struct slice	 argument_address(struct slice, bool catch_all);
struct slice	 argument_domain(struct slice);
/* ms since 1970, from a local time, or from how long ago that is: "2 hours". */
uint64_t	 argument_time(struct slice);
/* Bytes from "2GB" or "2 GB", LIMIT_NONE from "none"; false and the reason in
   *why. */
bool		 quota_read(struct slice, uint64_t *, const char **why);

#endif
