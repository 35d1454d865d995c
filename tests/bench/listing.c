/*
 * listing.c - what the box calls cost, in CPU time of both processes.
 *
 * usage: listing [MESSAGES [FOLDER]]
 *
 * A store in a process of its own, on the file engine in FOLDER (a new one
 * below /tmp), with one mailbox of so many messages, and a session that asks it
 * over a channel as imapd does.  Each line: the first time, and the least of
 * several rounds.  No part of `make bench`: make build/bench/listing.
 */
#include <signal.h>
#include <sys/wait.h>

#include "tests/bench/mailbox.h"

enum { USER = 7, ROUNDS = 5, WAIT = 60000 };

static struct link	*channel;
static uint32_t		 messages = 100000;

/* ---- the store */

static void
serve_store(const char *folder, int fd)
{
	struct engine_conf conf = { .dir = folder, .cache = 256 << 20,
		.segment = 64 << 20, .readers = 1 };

	loop_init();
	store_open(engine_open_file(&conf));
	mailbox_fill(USER, messages, 11);
	users_forget();
	session_listen(USER, fd);
	for (;;)
		loop_run();
}

/* ---- the session */

static void
do_open(void)
{
	struct box_open_in in = { .name = SLICE("INBOX") };
	struct box_open_out out;

	expect(box_open(channel, &in, &out, &arena, WAIT));
	if (out.messages != messages)
		fatal("messages");
}

static void
do_list(uint64_t since, uint8_t want)
{
	struct wire_range range = { 1, UINT32_MAX };
	struct box_list_in in = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1, .since = since, .want = want };
	struct box_list_out out;
	uint32_t seen = 0;

	do {
		expect(box_list(channel, &in, &out, &arena, WAIT));
		seen += (uint32_t)out.n_entries;
		range.from = out.next;
		arena_reset(&arena);
	} while (out.next != 0);
	if (since == 0 && seen != messages)
		fatal("listing");
}

static void
do_all(void)
{
	do_list(0, 0);
}

static void
do_digests(void)
{
	do_list(0, WANT_DIGEST);
}

static void
do_newest(void)
{
	do_list(messages - 1, 0);
}

static void
do_status(void)
{
	struct box_status_in in = { .name = SLICE("INBOX") };
	struct box_status_out out;

	expect(box_status(channel, &in, &out, &arena, WAIT));
}

static void
flags_of(uint32_t from, uint32_t to)
{
	static uint64_t round;
	struct wire_range range = { from, to };
	struct box_flags_in in = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1, .flags = ++round % 32, .unchanged = UINT64_MAX };

	expect(box_flags(channel, &in, NULL, NULL, WAIT));
}

static void
do_flag(void)
{
	flags_of(50001, 50001);
}

static void
do_flags(void)
{
	flags_of(20000, 30999);
}

static void
do_sync(void)
{
	struct box_sync_in in = { .mailbox = INBOX };
	struct box_open_in name = { .name = SLICE("INBOX") };
	struct box_open_out box;
	struct box_sync_out out;

	expect(box_open(channel, &name, &box, &arena, WAIT));
	in.since = box.modseq - 1;
	expect(box_sync(channel, &in, &out, &arena, WAIT));
}

static void
measure(const char *what, void (*fn)(void), int times)
{
	double least = 1e9, first = 0, start;

	for (int round = 0; round <= ROUNDS; round++) {
		start = cpu();
		for (int i = 0; i < times; i++)
			fn();
		start = (cpu() - start) / times / 1e3;
		arena_reset(&arena);
		if (round == 0)
			first = start;
		else if (start < least)
			least = start;
	}
	printf("%-28s first %8.3f ms, then %8.3f ms\n", what, first, least);
}

int
main(int argc, char **argv)
{
	char folder[] = "/tmp/listing-XXXXXX", command[64];
	int fds[2];

	if (argc > 1)
		messages = (uint32_t)strtoul(argv[1], NULL, 10);
	log_init("listing", LOG_ERROR);
	if ((argc < 3 && mkdtemp(folder) == NULL) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		fatal("set up");
	if ((child = fork()) == 0) {
		close(fds[1]);
		serve_store(argc > 2 ? argv[2] : folder, fds[0]);
	}
	close(fds[0]);
	loop_init();
	channel = link_new(ROLE_STORE, 0, LINK_ONCE);
	link_attach(channel, fds[1]);
	measure("box_open", do_open, 1);
	measure("box_list of all", do_all, 1);
	measure("box_list, with digests", do_digests, 1);
	measure("box_list of what is new", do_newest, 1);
	measure("box_status", do_status, 100);
	measure("box_flags of 1", do_flag, 1);
	measure("box_flags of 10,000", do_flags, 1);
	measure("box_open, box_sync of 1", do_sync, 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return argc < 3 && system(command) != 0;
}
