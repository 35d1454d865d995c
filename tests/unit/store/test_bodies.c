/* Long bodies in (store_body) and out (box_fetch) over sockets of their own:
   whole, several at once, slow, broken off, and never another's. */
#include "tests/unit/store/world.h"

#include <errno.h>
#include <fcntl.h>

#include "store/body.h"
#include "store/fetch.h"

enum { BIG = 10 * 1024 * 1024, STREAMS = 4, SMALL_BUFFER = 4096 };

/* One end of a stream: bytes are a pattern of the position and a seed. */
struct flow {
	struct watch	 watch;
	uint64_t	 at, size;
	unsigned	 seed;
	bool		 stalls;	/* at the end it does not close */
	bool		 over, wrong;
};

static char
pattern(uint64_t at, unsigned seed)
{
	return (char)((at * 2654435761u >> 8) + at + seed);
}

static void
flow_end(struct flow *f)
{
	loop_del(&f->watch);
	close(f->watch.fd);
	f->over = true;
}

static void
flow_out(struct watch *w, unsigned events)
{
	struct flow *f = CONTAINER(w, struct flow, watch);
	char piece[8192];
	size_t n = f->size - f->at < sizeof piece ? f->size - f->at :
	    sizeof piece;
	ssize_t sent;

	(void)events;
	for (size_t i = 0; i < n; i++)
		piece[i] = pattern(f->at + i, f->seed);
	sent = send(w->fd, piece, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent > 0)
		f->at += (uint64_t)sent;
	if (f->at == f->size && f->stalls)
		loop_mod(w, 0);
	if ((f->at == f->size && !f->stalls) || (sent < 0 && errno != EAGAIN))
		flow_end(f);
}

static void
flow_in(struct watch *w, unsigned events)
{
	struct flow *f = CONTAINER(w, struct flow, watch);
	char piece[8192];
	ssize_t n = recv(w->fd, piece, sizeof piece, MSG_DONTWAIT);

	(void)events;
	for (ssize_t i = 0; i < n; i++)
		f->wrong |= piece[i] != pattern(f->at + (uint64_t)i, f->seed);
	if (n > 0)
		f->at += (uint64_t)n;
	else if (n == 0 || errno != EAGAIN)
		flow_end(f);
}

static uint64_t
body_number(const void *out)
{
	const struct store_body_out *o = out;

	return o->number;
}

static void
pair(int fds[2])
{
	int small = SMALL_BUFFER;

	ck_assert_int_eq(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds));
	for (int i = 0; i < 2; i++) {
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small,
		    sizeof small);
		setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small,
		    sizeof small);
	}
}

static void
body_soon(struct soon *s, struct flow *f, uint64_t told, uint64_t size,
    unsigned seed)
{
	struct store_body_in in = { .size = told };
	int fds[2];

	pair(fds);
	in.fd = fds[0];
	*s = (struct soon){ .keep = body_number };
	*f = (struct flow){ .watch = { .fd = fds[1], .ready = flow_out },
		.size = size, .seed = seed };
	ck_assert(loop_add(&f->watch, LOOP_OUT, false));
	link_call(world.mda, WIRE_store_body, &in, WAIT, soon_done, s);
}

static void
fetch_begin(struct flow *f, struct link *l, uint32_t uid, uint64_t size,
    unsigned seed)
{
	struct box_fetch_in in = { .mailbox = INBOX, .uid = uid,
		.length = UINT64_MAX };
	struct box_fetch_out out;

	ck_assert_int_eq(WIRE_OK, box_fetch(l, &in, &out, &world.arena, WAIT));
	ck_assert_int_gt(out.fd, 0);
	ck_assert_uint_eq(size, out.size);
	*f = (struct flow){ .watch = { .fd = out.fd, .ready = flow_in },
		.size = size, .seed = seed };
	ck_assert(loop_add(&f->watch, LOOP_IN, false));
}

/* 4 bodies of 10 MB at once through small buffers, in and then out, the last
   one with a change and a list in between: all whole, nobody waits for good. */
