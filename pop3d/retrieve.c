/* RETR and TOP: the octets of a message. */
#include "pop3d/session.h"

#include "common/mail/dots.h"

enum {
	PIECE = 64 * 1024,
	STREAM_WAIT = 60000,	/* ms; store sends or is gone */
};

/* How much of it: all, or the header and so many lines of the body. */
struct part {
	uint64_t	 lines;		/* UINT64_MAX: all */
	bool		 body;		/* the empty line was seen */
	bool		 line_began;	/* the current line has octets */
	bool		 done;
};

/* The octets of s that belong to the part. */
static struct slice
part_take(struct part *p, struct slice s)
{
	size_t i;

	if (p->lines == UINT64_MAX)
		return s;
	for (i = 0; i < s.n && !p->done; i++) {
		if (p->body && p->lines == 0) {
			p->done = true;
			break;
		}
		if (s.p[i] != '\n') {
			p->line_began |= s.p[i] != '\r';
			continue;
		}
		if (p->body)
			p->lines--;
		else if (!p->line_began)
			p->body = true;
		p->line_began = false;
	}
	return slice_take(s, i);
}

static void
write_piece(struct session *s, struct dots *d, struct part *p, struct slice in)
{
	dots_feed(d, part_take(p, in), conn_out(s->conn));
	if (conn_out(s->conn)->n >= PIECE)
		conn_flush(s->conn);
}

/* A long message comes over a socket of its own; ending early closes it. */
static bool
stream(struct session *s, int fd, uint64_t size, struct dots *d,
    struct part *p)
{
	struct conn *from = conn_new(fd, "store");
	uint64_t got = 0;
	struct slice in;

	conn_idle(from, STREAM_WAIT);
	while (got < size && !p->done && conn_error(s->conn) == CONN_OK &&
	    (in = conn_read_some(from, PIECE)).n > 0) {
		got += in.n;
		write_piece(s, d, p, in);
	}
	conn_close(from);
	return got == size || p->done;
}

static void
retrieve(struct session *s, const struct mail *m, struct part *p)
{
	struct box_fetch_in in = { .mailbox = s->mailbox, .uid = m->uid,
		.length = UINT64_MAX };
	struct box_fetch_out out;
	struct arena arena = { 0 };
	struct dots d = { 0 };
	enum wire_status status;
	bool whole = true;

	status = box_fetch(s->store, &in, &out, &arena, LINK_WAIT);
	if (status != WIRE_OK) {
		session_err(s, status == WIRE_NONE ?
		    "another session has removed it" :
		    "[SYS/TEMP] the message cannot be read now");
		arena_free(&arena);
		return;
	}
	session_ok(s, "%llu octets", (unsigned long long)m->size);
	if (out.fd > 0)
		whole = stream(s, out.fd, out.size, &d, p);
	else
		write_piece(s, &d, p, out.bytes);
	arena_free(&arena);
	/* Half a message must not look like a whole one. */
	if (whole)
		dots_end(&d, conn_out(s->conn));
	else
		s->leaving = true;
}

void
cmd_retr(struct session *s, struct slice arg)
{
	struct mail *m = maildrop_message(s, arg);
	struct part all = { .lines = UINT64_MAX };

	if (m != NULL)
		retrieve(s, m, &all);
}

void
cmd_top(struct session *s, struct slice arg)
{
	struct slice rest = arg, number = slice_cut(&rest, ' ');
	struct part part = { 0 };
	struct mail *m;

	/* As many as somebody may name: more than there are is no error. */
	if (!slice_u64(rest, UINT64_MAX, &part.lines)) {
		session_err(s, "TOP message lines");
		return;
	}
	if ((m = maildrop_message(s, number)) != NULL)
		retrieve(s, m, &part);
}
