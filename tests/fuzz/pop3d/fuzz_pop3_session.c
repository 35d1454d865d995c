/*
 * Octets to a session of pop3d: answers are well formed, mail comes only
 * behind a login and is what store has, half of it never looks whole, what
 * goes was marked and goes at QUIT, and every input ends (RFC 1939 3, 5, 6).
 *
 * The first octet says with or without TLS (bit 0), whether somebody is logged
 * in from the start (bit 1) and whether the client waits after each line
 * (bit 2); the second what goes wrong.  Behind them is what the client says.
 */
#include "tests/unit/pop3d/world.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static char	big[100 * 1024];	/* over WIRE_BODY_MAX */

static void
fill_drop(void)
{
	memset(big, 'x', sizeof big);
	memcpy(big, "A: b\r\n\r\n", 8);
	for (size_t i = 8; i + 64 < sizeof big; i += 64)
		memcpy(big + i, "\r\n.", 3);
	letter_add(3, SLICE("A: b\r\n\r\nMAILDATA\r\n.dot\r\n..\r\n.\r\nx\r\n"));
	letter_add(5, SLICE("A: MAILDATA\r\n"));
	letter_add(6, SLICE("A: b\r\n\r\nno end MAILDATA"));
	letter_add(7, SLICE("A: b\n\nMAILDATA\n\ny\n.\n"));
	letter_add(9, SLICE(""));
	letter_add(100, SLICE("\r\nMAILDATA\r\n.\r\n"));
	letter_add(101, slice_of(big, sizeof big));
	letter_add(4294967294, SLICE("A: b\r\rMAILDATA\r\r\n\r\r"));
}

static void
trouble(unsigned which)
{
	login.later = which == 1;
	drop.open_fails = which == 2;
	drop.fetch_fails = which == 3;
	drop.expunge_fails = which == 4;
	drop.cut_short = which == 5;
	drop.dies = which == 6;
	world.no_tls = which == 7;
}

static void
converse(struct slice s, bool by_lines)
{
	while (s.n > 0) {
		size_t n = slice_find(s, by_lines ? '\n' : '\xfe') + 1;

		world_say(slice_take(s, by_lines || n > s.n ? n : n - 1));
		s = slice_drop(s, n);
	}
}

/* ---- the answers */

struct hearing {
	struct slice	 rest;
	unsigned	 retrieved;	/* messages, with drop.fetched */
	unsigned	 marked;
	bool		 in;		/* somebody is logged in */
	struct buf	 data;
};

/* False: there is no more. */
static bool
line_take(struct hearing *h, struct slice *line)
{
	size_t end = slice_find(h->rest, '\n');

	if (h->rest.n == 0)
		return false;
	CHECK(end < h->rest.n && end > 0 && h->rest.p[end - 1] == '\r');
	*line = slice_take(h->rest, end - 1);
	h->rest = slice_drop(h->rest, end + 1);
	return true;
}

/* Dots taken off.  False: it ended without the line with the dot. */
static bool
data_take(struct hearing *h)
{
	struct slice line;

	buf_clear(&h->data);
	while (h->rest.n > 0) {
		/* A message that is cut short may end in half a line. */
		if (slice_find(h->rest, '\n') == h->rest.n) {
			h->rest = slice_of(NULL, 0);
			return false;
		}
		line_take(h, &line);
		if (slice_eq(line, SLICE(".")))
			return true;
		if (slice_starts(line, SLICE(".")))
			line = slice_drop(line, 1);
		buf_slice(&h->data, line);
		buf_str(&h->data, "\r\n");
	}
	return false;
}

/* The message, or with TOP the beginning of it. */
static void
check_mail(struct hearing *h)
{
	static struct buf want;
	bool whole = data_take(h);
	struct slice have = buf_view(&h->data);
	const struct letter *l;

	CHECK(h->in && h->retrieved < drop.nfetched);
	l = letter_of(drop.fetched[h->retrieved++]);
	buf_clear(&want);
	canonical(&want, l->text);
	CHECK(slice_eq(have, slice_take(buf_view(&want), have.n)));
	if (!whole)
		CHECK(drop.cut_short && h->rest.n == 0);
}

static bool
says(struct slice line, struct slice words)
{
	for (size_t i = 0; i + words.n <= line.n; i++)
		if (slice_starts(slice_drop(line, i), words))
			return true;
	return false;
}

static void
check_answer(struct hearing *h, struct slice line)
{
	CHECK(line.n <= 510);
	CHECK(slice_starts(line, SLICE("+OK ")) ||
	    slice_starts(line, SLICE("-ERR ")) || slice_eq(line, SLICE("+ ")));
	CHECK(!says(line, SLICE("MAILDATA")));
	if (slice_eq(line, SLICE("+OK marked; it goes at QUIT")))
		h->marked++;
	else if (slice_eq(line, SLICE("+OK nothing is marked")))
		h->marked = 0;
	else if (slice_starts(line, SLICE("-ERR")))
		return;
	else if (slice_starts(line, SLICE("+OK what we can do")) ||
	    says(line, SLICE(" octets)")))
		CHECK(data_take(h) && !says(buf_view(&h->data),
		    SLICE("MAILDATA")));
	else if (says(line, SLICE(" octets")))
		check_mail(h);
	else if (says(line, SLICE(" messages")))
		h->in = true;
}

static void
check_answers(void)
{
	static struct hearing h;
	struct slice line;
	uint64_t removed = 0;

	h = (struct hearing){ .rest = buf_view(&world.heard), .data = h.data };
	while (line_take(&h, &line))
		check_answer(&h, line);
	CHECK(h.in == (login.ins > 0 && !drop.open_fails));
	CHECK(h.retrieved == drop.nfetched);
	for (size_t i = 0; i < drop.nremoved; i++)
		for (size_t m = 0; m < drop.n; m++)
			removed += drop.letters[m].uid >= drop.removed[i].from
			    && drop.letters[m].uid <= drop.removed[i].to;
	CHECK(removed == 0 || removed == h.marked);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 2)
		return 0;
	pop3_reset();
	fill_drop();
	trouble(data[1] & 7);
	pop3_begin(data[0] & 1 ? SERVICE_POP3S : SERVICE_POP3);
	if ((data[0] & 3) == 3)
		world_say(SLICE("USER ann\r\nPASS secret\r\n"));
	converse(slice_of(data + 2, n - 2), data[0] & 4);
	world_hang_up();
	CHECK(world.over);
	check_answers();
	pop3_end();
	return 0;
}
