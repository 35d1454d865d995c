/*
 * smtpd.c - the role: mail comes in here.
 *
 * One program, two services under two users: smtpd (port 25, LMTP) serves
 * strangers, submission serves users.  It owns nothing: addresses are auth's,
 * keys are key's, messages are queue's.
 */
#include "smtpd/session.h"

#include "common/core/log.h"
#include "common/task/task.h"
#include "common/task/tls.h"
#include "common/task/who.h"
#include "smtpd/token.h"

enum { ASK_AGAIN = 1000 };

const struct conf	*smtpd_conf;
static struct door	 door = { .name = "smtp session",
	.session = session_run };
static struct buf	 busy, busy_client;

struct link *
smtpd_auth(void)
{
	return daemon_link(ROLE_AUTH, 0);
}

struct link *
smtpd_queue(void)
{
	return daemon_link(ROLE_QUEUE, 0);
}

void
smtpd_logout(uint64_t login)
{
	struct auth_logout_in in = { .session = login };

	link_call(smtpd_auth(), WIRE_auth_logout, &in, LINK_WAIT, NULL, NULL);
}

static void
configure(const struct conf *conf)
{
	smtpd_conf = conf;
	door.most = conf->sessions[daemon_self()];
	door.per_address = conf->connections_max;
	buf_clear(&busy);
	reply_add(&busy, REPLY_BUSY, conf->server_name);
	door.busy = buf_view(&busy);
	buf_clear(&busy_client);
	reply_add(&busy_client, REPLY_BUSY_CLIENT, conf->server_name);
	door.busy_client = buf_view(&busy_client);
}

/* ---- what runs beside the sessions */

/* The key for retry tokens, once. */
static void
ask_key(void *arg)
{
	struct queue_hello_in in = { 0 };
	struct queue_hello_out out;
	struct arena arena = { 0 };

	(void)arg;
	while (queue_hello(smtpd_queue(), &in, &out, &arena, 0) != WIRE_OK)
		if (!task_sleep("queue", ASK_AGAIN))
			break;
	token_key(out.key);
	arena_free(&arena);
}

/* Logins that auth has revoked: new password, removed, kicked. */
static void
follow_revocations(void *arg)
{
	struct auth_watch_in in = { 0 };
	struct auth_watch_out out;
	struct arena arena = { 0 };

	(void)arg;
	while (!task_cancelled()) {
		if (auth_watch(smtpd_auth(), &in, &out, &arena, 0) == WIRE_OK) {
			door_kick(out.session);
			in.after = out.position;
		} else {
			in.after = 0;
			task_sleep("auth", ASK_AGAIN);
		}
		arena_reset(&arena);
	}
	arena_free(&arena);
}

static void
load(const struct conf *conf)
{
	(void)conf;
	tls_init(NULL);		/* no ALPN name is registered for SMTP */
}

/* Only drop may ask this (wire.def); a door that is closed closes fd. */
static void
take_local(struct request *r)
{
	const struct local_session_in *in = REQUEST(local_session, r);

	if (in->fd <= 0) {
		answer(r, WIRE_BAD, NULL);
		return;
	}
	door_admit(in->fd, SERVICE_LOCAL, &door);
	answer(r, WIRE_OK, NULL);
}

static void
start(const struct conf *conf)
{
	task_init();
	configure(conf);
	serve(WIRE_local_session, take_local);
	tls_follow_key(daemon_link(ROLE_KEY, 0));
	if (!task_spawn("token key", ask_key, NULL) ||
	    (daemon_self() == ROLE_SUBMISSION &&
	    !task_spawn("revocations", follow_revocations, NULL)))
		fatal("no task");
}

static void
listen_on(int fd, enum service service)
{
	door_open(fd, service, &door);
}

static void
reload(const struct conf *conf, struct buf *restart)
{
	(void)restart;
	configure(conf);
}

const struct daemon daemon_role = {
	.name = "smtpd",
	.load = load,
	.start = start,
	.listen = listen_on,
	.reload = reload,
	.stop = door_close,
	.stats = door_stats,
	.who = tasks_who,
};
