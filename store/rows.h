/*
 * rows.h - the rows store keeps in the engine, byte by byte.
 *
 * Numbers are big endian.  Every key begins with the user (8 bytes) and the
 * table (1 byte), so a user, and in a table a mailbox, is one range:
 *
 *	key after user and table		value
 *   1	USER	-				struct user_row; of a user
 *						who was dropped 1 byte, 2
 *   2	NAMES	name of a mailbox		its number, 4 bytes
 *   3	BOXES	mailbox 4			struct box_row
 *   4	MESSAGES mailbox 4, uid 4		struct message_row, with blob
 *   5	OPS	message id 8			struct op_row
 *   6	TOKENS	half day 4, token		struct token_row
 *   7	KEYWORDS mailbox 4			each: length 1, name
 *   8	SUBSCRIBED name				empty
 *   9	EXPUNGED mailbox 4, MODSEQ 8		the UIDs removed (ranges_put)
 *  10	KEPT	removed 4, mailbox 4, uid 4	struct message_row, with blob
 *  11	KEPT_BOXES removed 4, mailbox 4		struct box_row
 *
 * Unit 0 is no user: its USER key holds the low-water mark, 8 bytes (ops.h).
 * INBOX is always mailbox 1, under the name "INBOX".
 *
 * user_row	 0 1  format, 1		box_row	 0 1  format, 1
 *		 1 8  bytes used		 1 4  UIDVALIDITY
 *		 9 8  messages			 5 4  UIDNEXT
 *		17 4  next mailbox		 9 8  HIGHESTMODSEQ
 *		21 4  newest UIDVALIDITY	17 4  messages
 *		25 4  mailboxes			21 4  ... without \Seen
 *		29 4  subscriptions		25 4  ... with \Deleted
 *		33 4  uses a mailbox was	29 8  bytes
 *		      made for (home.h);	37 8  EXPUNGED is complete
 *		      may be missing: 0		      above this MODSEQ
 *						45 4  attributes
 *						49 1  keywords
 *						50    name
 *
 * message_row	 0 1  format, 1		op_row	 0 1  format, 1
 *		 1 1  1: head is in SIDE	 1 1  enum outcome
 *		 2 2  length of head		 2 4  mailbox
 *		 4 8  flags, keywords		 6 4  uid
 *		12 8  MODSEQ			10    text, if refused
 *		20 8  received, as told
 *		28 8  size, head and body	token_row
 *		36 8  message id		 0 1  format, 1
 *		44    head, unless in SIDE	 1 4  life of the queue
 *						 5 8  when, s since 1970
 *						13 4  mailbox
 *						17 4  uid
 *
 * The SIDE space has, under the key of a message, its head if that would make
 * the row longer than MESSAGE_ROW_MAX, then its digest.  Head: the lines that
 * belong to one copy (Return-Path, Delivered-To), in front of the shared body.
 *
 * The two KEPT tables are undelete.h's; `removed` is in s since 1970.
 *
 * Decoders take any bytes (a row may come from a restored file): false, and
 * nothing is read outside of the slice.
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "common/core/buf.h"

enum table { TABLE_USER = 1, TABLE_NAMES, TABLE_BOXES, TABLE_MESSAGES,
	TABLE_OPS, TABLE_TOKENS, TABLE_KEYWORDS, TABLE_SUBSCRIBED,
	TABLE_EXPUNGED, TABLE_KEPT, TABLE_KEPT_BOXES };

enum {
	INBOX = 1,			/* its mailbox number */
	NAME_MAX_BYTES = 400,		/* of a mailbox name */
	TOKEN_MAX = 64,			/* bytes */
	KEYWORD_MAX = 64,		/* bytes of a keyword's name */
	HEAD_MAX = 4096,		/* bytes of a copy's own lines */
	MESSAGE_ROW_MAX = 128,
	TEXT_MAX = 512,			/* bytes of a refusal's text */
	KEY_BYTES = 9 + NAME_MAX_BYTES + 1,	/* and what follows a name */
};

