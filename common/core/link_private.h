/*
 * link_private.h - what link.c, ask.c and answer.c share; nobody else.
 */
#ifndef CORE_LINK_PRIVATE_H
#define CORE_LINK_PRIVATE_H

#include "common/core/link.h"

enum { LINK_FDS = 32 };		/* descriptors received and not yet matched */

/* The head of a frame, decoded. */
struct frame {
	uint32_t	 length, number;
	uint16_t	 call;
	uint8_t		 answer, status, has_fd;
};

/* A descriptor that leaves with the byte at this place of the output. */
struct parcel {
	struct node	 node;
	uint64_t	 at;
	int		 fd;
};

struct link {
	struct watch	 watch;		/* fd -1: no connection */
	enum role	 peer;
	unsigned	 instance;
	enum link_kind	 kind;
	bool		 serves;	/* we answer; else we ask */
	bool		 dead;		/* to be freed when not busy */
	bool		 secret;	/* in what was read last is a frame
					   that is to be wiped */
	unsigned	 busy;		/* nested uses on the C stack */
	void		*owner;
	void		(*on_end)(struct link *);

	struct buf	 in;		/* the beginning of a frame */
	int		 fds[LINK_FDS];
	unsigned	 nfds;

	struct buf	 out;
	uint64_t	 sent;		/* stream position of out.p[0] */
	struct node	 parcels;
	struct node	 dirty;		/* in the list of links to flush */
	bool		 blocked;	/* the kernel took no more */

	struct map	 calls;		/* asking: by number */
	struct node	 waiting;	/* ... made without a connection */
	uint32_t	 last;

	struct node	 requests;	/* answering */
};

/* Appends a frame to `to`: head, then the fields put() writes.  False: it
   would be too long; nothing was appended. */
bool		 frame_put(struct buf *to, const struct frame *,
		    void (*put)(struct wire_out *, const void *),
		    const void *fields, int *fd);
/* Encodes a frame into the output; false as frame_put. */
bool		 link_send(struct link *, const struct frame *,
		    void (*put)(struct wire_out *, const void *),
		    const void *fields);
/* Queues a frame that is encoded already. */
void		 link_queue(struct link *, const struct buf *frame, int fd);
/* Sends what can be sent; false if the connection ended. */
bool		 link_flush(struct link *);
/* Reads what is there and handles every whole frame. */
void		 link_read(struct link *);
/* Ends the connection: the peer died (why NULL) or is dropped. */
void		 link_end(struct link *, const char *call, const char *why);

/* One frame for the asking (ask.c), the answering side (answer.c). */
void		 call_answered(struct link *, const struct frame *,
		    struct slice body, int fd);
void		 calls_gone(struct link *);
void		 calls_resume(struct link *);
void		 request_arrived(struct link *, const struct frame *,
		    struct slice body, int fd);
void		 requests_lost(struct link *);

extern enum role link_self;

#endif
