/*
 * Start of store after a crash with 1,000,000 messages.
 *
 * usage: startup-store [MESSAGES [DIR]]
 */
#include "tests/crash/startup/startup.h"
#include "tests/unit/store/boxes.h"

enum { USERS = 100, WINDOW = 512 };

static struct link	*sessions[USERS];
static unsigned		 answered;

static void
begin(void)
{
	loop_init();
	log_init("startup", LOG_WARN);
	link_suspend = world_suspend;
	link_wake = world_wake;
	store.message_max = 100000;
	store.users_max = 4096;
	store_open(folder_open());
}

static void
came(void *arg, enum wire_status status, const void *out)
{
	(void)arg;
	(void)out;
	ck_assert_int_eq(WIRE_OK, status);
	answered++;
}

static void
add(unsigned n)
{
	static char body[400];
	struct wire_appended m = { .when = 5, .digest = slice_of(body, 200) };
	struct box_append_in in = { .mailbox = INBOX, .messages = &m,
		.n_messages = 1 };

	snprintf(body, sizeof body, "message %u", n);
	in.body = slice_of(body, sizeof body);
	link_call(sessions[n % USERS], WIRE_box_append, &in, 0, came, NULL);
}

static void
add_to(unsigned from, unsigned to)
{
	answered = from;
	for (unsigned n = from; n < to; n++) {
		add(n);
		while (answered + WINDOW < n)
			world_run(0);
	}
	while (answered < to)
		world_run(0);
}

static void
upkept(void *arg, enum engine_status status)
{
	(void)status;
	*(bool *)arg = true;
}

static void
fill(unsigned n, int fd)
{
	struct engine_figures f;
	uint64_t before;
	bool done = false;
	unsigned last;

	begin();
	world.auth = world_link(ROLE_AUTH);
	for (unsigned i = 0; i < USERS; i++)
		open_box(sessions[i] = grant(i + 1, i + 1, RIGHT_IMAP),
		    "INBOX");
	add_to(0, 1000);
	engine_figures(store.engine, &f);
	last = SINCE / (unsigned)(f.bytes / 1000);
	last = last < n ? last : n;
	add_to(1000, n - last);
	engine_checkpoint(store.engine, upkept, &done);
	while (!done)
		world_run(1);
	engine_figures(store.engine, &f);
	before = f.bytes;
	add_to(n - last, n);
	engine_figures(store.engine, &f);
	printf("startup: %llu KiB since the checkpoint\n",
	    (unsigned long long)(f.bytes - before) >> 10);
	fflush(stdout);
	if (write(fd, "x", 1) != 1)
		err(1, "pipe");
}

static void
measure(unsigned n)
{
	double start = seconds(), opened;

	loop_init();
	log_init("startup", LOG_WARN);
	store.engine = folder_open();
	opened = seconds();
	store_open(store.engine);
	figures_print("store", n, store.engine, opened - start,
	    seconds() - opened);
}

int
main(int argc, char **argv)
{
	return startup_run(argc, argv, 1000000, fill, measure);
}
