/*
 * say.h - what `postino` tells a person, on standard error.
 *
 * An error is what happened, why, and the command that helps, in at most four
 * lines (CLI-7), with an exit code of sysexits.h (DEB-10).  Texts from outside
 * are made printable: nobody's mail can move the admin's cursor.
 */
#ifndef CTL_SAY_H
#define CTL_SAY_H

#include "common/core/buf.h"

/* A string that lives as long as the program. */
const char	*text(const char *, ...)
		    __attribute__((format(printf, 1, 2)));
/* The same from bytes, printable (form.h). */
const char	*show(struct slice);
/* "1.5 MB" (form.h). */
const char	*size_text(uint64_t bytes);
/* "postino: what", "  why", "  try: postino help" and out.  why and help may
   be NULL; help is what follows `postino`, and its -c. */
void		 fail(int code, const char *what, const char *why,
		    const char *help) __attribute__((noreturn));
/* The line with the command that helps. */
void		 advise(const char *help);
/* A remark; silent if the output is for a program. */
void		 note(const char *, ...)
		    __attribute__((format(printf, 1, 2)));
/* A remark that is said in any case. */
void		 warn(const char *, ...)
		    __attribute__((format(printf, 1, 2)));

#endif
