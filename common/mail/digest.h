/*
 * digest.h - what one parse of a message found out, as bytes.
 *
 * mda (and IMAP APPEND) makes the digest once; store keeps it unread; whoever
 * serves the message answers ENVELOPE, BODYSTRUCTURE, BODY[1.2] and PREVIEW
 * from it without parsing again (RFC 9051 7.5.2, RFC 8970).  It holds no
 * message text but field values and the preview: offsets point into the
 * message.
 *
 * A digest is a cache.  A missing one, another version, or one that
 * contradicts itself is not an error: parse the message again.  The reader
 * trusts nothing in it, since it was made by a process that parses strangers'
 * bytes: every offset is checked when it is used.
 *
 * At most DIGEST_MAX bytes: a message that would need more gets a degraded
 * digest (sizes, envelope, preview; no parts but the root, no field index).
 *
 * The format is drawn in digest_format.h.
 */
#ifndef MAIL_DIGEST_H
#define MAIL_DIGEST_H

#include "common/mail/addrlist.h"
#include "common/mail/mime.h"

enum {
	DIGEST_VERSION = 1,
	DIGEST_MAX = 128 * 1024,	/* bytes */
	DIGEST_PREVIEW_MAX = 200,	/* characters, RFC 8970 */
};

enum digest_flag {
	DIGEST_DEGRADED = 1,	/* the part detail was left out */
	DIGEST_CUT = 2,		/* a limit of mime.h was passed */
};

/* ------------------------------------------------------------- making */

struct digester;

/* cs converts the preview's charset; NULL: only our three (words.h). */
struct digester	*digester_new(const struct charsets *cs);
void		 digester_feed(struct digester *, struct slice);
/* Appends the digest to out and frees the digester. */
void		 digester_end(struct digester *, struct buf *out);
void		 digester_free(struct digester *);	/* without a result */
uint64_t	 digester_steps(const struct digester *);	/* PARSE-4 */
/* For a message in memory. */
void		 digest_make(struct buf *out, struct slice message);

/* ------------------------------------------------------------- reading */

enum digest_state {
	DIGEST_OK,
	DIGEST_NONE,		/* no bytes */
	DIGEST_OTHER,		/* another version wrote it */
	DIGEST_BAD,		/* it contradicts itself */
};

struct digest {
	struct slice	 bytes;
	uint32_t	 head;
	unsigned	 flags;
	uint64_t	 size;		/* of the message, head included */
	uint64_t	 lines;		/* of the bytes parsed: without head */
	uint32_t	 n_parts;	/* at least 1 */
	uint32_t	 n_fields;
};

/* head: octets that store keeps in front of the bytes that were parsed
   (Return-Path, Delivered-To); every offset given out below counts them.
   The bytes must stay. */
enum digest_state digest_open(struct digest *, struct slice bytes,
		    uint32_t head);

/* A list inside a digest, read to its end once. */
struct digest_list {
	struct slice	 rest;
	uint32_t	 n;		/* items left */
};

struct digest_part {
	uint32_t	 number;
	uint32_t	 parent;	/* the root is its own */
	uint32_t	 child;		/* the first one; 0: none */
	uint32_t	 next;		/* sibling; 0: none */
	enum mime_kind	 kind;
	bool		 message;	/* digest_envelope has its envelope */
	uint64_t	 header_at, body_at, end_at, lines;
	struct slice	 type, subtype;	/* lower case */
	struct digest_list params;	/* pairs */
	/* p is NULL if the field is not there: NIL. */
	struct slice	 id, description, encoding, md5, disposition, location;
	struct digest_list disposition_params;	/* pairs */
	struct digest_list languages;	/* items */
};

struct digest_envelope {
	int64_t		 when;		/* Date:, or INT64_MIN */
	/* As the fields say, on one line; p is NULL if not there. */
	struct slice	 date, subject, in_reply_to, message_id;
	/* Of struct address; Sender: and Reply-To: are From: if they are
	   missing or empty, as RFC 9051 7.5.2 wants. */
	struct digest_list from, sender, reply_to, to, cc, bcc;
};

/* False: there is none, or it contradicts itself. */
bool		 digest_part(const struct digest *, uint32_t number,
		    struct digest_part *);
/* The part an IMAP section number names (RFC 9051 6.4.5.1): {1, 2} is
   BODY[1.2]. */
bool		 digest_find(const struct digest *, const uint32_t *path,
		    size_t n, struct digest_part *);
bool		 digest_envelope(const struct digest *, uint32_t number,
		    struct digest_envelope *);
bool		 digest_item(struct digest_list *, struct slice *);
bool		 digest_pair(struct digest_list *, struct slice *name,
		    struct slice *value);
bool		 digest_address(struct digest_list *, struct address *);

/* The fields of the top header in their order, names in lower case.  What is
   in head is not among them.  Begin with a zeroed struct digest_fields. */
struct digest_fields {
	struct slice	 rest;
	uint32_t	 left;
	uint64_t	 at;
	bool		 begun;
};
bool		 digest_field(const struct digest *, struct digest_fields *,
		    struct slice *name, uint64_t *at, uint64_t *length);

/* UTF-8 on one line; empty if there is no text. */
struct slice	 digest_preview(const struct digest *);

#endif
