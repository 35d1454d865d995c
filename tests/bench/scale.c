/*
 * scale.c - does a call cost the same in a mailbox of 1,000 messages and in
 * one of 1,000,000?  And what does a store with so many weigh when it is idle?
 *
 * usage: scale [MESSAGES [FOLDER]]
 *
 * A store in a process of its own, on the file engine in FOLDER (a new one
 * below /tmp), keeps a small and a large mailbox of two users; a session of
 * each asks as imapd does.  Times are the least of several rounds, which take
 * turns.  Removed messages are kept, as they are by default (7 days).  Each
 * line ends in its aim and whether it is met; exit 1 if one is not.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/bench/mailbox.h"

enum {
	SMALL = 1000, ROUNDS = 9, TIMES = 20, WAIT = 600000,
	CACHE = 256, MEMORY_MORE = 32,	/* MiB */
	NEWEST = 50, FLAGGED = 10000,
};

/* A mailbox, and the session that asks for it. */
struct side {
	uint64_t	 user;
	uint32_t	 messages;	/* at first */
	uint32_t	 gone;		/* the last UID that was expunged */
	uint32_t	 uidnext;
	struct link	*channel;
	int		 fds[2];
};
static struct side	 sides[2] = { { .user = 7, .messages = SMALL },
			    { .user = 8, .messages = 1000000 } };
static struct side	*side;		/* the one that is asked */
static volatile uint64_t *groups;	/* the store's, seen by both */
static bool		 missed;

/* ---- the store */

static void
count_groups(void)
{
	struct engine_figures f;

	engine_figures(store.engine, &f);
	*groups = f.groups;
}

static void
serve_store(const char *folder)
{
	struct engine_conf conf = { .dir = folder,
		.cache = (size_t)CACHE << 20, .segment = 64 << 20,
		.readers = 1 };

	loop_init();
	loop_hook(LOOP_AFTER, count_groups);
	store.undelete = UINT64_C(7) * 86400 * 1000;
	store_open(engine_open_file(&conf));
	for (int i = 0; i < 2; i++)
		mailbox_fill(sides[i].user, sides[i].messages, 0);
	users_forget();
	for (int i = 0; i < 2; i++)
		session_listen(sides[i].user, sides[i].fds[0]);
	for (;;)
		loop_run();
}

/* ---- the calls */

static void
do_open(void)
{
	struct box_open_in in = { .name = SLICE("INBOX") };
	struct box_open_out out;

	expect(box_open(side->channel, &in, &out, &arena, WAIT));
	side->uidnext = out.uidnext;
}

static void
do_status(void)
{
	struct box_status_in in = { .name = SLICE("INBOX") };
	struct box_status_out out;

	expect(box_status(side->channel, &in, &out, &arena, WAIT));
}

static void
do_newest(void)
{
	struct wire_range range = { side->uidnext - NEWEST, UINT32_MAX };
	struct box_list_in in = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1, .want = WANT_DIGEST };
	struct box_list_out out;

	expect(box_list(side->channel, &in, &out, &arena, WAIT));
	if (out.n_entries < NEWEST / 2)
		fatal("the newest are not there");
}

static void
flags_of(uint32_t from, uint32_t to)
{
	static uint64_t round;
	struct wire_range range = { from, to };
	struct box_flags_in in = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1, .flags = ++round % 32, .unchanged = UINT64_MAX };

	expect(box_flags(side->channel, &in, NULL, NULL, WAIT));
}

static void
do_flag(void)
{
	flags_of(side->messages / 2 + 400, side->messages / 2 + 400);
}

static void
do_append(void)
{
	static char text[DIGEST];
	struct wire_appended m = { .when = 1,
		.digest = slice_of(text, sizeof text) };
	struct box_append_in in = { .mailbox = INBOX, .messages = &m,
		.n_messages = 1, .body = slice_of(text, sizeof text) };
	struct box_append_out out;

	expect(box_append(side->channel, &in, &out, NULL, WAIT));
}

/* Every second one, from the middle: as bad as it gets for a set of UIDs. */
static void
do_expunge(void)
{
	struct wire_range range;
	struct box_expunge_in in = { .mailbox = INBOX, .uids = &range,
		.n_uids = 1 };
	struct box_expunge_out out;

	if (side->gone == 0)
		side->gone = side->messages / 2;
	side->gone += 2;
	range = (struct wire_range){ side->gone, side->gone };
	expect(box_expunge(side->channel, &in, &out, NULL, WAIT));
	if (out.removed != 1)
		fatal("not expunged");
}

/* ---- measuring */

static void
verdict(bool good)
{
	printf("%s\n", good ? "yes" : "NO");
	missed |= !good;
}

/* How much a 1,000 times larger mailbox may cost. */
static void
measure(const char *what, void (*fn)(void), double most)
{
	double least[2] = { 1e12, 1e12 };

	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < 2; i++) {
			double begun = cpu();

			side = &sides[i];
			for (int n = 0; n < TIMES; n++)
				fn();
			begun = (cpu() - begun) / TIMES;
			if (round > 0 && begun < least[i])
				least[i] = begun;
			arena_reset(&arena);
		}
	printf("%-28s %8.1f us, %8.1f us: %5.2fx (aim %.0fx) ", what, least[0],
	    least[1], least[1] / least[0], most);
	verdict(least[1] <= most * least[0]);
}

/* In MiB. */
static double
memory(void)
{
	char path[64], line[128];
	unsigned long kib = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)child);
	if ((f = fopen(path, "r")) == NULL)
		fatal("%s", path);
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "VmRSS: %lu", &kib) == 1)
			break;
	fclose(f);
	return (double)kib / 1024;
}

static void
weigh(const char *when)
{
	double mib = memory();

	printf("%-28s %8.0f MiB (aim %d MiB) ", when, mib,
	    CACHE + MEMORY_MORE);
	verdict(mib <= CACHE + MEMORY_MORE);
}

static void
one_group(void)
{
	uint64_t before, n;

	side = &sides[1];
	do_status();
	before = *groups;
	flags_of(1, FLAGGED);
	do_status();
	n = *groups - before;
	printf("%-28s %8llu groups (aim 1) ", "flags of 10,000, one call",
	    (unsigned long long)n);
	verdict(n == 1);
}

int
main(int argc, char **argv)
{
	char folder[] = "/tmp/scale-XXXXXX", command[64];

	if (argc > 1)
		sides[1].messages = (uint32_t)strtoul(argv[1], NULL, 10);
	log_init("scale", LOG_ERROR);
	groups = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (groups == MAP_FAILED || (argc < 3 && mkdtemp(folder) == NULL))
		fatal("set up");
	for (int i = 0; i < 2; i++)
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
		    sides[i].fds) != 0)
			fatal("set up");
	if ((child = fork()) == 0)
		serve_store(argc > 2 ? argv[2] : folder);
	loop_init();
	for (int i = 0; i < 2; i++) {
		close(sides[i].fds[0]);
		sides[i].channel = link_new(ROLE_STORE, 0, LINK_ONCE);
		link_attach(sides[i].channel, sides[i].fds[1]);
		side = &sides[i];
		do_open();
	}
	weigh("memory, idle");
	measure("SELECT", do_open, 2);
	measure("STATUS", do_status, 2);
	measure("FETCH of the newest 50", do_newest, 2);
	measure("flags of one", do_flag, 2);
	measure("APPEND", do_append, 2);
	measure("EXPUNGE of one, kept", do_expunge, 2);
	measure("SELECT after that", do_open, 2);
	one_group();
	weigh("memory, at the end");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	if (argc < 3 && system(command) != 0)
		return 1;
	return missed;
}
