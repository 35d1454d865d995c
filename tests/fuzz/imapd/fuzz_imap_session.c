/*
 * Octets to a session of imapd: responses are well formed, mail comes only
 * behind a login, numbers fit what the client was told (RFC 9051 7.4.1 and
 * 7.5.1), half a literal never looks whole, and every input ends.
 *
 * The first octet says with or without TLS (bit 0), whether somebody is logged
 * in (bit 1) and has selected INBOX (bit 2) from the start, and whether the
 * client waits after each line (bit 3); the second what goes wrong.  Behind
 * them is what the client says; a line that begins with "!" is what another
 * session does meanwhile.
 */
#include "tests/unit/imapd/world.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static char	big[100 * 1024];	/* over WIRE_BODY_MAX */

static void
fill_box(void)
{
	memset(big, 'x', sizeof big);
	memcpy(big, "A: b\r\n\r\n", 8);
	letter_add(SLICE("Subject: MAILDATA\r\n\r\nx\r\n"), 0);
	letter_add(SLICE("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	    "--b\r\nContent-Transfer-Encoding: base64\r\n\r\nTUFJTERBVEE=\r\n"
	    "--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: MAILDATA\r\n\r\n"
	    "y\r\n--b--\r\n"), FLAG_SEEN);
	letter_add(SLICE("\r\nMAILDATA"), FLAG_DELETED);
	letter_add(slice_of(big, sizeof big), 0);
	letter_add(SLICE("From: =?utf-8?q?MAILDATA?= <a@b>\r\n"), FLAG_FLAGGED);
	letter_remove(3);
}

static void
trouble_make(unsigned which)
{
	unsigned call = calls[(which >> 3) % CALLS].call;

	switch (which & 7) {
	case 1: login.later = true; break;
	case 2: world.no_tls = true; break;
	case 3: box.full = true; break;
	case 4: box.cut_short = box.no_digest = true; break;
	case 5: box.no_bytes = true; break;
	case 6: box.fails = call; break;
	case 7: box.dies = call; break;
	}
}

/* Another session: "!+" a message comes, "!-" the first one goes, "!f" flags
   change, "!c" the login is revoked. */
static void
meanwhile(char what)
{
	struct letter *first = NULL;

	for (size_t i = box.n; i-- > 0;)
		if (!box.letters[i].gone)
			first = &box.letters[i];
	if (what == '+' && box.n < LETTERS_MAX)
		letter_add(SLICE("\r\nMAILDATA\r\n"), 0);
	else if (what == '-' && first != NULL)
		letter_remove(first->uid);
	else if (what == 'f' && first != NULL) {
		first->flags ^= FLAG_ANSWERED;
		first->modseq = ++box.modseq;
	} else if (what == 'c')
		channel_cut();
	changed();
	world_run();
}

static void
converse(struct slice s, bool by_lines)
{
	while (s.n > 0) {
		size_t n = slice_find(s, by_lines ? '\n' : '\xfe') + 1;

		if (by_lines && s.n > 1 && s.p[0] == '!')
			meanwhile(s.p[1]);
		else
			world_say(slice_take(s, by_lines || n > s.n ? n :
			    n - 1));
		s = slice_drop(s, n);
	}
}

/* ---- what was heard */

struct hearing {
	struct slice	 rest;
	uint64_t	 exists;
	bool		 in;		/* somebody is logged in */
	bool		 cut;		/* in a literal */
};

static bool
says(struct slice s, const char *words)
{
	return s.n > 0 && memmem(s.p, s.n, words, strlen(words)) != NULL;
}

/* "... {123}" at the end of a line. */
static bool
announces(struct slice line, size_t *n)
{
	size_t at = line.n;
	uint64_t wide;

	if (at < 3 || line.p[--at] != '}')
		return false;
	while (at > 0 && line.p[at - 1] >= '0' && line.p[at - 1] <= '9')
		at--;
	if (at == 0 || line.p[at - 1] != '{' || !slice_u64(slice_of(line.p + at,
	    line.n - 1 - at), UINT32_MAX, &wide))
		return false;
	*n = (size_t)wide;
	return true;
}