START_TEST(four_at_once)
{
	struct soon s[STREAMS];
	struct flow f[STREAMS];
	struct link *l;

	world_open(_i);
	store.message_max = BIG;
	for (unsigned i = 0; i < STREAMS; i++)
		body_soon(&s[i], &f[i], BIG + i, BIG + i, i);
	for (unsigned i = 0; i < STREAMS; i++)
		while (!s[i].done)
			world_run(5);
	ck_assert_uint_eq(STREAMS, bodies_count());
	for (unsigned i = 0; i < STREAMS; i++) {
		ck_assert_int_eq(WIRE_OK, s[i].status);
		ck_assert_uint_eq(i + 1, APPEND(.id = i + 1,
		    .number = s[i].number).uid);
	}
	ck_assert_uint_eq(0, bodies_count());
	l = grant(7, 1, RIGHT_IMAP);
	ck_assert_uint_eq(STREAMS, open_box(l, "INBOX").messages);
	for (unsigned i = 0; i < STREAMS; i++)
		fetch_begin(&f[i], l, i + 1, BIG + i, i);
	ck_assert_uint_eq(STREAMS, streams_count());
	ck_assert_int_eq(WIRE_OK, flag(l, 1, 9, FLAGS_ADD, FLAG_SEEN, NULL));
	for (unsigned i = 0; i < STREAMS; i++) {
		while (!f[i].over)
			world_run(5);
		ck_assert_uint_eq(BIG + i, f[i].at);
		ck_assert(!f[i].wrong);
	}
	ck_assert_uint_eq(0, streams_count());
	link_close(l);
	world_close();
}
END_TEST

/* Head and body of a long message come as one stream. */
START_TEST(long_with_head)
{
	struct soon s;
	struct flow f;
	struct box_fetch_in in = { .mailbox = INBOX, .uid = 1, .offset = 2,
		.length = 6 };
	struct box_fetch_out out;
	struct link *l;

	world_open(_i);
	body_soon(&s, &f, 200000, 200000, 3);
	while (!s.done)
		world_run(5);
	ck_assert_uint_eq(1, APPEND(.id = 1, .number = s.number,
	    .head = "HEAD").uid);
	l = grant(7, 1, RIGHT_IMAP);
	open_box(l, "INBOX");
	ck_assert_int_eq(WIRE_OK, box_fetch(l, &in, &out, &world.arena, WAIT));
	ck_assert_uint_eq(6, out.bytes.n);
	ck_assert(slice_starts(out.bytes, SLICE("AD")));
	ck_assert_int_eq(pattern(3, 3), out.bytes.p[5]);
	/* A part of it, long enough for a socket. */
	in = (struct box_fetch_in){ .mailbox = INBOX, .uid = 1, .offset = 4,
		.length = 150000 };
	ck_assert_int_eq(WIRE_OK, box_fetch(l, &in, &out, &world.arena, WAIT));
	f = (struct flow){ .watch = { .fd = out.fd, .ready = flow_in },
		.seed = 3 };
	ck_assert(loop_add(&f.watch, LOOP_IN, false));
	while (!f.over)
		world_run(5);
	ck_assert_uint_eq(150000, f.at);
	ck_assert(!f.wrong);
	/* All of it: the head comes first. */
	in = (struct box_fetch_in){ .mailbox = INBOX, .uid = 1,
		.length = UINT64_MAX };
	ck_assert_int_eq(WIRE_OK, box_fetch(l, &in, &out, &world.arena, WAIT));
	ck_assert_uint_eq(200004, out.size);
	world_run(20);
	{
		char head[4];

		ck_assert_int_eq(4, recv(out.fd, head, 4, MSG_DONTWAIT));
		ck_assert_int_eq(0, memcmp(head, "HEAD", 4));
	}
	f = (struct flow){ .watch = { .fd = out.fd, .ready = flow_in },
		.seed = 3 };
	ck_assert(loop_add(&f.watch, LOOP_IN, false));
	while (!f.over)
		world_run(5);
	ck_assert_uint_eq(200000, f.at);
	ck_assert(!f.wrong);
	link_close(l);
	world_close();
}
END_TEST

/* One body, several users. */
START_TEST(shared)
{
	struct wire_copy copies[] = { { .user = 7 }, { .user = 8 } };
	struct store_append_in in = { .id = 1, .copies = copies,
		.n_copies = 2 };
	struct store_append_out out;
	struct soon s;
	struct flow f;
	struct link *l;

	world_open(_i);
	body_soon(&s, &f, 2000000, 2000000, 1);
	while (!s.done)
		world_run(5);
	in.number = s.number;
	ck_assert_int_eq(WIRE_OK, store_append(world.mda, &in, &out,
	    &world.arena, WAIT));
	l = grant(7, 1, RIGHT_POP3);
	open_box(l, "INBOX");
	ck_assert_int_eq(WIRE_OK, expunge(l, 1, 1, NULL));
	link_close(l);
	l = grant(8, 2, RIGHT_POP3);
	open_box(l, "INBOX");
	fetch_begin(&f, l, 1, 2000000, 1);
	while (!f.over)
		world_run(5);
	ck_assert_uint_eq(2000000, f.at);
	ck_assert(!f.wrong);
	link_close(l);
	world_close();
}
END_TEST

