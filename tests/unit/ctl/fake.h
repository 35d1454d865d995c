/*
 * fake.h - a Postino in one child process: it answers on a control socket
 * what master, auth, queue and store would, and writes down what it was told.
 *
 * The names of things choose the answer: taken.example is there already,
 * full.example meets a full disk, gone.example ends the process.
 */
#ifndef UNIT_CTL_FAKE_H
#define UNIT_CTL_FAKE_H

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/link.h"
#include "common/core/terms.h"
#include "common/core/log.h"

static struct {
	bool	 store_down;	/* one process is not ready */
	bool	 store_silent;	/* ... is ready and does not answer */
	bool	 faults;	/* the configuration has some */
	bool	 restart;	/* something needs one */
	bool	 deaf;		/* the link ends at the first call */
	bool	 empty;		/* all lists are */
} fake;

static void		(*fake_more)(void);	/* what else is served */
static FILE		*told;		/* what the fake was told */
static struct watch	 fake_watch;

static void
fake_status(struct request *r)
{
	struct wire_child children[] = {
		{ .role = ROLE_AUTH, .pid = 100, .ms = 61000, .ready = 1 },
		{ .role = ROLE_QUEUE, .pid = 101, .ms = 1000, .ready = 1 },
		{ .role = ROLE_STORE, .instance = 1, .pid = 102, .deaths = 2,
		    .ms = 5, .ready = !fake.store_down },
	};
	struct master_status_out out = { .children = children,
		.n_children = 3 };

	if (fake.deaf)
		_exit(0);
	answer(r, WIRE_OK, &out);
}

