/*
 * ctl.h - `postino`, the command of the admin.
 *
 * It owns nothing: it reads the configuration to find the control socket of
 * master, and asks master, or over a connection that master hands it the role
 * that owns the thing.  One run is one command; whatever it allocates lives
 * until it exits.
 *
 *	commands.def  every command and option, once
 *	command.c     from the words to the function
 *	args.c	      words and options; addresses and sizes among them
 *	help.c	      --help; the nearest word
 *	say.c	      errors and remarks, on standard error
 *	sheet.c	      rows, on standard output: aligned, plain or JSON
 *	form.c	      one value as text
 *	ask.c	      the connection to master and through it to a role
 *	password.c    prompt, standard input, or made up; hash
 *	progress.c    how far a long command is, on a terminal
 *	trace.c	      a message's story, with
 *	logfile.c     the log as lines, logline.c one of them, story.c its words
 *	keeper.c      the processes that have a log
 *	manifest.c    what a backup consists of; sum.c SHA-256
 *	backup.c copy.c backup_files.c restore.c restore_write.c, with
 *	backup_folder.c
 *	config.c domain.c user.c import.c alias.c status.c queue.c mailbox.c
 *	undelete.c export.c maildir.c mbox.c store.c dns.c tls.c
 *	control.c	the commands
 *
 * Standard output is data, standard error is talk (CLI-2).
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "common/core/arena.h"
#include "ctl/args.h"

enum form { FORM_HUMAN, FORM_PLAIN, FORM_JSON };

struct ctl {
	const struct command *command;
	struct args	 args;
	const char	*file;		/* of the configuration */
	enum form	 form;
	bool		 color;
	struct arena	 arena;		/* for the whole run */
};
extern struct ctl ctl;

/* A row of commands.def.  run returns the exit code. */
struct command {
	int		(*run)(void);
	const char	*noun, *verb, *usage, *help;
	unsigned	 least, most;
	uint32_t	 options;
};
extern const struct command commands[];
extern const size_t n_commands;

/* The whole program. */
int		 ctl_main(int argc, char **argv);

#define COMMAND(function, noun, verb, least, most, options, usage, help) \
	int	function(void);
#include "ctl/commands.def"

#endif