/* A key and its bytes. */
struct key {
	size_t		 n;
	char		 p[KEY_BYTES];
};

struct slice	 key_view(const struct key *);
struct key	 key_user(uint64_t user);
struct key	 key_name(uint64_t user, struct slice name);
struct key	 key_box(uint64_t user, uint32_t mailbox);
struct key	 key_message(uint64_t user, uint32_t mailbox, uint32_t uid);
struct key	 key_op(uint64_t user, uint64_t id);
struct key	 key_keywords(uint64_t user, uint32_t mailbox);
struct key	 key_subscribed(uint64_t user, struct slice name);
struct key	 key_expunged(uint64_t user, uint32_t mailbox,
		    uint64_t modseq);
/* uid 0 and mailbox 0: what was removed from then on. */
struct key	 key_kept(uint64_t user, uint32_t removed, uint32_t mailbox,
		    uint32_t uid);
struct key	 key_kept_box(uint64_t user, uint32_t removed,
		    uint32_t mailbox);
/* The mailbox in a key of either, the UID in one of KEPT. */
uint32_t	 key_kept_mailbox(struct slice);
uint32_t	 key_kept_uid(struct slice);
/* token empty: where this half day begins. */
struct key	 key_token(uint64_t user, uint32_t half_day, struct slice);
/* Where the next table, or mailbox of MESSAGES, begins. */
struct key	 key_table(uint64_t user, enum table);
/* The user in any key; the UID in the key of a message; the MODSEQ in that of
   an EXPUNGED row; the name in a key of NAMES or SUBSCRIBED. */
uint64_t	 key_owner(struct slice);
uint32_t	 key_uid(struct slice);
uint64_t	 key_modseq(struct slice);
struct slice	 key_text(struct slice);

struct user_row {
	uint64_t	 bytes, messages;
	uint32_t	 next_box, uidvalidity;
	uint32_t	 boxes, subscriptions;
	uint32_t	 made;		/* ATTRIBUTE_ bits */
	bool		 gone;		/* dropped: there is nothing else */
};

struct box_row {
	uint32_t	 uidvalidity, uidnext;
	uint64_t	 modseq;
	uint32_t	 messages, unseen, deleted;
	uint64_t	 bytes;
	uint64_t	 history;
	uint32_t	 attributes;
	uint8_t		 keywords;	/* 0: there is no KEYWORDS row */
	struct slice	 name;
};

struct message_row {
	bool		 side;		/* head lies there */
	uint32_t	 head_n;
	uint64_t	 flags, modseq, when, size, id;
	struct slice	 head;		/* empty if side */
};

struct op_row {
	uint8_t		 outcome;
	uint32_t	 mailbox, uid;
	struct slice	 text;
};

struct token_row {
	uint32_t	 life;
	uint64_t	 when;
	uint32_t	 mailbox, uid;
};

/* Put appends; get's slices point into the bytes given. */
void		 user_row_put(struct buf *, const struct user_row *);
bool		 user_row_get(struct slice, struct user_row *);
void		 name_row_put(struct buf *, uint32_t mailbox);
bool		 name_row_get(struct slice, uint32_t *mailbox);
void		 box_row_put(struct buf *, const struct box_row *);
bool		 box_row_get(struct slice, struct box_row *);
/* side is decided here, from the length of head. */
void		 message_row_put(struct buf *, struct message_row *);
bool		 message_row_get(struct slice, struct message_row *);
/* One name; the next one cut off the row's bytes: false at the end, and *s is
   not empty if it was no such thing. */
void		 keyword_put(struct buf *, struct slice name);
bool		 keyword_next(struct slice *s, struct slice *name);
void		 op_row_put(struct buf *, const struct op_row *);
bool		 op_row_get(struct slice, struct op_row *);
void		 token_row_put(struct buf *, const struct token_row *);
bool		 token_row_get(struct slice, struct token_row *);

#endif
