/*
 * wire.h - what wire.def expands to: structs, encoders, decoders, the table
 * of calls, and the matrix of who may ask whom.
 *
 * A frame on a UNIX stream socket:
 *
 *	 0  4  length of the whole frame, at most WIRE_FRAME_MAX
 *	 4  4  request number, chosen by the asker, repeated in the answer
 *	 8  2  call (enum wire_call)
 *	10  1  kind: 0 request, 1 answer
 *	11  1  status (enum wire_status) of an answer, 0 in a request
 *	12  1  1 if a descriptor comes with this frame (SCM_RIGHTS), else 0
 *	13  3  zero
 *	16  .. fields in the order of wire.def; none if the answer is not OK
 *
 * Numbers are little endian (both ends are one machine, and the hello
 * compares a hash of wire.def).  STR and BYTES are a 4-byte length and the
 * bytes; STR refuses NUL, CR and LF when decoded (IPC-2).  A LIST is a
 * 4-byte count and its records.
 *
 * Decoding treats the frame as hostile (IPC-1): errors latch, and the end
 * must be reached exactly.  Slices of a decoded struct point into the frame,
 * lists lie in the arena given.  `fd` is 0 or a descriptor that came with the
 * frame and now belongs to whoever decodes; when encoding, the descriptor to
 * send, which the link closes after sending.
 */
#ifndef CORE_WIRE_H
#define CORE_WIRE_H

#include "common/core/arena.h"

enum {
	WIRE_HEAD = 16,
	WIRE_FRAME_MAX = 1024 * 1024,	/* bytes */
	WIRE_BODY_MAX = 64 * 1024,	/* a longer body has its own socket */
	WIRE_LIST_MAX = 10000,		/* records in one list */
};

enum role {
#define ROLE(name, NAME, program, kind, user)	ROLE_##NAME,
#include "common/core/roles.def"
	ROLES
};
#define BIT(role)	(1u << ROLE_##role)
/* Among the askers of a call: it goes over a channel that was handed to the
   asker (a session's box), never over a link between two roles. */
#define CHANNEL		(1u << 31)

/* How a call ended.  Only OK carries fields.  What the call's subject is
   (no such user, mailbox full) is a field, not a status. */
enum wire_status {
	WIRE_OK,
	WIRE_AGAIN,	/* not now: no room, not ready, shutting down */
	WIRE_DENIED,	/* the asker has no right to this */
	WIRE_NONE,	/* the thing named does not exist */
	WIRE_CLASH,	/* the thing named exists already, or changed */
	WIRE_BAD,	/* the request makes no sense */
	WIRE_STALE,	/* an id from before the low-water mark */
	WIRE_GONE,	/* the other process died: the outcome is unknown */
	WIRE_TIMEOUT,	/* the deadline passed: likewise */
	WIRE_STATUSES
};
const char	*wire_status_name(enum wire_status);

enum wire_call {
#define CALL(name, askers, answerer, doc)	WIRE_##name,
#include "common/core/wire.def"
	WIRE_CALLS
};

/* Encoding appends to a buf; decoding walks a slice. */
struct wire_out {
	struct buf	*to;
	int		 fd;
};

struct wire_in {
	struct slice	 rest;
	struct arena	*arena;
	bool		 bad;
	int		 fd;
};

/* Records (struct wire_NAME), then the _in and _out struct of each call. */
#define REC(name)		struct wire_##name {
#define END_REC(name)		};
#define CALL(name, a, b, doc)	struct name##_in { int fd;
#define OUT(name)		}; struct name##_out { int fd;
#define END(name)		};
#define U8(f)			uint8_t f;
#define U32(f)			uint32_t f;
#define U64(f)			uint64_t f;
#define STR(f)			struct slice f;
#define BYTES(f)		struct slice f;
#define LIST(rec, f)		struct wire_##rec *f; size_t n_##f;
#include "common/core/wire.def"

/* The table.  All four codecs take the struct of their call as void *. */
struct wire_row {
	const char	*name;
	const char	*doc;
	uint32_t	 askers;	/* bits of roles */
	enum role	 answerer;	/* ROLES: every role answers */
	size_t		 in_size, out_size;
	void		(*in_put)(struct wire_out *, const void *);
	void		(*in_get)(struct wire_in *, void *);
	void		(*out_put)(struct wire_out *, const void *);
	void		(*out_get)(struct wire_in *, void *);
	void		(*in_show)(struct buf *, const void *);
	void		(*out_show)(struct buf *, const void *);
	bool		 secret[2];	/* has SECRET fields: request, answer */
};
extern const struct wire_row wire_rows[WIRE_CALLS];

/* May this asker send this call to this answerer, over this kind of link? */
bool		 wire_allowed(enum wire_call, enum role asker, enum role,
		    bool channel);
/* Does any call lead from asker to answerer?  Then master connects them. */
bool		 wire_connected(enum role asker, enum role answerer);

/* The name of a role, and back; ROLES if there is none. */
const char	*role_name(enum role);
enum role	 role_named(struct slice);

/* Decodes a whole request or answer; false if it is not exactly one.  On
   false every descriptor that came is closed. */
bool		 wire_decode_in(enum wire_call, struct slice, int fd,
		    struct arena *, void *in);
bool		 wire_decode_out(enum wire_call, struct slice, int fd,
		    struct arena *, void *out);
/* A number that changes when any row of wire.def does. */
uint64_t	 wire_hash(void);

#endif