static void
fake_dial(struct request *r)
{
	const struct master_dial_in *in = REQUEST(master_dial, r);
	struct master_dial_out out = { 0 };
	struct link *l;
	int pair[2];

	if (in->role != ROLE_AUTH && in->role != ROLE_QUEUE &&
	    in->role != ROLE_KEY &&
	    (in->role != ROLE_STORE || in->instance != 1)) {
		answer(r, WIRE_NONE, NULL);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		_exit(1);
	l = link_new(ROLE_CTL, 0, LINK_ONCE);
	link_serve(l);
	if (in->role != ROLE_STORE || !fake.store_silent)
		link_attach(l, pair[0]);
	out.fd = pair[1];
	answer(r, WIRE_OK, &out);
}

static void
fake_figures(struct request *r)
{
	struct wire_figure figures[] = { { SLICE("users"), 12 },
		{ SLICE("held_bytes"), 0 }, { SLICE("logins_denied"), 3 } };
	struct role_status_out out = { .figures = figures, .n_figures = 3 };

	answer(r, WIRE_OK, &out);
}

static void
fake_who(struct request *r)
{
	struct wire_sleeper sleepers[] = {
		{ SLICE("delivery"), SLICE("queue"), 5, 0 },
		{ SLICE("delivery"), SLICE("queue"), 7000, 0 },
		{ SLICE("ann"), SLICE("the peer"), 2000, 42 } };
	struct role_who_out out = { .sleepers = sleepers, .n_sleepers = 3 };

	if (fake.empty)
		out.n_sleepers = 0;
	answer(r, WIRE_OK, &out);
}

static void
fake_reload(struct request *r)
{
	struct master_reload_out out = { 0 };

	if (fake.faults) {
		out.errors = 1;
		out.restart = SLICE("x.conf:1:1: what is this?\n");
	} else if (fake.restart)
		out.restart = SLICE("listen smtp on * port 26");
	answer(r, WIRE_OK, &out);
}

static void
fake_end(struct timer *t)
{
	(void)t;
	_exit(0);
}

static void
fake_stop(struct request *r)
{
	static struct timer end = { .fire = fake_end };

	answer(r, WIRE_OK, NULL);
	timer_set(&end, loop_now() + 50);
}

/* ---- accounts */

/* What a name has to say about its fate. */
static enum wire_status
fake_fate(struct slice name)
{
	while (slice_find(name, '@') < name.n)
		slice_cut(&name, '@');
	if (slice_eq(name, SLICE("gone.example")))
		_exit(0);
	if (slice_eq(name, SLICE("taken.example")))
		return WIRE_CLASH;
	if (slice_eq(name, SLICE("full.example")))
		return WIRE_AGAIN;
	if (slice_eq(name, SLICE("nobody.example")))
		return WIRE_NONE;
	return WIRE_OK;
}

static void
fake_domain_add(struct request *r)
{
	struct slice name = REQUEST(domain_add, r)->name;

	fprintf(told, "domain %.*s\n", (int)name.n, name.p);
	answer(r, fake_fate(name), NULL);
}

static void
fake_domain_rm(struct request *r)
{
	struct slice name = REQUEST(domain_rm, r)->name;
	struct domain_rm_out out = { 0 };

	fprintf(told, "domain rm %.*s\n", (int)name.n, name.p);
	if (slice_eq(name, SLICE("used.example")))
		out.why = SLICE("it still has 1 mailbox and 0 aliases");
	answer(r, fake_fate(name), &out);
}

/* Three pages. */
static void
fake_domain_list(struct request *r)
{
	static struct wire_domain all[] = { { SLICE("a.example"), 1, 0 },
		{ SLICE("b.example"), 1234, 5 }, { SLICE("c.example"), 0, 0 } };
	struct slice after = REQUEST(domain_list, r)->after;
	struct domain_list_out out = { .n_domains = 1 };
	size_t i = 0;

	while (i < 3 && slice_cmp(all[i].name, after) <= 0)
		i++;
	out.domains = all + i;
	out.more = i < 2;
	if (fake.empty)
		out = (struct domain_list_out){ 0 };
	answer(r, WIRE_OK, &out);
}

static void
fake_user_add(struct request *r)
{
	const struct user_add_in *in = REQUEST(user_add, r);
	struct user_add_out out = { .user = 7 };
	struct slice domain = in->address;

	fprintf(told, "user %.*s password %.*s hash %.*s limit %llu\n",
	    (int)in->address.n, in->address.p, (int)in->password.n,
	    in->password.p, (int)in->hash.n, in->hash.p,
	    (unsigned long long)in->limit);
	slice_cut(&domain, '@');
	if (slice_eq(domain, SLICE("other.example")))
		out.why = SLICE("its domain is not ours");
	if (slice_starts(in->address, SLICE("bad")))
		out.why = SLICE("no such hash");
	out.exists = fake_fate(in->address) == WIRE_CLASH;
	if (out.exists)
		out.why = SLICE("it exists already");
	answer(r, out.exists ? WIRE_OK : fake_fate(in->address), &out);
}

static void
fake_user_passwd(struct request *r)
{
	const struct user_passwd_in *in = REQUEST(user_passwd, r);

	fprintf(told, "passwd %.*s %.*s\n", (int)in->address.n, in->address.p,
	    (int)in->password.n, in->password.p);
	answer(r, fake_fate(in->address), NULL);
}

static void
fake_user_set(struct request *r)
{
	const struct user_set_in *in = REQUEST(user_set, r);

	fprintf(told, "set %.*s %u %llu\n", (int)in->address.n,
	    in->address.p, in->set, (unsigned long long)in->limit);
	answer(r, fake_fate(in->address), NULL);
}

static struct wire_target fake_leading[] = { { SLICE("info@a.example") },
	{ SLICE("all@a.example") } };

static void
fake_user_rm(struct request *r)
{
	struct slice address = REQUEST(user_rm, r)->address;
	struct user_rm_out out = { .messages = 12, .bytes = 3 << 20 };

	fprintf(told, "rm %.*s\n", (int)address.n, address.p);
	out.later = slice_starts(address, SLICE("later"));
	if (slice_starts(address, SLICE("led"))) {
		out.aliases = fake_leading;
		out.n_aliases = 2;
	}
	answer(r, fake_fate(address), &out);
}

static void
fake_alias_rm(struct request *r)
{
	struct slice address = REQUEST(alias_rm, r)->address;
	struct alias_rm_out out = { 0 };

	fprintf(told, "alias rm %.*s\n", (int)address.n, address.p);
	if (slice_starts(address, SLICE("led"))) {
		out.aliases = fake_leading;
		out.n_aliases = 1;
	}
	answer(r, fake_fate(address), &out);
}

static void
fake_user_list(struct request *r)
{
	static struct wire_user users[] = {
		{ 1, SLICE("ann@a.example"), 0, 0, 0 },
		{ 2, SLICE("bob@a.example"), 3 << 20, 1, 1 } };
	struct user_list_out out = { .users = users, .n_users = 1,
		.more = 1 };

	if (REQUEST(user_list, r)->after.n > 0) {
		out.users++;
		out.more = 0;
	}
	if (fake.empty)
		out = (struct user_list_out){ 0 };
	answer(r, WIRE_OK, &out);
}

static void
fake_alias_add(struct request *r)
{
	const struct alias_add_in *in = REQUEST(alias_add, r);
	struct alias_add_out out = { 0 };

	fprintf(told, "alias%s %.*s", in->set ? " set" : "",
	    (int)in->address.n, in->address.p);
	for (size_t i = 0; i < in->n_targets; i++)
		fprintf(told, " %.*s", (int)in->targets[i].address.n,
		    in->targets[i].address.p);
	fputc('\n', told);
	if (slice_starts(in->address, SLICE("loop")))
		out.why = SLICE("it cannot lead to itself");
	out.exists = fake_fate(in->address) == WIRE_CLASH;
	if (out.exists)
		out.why = SLICE("it exists already");
	answer(r, out.exists ? WIRE_OK : fake_fate(in->address), &out);
}

static void
fake_alias_list(struct request *r)
{
	static struct wire_target targets[] = { { SLICE("ann@a.example") },
		{ SLICE("bob@a.example") } };
	static struct wire_alias aliases[] = {
		{ SLICE("@a.example"), targets, 1 },
		{ SLICE("info@a.example"), targets, 2 } };
	struct alias_list_out out = { .aliases = aliases, .n_aliases = 2 };

	if (fake.empty)
		out.n_aliases = 0;
	answer(r, WIRE_OK, &out);
}

static void
fake_queue_list(struct request *r)
{
	static struct wire_waiting rows[] = {
		{ 1, { 0 }, SLICE("ann@a.example"), SLICE("due"), 1536,
		    1795432974997, 0, 0, { 0 } },
		{ UINT64_C(0x68a1b2c300000002), SLICE("x@y.example"),
		    SLICE("b\xff@a.example"), SLICE("deferred"), 5,
		    1795432974997, 1795432979000, 3,
		    SLICE("\x1b[2Jtry \"later\"") } };
	struct queue_list_out out = { .messages = rows, .n_messages = 1,
		.more = 1 };

	if (REQUEST(queue_list, r)->after == 1) {
		out.messages++;
		out.more = 0;
	} else
		out.next = 1;
	if (fake.empty)
		out = (struct queue_list_out){ 0 };
	answer(r, WIRE_OK, &out);
}

/* Says what was asked; two messages a page, two pages. */
static void
fake_queue_act(struct request *r)
{
	const struct queue_act_in *in = REQUEST(queue_act, r);
	struct queue_act_out out = { .next = 1, .more = in->id == 0 &&
		in->after == 0, .messages = 2, .recipients = 3 };

	fprintf(told, "act %u %llx %.*s %.*s %u %.*s\n", in->action,
	    (unsigned long long)in->id, (int)in->recipient.n,
	    in->recipient.p, (int)in->sender.n, in->sender.p, in->all,
	    (int)in->why.n, in->why.p);
	fflush(told);
	if (in->id == 0xdead)
		out = (struct queue_act_out){ 0 };
	if (in->id == 0xbad)
		out = (struct queue_act_out){ .skipped = 1 };
	answer(r, WIRE_OK, &out);
}

static void
fake_queue_show(struct request *r)
{
	static struct wire_addressee to[] = {
		{ .number = 0, .address = SLICE("a@far.example"),
		    .state = SLICE("sent"), .tries = 1,
		    .last = 1795432974997, .code = SLICE("2.0.0"),
		    .why = SLICE("250 ok"), .remote = SLICE("mx [192.0.2.9]") },
		{ .number = 1, .address = SLICE("b@far.example"),
		    .state = SLICE("deferred"), .tries = 2,
		    .next = 1795432974997, .why = SLICE("\x1b[2J") } };
	struct queue_show_out out = { .return_path = SLICE("ann@a.example"),
		.sender = SENDER_AUTHENTICATED, .state = SLICE("queued"),
		.client = SLICE("192.0.2.1"), .session = 7, .size = 1536,
		.accepted = 1795432974997, .expires = 1795864974997,
		.envid = SLICE("E1"), .recipients = to, .n_recipients = 1,
		.more = 1 };

	if (REQUEST(queue_show, r)->from > 0) {
		out.recipients = to + 1;
		out.more = 0;
	}
	answer(r, REQUEST(queue_show, r)->id == 0xdead ? WIRE_NONE : WIRE_OK,
	    &out);
}

static void
fake_queue_body(struct request *r)
{
	bool first = REQUEST(queue_body, r)->offset == 0;
	struct queue_body_out out = { .size = 14, .bytes = first ?
		SLICE("Subject: ") : SLICE("\x1b[2J\n") };

	answer(r, WIRE_OK, &out);
}

/* ---- its life */

static void
fake_accept(struct watch *w, unsigned events)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);
	struct link *l;

	(void)events;
	if (fd < 0)
		return;
	l = link_new(ROLE_CTL, 0, LINK_ONCE);
	link_serve(l);
	link_attach(l, fd);
}