/* One response with its literals; *head is its first line. */
static bool
response_take(struct hearing *h, struct slice *whole, struct slice *head)
{
	const char *start = h->rest.p;
	size_t end, literal;
	struct slice line;
	bool first = true;

	if (h->rest.n == 0)
		return false;
	do {
		end = slice_find(h->rest, '\n');
		/* What is cut in a literal ends there. */
		if (end == h->rest.n) {
			CHECK(h->cut);
			h->rest = slice_drop(h->rest, end);
			return false;
		}
		CHECK(end > 0 && h->rest.p[end - 1] == '\r');
		line = slice_take(h->rest, end - 1);
		h->rest = slice_drop(h->rest, end + 1);
		if (first)
			*head = line;
		first = false;
		literal = 0;
		if (slice_starts(*head, SLICE("* ")) &&
		    announces(line, &literal)) {
			h->cut = literal >= h->rest.n;
			h->rest = slice_drop(h->rest, literal);
		} else
			literal = SIZE_MAX;
	} while (literal != SIZE_MAX);
	*whole = slice_of(start, (size_t)(h->rest.p - start));
	return true;
}

static uint64_t
set_count(struct slice set)
{
	uint64_t n = 0, from, to;

	while (set.n > 0) {
		struct slice range = slice_cut(&set, ',');
		struct slice low = slice_cut(&range, ':');

		CHECK(slice_u64(low, UINT32_MAX, &from));
		to = from;
		CHECK(range.n == 0 || slice_u64(range, UINT32_MAX, &to));
		CHECK(from <= to && from > 0);
		n += to - from + 1;
	}
	return n;
}

/* "* 3 EXISTS" and its like against what the client knows. */
static void
check_numbers(struct hearing *h, struct slice s)
{
	struct slice word = slice_cut(&s, ' ');
	uint64_t n;

	if (slice_eq(word, SLICE("VANISHED")) && s.n > 0 && s.p[0] != '(') {
		n = set_count(s);
		CHECK(n <= h->exists);
		h->exists -= n;
	}
	if (!slice_u64(word, UINT32_MAX, &n))
		return;
	if (slice_eq(s, SLICE("EXPUNGE"))) {
		CHECK(n > 0 && n <= h->exists);
		h->exists--;
	} else if (slice_eq(s, SLICE("EXISTS")))
		h->exists = n;
	else if (slice_starts(s, SLICE("FETCH (")))
		CHECK(n > 0 && n <= h->exists);
	else
		CHECK(slice_eq(s, SLICE("RECENT")));
}

static void
check_tagged(struct hearing *h, struct slice s)
{
	slice_cut(&s, ' ');
	CHECK(slice_starts(s, SLICE("OK ")) || slice_starts(s, SLICE("NO ")) ||
	    slice_starts(s, SLICE("BAD ")));
	if (says(s, "] logged in"))
		h->in = true;
}

static void
check_responses(void)
{
	struct hearing h = { .rest = buf_view(&world.heard) };
	struct slice whole, head;

	while (response_take(&h, &whole, &head)) {
		if (!slice_starts(head, SLICE("* ")) &&
		    !slice_starts(head, SLICE("+ ")))
			check_tagged(&h, head);
		else if (head.p[0] == '*')
			check_numbers(&h, slice_drop(head, 2));
		/* A tag may be any word. */
		CHECK(h.in || head.p[0] != '*' || !says(whole, "MAILDATA"));
	}
	CHECK(h.in == (login.ins > 0));
	CHECK(!h.cut || world.over);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 2)
		return 0;
	imap_reset();
	fill_box();
	imap_begin(data[0] & 1 ? SERVICE_IMAPS : SERVICE_IMAP);
	if ((data[0] & 3) == 3)
		world_say(SLICE("0 LOGIN ann secret\r\n"));
	if ((data[0] & 7) == 7)
		world_say(SLICE("0 SELECT INBOX\r\n"));
	trouble_make(data[1]);
	converse(slice_of((const char *)data + 2, n - 2), data[0] & 8);
	world_hang_up();
	CHECK(world.over);
	check_responses();
	imap_end();
	return 0;
}
