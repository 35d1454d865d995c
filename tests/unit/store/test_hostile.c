/* A channel that sends any values in any box call: each is answered, what is
   stored stays right, and nobody else's mail is touched (IPC-1). */
#include "tests/unit/store/boxes.h"

#include <errno.h>

#include "store/body.h"

enum { CALLS = 5000, NUMBER_AT = 4, RANGES = 6 };

/* wire.def as text: a line for each record, and for each call its request. */
static const char shapes[] =
#define REC(name)	"\nr" #name ":"
#define CALL(name, askers, answerer, doc)	"\nc" #name ":"
#define OUT(name)	"\no:"
#define U8(f)		"1"
#define U32(f)		"4"
#define U64(f)		"8"
#define STR(f)		"s"
#define BYTES(f)	"s"
#define LIST(rec, f)	"l" #rec ";"
#include "common/core/wire.def"
    "\n";

static uint64_t	 state;

static uint32_t
roll(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % below;
}

static uint64_t
any_number(void)
{
	static const uint64_t v[] = { INT32_MAX, 1u << 31, UINT32_MAX - 1,
		UINT32_MAX, (uint64_t)1 << 32, INT64_MAX, (uint64_t)1 << 63,
		UINT64_MAX - 1, UINT64_MAX };

	return roll(3) ? roll(8) : v[roll(sizeof v / sizeof *v)];
}

static void
put_number(struct buf *b, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_char(b, (char)(v >> 8 * i));
}

static void
put_name(struct buf *b)
{
	static const struct slice v[] = { { "", 0 }, { "INBOX", 5 },
		{ "inbox", 5 }, { "a", 1 }, { "b", 1 }, { "a/b", 3 },
		{ "a/b/c", 5 }, { "b/a", 3 }, { "/", 1 }, { "a/", 2 },
		{ "\xff", 1 }, { "INBOX/a", 7 }, { "$k", 2 }, { "k l", 3 } };
	struct slice s = v[roll(sizeof v / sizeof *v)];
	char longest[500];

	memset(longest, 'n', sizeof longest);
	if (roll(20) == 0)
		s = slice_of(longest, 390 + roll(110));
	put_number(b, s.n, 4);
	buf_slice(b, s);
}

/* Mostly good, or nothing would ever happen. */
static void
put_ranges(struct buf *b)
{
	uint32_t n = roll(RANGES), at = 1;

	put_number(b, n, 4);
	for (uint32_t i = 0; i < n; i++) {
		at += roll(4);
		put_number(b, roll(12) ? at : any_number(), 4);
		at += roll(3);
		put_number(b, roll(12) ? at++ : any_number(), 4);
	}
}

static struct slice
shape_of(char kind, struct slice name)
{
	char line[64];
	const char *p;

	snprintf(line, sizeof line, "\n%c%.*s:", kind, (int)name.n, name.p);
	p = strstr(shapes, line);
	ck_assert_ptr_nonnull(p);
	p += strlen(line);
	return slice_of(p, strcspn(p, "\n"));
}

static void
put_fields(struct buf *b, struct slice shape)
{
	while (shape.n > 0) {
		char c = shape.p[0];
		struct slice rec;
		uint32_t n;

		shape = slice_drop(shape, 1);
		if (c == 's')
			put_name(b);
		else if (c == '1')
			put_number(b, roll(5) ? roll(3) : roll(256), 1);
		else if (c != 'l')
			put_number(b, any_number(), c == '4' ? 4 : 8);
		else if (slice_eq(rec = slice_cut(&shape, ';'),
		    SLICE("range")))
			put_ranges(b);
		else {
			put_number(b, n = roll(4), 4);
			while (n-- > 0)
				put_fields(b, shape_of('r', rec));
		}
	}
}

/* ---- the channel */

static int	 fd;
static struct buf heard;

static void
channel_open(void)
{
	struct store_grant_in in = { .user = 7, .session = 1,
		.rights = RIGHT_IMAP, .limit = 5000 };
	int fds[2];

	ck_assert_int_eq(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds));
	in.fd = fds[0];
	fd = fds[1];
	ck_assert_int_eq(WIRE_OK, store_grant(world.auth, &in, NULL, NULL,
	    WAIT));
	buf_clear(&heard);
}