static void
fake_serve(void)
{
	serve(WIRE_master_status, fake_status);
	serve(WIRE_master_dial, fake_dial);
	serve(WIRE_master_reload, fake_reload);
	serve(WIRE_master_stop, fake_stop);
	serve(WIRE_role_status, fake_figures);
	serve(WIRE_role_who, fake_who);
	serve(WIRE_domain_add, fake_domain_add);
	serve(WIRE_domain_list, fake_domain_list);
	serve(WIRE_user_add, fake_user_add);
	serve(WIRE_user_passwd, fake_user_passwd);
	serve(WIRE_user_list, fake_user_list);
	serve(WIRE_alias_add, fake_alias_add);
	serve(WIRE_alias_list, fake_alias_list);
	serve(WIRE_alias_rm, fake_alias_rm);
	serve(WIRE_domain_rm, fake_domain_rm);
	serve(WIRE_user_set, fake_user_set);
	serve(WIRE_user_rm, fake_user_rm);
	serve(WIRE_queue_list, fake_queue_list);
	serve(WIRE_queue_act, fake_queue_act);
	serve(WIRE_queue_show, fake_queue_show);
	serve(WIRE_queue_body, fake_queue_body);
}

/* Listens at folder/control and writes folder/told; returns its pid. */
static pid_t
fake_start(const char *folder)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char path[200];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	snprintf(a.sun_path, sizeof a.sun_path, "%s/control", folder);
	snprintf(path, sizeof path, "%s/told", folder);
	unlink(a.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
	    listen(fd, 8) != 0 || (pid = fork()) < 0)
		return -1;
	if (pid > 0) {
		close(fd);
		return pid;
	}
	if ((told = fopen(path, "w")) == NULL)
		_exit(1);
	setvbuf(told, NULL, _IOLBF, 0);
	alarm(60);
	log_init("fake", LOG_ERROR);
	loop_init();
	fake_serve();
	if (fake_more != NULL)
		fake_more();
	fake_watch.fd = fd;
	fake_watch.ready = fake_accept;
	loop_add(&fake_watch, LOOP_IN, false);
	loop_run();
	_exit(0);
}

#endif
