/*
 * export.h - a user's mail as files that others read: Maildir or mbox.
 *
 * Lines end in LF there, as both forms have it, and not in CRLF as in mail.
 * Whatever a mailbox is called, what is written lies below the folder given:
 * in names of files each level's "%", "." and control characters are %XX, and
 * levels are parted by ".".
 */
#ifndef CTL_EXPORT_H
#define CTL_EXPORT_H

#include "common/core/buf.h"
#include "common/core/wire.h"

/* A mailbox on its way out. */
struct outgoing {
	int		 dir;		/* the folder that was named */
	const char	*name;		/* as a file; "" for INBOX in Maildir */
	uint32_t	 uidvalidity;
	struct wire_keyword *keywords;
	size_t		 n_keywords;
	void		*private;	/* the format's */
};

struct format {
	const char	*name;
	/* False: it is there already, all of it. */
	bool		 (*begin)(struct outgoing *);
	/* Is it there already?  It may get its flags then. */
	bool		 (*has)(struct outgoing *, const struct wire_entry *);
	/* The message as it is in the mailbox. */
	void		 (*add)(struct outgoing *, const struct wire_entry *,
			    struct slice message);
	void		 (*end)(struct outgoing *);
};
extern const struct format maildir_format, mbox_format;

/* Ends the command: this cannot be written, errno says why. */
void		 export_failed(const char *name) __attribute__((noreturn));
/* A new file, nobody else's; and all of these bytes. */
int		 export_create(int dir, const char *name);
void		 export_write(int fd, const char *name, struct slice);

#endif