/* A body that breaks off is refused and leaves nothing. */
START_TEST(broken_off)
{
	struct soon s;
	struct flow f;

	world_open(_i);
	body_soon(&s, &f, 500000, 300000, 1);
	while (!s.done)
		world_run(5);
	ck_assert_int_eq(WIRE_BAD, s.status);
	ck_assert_uint_eq(0, bodies_count());
	/* No size, no descriptor, not a socket. */
	ck_assert_int_eq(WIRE_BAD, store_body(world.mda,
	    &(struct store_body_in){ .size = 5 }, NULL, NULL, WAIT));
	ck_assert_int_eq(WIRE_BAD, store_body(world.mda,
	    &(struct store_body_in){ .size = 5,
	    .fd = open("/dev/null", O_RDONLY | O_CLOEXEC) }, NULL, NULL,
	    WAIT));
	world_close();
}
END_TEST

/* A number is good on the link it came on, once, until that ends. */
START_TEST(not_anothers)
{
	struct wire_copy copy = { .user = 7 };
	struct store_append_in in = { .id = 1, .copies = &copy,
		.n_copies = 1 };
	struct soon s, half;
	struct flow f, g;
	struct link *other;

	world_open(_i);
	body_soon(&s, &f, 100000, 100000, 1);
	while (!s.done)
		world_run(5);
	in.number = s.number;
	other = world_link(ROLE_MDA);
	ck_assert_int_eq(WIRE_NONE, store_append(other, &in, NULL, NULL, WAIT));
	ck_assert_int_eq(WIRE_OK, store_append(world.mda, &in, NULL, NULL,
	    WAIT));
	in.id = 2;
	ck_assert_int_eq(WIRE_NONE, store_append(world.mda, &in, NULL, NULL,
	    WAIT));
	/* The mda dies with one body there and one on its way. */
	body_soon(&s, &f, 100000, 100000, 1);
	while (!s.done)
		world_run(5);
	body_soon(&half, &g, 100001, 100000, 1);
	g.stalls = true;
	world_run(50);
	ck_assert_uint_eq(2, bodies_count());
	link_close(world.mda);
	world_run(20);
	flow_end(&g);
	ck_assert_uint_eq(0, bodies_count());
	world.mda = other;
	world_close();
}
END_TEST

/* Who reads slowly, stops reading or goes away disturbs nobody. */
START_TEST(reader_leaves)
{
	struct soon s;
	struct flow f;
	struct box_fetch_in in = { .mailbox = INBOX, .uid = 1,
		.length = UINT64_MAX };
	struct box_fetch_out out[3];
	struct link *l, *m;

	world_open(_i);
	body_soon(&s, &f, 3000000, 3000000, 1);
	while (!s.done)
		world_run(5);
	APPEND(.id = 1, .number = s.number);
	l = grant(7, 1, RIGHT_POP3);
	m = grant(7, 2, RIGHT_POP3);
	open_box(l, "INBOX");
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(WIRE_OK, box_fetch(i < 2 ? l : m, &in,
		    &out[i], &world.arena, WAIT));
	world_run(20);
	ck_assert_uint_eq(3, streams_count());
	close(out[0].fd);		/* aborts one */
	world_run(20);
	ck_assert_uint_eq(2, streams_count());
	link_close(l);			/* its session ends another */
	world_run(20);
	ck_assert_uint_eq(1, streams_count());
	close(out[1].fd);
	f = (struct flow){ .watch = { .fd = out[2].fd, .ready = flow_in },
		.seed = 1 };
	ck_assert(loop_add(&f.watch, LOOP_IN, false));
	while (!f.over)
		world_run(5);
	ck_assert_uint_eq(3000000, f.at);
	ck_assert(!f.wrong);
	link_close(m);
	world_close();
}
END_TEST

static void
add(TCase *t)
{
	tcase_set_timeout(t, 110);
	tcase_add_loop_test(t, four_at_once, 0, 2);
	tcase_add_loop_test(t, long_with_head, 0, 2);
	tcase_add_loop_test(t, shared, 0, 2);
	tcase_add_loop_test(t, broken_off, 0, 2);
	tcase_add_loop_test(t, not_anothers, 0, 2);
	tcase_add_loop_test(t, reader_leaves, 0, 2);
}

int
main(void)
{
	return suite_run("store bodies", add);
}
