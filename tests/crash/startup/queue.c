/*
 * Start of queue after a crash with 100,000 messages for remote recipients.
 *
 * usage: startup-queue [MESSAGES [DIR]]
 */
#include "tests/crash/startup/startup.h"
#include "tests/unit/queue/world.h"

enum { WINDOW = 512 };

static unsigned	 answered;

static void
came(void *arg, enum wire_status status, const void *out)
{
	const struct queue_submit_out *o = out;

	(void)arg;
	ck_assert_int_eq(status, WIRE_OK);
	ck_assert_int_eq(o->verdicts[0].outcome, OUTCOME_QUEUED);
	answered++;
}

static void
add(unsigned n)
{
	static char body[500], to[40];
	struct wire_recipient r = { .address = SLICE("") };
	struct queue_submit_in in = { .return_path = SLICE("a@example.org"),
		.sender = SENDER_AUTHENTICATED, .session = 7,
		.recipients = &r, .n_recipients = 1,
		.before = SLICE("Received: by mx id "), .after = SLICE("\r\n"),
		.body = slice_of(body, sizeof body) };

	memset(body, 'x', sizeof body);
	snprintf(body, sizeof body, "Message-ID: <%u@x>\r\n\r\n", n);
	snprintf(to, sizeof to, "user%u@host%u.example", n, n % 1000);
	r.address = slice_str(to);
	link_call(submission, WIRE_queue_submit, &in, 0, came, NULL);
}

static void
fill(unsigned n, int fd)
{
	world_open = folder_open;
	setup();
	log_divert(world_keep_log);
	for (unsigned i = 0; i < n; i++) {
		add(i);
		while (answered + WINDOW < i)
			run(0);
		buf_clear(&world_log);
	}
	while (answered < n)
		run(1);
	if (write(fd, "x", 1) != 1)
		err(1, "pipe");
}

static void
measure(unsigned n)
{
	double start = seconds(), opened;

	queue_clock = test_clock;
	test_time = 1700000001000u;
	log_init("startup", LOG_WARN);
	loop_init();
	conf = (struct conf){ .message_max = 50000000, .hold_time = 2000,
		.hold_memory = 64000000, .retry_first = 300000,
		.retry_most = 14400000, .expire_after = 432000000,
		.destination_max = 20, .workers = { [ROLE_RELAY] = 1 },
		.server_name = SLICE("mx.example.org") };
	queue_limits(&conf);
	queue_setup();
	engine = folder_open();
	opened = seconds();
	queue_open(engine);
	figures_print("queue", n, engine, opened - start, seconds() - opened);
}

int
main(int argc, char **argv)
{
	return startup_run(argc, argv, 100000, fill, measure);
}
