/*
 * sendmail.h - the front that local programs know: `sendmail`, `mailq` and
 * `newaliases`, one program by its name.
 *
 * A message goes into a file of the drop folder (dropped.h), whether any
 * daemon runs or not; drop takes it from there.  The program is setgid to the
 * group of that folder, which is all the right it has, and only for making
 * the file: whatever else it starts runs without.
 *
 *	front.c	   the modes
 *	args.c	   options, as sendmail has had them for forty years
 *	letter.c   the message: line ends, the header, what is missing in it
 *	rcpts.c	   who it is for: arguments and, with -t, its header
 *	talk.c	   -bs: SMTP on standard input and output
 *	file.c	   the file
 */
#ifndef SENDMAIL_SENDMAIL_H
#define SENDMAIL_SENDMAIL_H

#include "common/core/conf.h"
#include "common/mail/dropped.h"

enum mode { MODE_SEND, MODE_TALK, MODE_LIST, MODE_ALIASES, MODE_FLUSH };

struct options {
	enum mode	 mode;
	bool		 from_header;	/* -t */
	bool		 dots;		/* a lone dot is the end; -i: no */
	const char	*sender;	/* -f; NULL: who calls us */
	const char	*full_name;	/* -F; NULL: as the system knows it */
	const char	*conf;		/* -C */
	uint8_t		 notify, ret;	/* -N, -R */
	const char	*envid;		/* -V */
	char		**rcpts;	/* what is left, ended by NULL */
};

struct front {
	struct options	 options;
	struct conf	 conf;
	struct arena	 arena;
	struct slice	 user;		/* the login name of who calls us */
	struct slice	 name;		/* ... as people know him */
};
extern struct front front;

int		 front_main(int argc, char **argv);
/* "sendmail: what" and out, with a code of sysexits.h. */
void		 fail(int code, const char *what, ...)
		    __attribute__((noreturn, format(printf, 2, 3)));

/* args.c */
void		 options_read(int argc, char **argv, struct options *);

/* rcpts.c */
/* An address as a mail server takes it, with our name if it has no domain;
   false if it is none. */
bool		 address_complete(struct slice, struct slice *);
/* Adds the addresses of a text such as "a, Bob <b@c>". */
void		 rcpts_add(struct slice list, struct dropped *);
/* Adds those of To, Cc and Bcc, or of the Resent fields if there are any. */
void		 rcpts_of_header(struct slice header, struct dropped *);

/* letter.c */
/* Standard input to its end (or to a dot), with CR LF at each line's end. */
void		 letter_read(struct buf *);
/* Makes a header of what there is: From, Date and Message-ID are added, Bcc
   is taken out.  The text is changed in place. */
void		 letter_complete(struct buf *, struct slice from);

/* talk.c */
int		 talk(void);

/* file.c */
/* Puts a message into the folder; the code of sysexits.h if it cannot, and
   *why. */
int		 file_put(struct dropped *, struct slice message,
		    const char **why);

#endif