/* Takes what was answered; true if this number was. */
static bool
hears(uint32_t number)
{
	static char bytes[256 * 1024];
	bool found = false;
	uint32_t head[2];
	ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

	ck_assert(n > 0 || (n < 0 && errno == EAGAIN));	/* not dropped */
	buf_add(&heard, bytes, n > 0 ? (size_t)n : 0);
	while (heard.n >= WIRE_HEAD) {
		memcpy(head, heard.p, sizeof head);
		if (heard.n < head[0])
			break;
		found |= head[1] == number;
		buf_drop(&heard, head[0]);
	}
	return found;
}

/* One turn of the loop, not more. */
static void
turn(void)
{
	struct world_timer t = { .timer = { .fire = world_stop } };

	timer_set(&t.timer, loop_clock());
	while (!t.over)
		loop_run();
}

static void
call_any(uint32_t number)
{
	enum wire_call call = WIRE_box_open + roll(WIRE_box_watch + 1 -
	    WIRE_box_open);
	struct buf b = { 0 };
	uint64_t end;

	put_number(&b, 0, 4);
	put_number(&b, number, 4);
	put_number(&b, (uint64_t)call, 8);
	put_fields(&b, shape_of('c', slice_str(wire_rows[call].name)));
	for (unsigned i = 0; i < 4; i++)
		b.p[i] = (char)(b.n >> 8 * i);
	ck_assert_int_eq((ssize_t)b.n, send(fd, b.p, b.n, MSG_NOSIGNAL));
	buf_free(&b);
	/* A watcher's answer comes when something happens. */
	end = loop_clock() + 30 * 1000;
	while (call != WIRE_box_watch && !hears(number)) {
		if (loop_clock() > end)
			ck_abort_msg("%s: no answer", wire_rows[call].name);
		turn();
	}
}

static void
check_user(struct link *l)
{
	struct box_names_in in = { 0 };
	struct box_names_out out;
	uint64_t used = 0;

	ck_assert_int_eq(WIRE_OK, box_names(l, &in, &out, &world.arena,
	    WAIT));
	ck_assert(!out.more);
	for (size_t i = 0; i < out.n_boxes; i++) {
		char *name = arena_str(&world.arena, out.boxes[i].name);

		if (out.boxes[i].mailbox == 0)
			continue;
		check_box(l, name);
		used += out.boxes[i].bytes;
	}
	ck_assert_uint_eq(used, quota_used(l));
	arena_reset(&world.arena);
}

START_TEST(any_values)
{
	struct box_open_out before;
	struct link *l, *other;

	world_open(_i == 2);
	state = (uint64_t)_i + 1;
	store.entries_least = _i == 1 ? 1 : 2000;
	for (uint64_t id = 1; id <= 5; id++) {
		APPEND(.id = id, .digest = "d");
		APPEND(.id = id, .user = 8);
	}
	other = grant(8, 9, RIGHT_IMAP);
	before = open_box(other, "INBOX");
	channel_open();
	l = grant(7, 2, RIGHT_IMAP);
	for (uint32_t i = 1; i <= CALLS / (_i == 2 ? 5 : 1); i++) {
		call_any(i);
		if (i % 100 == 0) {
			APPEND(.id = 100 + i, .mailbox = "a/b");
			check_user(l);
		}
	}
	close(fd);
	world_run(10);
	ck_assert_uint_eq(0, bodies_count());
	check_user(l);
	link_close(l);
	link_close(other);
	world_restart();
	l = grant(7, 2, RIGHT_IMAP);
	check_user(l);
	link_close(l);
	other = grant(8, 9, RIGHT_IMAP);
	ck_assert_uint_eq(before.modseq, open_box(other, "INBOX").modseq);
	link_close(other);
	store.entries_least = 2000;
	buf_free(&heard);
	world_close();
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, any_values, 0, 3);
}

int
main(void)
{
	return suite_run("store hostile", add);
}
