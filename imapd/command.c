/* Reading one command with its literals (RFC 9051 2.2.1, 4.3, RFC 7888). */
#include <string.h>

#include "imapd/session.h"

enum {
	/* A line: RFC 7162 4 wants 8,192 octets at least; before the login
	   nobody needs more than a name and a password. */
	LINE_BEFORE = 8192, LINE_AFTER = 65000,
	/* All lines and literals of a command. */
	TEXT_BEFORE = 16 * 1024, TEXT_AFTER = 512 * 1024,
	/* A message that nobody wants and that is on its way already. */
	SKIP_MOST = 64 * 1024,
	/* What a client may send without being asked (RFC 7888 5). */
	UNASKED_MOST = 4096,
	KEEP = 4096,		/* bytes of s->text kept for the next one */
};

/* How a line announces a literal at its end. */
struct announced {
	size_t		 at;		/* where "{" or "~{" is */
	uint64_t	 n;
	bool		 waits;		/* the client wants to hear + */
};

static bool
announces(struct slice line, struct announced *l)
{
	size_t i = line.n;
	struct slice digits;

	if (i == 0 || line.p[--i] != '}')
		return false;
	l->waits = i == 0 || line.p[i - 1] != '+';
	if (!l->waits)
		i--;
	digits = slice_of(line.p + i, 0);
	while (i > 0 && line.p[i - 1] >= '0' && line.p[i - 1] <= '9') {
		i--;
		digits = slice_of(line.p + i, digits.n + 1);
	}
	if (i == 0 || line.p[i - 1] != '{')
		return false;
	l->at = i - 1;
	if (l->at > 0 && line.p[l->at - 1] == '~')
		l->at--;
	return slice_u64(digits, INT64_MAX, &l->n);
}

/* Is this literal the message of an APPEND?  Everything before it was said,
   the mailbox too; that command reads the message itself. */
static bool
is_message(struct session *s, size_t at)
{
	struct arena arena = { 0 };
	struct scan a = { .rest = slice_of(s->text.p, at), .arena = &arena };
	struct slice ignored;
	bool is = s->appending || (scan_tag(&a, &ignored) &&
	    scan_space(&a) && scan_is_word(&a, "APPEND") &&
	    scan_space(&a) && scan_astring(&a, &ignored) && scan_space(&a));

	arena_free(&arena);
	return is && s->store != NULL;
}

/* What is wrong with a line that cannot be part of a command.  The tag, if
   there is one, so that the client knows what failed. */
static void
refuse(struct session *s, const char *why)
{
	struct scan a = { .rest = buf_view(&s->text), .arena = &s->arena };

	if (!s->appending && (!scan_tag(&a, &s->tag) ||
	    !scan_next_is(&a, ' ')))
		s->tag = SLICE("*");
	session_bad(s, why);
	buf_clear(&s->text);
}

void
command_go_on(struct session *s)
{
	conn_write(s->conn, SLICE("+ go on\r\n"));
}

bool
command_may_send(const struct session *s)
{
	return s->literal_waits || s->literal <= UNASKED_MOST;
}

void
command_deadline(struct session *s, bool on)
{
	if (s->store != NULL)
		conn_deadline(s->conn, on ? loop_now() +
		    imapd_conf->data_wait : 0);
}

/* A literal that is too long: one that is not yet sent is declined, one that
   is on its way can only be cut off (RFC 7888 4). */
static bool
too_long(struct session *s, const struct announced *l)
{
	if (l->waits) {
		refuse(s, "[TOOBIG] literal is too long");
		return true;
	}
	conn_write(s->conn, SLICE("* BYE [TOOBIG] literal is too long\r\n"));
	s->leaving = true;
	return false;
}

enum piece { PIECE_LAST, PIECE_MORE, PIECE_REFUSED, PIECE_END };

/* One line, and the literal at its end. */
static enum piece
piece(struct session *s)
{
	size_t most = s->store == NULL ? TEXT_BEFORE : TEXT_AFTER;
	size_t line_most = s->store == NULL ? LINE_BEFORE : LINE_AFTER;
	size_t begins = s->text.n;
	struct announced l;
	struct slice line;
	bool whole;

	switch (conn_read_line(s->conn, line_most, &line)) {
	case LINE_END:
		return PIECE_END;
	case LINE_LONG:
		refuse(s, "[TOOBIG] line is too long");
		return PIECE_REFUSED;
	case LINE_BARE:
		refuse(s, "a line ends with CR LF and has no CR, LF or NUL");
		return PIECE_REFUSED;
	case LINE_OK:
		break;
	}
	buf_slice(&s->text, line);
	if (!announces(line, &l))
		return PIECE_LAST;
	if (is_message(s, begins + l.at)) {
		s->text.n = begins + l.at;
		s->announced = true;
		s->literal = l.n;
		s->literal_waits = l.waits;
		return PIECE_LAST;
	}
	if (l.n > most || s->text.n + l.n > most ||
	    (!l.waits && l.n > UNASKED_MOST))
		return too_long(s, &l) ? PIECE_REFUSED : PIECE_END;
	if (l.waits)
		command_go_on(s);
	buf_str(&s->text, "\r\n");
	command_deadline(s, true);
	whole = conn_read_all(s->conn, (size_t)l.n, &s->text);
	command_deadline(s, false);
	return whole ? PIECE_MORE : PIECE_END;
}

/* What the last command left. */
static void
forget(struct session *s)
{
	if (s->text.cap > KEEP)
		buf_free(&s->text);
	buf_clear(&s->text);
	arena_free(&s->arena);
	s->tag = SLICE("*");
	s->uid = s->replied = s->appending = s->announced = false;
}

bool
command_rest(struct session *s, struct scan *args)
{
	if (!s->appending)
		s->tag = arena_slice(&s->arena, s->tag);
	s->appending = true;
	s->announced = false;
	buf_clear(&s->text);
	if (piece(s) != PIECE_LAST)
		return false;
	*args = (struct scan){ .rest = buf_view(&s->text),
		.arena = &s->arena };
	return true;
}

bool
command_skip(struct session *s)
{
	struct scan ignored;
	struct slice piece;

	while (s->announced && !s->literal_waits) {
		if (s->literal > SKIP_MOST)
			return false;
		command_deadline(s, true);
		for (; s->literal > 0; s->literal -= piece.n)
			if ((piece = conn_read_some(s->conn,
			    (size_t)s->literal)).n == 0)
				return false;
		command_deadline(s, false);
		if (!command_rest(s, &ignored))
			return false;
	}
	return true;
}

bool
command_read(struct session *s, struct scan *args)
{
	enum piece p;

	forget(s);
	door_prompt(s->visit, true);
	while ((p = piece(s)) == PIECE_MORE)
		door_prompt(s->visit, false);
	door_prompt(s->visit, false);
	if (p == PIECE_END || s->leaving)
		return false;
	if (p == PIECE_REFUSED)
		return true;
	*args = (struct scan){ .rest = buf_view(&s->text), .arena = &s->arena,
		.utf8 = (s->enabled & ENABLED_REV2) != 0 };
	if (!scan_tag(args, &s->tag) || !scan_space(args))
		refuse(s, "a command is a tag, a blank and a verb");
	return true;
}
