/*
 * fetch.h - FETCH: what may be asked for, and one message being served.
 *
 *	fetch.c	      the command: items, the loop over messages
 *	letter.c      one message: its row, digest and bytes
 *	section.c     BODY[...] and BINARY[...]
 *	structure.c   ENVELOPE and BODYSTRUCTURE
 */
#ifndef IMAPD_FETCH_H
#define IMAPD_FETCH_H

#include "common/mail/digest.h"
#include "imapd/session.h"

enum { PATH_MAX_PARTS = MIME_DEPTH_MAX, FIELDS_MAX = 500, ITEMS_MAX = 200 };

/* The words in the brackets (RFC 9051 6.4.5.1). */
enum section_text { SECTION_ALL, SECTION_HEADER, SECTION_FIELDS,
	SECTION_FIELDS_NOT, SECTION_TEXT, SECTION_MIME };

struct section {
	uint32_t	*path;		/* BODY[1.2]: {1, 2} */
	size_t		 n_path;
	enum section_text text;
	struct slice	*fields;
	size_t		 n_fields;
	bool		 partial;	/* <offset.length> */
	uint64_t	 offset, length;
};

enum item_kind { ITEM_UID, ITEM_FLAGS, ITEM_INTERNALDATE, ITEM_SIZE,
	ITEM_MODSEQ, ITEM_ENVELOPE, ITEM_BODY, ITEM_BODYSTRUCTURE,
	ITEM_SECTION, ITEM_RFC822, ITEM_RFC822_HEADER, ITEM_RFC822_TEXT,
	ITEM_BINARY, ITEM_BINARY_SIZE };

struct item {
	enum item_kind	 kind;
	bool		 peek;		/* does not make the message \Seen */
	struct section	 section;
};

/* One message. */
struct letter {
	struct session	*s;
	const struct wire_entry *row;
	struct digest	 digest;	/* good from letter_open on, if wanted */
	struct buf	 made;		/* ... if store's was no use */
	bool		 unread;	/* letter_read could not */
};

/* want: enum want as for box_list, digest or not.  False: the message cannot
   be read now (or is gone): nothing is said of it. */
bool		 letter_open(struct letter *, struct session *,
		    const struct wire_entry *, unsigned want);
void		 letter_close(struct letter *);
/* The octets from .. to, in memory: they lie in the row or in `keep`.  p is
   NULL if they cannot be had, which `unread` remembers. */
struct slice	 letter_read(struct letter *, uint64_t from, uint64_t to,
		    struct buf *keep);
/* Writes them to the client without keeping them.  False: not all came, and
   the session must end, since a literal was begun. */
bool		 letter_send(struct letter *, uint64_t from, uint64_t to);

/* Behind "BODY" or "BINARY": "[...]" and perhaps "<...>". */
bool		 section_scan(struct scan *, struct section *, bool binary,
		    bool partial);
/* "BODY[1.MIME] {5}..." */
void		 section_print(struct letter *, const struct section *);
/* " {5}..." alone. */
void		 literal_print(struct letter *, const struct section *);
/* False: the part's encoding is not known (RFC 3516 4.3). */
bool		 binary_print(struct letter *, const struct section *,
		    bool size);

#endif
